//! The house of a test, and calls to it over the wire's form.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bulla_ground::{Ground, Roots, Signer};
use bulla_plane::journal::Feed;
use bulla_plane::{BoxFuture, Plane};
use bulla_shapes::cloudtrail;
use bulla_trail::index::Index;
use bulla_trail::{Intervals, Object, Place, PutError, Trail};
use serde_json::Value;

pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const ACCOUNT: &str = "111122223333";

/// What a call answered: the output, or code and message of the error.
pub(crate) type Answer = Result<Value, (String, String)>;

/// Objects in memory, in the order in which they were put. After so many it can't be reached.
#[derive(Default)]
pub(crate) struct Bucket {
    pub(crate) objects: Mutex<Vec<Object>>,
    /// How many more are taken; all where this is not set.
    pub(crate) room: Mutex<Option<usize>>,
    pub(crate) refused: AtomicUsize,
}

impl Place for Bucket {
    fn put(&self, object: Object) -> BoxFuture<'_, Result<(), PutError>> {
        let answer = match &mut *self.room.lock().unwrap() {
            Some(0) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Err(PutError("the bucket is gone".to_owned()))
            }
            room => {
                *room = room.map(|left| left - 1);
                self.objects.lock().unwrap().push(object);
                Ok(())
            }
        };
        Box::pin(std::future::ready(answer))
    }
}

impl Bucket {
    /// What is there, by key: later objects over earlier ones, which must be the same.
    pub(crate) fn contents(&self) -> BTreeMap<String, Value> {
        let mut all = BTreeMap::new();
        for object in &*self.objects.lock().unwrap() {
            let mut text = String::new();
            let mut reader = flate2::read::GzDecoder::new(object.body.as_slice());
            std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
            let value: Value = serde_json::from_str(&text).unwrap();
            if let Some(before) = all.insert(object.key.clone(), value.clone()) {
                assert_eq!(before, value, "{} was put twice, and differs", object.key);
            }
        }
        all
    }

    /// All events that were delivered, by key of the file.
    pub(crate) fn events(&self) -> Vec<Value> {
        let files = self.contents().into_iter().filter(|(key, _)| key.contains("/CloudTrail/"));
        files.flat_map(|(_, file)| file["Records"].as_array().unwrap().clone()).collect()
    }

    pub(crate) fn set_room(&self, room: Option<usize>) {
        *self.room.lock().unwrap() = room;
    }
}

pub(crate) struct House {
    pub(crate) plane: Plane,
    pub(crate) trail: Arc<Trail>,
    pub(crate) bucket: Arc<Bucket>,
}

impl House {
    pub(crate) async fn new() -> Self {
        let bucket = Arc::new(Bucket::default());
        Self { bucket: Arc::clone(&bucket), ..Self::delivering_to(bucket).await }
    }

    /// One whose trails deliver elsewhere than to its bucket.
    pub(crate) async fn delivering_to(place: Arc<dyn Place>) -> Self {
        let ground = Ground::in_memory().await.unwrap();
        let feed = Feed::new(Arc::clone(&ground.journal));
        let index = Arc::new(Index::new(Arc::new(feed), None));
        let trail = Arc::new(Trail::new(
            (Arc::clone(&ground.barrier), ground.crypto.clone()),
            Arc::clone(&ground.clock),
            (Arc::clone(&ground.journal), index),
            place,
            Intervals::default(),
        ));
        let plane = ground.plane(Arc::new(Roots), vec![Arc::clone(&trail) as _]);
        Self { plane, trail, bucket: Arc::default() }
    }

    /// The same store and journal in a house that was built anew.
    pub(crate) fn restarted(mut self) -> Self {
        let feed = Feed::new(Arc::clone(&self.plane.journal));
        let index = Arc::new(Index::new(Arc::new(feed), None));
        self.trail = Arc::new(Trail::new(
            (Arc::clone(&self.plane.barrier), self.plane.crypto.clone()),
            Arc::clone(&self.plane.clock),
            (Arc::clone(&self.plane.journal), index),
            Arc::clone(&self.bucket) as _,
            Intervals::default(),
        ));
        self.plane.services = vec![Arc::clone(&self.trail) as _];
        self
    }

    /// A call of the root user of the one account.
    pub(crate) async fn call(&self, operation: &str, input: Value) -> Answer {
        self.call_as(ACCOUNT, REGION, operation, input).await
    }

    pub(crate) async fn call_as(
        &self,
        account: &str,
        region: &str,
        operation: &str,
        input: Value,
    ) -> Answer {
        let body = input.to_string().into_bytes();
        let model = &cloudtrail::SERVICE;
        let request = Signer::of(account).request(model, operation, region, body).unwrap();
        let response = self.plane.call(&request).await;
        let value = match response.body.as_slice() {
            [] => Value::Null,
            body => serde_json::from_slice(body).unwrap(),
        };
        if response.status == 200 {
            return Ok(value);
        }
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        Err((text("__type"), text("message")))
    }

    /// Lets minutes pass, and what falls due by it be delivered.
    pub(crate) async fn pass_minutes(&self, minutes: u64) -> usize {
        self.plane.clock.advance(minutes * 60_000);
        self.trail.deliver_due().await.unwrap()
    }
}
