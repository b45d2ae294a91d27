//! STS: temporary credentials, and who a caller is.
//!
//! Sessions are not kept anywhere: their token is sealed and says everything (`token`). What a
//! session may do is asked for on each call (`sessions`).

mod actor;
mod answer;
mod claims;
pub(crate) mod fault;
mod limits;
mod message;
mod ops;
mod request;
mod role;
mod service_role;
pub(crate) mod session;
mod sessions;
#[cfg(test)]
mod tests;
mod token;

use std::sync::Arc;

use bulla_plane::{Row, Rows, row};
use bulla_shapes::sts::{
    AssumeRoleRequest, AssumeRoleWithWebIdentityRequest, DecodeAuthorizationMessageRequest,
    GetAccessKeyInfoRequest, GetCallerIdentityRequest, GetFederationTokenRequest,
    GetSessionTokenRequest, SERVICE,
};

pub use message::Messages;
pub use service_role::{Assumption, ServiceCredentials};
pub use sessions::Sessions;
pub use token::MAX_CACHED_SESSIONS;
pub(crate) use token::TEMPORARY;

use crate::oidc::Providers;
use ops::{assume_role, identity, tokens, web_identity};

/// The Security Token Service.
pub struct Sts {
    sessions: Arc<Sessions>,
    providers: Arc<Providers>,
    messages: Messages,
}

impl Sts {
    /// The service over these sessions and identity providers.
    #[must_use]
    pub fn new(sessions: Arc<Sessions>, providers: Arc<Providers>) -> Self {
        let principals = &sessions.principals;
        let (crypto, barrier) = (principals.crypto.clone(), Arc::clone(&principals.barrier));
        Self { sessions, providers, messages: Messages::new(crypto, barrier) }
    }
}

#[rustfmt::skip]
static ROWS: &[Row<Sts>] = &[
    row!("AssumeRole",                 Write, true,  "AssumeRole",                 AssumeRoleRequest,                 assume_role::assume_role),
    row!("AssumeRoleWithWebIdentity",  Write, true,  "AssumeRoleWithWebIdentity",  AssumeRoleWithWebIdentityRequest,  web_identity::assume_role_with_web_identity),
    row!("GetSessionToken",            Read,  false, "GetSessionToken",            GetSessionTokenRequest,            tokens::get_session_token),
    row!("GetFederationToken",         Read,  false, "GetFederationToken",         GetFederationTokenRequest,         tokens::get_federation_token),
    row!("GetCallerIdentity",          Read,  true,  "GetCallerIdentity",          GetCallerIdentityRequest,          identity::get_caller_identity),
    row!("GetAccessKeyInfo",           Read,  true,  "GetAccessKeyInfo",           GetAccessKeyInfoRequest,           identity::get_access_key_info),
    row!("DecodeAuthorizationMessage", Write, true,  "DecodeAuthorizationMessage", DecodeAuthorizationMessageRequest, identity::decode_authorization_message),
];

impl Rows for Sts {
    const MODEL: &'static bulla_shapes::Service = &SERVICE;

    fn rows() -> &'static [Row<Self>] {
        ROWS
    }

    fn forget(&self) {
        self.sessions.forget();
        self.providers.forget();
    }
}
