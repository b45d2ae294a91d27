//! The house of a test, calls to it over the wire's form, and what its targets were sent.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bulla_crypto::{Crypto, HmacKey, SecretKey};
use bulla_events::sink::{Sink, Store};
use bulla_events::{Events, Invoker, Trouble, Ways};
use bulla_kms::Kms;
use bulla_plane::journal::{ChainKey, Journal, Memory, Options};
use bulla_plane::outbox::Outbox;
use bulla_plane::upkeep::Upkeep;
use bulla_plane::wire::WireRequest;
use bulla_plane::{
    BoxFuture, Clock, Message, Neighbours, Outgoing, OutgoingError, Plane, Quotas, Reply, Service,
};
use bulla_sigv4::{Credentials, RequestParts, SignOptions, sign_header};
use bulla_store::{Barrier, Range, Space};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::people::{A, People};

pub(crate) const REGION: &str = "eu-central-1";
/// How long anything may take until a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a call answered: the output, or code and message of the error.
pub(crate) type Answer = Result<Value, (String, String)>;

/// A request that a target was sent.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// The world outside: it notes what it is sent, and answers what it was told to, 200 at last.
#[derive(Default)]
pub(crate) struct World {
    seen: Mutex<Vec<Seen>>,
    answers: Mutex<VecDeque<Result<Reply, OutgoingError>>>,
    lines: Mutex<Vec<(Store, String)>>,
    full: Mutex<bool>,
    /// What never answers, until it is let go.
    hanging: Mutex<Option<(String, Arc<Semaphore>)>>,
    invoked: Mutex<Vec<(String, String)>>,
}

impl World {
    pub(crate) fn answers(&self, status: u16, body: &str) {
        self.answers_after(status, body, None);
    }

    pub(crate) fn answers_after(&self, status: u16, body: &str, retry_after: Option<&str>) {
        let retry_after = retry_after.map(str::to_owned);
        let reply = Reply { status, retry_after, body: body.as_bytes().to_vec() };
        self.answers.lock().unwrap().push_back(Ok(reply));
    }

    /// Has what is sent to this address hang.
    pub(crate) fn hangs(&self, url: &str) {
        *self.hanging.lock().unwrap() = Some((url.to_owned(), Arc::new(Semaphore::new(0))));
    }

    /// Has what hangs, and what comes after it, be answered.
    pub(crate) fn lets_go(&self) {
        if let Some((_, gate)) = self.hanging.lock().unwrap().take() {
            gate.close();
        }
    }

    pub(crate) fn fails(&self, error: OutgoingError) {
        self.answers.lock().unwrap().push_back(Err(error));
    }

    pub(crate) fn disk_is_full(&self, full: bool) {
        *self.full.lock().unwrap() = full;
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<(Store, Value)> {
        let lines = self.lines.lock().unwrap().clone();
        lines
            .into_iter()
            .map(|(store, line)| (store, serde_json::from_str(&line).unwrap()))
            .collect()
    }

    pub(crate) fn invoked(&self) -> Vec<(String, String)> {
        self.invoked.lock().unwrap().clone()
    }
}

impl Outgoing for World {
    fn send<'a>(&'a self, message: Message<'a>) -> BoxFuture<'a, Result<Reply, OutgoingError>> {
        self.seen.lock().unwrap().push(Seen {
            method: message.method.to_owned(),
            url: message.url.to_owned(),
            headers: message.headers.to_vec(),
            body: String::from_utf8(message.body).unwrap(),
        });
        let hanging = self.hanging.lock().unwrap().clone();
        if let Some((_, gate)) = hanging.filter(|(url, _)| url == message.url) {
            return Box::pin(async move {
                let _closed = gate.acquire().await;
                Ok(Reply { status: 200, retry_after: None, body: Vec::new() })
            });
        }
        let well = Ok(Reply { status: 200, retry_after: None, body: Vec::new() });
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(well);
        Box::pin(std::future::ready(answer))
    }
}

impl Sink for World {
    fn append<'a>(&'a self, store: &'a Store, line: String) -> BoxFuture<'a, io::Result<()>> {
        let written = if *self.full.lock().unwrap() {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            self.lines.lock().unwrap().push((store.clone(), line));
            Ok(())
        };
        Box::pin(std::future::ready(written))
    }
}

/// Stands for the service that runs functions.
struct Functions(Arc<World>);

impl Invoker for Functions {
    fn service(&self) -> &'static str {
        "lambda"
    }

    fn invoke<'a>(
        &'a self,
        target_arn: &'a str,
        _rule_arn: &'a str,
        payload: &'a str,
    ) -> BoxFuture<'a, Result<(), Trouble>> {
        self.0.invoked.lock().unwrap().push((target_arn.to_owned(), payload.to_owned()));
        Box::pin(std::future::ready(Ok(())))
    }
}

pub(crate) struct House {
    pub(crate) plane: Plane,
    pub(crate) people: Arc<People>,
    pub(crate) world: Arc<World>,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with_quotas(Quotas::default()).await
    }

    pub(crate) async fn with_quotas(quotas: Quotas) -> Self {
        let crypto = Crypto::standard();
        let root = SecretKey::from_slice(&[1; 32]).unwrap();
        let engine = Arc::new(bulla_store::Memory::new());
        let barrier = Arc::new(Barrier::create(engine, crypto.clone(), root).await.unwrap());
        Self::on(barrier, quotas)
    }

    /// Another process over the same store.
    pub(crate) fn restarted(self) -> Self {
        let people = Arc::clone(&self.people);
        let house = Self::on(Arc::clone(&self.plane.barrier), Quotas::default());
        Self { people, ..house }
    }

    /// Another house over the same store, beside this one.
    pub(crate) fn beside(&self) -> Self {
        Self::on(Arc::clone(&self.plane.barrier), Quotas::default())
    }

    fn on(barrier: Arc<Barrier>, quotas: Quotas) -> Self {
        let crypto = Crypto::standard();
        let (people, world) = (Arc::new(People::default()), Arc::new(World::default()));
        let clock = Arc::new(Clock::default());
        let ways = Ways {
            outgoing: Arc::clone(&world) as _,
            sink: Arc::clone(&world) as _,
            invokers: vec![Arc::new(Functions(Arc::clone(&world)))],
        };
        let (who, time) = (Arc::clone(&people) as _, Arc::clone(&clock));
        let chain = Arc::new(ChainKey::new(HmacKey::new(b"a key for tests")));
        let medium = Arc::new(Memory::new(64 << 20));
        let journal = Arc::new(Journal::open(medium, chain, Options::default()).unwrap().0);
        let kms = Kms::new(Arc::clone(&barrier), crypto.clone(), Arc::clone(&people) as _);
        let kms: Arc<dyn Service> = Arc::new(kms);
        let keys = vec![Arc::clone(&kms)];
        let keys = Arc::new(Neighbours::new(crypto.clone(), Arc::clone(&journal), keys));
        let events = Events::new(Arc::clone(&barrier), crypto.clone(), time, who, ways, keys);
        let services: Vec<Arc<dyn Service>> = vec![Arc::new(events), kms];
        let plane = Plane {
            crypto,
            barrier,
            clock,
            journal,
            authenticator: Arc::clone(&people) as _,
            services,
            outbox: Outbox::default(),
            upkeep: Upkeep::default(),
            ids: bulla_plane::IdStock::default(),
            quotas: Arc::new(quotas),
        };
        Self { plane, people, world }
    }

    /// A call signed by an access key id.
    pub(crate) async fn call(&self, key: &str, operation: &str, input: Value) -> Answer {
        self.ask(key, "events", &format!("AWSEvents.{operation}"), input).await
    }

    /// The same to KMS.
    pub(crate) async fn kms(&self, key: &str, operation: &str, input: Value) -> Answer {
        self.ask(key, "kms", &format!("TrentService.{operation}"), input).await
    }

    async fn ask(&self, key: &str, service: &str, target: &str, input: Value) -> Answer {
        let body = input.to_string();
        let mut lines = vec![
            ("host".to_owned(), format!("{service}.example")),
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target".to_owned(), target.to_owned()),
        ];
        let headers: Vec<_> = lines.iter().map(|(k, v)| (k.as_str(), v.as_bytes())).collect();
        let body = body.as_bytes();
        let parts = RequestParts { method: "POST", path: "/", query: "", headers: &headers, body };
        let credentials = Credentials { access_key_id: key, secret: b"any", token: None };
        let options = SignOptions::new(service, REGION, Clock::wall_ms() / 1000);
        lines.extend(sign_header(&parts, &credentials, &options).unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in &lines {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        let request = WireRequest {
            method: http::Method::POST,
            path: "/".into(),
            query: String::new(),
            headers,
            body: body.to_vec().into(),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            tls: None,
        };
        let response = self.plane.call(&request).await;
        let body = &response.body;
        let value =
            if body.is_empty() { Value::Null } else { serde_json::from_slice(body).unwrap() };
        if response.status == 200 {
            return Ok(value);
        }
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        Err((text("__type"), text("message")))
    }

    /// The same by the root user of account A, which must work.
    #[track_caller]
    pub(crate) fn done<'a>(
        &'a self,
        operation: &'a str,
        input: Value,
    ) -> impl Future<Output = Value> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            match self.call(A, operation, input).await {
                Ok(answer) => answer,
                Err(refusal) => panic!("{caller}: {operation}: {refusal:?}"),
            }
        }
    }

    /// A rule on the default bus for events of source `s`, with one target.
    pub(crate) async fn rule(&self, name: &str, target: Value) {
        let pattern = json!({ "source": ["s"] }).to_string();
        self.done("PutRule", json!({ "Name": name, "EventPattern": pattern })).await;
        self.done("PutTargets", json!({ "Rule": name, "Targets": [target] })).await;
    }

    /// An API destination with a connection of its own. Answers its ARN.
    pub(crate) async fn destination(&self, name: &str, auth: (&str, Value)) -> String {
        let connection = json!({
            "Name": name, "AuthorizationType": auth.0, "AuthParameters": auth.1,
        });
        let connection = self.done("CreateConnection", connection).await;
        let destination = json!({
            "Name": name, "ConnectionArn": connection["ConnectionArn"],
            "InvocationEndpoint": "https://hooks.example/in", "HttpMethod": "POST",
        });
        let made = self.done("CreateApiDestination", destination).await;
        made["ApiDestinationArn"].as_str().unwrap().to_owned()
    }

    /// An event of source `s`.
    pub(crate) async fn put(&self, detail: Value) -> String {
        let entry = json!({ "Source": "s", "DetailType": "d", "Detail": detail.to_string() });
        let answer = self.done("PutEvents", json!({ "Entries": [entry] })).await;
        answer["Entries"][0]["EventId"].as_str().unwrap().to_owned()
    }

    /// Runs what is due, until nothing is.
    pub(crate) async fn settle(&self) {
        let started = Instant::now();
        loop {
            self.plane.run_due().await.unwrap();
            let now_ms = self.plane.clock.now_ms();
            let due = bulla_plane::scheduler::due(&self.plane.barrier, now_ms).await.unwrap();
            if due.is_empty() {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "still due: {due:?}");
            tokio::task::yield_now().await;
        }
    }

    /// Runs what is due, until something is so.
    pub(crate) async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !is_so(self) {
            self.plane.run_due().await.unwrap();
            assert!(started.elapsed() < PATIENCE, "it does not come");
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.plane.clock.advance(seconds * 1_000);
    }

    /// How many rows a space has.
    pub(crate) async fn rows(&self, space: &'static str) -> usize {
        let view = self.plane.barrier.view().await.unwrap();
        let page = view.range(Space::new(space), &Range::all(), 1_000).await.unwrap();
        assert!(page.next.is_none(), "more than a page");
        page.rows.len()
    }
}

/// Parameters of a connection with a name and a password.
pub(crate) fn basic() -> (&'static str, Value) {
    let given = json!({ "BasicAuthParameters": { "Username": "ann", "Password": "pass-word" } });
    ("BASIC", given)
}

/// The code of a refusal; empty for none.
pub(crate) fn code(answer: &Answer) -> &str {
    answer.as_ref().err().map_or("", |(code, _)| code)
}

/// The message of a refusal; empty for none.
pub(crate) fn message(answer: &Answer) -> &str {
    answer.as_ref().err().map_or("", |(_, message)| message)
}
