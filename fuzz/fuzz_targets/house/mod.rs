//! IAM and STS in this process, for targets that go through the whole way of a request.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bulla_crypto::{Crypto, HmacKey};
use bulla_iam::{AccessKeys, FetchError, Fetcher, Iam, Principals, Providers, Sessions, Sts};
use bulla_plane::journal::{ChainKey, Journal, Memory, Options};
use bulla_plane::outbox::Outbox;
use bulla_plane::upkeep::Upkeep;
use bulla_plane::wire::{WireRequest, WireResponse};
use bulla_plane::{BoxFuture, Clock, IdStock, Plane, Service};
use bulla_sigv4::{Credentials, RequestParts, SignOptions, sign_header};
use bulla_store::Barrier;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::runtime::{Builder, Runtime};

const MEMORY_BYTES: u64 = 4 << 20;
const FORM: &str = "application/x-www-form-urlencoded";

/// The services. Anyone may sign who has no access key of theirs.
pub struct House {
    runtime: Runtime,
    plane: Plane,
}

/// Credentials; without an id nothing is signed.
#[derive(Clone, Default)]
pub struct Signer {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

impl Signer {
    /// The credentials in an answer.
    pub fn read(body: &str) -> Self {
        let text = |name| element(body, name).map(str::to_owned);
        Self {
            id: text("AccessKeyId").unwrap(),
            secret: text("SecretAccessKey").unwrap(),
            token: text("SessionToken"),
        }
    }
}

/// One identity provider, whose keys never change.
struct Issuer(Vec<u8>);

impl Fetcher for Issuer {
    fn get<'a>(
        &'a self,
        url: &'a str,
        _thumbprints: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
        let found = match url.strip_prefix("https://issuer.example/") {
            Some(".well-known/openid-configuration") => Ok(
                br#"{"issuer":"https://issuer.example","jwks_uri":"https://issuer.example/keys"}"#
                    .to_vec(),
            ),
            Some("keys") => Ok(self.0.clone()),
            _ => Err(FetchError::Failed("no such place".into())),
        };
        Box::pin(std::future::ready(found))
    }
}

impl House {
    /// The services, and an identity provider with this key set.
    pub fn new(keys: &[u8]) -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let crypto = Crypto::standard();
        let engine = Arc::new(bulla_store::Memory::new());
        let root = crypto.generate_key().unwrap();
        let barrier = runtime.block_on(Barrier::create(engine, crypto.clone(), root)).unwrap();
        let barrier = Arc::new(barrier);
        let medium = Memory::new(MEMORY_BYTES);
        let options = Options { segment_bytes: medium.segment_bytes(), ..Options::default() };
        let chain = Arc::new(ChainKey::new(HmacKey::new(b"a key of a fuzzed journal")));
        let journal = Arc::new(Journal::open(Arc::new(medium), chain, options).unwrap().0);
        let clock = Arc::new(Clock::default());
        let principals =
            Arc::new(Principals::new(Arc::clone(&barrier), crypto.clone(), Arc::clone(&clock)));
        let sessions = Arc::new(Sessions::new(Arc::clone(&principals)));
        let authenticator = Arc::new(AccessKeys::new(Arc::clone(&sessions), true));
        let issuer = Arc::new(Issuer(keys.to_vec()));
        let providers = Arc::new(Providers::new(principals, issuer, true));
        let services: Vec<Arc<dyn Service>> = vec![
            Arc::new(Iam::new(Arc::clone(&providers))),
            Arc::new(Sts::new(sessions, providers)),
        ];
        let (outbox, upkeep) = (Outbox::default(), Upkeep::default());
        let ids = IdStock::default();
        let plane =
            Plane { crypto, barrier, clock, journal, authenticator, services, outbox, upkeep, ids };
        Self { runtime, plane }
    }

    /// Calls an operation of IAM or STS; the status and the body.
    pub fn call(&self, by: &Signer, service: &str, operation: &str, input: &str) -> (u16, String) {
        let version = if service == "iam" { "2010-05-08" } else { "2011-06-15" };
        let body = format!("Action={operation}&Version={version}&{input}");
        let host = format!("{service}.example");
        let lines = [("host", host.as_bytes()), ("content-type", FORM.as_bytes())];
        let parts = RequestParts {
            method: "POST",
            path: "/",
            query: "",
            headers: &lines,
            body: body.as_bytes(),
        };
        let Signer { id, secret, token } = by;
        let credentials =
            Credentials { access_key_id: id, secret: secret.as_bytes(), token: token.as_deref() };
        let options = SignOptions::new(service, "us-east-1", Clock::wall_ms() / 1000);
        let signed = match id.as_str() {
            "" => Vec::new(),
            _ => sign_header(&parts, &credentials, &options).unwrap(),
        };
        let signed = signed.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let mut headers = HeaderMap::new();
        for (name, value) in lines.into_iter().chain(signed) {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.insert(name, HeaderValue::from_bytes(value).unwrap());
        }
        let request = WireRequest {
            method: http::Method::POST,
            path: "/".into(),
            query: String::new(),
            headers,
            body: body.into(),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            secure: false,
        };
        let WireResponse { status, body, .. } = self.runtime.block_on(self.plane.call(request));
        (status, String::from_utf8(body).unwrap())
    }

    /// As [`call`](Self::call), which must succeed.
    pub fn must(&self, by: &Signer, service: &str, operation: &str, input: &str) -> String {
        let (status, body) = self.call(by, service, operation, input);
        assert_eq!(status, 200, "{operation}: {body}");
        body
    }
}

/// The text of the first element of this name.
pub fn element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

/// A text as a form has it.
pub fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Five bytes an edit: what, where (two bytes), with what, how many.
pub fn edited(mut bytes: Vec<u8>, other: &[u8], edits: &[u8], most: usize) -> Vec<u8> {
    for edit in edits.as_chunks::<5>().0 {
        let [what, high, low, with, count] = *edit;
        let at = usize::from(u16::from_be_bytes([high, low])) % (bytes.len() + 1);
        let end = (at + usize::from(count)).min(bytes.len());
        match what % 5 {
            0 => bytes[at..end].iter_mut().for_each(|byte| *byte ^= with),
            1 => bytes.truncate(at),
            2 => bytes.insert(at, with),
            3 => drop(bytes.drain(at..end)),
            _ => {
                let end = end.min(other.len()).max(at.min(other.len()));
                let part = other.get(at..end).unwrap_or_default();
                bytes[at..at + part.len()].copy_from_slice(part);
            }
        }
    }
    bytes.truncate(most);
    bytes
}
