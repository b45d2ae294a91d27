//! The house of a test, and calls to it over the wire's form.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bulla_crypto::HmacKey;
use bulla_ground::{Ground, Signer, Watch, Watched};
use bulla_kms::Kms;
use bulla_plane::identity::Scope;
use bulla_plane::journal::{ChainKey, Journal, Medium, Memory, Options, Reader};
use bulla_plane::scheduler::{DUE, Job};
use bulla_plane::{
    Authenticator, Authority, BoxFuture, Credential, CredentialError, Directory, Known, Neighbours,
    Plane, Row, Rows, bus,
};
use bulla_policy::Principal;
use bulla_shapes::{Fault, Protocol, Service, ssm};
use bulla_ssm::{Quotas, Ssm};
use bulla_store::{Barrier, Expected, Key, Range, SealedBatch, Space};
use serde_json::Value;

pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const ACCOUNT: &str = "111122223333";
const DAY_MS: u64 = 86_400_000;

/// What a call answered: the output, or code and message of the error.
pub(crate) type Answer = Result<Value, (String, String)>;

static EVENTS: Service = Service {
    id: bus::LISTENER,
    service_id: "EventBridge",
    signing_name: "events",
    target_prefix: "AWSEvents",
    api_version: "2015-10-07",
    xml_namespace: "",
    protocol: Protocol::Json11,
    operations: &[],
    untabled: &[],
    errors: &[],
    message_keys: &[],
};

/// Takes events as the service for them would.
struct Listener {
    barrier: Arc<Barrier>,
    heard: Arc<Mutex<Vec<Value>>>,
}

impl Rows for Listener {
    const MODEL: &'static Service = &EVENTS;

    fn rows() -> &'static [Row<Self>] {
        &[]
    }

    fn run_due<'c>(&'c self, job: &'c Job) -> BoxFuture<'c, Result<(), Fault>> {
        Box::pin(async move {
            let event = self.barrier.get(DUE, &job.key).await.unwrap().unwrap();
            self.heard.lock().unwrap().push(serde_json::from_slice(event.value.expose()).unwrap());
            let row = Key::from(job.key.clone());
            let passed = SealedBatch::new().delete(DUE, row, Expected::At(job.version));
            self.barrier.commit(passed).await.unwrap();
            Ok(())
        })
    }

    fn forget(&self) {}
}

/// Counts the rows that are read.
#[derive(Default)]
pub(crate) struct Reads(AtomicUsize);

impl Reads {
    /// How many rows were read since this was asked last.
    pub(crate) fn taken(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl Watch for Reads {
    fn read(&self, rows: usize) {
        self.0.fetch_add(rows, Ordering::Relaxed);
    }
}

/// Every access key id is that of an account's root user.
struct Roots;

impl Authenticator for Roots {
    fn credential<'a>(
        &'a self,
        access_key_id: &'a str,
        _: Option<&'a str>,
        _: Scope<'a>,
    ) -> BoxFuture<'a, Result<Credential, CredentialError>> {
        let authority = Authority::bare(Principal::root("aws", access_key_id));
        Box::pin(std::future::ready(Ok(Credential::Anyone(Arc::new(authority)))))
    }
}

/// Nobody else is known.
struct Nobody;

impl Directory for Nobody {
    fn find<'a>(&'a self, named: &'a str) -> BoxFuture<'a, Result<Option<Known>, Fault>> {
        let account = named.split(':').nth(4).unwrap_or(named).to_owned();
        let arn = format!("arn:aws:iam::{account}:root");
        let known = Known { arn, unique_id: account.clone(), account };
        Box::pin(std::future::ready(Ok(Some(known))))
    }

    fn role<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<Option<Known>, Fault>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn authority<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Arc<Authority>>, Fault>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn list<'a>(&'a self, _: Option<&'a str>) -> BoxFuture<'a, Result<Vec<Known>, Fault>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

pub(crate) struct House {
    pub(crate) plane: Plane,
    pub(crate) reads: Arc<Reads>,
    medium: Arc<dyn Medium>,
    chain: Arc<ChainKey>,
    heard: Arc<Mutex<Vec<Value>>>,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with_quota(100_000).await
    }

    /// One in which there may be so many standard parameters.
    pub(crate) async fn with_quota(most: usize) -> Self {
        let reads = Arc::new(Reads::default());
        let engine = Watched::new(Arc::new(bulla_store::Memory::new()), Arc::clone(&reads));
        let ground = Ground::on(Arc::new(engine)).await.unwrap();
        let chain = Arc::new(ChainKey::new(HmacKey::new(b"a key of a journal for tests")));
        let medium: Arc<dyn Medium> = Arc::new(Memory::new(8 << 20));
        let opened = Journal::open(Arc::clone(&medium), Arc::clone(&chain), Options::default());
        let ground = ground.with_journal(opened.unwrap().0);
        let (barrier, crypto) = (Arc::clone(&ground.barrier), ground.crypto.clone());
        let kms = Arc::new(Kms::new(Arc::clone(&barrier), crypto.clone(), Arc::new(Nobody)));
        let neighbours = vec![Arc::clone(&kms) as _];
        let neighbours = Neighbours::new(crypto.clone(), Arc::clone(&ground.journal), neighbours);
        let mut quotas = Quotas::default();
        assert!(quotas.set("standard-parameters", most));
        let ssm = Ssm::new(Arc::clone(&barrier), crypto, Arc::new(neighbours)).with_quotas(quotas);
        let heard = Arc::default();
        let listener = Listener { barrier, heard: Arc::clone(&heard) };
        let services: Vec<Arc<dyn bulla_plane::Service>> =
            vec![kms, Arc::new(ssm), Arc::new(listener)];
        let plane = ground.plane(Arc::new(Roots), services);
        Self { plane, reads, medium, chain, heard }
    }

    /// The same store in a house that was built anew, with nothing in memory.
    pub(crate) fn restarted(self) -> Self {
        for service in &self.plane.services {
            service.forget();
        }
        self
    }

    /// A call of the root user of the one account.
    pub(crate) async fn call(&self, operation: &str, input: Value) -> Answer {
        let body = input.to_string().into_bytes();
        let request = Signer::of(ACCOUNT).request(&ssm::SERVICE, operation, REGION, body).unwrap();
        let response = self.plane.call(request).await;
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

    /// Lets time pass, and what falls due by it be done.
    pub(crate) async fn pass_days(&self, days: u64) {
        self.plane.clock.advance(days * DAY_MS);
        self.plane.run_due().await.unwrap();
    }

    /// When so many days have passed, as policies spell it.
    pub(crate) fn in_days(&self, days: i64) -> String {
        let ms = self.plane.clock.now_ms() + days * i64::try_from(DAY_MS).unwrap();
        jiff::Timestamp::from_millisecond(ms).unwrap().to_string()
    }

    /// What was told on the bus since this was asked last.
    pub(crate) async fn heard(&self) -> Vec<Value> {
        self.plane.run_due().await.unwrap();
        std::mem::take(&mut *self.heard.lock().unwrap())
    }

    /// How many rows a space has.
    pub(crate) async fn rows(&self, space: &'static str) -> usize {
        let view = self.plane.barrier.view().await.unwrap();
        view.range(Space::new(space), &Range::all(), 1_000).await.unwrap().rows.len()
    }

    /// All records of calls, as CloudTrail shows them.
    pub(crate) fn records(&self) -> Vec<Value> {
        let chain = Arc::clone(&self.chain);
        let reader = Reader::from_sequence(Arc::clone(&self.medium), chain, 1).unwrap();
        let shown = reader.map(|record| record.unwrap().to_cloudtrail_json().unwrap());
        shown.map(|text| serde_json::from_str(&text).unwrap()).collect()
    }
}
