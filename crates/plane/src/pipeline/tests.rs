//! The pipeline in process: a store and a journal in memory, and one small service over KMS's
//! model.

mod inner;
mod outbox;
mod shape;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bulla_crypto::{Crypto, HmacKey, SecretKey};
use bulla_policy::Principal;
use bulla_shapes::kms::{self, DeleteAliasRequest, GenerateRandomRequest, GenerateRandomResponse};
use bulla_shapes::sts::{self, GetCallerIdentityRequest, GetCallerIdentityResponse};
use bulla_shapes::{Blob, Fault, Record, Value, View as _};
use bulla_sigv4::{AuthError, Credentials, RequestParts, SignOptions, SigningKey, sign_header};
use bulla_store::{Barrier, Expected, SealedBatch, Space};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::identity::Scope;
use crate::journal::{ChainKey, Durability, Journal, Medium, Memory, Options, Reader, Simulated};
use crate::outbox::Outbox;
use crate::scheduler::{self, DUE, Job, due_key};
use crate::upkeep::Upkeep;
use crate::wire::{TlsSession, WireRequest, WireResponse};
use crate::{
    Authenticator, Authority, BoxFuture, Call, Clock, Credential, CredentialError, IdStock, Plane,
    Row, Rows, Stop, row,
};

const ID: &str = "AKIAEXAMPLE000000001";
const SECRET: &[u8] = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// An access key that can't be looked up.
const LOST: &str = "AKIAEXAMPLE000000002";
const ROWS: Space = Space::new("test.rows");
const DENIED: i64 = 13;
const PANIC: i64 = 14;

struct Tiny {
    barrier: Arc<Barrier>,
}

static TINY: &[Row<Tiny>] = &[
    row!("GenerateRandom", Write, true, "random", GenerateRandomRequest, generate),
    row!("DeleteAlias", Write, false, "write", DeleteAliasRequest, write),
];

/// Writes a row of the alias's name; one of two rows, if the name ends so, in two commits.
async fn write(
    tiny: &Tiny,
    call: &mut Call,
    input: &DeleteAliasRequest<'_>,
) -> Result<Option<Record<'static>>, Stop> {
    let name = input.alias_name();
    call.touched(name, "111122223333", "A");
    if name == "alias/denied" {
        return Err(crate::gate::denied(call, "not you".into()).into());
    }
    let put = |name: &str| SealedBatch::new().put(ROWS, name, Expected::Absent, secret());
    if name.ends_with("/twice") {
        tiny.barrier.commit(put(&format!("{name}/first"))).await?;
    }
    tiny.barrier.commit(put(name)).await?;
    Ok(None)
}

async fn generate(
    _: &Tiny,
    call: &mut Call,
    input: &GenerateRandomRequest<'_>,
) -> Result<Option<Record<'static>>, Stop> {
    match input.number_of_bytes() {
        Some(DENIED) => Err(crate::gate::denied(call, "not you".into()).into()),
        Some(PANIC) => panic!("a defect"),
        length => {
            call.touched("arn:aws:kms:eu-central-1:111122223333:key/k", "111122223333", "K");
            let bytes = vec![7; usize::try_from(length.unwrap_or(1)).unwrap()];
            let mut output = GenerateRandomResponse::new().into_record();
            output.set(0, Value::Blob(Blob::from(bytes)));
            Ok(Some(output))
        }
    }
}

impl Rows for Tiny {
    const MODEL: &'static bulla_shapes::Service = &kms::SERVICE;

    fn rows() -> &'static [Row<Self>] {
        TINY
    }

    fn run_due<'c>(&'c self, job: &'c Job) -> BoxFuture<'c, Result<(), Fault>> {
        Box::pin(async move {
            if job.kind == "broken" {
                return Err(Fault::new("KMSInternalException", 500));
            }
            let mut batch =
                SealedBatch::new().delete(DUE, job.key.clone(), Expected::At(job.version));
            if job.kind == "again" {
                // Due again before the present time, as after the clock was turned.
                let next = due_key(job.due_ms + 1, "kms", "once", &job.subject);
                batch = batch.put(DUE, next, Expected::Absent, secret());
            }
            self.barrier.commit(batch).await.map(drop).map_err(|_| Fault::new("Store", 500))
        })
    }

    fn forget(&self) {}
}

/// A service of the Query protocol: STS's `GetCallerIdentity`.
struct Whoami;

static WHOAMI: &[Row<Whoami>] =
    &[row!("GetCallerIdentity", Read, true, "sts", GetCallerIdentityRequest, caller)];

async fn caller(
    _: &Whoami,
    call: &mut Call,
    _: &GetCallerIdentityRequest<'_>,
) -> Result<Option<Record<'static>>, Stop> {
    let account = call.account().to_owned();
    Ok(Some(GetCallerIdentityResponse::new().with_account(account).into_record()))
}

impl Rows for Whoami {
    const MODEL: &'static bulla_shapes::Service = &sts::SERVICE;

    fn rows() -> &'static [Row<Self>] {
        WHOAMI
    }

    fn forget(&self) {}
}

fn secret() -> bulla_crypto::SecretBytes {
    bulla_crypto::SecretBytes::new(vec![1])
}

struct Keys;

impl Authenticator for Keys {
    fn credential<'a>(
        &'a self,
        access_key_id: &'a str,
        _session_token: Option<&'a str>,
        scope: Scope<'a>,
    ) -> BoxFuture<'a, Result<Credential, CredentialError>> {
        let Scope { date, region, service } = scope;
        let credential = match access_key_id {
            ID => {
                let arn = "arn:aws:iam::111122223333:user/ana";
                let user = Principal::user("111122223333", arn, "AIDAEXAMPLE");
                let key = SigningKey::derive(SECRET, date, region, service);
                Ok(Credential::Issued {
                    key: Arc::new(key),
                    authority: Arc::new(Authority::bare(user)),
                })
            }
            "dev" => Ok(Credential::Anyone(Arc::new(Authority::bare(Principal::root(
                "aws",
                "000000000000",
            ))))),
            LOST => Err(CredentialError::Unreadable { id: LOST.into() }),
            _ => Err(AuthError::UnknownKey.into()),
        };
        Box::pin(async move { credential })
    }
}

fn chain_key() -> Arc<ChainKey> {
    Arc::new(ChainKey::new(HmacKey::new(b"a key for tests")))
}

/// The house over a medium, with a store in memory.
async fn house(medium: Arc<dyn Medium>) -> Plane {
    let engine = Arc::new(bulla_store::Memory::new());
    let barrier = Barrier::create(engine, Crypto::standard(), root()).await.unwrap();
    house_over(barrier, medium, Duration::from_secs(600))
}

fn root() -> SecretKey {
    SecretKey::from_slice(&[1; 32]).unwrap()
}

/// The house over a store and a medium. Nothing in it depends on how long anything takes.
fn house_over(barrier: Barrier, medium: Arc<dyn Medium>, retry: Duration) -> Plane {
    house_with(Durability::BeforeAnswer, barrier, medium, retry)
}

fn house_with(
    durability: Durability,
    barrier: Barrier,
    medium: Arc<dyn Medium>,
    retry: Duration,
) -> Plane {
    let options = Options {
        durability,
        segment_bytes: 16 << 10,
        pending_bytes: 16 << 10,
        stall: Duration::from_secs(600),
        retry,
    };
    let barrier = Arc::new(barrier);
    Plane {
        crypto: Crypto::standard(),
        journal: Arc::new(Journal::open(medium, chain_key(), options).unwrap().0),
        clock: Arc::new(Clock::default()),
        authenticator: Arc::new(Keys),
        services: vec![Arc::new(Tiny { barrier: Arc::clone(&barrier) }), Arc::new(Whoami)],
        barrier,
        outbox: Outbox::default(),
        upkeep: Upkeep::default(),
        ids: IdStock::default(),
        quotas: Arc::default(),
    }
}

fn memory() -> Arc<dyn Medium> {
    Arc::new(Memory::new(1 << 20))
}

/// What a test sends: a signed `GenerateRandom` unless it says otherwise.
struct Sent<'s> {
    target: &'s str,
    body: &'s str,
    id: &'s str,
    secret: &'s [u8],
    region: &'s str,
}

impl Default for Sent<'_> {
    fn default() -> Self {
        Self {
            target: "TrentService.GenerateRandom",
            body: "{\"NumberOfBytes\":4}",
            id: ID,
            secret: SECRET,
            region: "eu-central-1",
        }
    }
}

impl Sent<'_> {
    async fn to(&self, plane: &Plane) -> (u16, String) {
        let mut lines = vec![
            ("host".to_owned(), "kms.example".to_owned()),
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target".to_owned(), self.target.to_owned()),
        ];
        let headers: Vec<_> = lines.iter().map(|(k, v)| (k.as_str(), v.as_bytes())).collect();
        let body = self.body.as_bytes();
        let parts = RequestParts { method: "POST", path: "/", query: "", headers: &headers, body };
        let credentials = Credentials { access_key_id: self.id, secret: self.secret, token: None };
        let now = plane.clock.now_ms() / 1000;
        let options = SignOptions::new("kms", self.region, now);
        let added = sign_header(&parts, &credentials, &options).unwrap();
        lines.extend(added);
        answer(plane, &lines, "", self.body).await
    }
}

thread_local! {
    /// What the requests of this test come over.
    static TLS: std::cell::Cell<Option<TlsSession>> = const { std::cell::Cell::new(None) };
}

async fn answer(
    plane: &Plane,
    lines: &[(String, String)],
    query: &str,
    body: &str,
) -> (u16, String) {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    let request = WireRequest {
        method: http::Method::POST,
        path: "/".into(),
        query: query.into(),
        headers,
        body: body.to_owned().into(),
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        tls: TLS.get(),
    };
    let call: BoxFuture<'_, WireResponse> = Box::pin(plane.call(&request));
    let WireResponse { status, request_id, body, .. } = call.await;
    assert_eq!(request_id.len(), 36);
    (status, String::from_utf8(body).unwrap())
}

/// Error code and identity type of every record.
fn records(medium: &Arc<dyn Medium>) -> Vec<(Option<String>, String)> {
    let reader = Reader::from_sequence(Arc::clone(medium), chain_key(), 1).unwrap();
    let told = reader.map(|record| {
        let record = record.unwrap();
        let fields = record.fields().unwrap();
        assert_eq!(fields.event_name, "GenerateRandom");
        assert_eq!(fields.event_source, "kms.amazonaws.com");
        let kind = fields.identity.kind.unwrap().to_owned();
        let own = |text: Option<&str>| text.map(str::to_owned);
        (own(fields.error_code), kind)
    });
    told.collect()
}

#[tokio::test]
async fn a_signed_call_is_answered_and_recorded() {
    let medium = memory();
    let plane = house(Arc::clone(&medium)).await;
    let (status, body) = Sent::default().to(&plane).await;
    assert_eq!((status, body.as_str()), (200, "{\"Plaintext\":\"BwcHBw==\"}"));
    let dev = Sent { id: "dev", secret: b"whatever", ..Sent::default() };
    assert_eq!(dev.to(&plane).await.0, 200);
    // Of another account's, the owner has a copy.
    let told = ["IAMUser", "Root", "AWSAccount"].map(|kind| (None, kind.to_owned()));
    assert_eq!(records(&medium), told);
}

#[tokio::test]
async fn refusals_come_in_awss_order_and_words_and_each_has_a_record() {
    let medium = memory();
    let plane = house(Arc::clone(&medium)).await;
    let base = Sent::default;
    let cases = [
        (Sent { body: "{", secret: b"wrong", ..base() }, "SerializationException", ""),
        (Sent { secret: b"wrong", ..base() }, "InvalidSignatureException", "The request signature"),
        (Sent { id: "AKIANOBODY", ..base() }, "UnrecognizedClientException", "The security token"),
        (
            Sent { region: "Mars", ..base() },
            "InvalidSignatureException",
            "Credential should be scoped to a valid region. \"",
        ),
        (
            Sent { body: "{\"NumberOfBytes\":0}", ..base() },
            "ValidationException",
            "1 validation error detected: Value '0' at 'numberOfBytes' failed to satisfy \
             constraint: Member must have value greater than or equal to 1",
        ),
        (Sent { body: "{\"NumberOfBytes\":\"x\"}", ..base() }, "SerializationException", ""),
        (Sent { body: "{\"NumberOfBytes\":13}", ..base() }, "AccessDeniedException", "not you"),
    ];
    for (sent, code, text) in &cases {
        let (status, body) = sent.to(&plane).await;
        assert_eq!(status, 400, "{body}");
        assert!(body.contains(&format!("\"{code}\"")) && body.contains(text), "{body}");
    }
    let (status, body) = Sent { body: "{\"NumberOfBytes\":14}", ..base() }.to(&plane).await;
    assert_eq!((status, body.as_str()), (500, "{\"__type\":\"KMSInternalException\"}"));
    let codes = records(&medium);
    let anonymous = |at: usize| if at < 4 { "AWSAccount" } else { "IAMUser" }.to_owned();
    // A denial is recorded by one name, whatever the protocol calls it.
    let wanted = cases.iter().map(|case| case.1.replace("DeniedException", "Denied"));
    let wanted = wanted.chain(["KMSInternalException".to_owned()]);
    let wanted = wanted.enumerate().map(|(at, code)| (Some(code), anonymous(at)));
    assert_eq!(codes, wanted.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_failure_of_ours_to_look_a_key_up_is_not_an_unknown_key() {
    let medium = memory();
    let plane = house(Arc::clone(&medium)).await;
    let (status, body) = Sent { id: LOST, ..Sent::default() }.to(&plane).await;
    assert_eq!((status, body.as_str()), (500, "{\"__type\":\"KMSInternalException\"}"));
    let code = Some("KMSInternalException".to_owned());
    assert_eq!(records(&medium), [(code, "AWSAccount".to_owned())]);
}

#[tokio::test]
async fn what_is_for_no_operation_has_no_record() {
    let medium = memory();
    let plane = house(Arc::clone(&medium)).await;
    let unknown = "{\"__type\":\"UnknownOperationException\"}";
    for target in ["TrentService.Fly", "TrentService.Encrypt", "Other.GenerateRandom", "x"] {
        let (status, body) = Sent { target, ..Sent::default() }.to(&plane).await;
        assert_eq!((status, body.as_str()), (400, unknown), "{target}");
    }
    let (status, body) = Sent { target: "x", body: "{", ..Sent::default() }.to(&plane).await;
    assert_eq!((status, body.as_str()), (400, "{\"__type\":\"SerializationException\"}"));
    let form = "Action=Fly&Version=2010-05-08";
    for (query, body) in [("", form), (form, "")] {
        let (status, body) = answer(&plane, &[], query, body).await;
        assert_eq!(status, 400);
        assert!(body.contains("<Code>InvalidAction</Code>"), "{body}");
        assert!(body.contains("Could not find operation Fly for version 2010-05-08"), "{body}");
    }
    let (status, body) = answer(&plane, &[], "", "").await;
    assert_eq!(status, 403);
    assert!(body.contains("<Code>MissingAuthenticationToken</Code>"), "{body}");
    assert_eq!(records(&medium), []);
}

#[tokio::test]
async fn a_call_that_cannot_be_recorded_fails_and_so_do_all_after_it() {
    let disk = Arc::new(Simulated::new(1));
    let plane = house(Arc::clone(&disk) as Arc<dyn Medium>).await;
    assert_eq!(Sent::default().to(&plane).await.0, 200);
    disk.fail_at(disk.operations(), true, std::io::ErrorKind::StorageFull);
    for _ in 0..2 {
        let (status, body) = Sent::default().to(&plane).await;
        assert_eq!((status, body.as_str()), (500, "{\"__type\":\"KMSInternalException\"}"));
        assert!(!plane.journal.healthy());
    }
}

#[tokio::test]
async fn jobs_run_once_and_a_broken_one_keeps_nothing_back() {
    let plane = house(memory()).await;
    let now = plane.clock.now_ms();
    let mut batch = SealedBatch::new();
    for (due, kind) in [(5, "broken"), (6, "again"), (9, "once"), (now + 3_600_000, "once")] {
        batch = batch.put(DUE, due_key(due, "kms", kind, "s"), Expected::Absent, secret());
    }
    batch = batch.put(DUE, due_key(8, "nobody", "once", "s"), Expected::Absent, secret());
    plane.barrier.commit(batch).await.unwrap();
    assert_eq!(plane.run_due().await.unwrap(), 3);
    assert_eq!(plane.run_due().await.unwrap(), 0);
    assert_eq!(scheduler::next_due(&plane.barrier).await.unwrap(), Some(5));
    plane.clock.advance(3_600_001);
    assert_eq!(plane.run_due().await.unwrap(), 1);
}

#[tokio::test]
async fn a_reset_empties_the_spaces_and_the_jobs() {
    let plane = house(memory()).await;
    for hundred in 0..11 {
        let mut batch = SealedBatch::new();
        for row in 0..100 {
            let key = format!("{hundred}/{row}");
            batch = batch.put(ROWS, key, Expected::Absent, secret());
        }
        plane.barrier.commit(batch).await.unwrap();
    }
    let job = SealedBatch::new().put(DUE, due_key(1, "kms", "k", "s"), Expected::Absent, secret());
    plane.barrier.commit(job).await.unwrap();
    assert_eq!(plane.reset(&[ROWS]).await.unwrap(), 1101);
    assert_eq!(plane.reset(&[ROWS]).await.unwrap(), 0);
}

/// A form call of `GetCallerIdentity` for a service's scope, in the body or in the query.
async fn whoami(plane: &Plane, service: &str, query: &str, body: &str) -> (u16, String) {
    let mut lines = vec![("host".to_owned(), "sts.example".to_owned())];
    let headers: Vec<_> = lines.iter().map(|(k, v)| (k.as_str(), v.as_bytes())).collect();
    let bytes = body.as_bytes();
    let parts = RequestParts { method: "POST", path: "/", query, headers: &headers, body: bytes };
    let credentials = Credentials { access_key_id: ID, secret: SECRET, token: None };
    let options = SignOptions::new(service, "us-east-1", plane.clock.now_ms() / 1000);
    let added = sign_header(&parts, &credentials, &options).unwrap();
    lines.extend(added);
    answer(plane, &lines, query, body).await
}

#[tokio::test]
async fn form_calls_are_found_by_action_and_version() {
    let medium = memory();
    let plane = house(Arc::clone(&medium)).await;
    let form = "Action=GetCallerIdentity&Version=2011-06-15";
    for (query, body) in [("", form), (form, "")] {
        let (status, body) = whoami(&plane, "sts", query, body).await;
        assert_eq!(status, 200, "{body}");
        assert!(body.contains("<Account>111122223333</Account>"), "{body}");
    }
    let (status, body) = whoami(&plane, "iam", "", form).await;
    assert_eq!(status, 403, "{body}");
    assert!(body.contains("<Code>SignatureDoesNotMatch</Code>"), "{body}");
    assert!(body.contains("correct service: "), "{body}");
    let (status, body) = whoami(&plane, "sts", "", "Action=GetCallerIdentity").await;
    assert_eq!(status, 400);
    assert!(body.contains("for version NO_VERSION_SPECIFIED"), "{body}");
    let reader = Reader::from_sequence(Arc::clone(&medium), chain_key(), 1).unwrap();
    let codes: Vec<_> = reader
        .map(|record| record.unwrap().fields().unwrap().error_code.map(str::to_owned))
        .collect();
    assert_eq!(codes, [None, None, Some("SignatureDoesNotMatch".to_owned())]);
}
