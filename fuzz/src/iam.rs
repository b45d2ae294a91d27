//! IAM and STS in this process, for targets that go through the whole way of a request.

use std::sync::Arc;

use bulla_ground::Ground;
use bulla_iam::{AccessKeys, FetchError, Fetcher, Iam, Principals, Providers, Sessions, Sts};
use bulla_plane::wire::WireResponse;
use bulla_plane::{BoxFuture, Plane, Service};
use bulla_shapes::{iam, sts};
use tokio::runtime::{Builder, Runtime};

pub use bulla_ground::Signer;

/// The services. Anyone may sign who has no access key of theirs.
pub struct House {
    runtime: Runtime,
    plane: Plane,
}

/// The credentials in an answer.
pub fn issued(body: &str) -> Signer {
    let text = |name| element(body, name).map(str::to_owned);
    Signer {
        id: text("AccessKeyId").unwrap(),
        secret: text("SecretAccessKey").unwrap(),
        token: text("SessionToken"),
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
        let ground = runtime.block_on(Ground::in_memory()).unwrap();
        let (barrier, crypto) = (Arc::clone(&ground.barrier), ground.crypto.clone());
        let principals = Arc::new(Principals::new(barrier, crypto, Arc::clone(&ground.clock)));
        let sessions = Arc::new(Sessions::new(Arc::clone(&principals)));
        let authenticator = Arc::new(AccessKeys::new(Arc::clone(&sessions), true));
        let issuer = Arc::new(Issuer(keys.to_vec()));
        let providers = Arc::new(Providers::new(principals, issuer, true));
        let services: Vec<Arc<dyn Service>> = vec![
            Arc::new(Iam::new(Arc::clone(&providers))),
            Arc::new(Sts::new(sessions, providers)),
        ];
        let plane = ground.plane(authenticator, services);
        Self { runtime, plane }
    }

    /// Calls an operation of IAM or STS; the status and the body.
    pub fn call(&self, by: &Signer, service: &str, operation: &str, input: &str) -> (u16, String) {
        let model = if service == "iam" { &iam::SERVICE } else { &sts::SERVICE };
        let body = format!("Action={operation}&Version={}&{input}", model.api_version);
        let request = by.request(model, operation, "us-east-1", body.into_bytes()).unwrap();
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
