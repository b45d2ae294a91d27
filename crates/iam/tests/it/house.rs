//! A house with IAM, STS and a store in memory, and callers who sign.

use std::sync::Arc;

use bulla_ground::{Ground, Signer};
use bulla_iam::{AccessKeys, FetchError, Fetcher, Iam, Principals, Providers, Sessions, Sts};
use bulla_plane::{BoxFuture, Plane, Service};
use bulla_shapes::{iam, sts};
use bulla_store::{Memory, Store};

/// The account of most tests.
pub(crate) const ACCOUNT: &str = "111122223333";

/// Everything that a call needs.
pub(crate) struct House {
    plane: Plane,
    pub(crate) principals: Arc<Principals>,
}

/// An access key.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// The root user of an account, as `bulla dev` lets anybody be it.
pub(crate) fn root() -> Key {
    Key { id: ACCOUNT.to_owned(), secret: "any".to_owned() }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Reply {
    /// The text of the first element of this name.
    pub(crate) fn element(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
    }

    /// The texts of all elements of this name.
    pub(crate) fn elements(&self, name: &str) -> Vec<&str> {
        let (start, end) = (format!("<{name}>"), format!("</{name}>"));
        let pieces = self.body.split(start.as_str()).skip(1);
        pieces.filter_map(|piece| piece.split_once(end.as_str()).map(|(text, _)| text)).collect()
    }

    /// It must have worked.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.body);
        self
    }

    /// It must have been refused so.
    #[track_caller]
    pub(crate) fn refused(&self, code: &str, status: u16, message: &str) {
        let text = self.element("Message").unwrap_or_default();
        let text = text.replace("&quot;", "\"").replace("&apos;", "'").replace("&#39;", "'");
        let found = (self.element("Code"), self.status, text.as_str());
        assert_eq!(found, (Some(code), status, message), "{}", self.body);
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// No identity provider is asked in these tests.
struct Nowhere;

impl Fetcher for Nowhere {
    fn get<'a>(
        &'a self,
        _: &'a str,
        _: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
        Box::pin(std::future::ready(Err(FetchError::Failed("nowhere".into()))))
    }
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::on(Arc::new(Memory::new())).await
    }

    /// A house on a store.
    pub(crate) async fn on(engine: Arc<dyn Store>) -> Self {
        let ground = Ground::on(engine).await.unwrap();
        let (barrier, crypto) = (Arc::clone(&ground.barrier), ground.crypto.clone());
        let principals = Arc::new(Principals::new(barrier, crypto, Arc::clone(&ground.clock)));
        let sessions = Arc::new(Sessions::new(Arc::clone(&principals)));
        let authenticator = Arc::new(AccessKeys::new(Arc::clone(&sessions), true));
        let providers = Arc::new(Providers::new(Arc::clone(&principals), Arc::new(Nowhere), true));
        let iam = Iam::new(Arc::clone(&providers));
        let services: Vec<Arc<dyn Service>> =
            vec![Arc::new(iam), Arc::new(Sts::new(sessions, providers))];
        let plane = ground.plane(authenticator, services);
        Self { plane, principals }
    }

    /// Calls IAM.
    pub(crate) async fn call(&self, key: &Key, action: &str, parameters: &[(&str, &str)]) -> Reply {
        let mut body = format!("Action={action}&Version=2010-05-08");
        for (name, value) in parameters {
            body += &format!("&{name}={}", encoded(value));
        }
        self.send(key, "iam", body.into_bytes()).await
    }

    /// Calls as the root user; it must work.
    #[track_caller]
    pub(crate) fn root<'a>(
        &'a self,
        action: &'a str,
        parameters: &'a [(&'a str, &'a str)],
    ) -> impl Future<Output = Reply> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let reply = self.call(&root(), action, parameters).await;
            assert_eq!(reply.status, 200, "{action} at {place}: {}", reply.body);
            reply
        }
    }

    /// Sends a body to a service as it is.
    pub(crate) async fn send(&self, key: &Key, service: &str, body: Vec<u8>) -> Reply {
        let model = if service == "sts" { &sts::SERVICE } else { &iam::SERVICE };
        let signer = Signer { id: key.id.clone(), secret: key.secret.clone(), token: None };
        let request = signer.request(model, "", "us-east-1", body).unwrap();
        let reply = self.plane.call(&request).await;
        Reply { status: reply.status, body: String::from_utf8(reply.body).unwrap() }
    }

    /// Makes a user with an access key.
    pub(crate) async fn user(&self, name: &str) -> Key {
        self.root("CreateUser", &[("UserName", name)]).await;
        self.key(name).await
    }

    /// Makes an access key of a user.
    pub(crate) async fn key(&self, name: &str) -> Key {
        let reply = self.root("CreateAccessKey", &[("UserName", name)]).await;
        Key {
            id: reply.element("AccessKeyId").unwrap().to_owned(),
            secret: reply.element("SecretAccessKey").unwrap().to_owned(),
        }
    }

    /// Gives a user an inline policy of one statement.
    pub(crate) async fn allow(&self, user: &str, action: &str, resource: &str) {
        let document = statement("Allow", action, resource);
        let parameters =
            [("UserName", user), ("PolicyName", "own"), ("PolicyDocument", document.as_str())];
        self.root("PutUserPolicy", &parameters).await;
    }
}

/// A policy of one statement.
pub(crate) fn statement(effect: &str, action: &str, resource: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"{action}","Resource":"{resource}"}}]}}"#
    )
}

/// A trust policy for one principal of the type `AWS`.
pub(crate) fn trust(principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole"}}]}}"#
    )
}
