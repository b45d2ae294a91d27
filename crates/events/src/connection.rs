//! Connections: how API destinations are told who asks. Secrets lie in the sealed row and leave it
//! only towards the target.

use bulla_plane::{SecretText, Stop};
use bulla_shapes::events::{ConnectionHttpParameters, CreateConnectionAuthRequestParameters};
use serde::{Deserialize, Serialize};

use crate::place::parts;
use crate::records::{read_wire, wire_text};

/// A connection.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ConnectionRecord {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) description: Option<String>,
    /// `BASIC`, `API_KEY` or `OAUTH_CLIENT_CREDENTIALS`.
    pub(crate) kind: String,
    pub(crate) state: State,
    pub(crate) reason: Option<String>,
    pub(crate) created_ms: i64,
    /// Also the edition that tokens are kept for.
    pub(crate) modified_ms: i64,
    pub(crate) authorized_ms: Option<i64>,
    pub(crate) kms_key: Option<String>,
    /// `CreateConnectionAuthRequestParameters` in the wire's form; none once it was deauthorized.
    auth: Option<SecretText>,
}

/// Whether a connection can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Authorized,
    /// Its first token is being asked for.
    Authorizing,
    Deauthorized,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Authorized => "AUTHORIZED",
            Self::Authorizing => "AUTHORIZING",
            Self::Deauthorized => "DEAUTHORIZED",
        }
    }
}

/// How a target is told who asks.
pub(crate) enum Access {
    Basic { name: String, password: String },
    ApiKey { name: String, value: String },
    OAuth(OAuth),
}

/// Client credentials.
pub(crate) struct OAuth {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) endpoint: String,
    pub(crate) method: String,
    pub(crate) extra: Extra,
}

/// What else goes into each request.
#[derive(Clone, Default)]
pub(crate) struct Extra {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Vec<(String, String)>,
}

impl Extra {
    pub(crate) fn of(given: Option<ConnectionHttpParameters<'_>>) -> Self {
        let Some(given) = given else { return Self::default() };
        let pair = |key: Option<&str>, value: Option<&str>| {
            (key.unwrap_or_default().to_owned(), value.unwrap_or_default().to_owned())
        };
        let headers = given.header_parameters();
        let query = given.query_string_parameters();
        let body = given.body_parameters();
        let headers = headers.iter().flat_map(|all| all.iter());
        let query = query.iter().flat_map(|all| all.iter());
        let body = body.iter().flat_map(|all| all.iter());
        Self {
            headers: headers.map(|one| pair(one.key(), one.value())).collect(),
            query: query.map(|one| pair(one.key(), one.value())).collect(),
            body: body.map(|one| pair(one.key(), one.value())).collect(),
        }
    }
}

impl ConnectionRecord {
    /// One without parameters.
    pub(crate) fn new(name: &str, arn: String, kind: &str, now_ms: i64) -> Self {
        Self {
            name: name.to_owned(),
            arn,
            description: None,
            kind: kind.to_owned(),
            state: State::Deauthorized,
            reason: None,
            created_ms: now_ms,
            modified_ms: now_ms,
            authorized_ms: None,
            kms_key: None,
            auth: None,
        }
    }

    /// What it was given, secrets included.
    pub(crate) fn auth(
        &self,
    ) -> Result<Option<CreateConnectionAuthRequestParameters<'static>>, Stop> {
        self.auth.as_ref().map(|kept| read_wire(kept.expose().as_bytes())).transpose()
    }

    /// Sets what it is given.
    pub(crate) fn set_auth(
        &mut self,
        auth: Option<&CreateConnectionAuthRequestParameters<'_>>,
    ) -> Result<(), Stop> {
        let text = auth.map(|auth| wire_text(auth.record())).transpose()?;
        self.auth = text.map(SecretText::new);
        Ok(())
    }

    /// How a target is told who asks.
    pub(crate) fn access(&self) -> Result<Access, Stop> {
        let auth = self.auth()?.ok_or(Stop::Internal)?;
        if let Some(basic) = auth.basic_auth_parameters() {
            let (name, password) = (basic.username().to_owned(), basic.password().to_owned());
            return Ok(Access::Basic { name, password });
        }
        if let Some(key) = auth.api_key_auth_parameters() {
            let (name, value) = (key.api_key_name().to_owned(), key.api_key_value().to_owned());
            return Ok(Access::ApiKey { name, value });
        }
        let oauth = auth.o_auth_parameters().ok_or(Stop::Internal)?;
        let client = oauth.client_parameters().ok_or(Stop::Internal)?;
        Ok(Access::OAuth(OAuth {
            client_id: client.client_id().to_owned(),
            client_secret: client.client_secret().to_owned(),
            endpoint: oauth.authorization_endpoint().to_owned(),
            method: oauth.http_method().to_owned(),
            extra: Extra::of(oauth.o_auth_http_parameters()),
        }))
    }

    /// Whether it was deauthorized by its owner: then nothing is left to use.
    pub(crate) fn is_usable(&self) -> bool {
        self.auth.is_some()
    }
}

/// The row of a connection or API destination, by its ARN.
pub(crate) fn row_of(arn: &str, kind: &str) -> Option<String> {
    let (_, region, account, rest) = parts(arn)?;
    let (name, _) = rest.strip_prefix(kind)?.strip_prefix('/')?.split_once('/')?;
    Some(row(account, region, name))
}

/// The row of a connection or API destination.
pub(crate) fn row(account: &str, region: &str, name: &str) -> String {
    format!("{account}/{region}/{name}")
}
