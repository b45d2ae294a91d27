//! The house of a test, and calls to it over the wire's form.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla_crypto::HmacKey;
use bulla_ground::{Ground, Heard, Roots, Signer, Watch, Watched};
use bulla_kms::Kms;
use bulla_plane::journal::{ChainKey, Journal, Medium, Memory, Options, Reader};
use bulla_plane::{Authority, BoxFuture, Directory, Known, Neighbours, Plane, Quotas};
use bulla_shapes::{Fault, ssm};
use bulla_ssm::Ssm;
use bulla_store::{Range, Space};
use serde_json::Value;

pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const ACCOUNT: &str = "111122223333";
const DAY_MS: u64 = 86_400_000;

/// What a call answered: the output, or code and message of the error.
pub(crate) type Answer = Result<Value, (String, String)>;

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
    heard: Heard,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with_quota(100_000).await
    }

    /// One in which there may be so many standard parameters.
    pub(crate) async fn with_quota(most: usize) -> Self {
        Self::with_quotas(Quotas::default().with_everywhere([("standard-parameters", most)])).await
    }

    pub(crate) async fn with_quotas(quotas: Quotas) -> Self {
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
        let ground = Ground { quotas: Arc::new(quotas), ..ground };
        let ssm = Ssm::new(Arc::clone(&barrier), crypto, Arc::new(neighbours));
        let (heard, listener) = Heard::on(&barrier);
        let services: Vec<Arc<dyn bulla_plane::Service>> = vec![kms, Arc::new(ssm), listener];
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
        self.heard.taken()
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
