//! Who may be calling: the seam between the pipeline and the service that keeps access keys.

use std::fmt;
use std::sync::Arc;

use bulla_policy::{Policy, Principal, Values};
use bulla_sigv4::{AuthError, SigningKey};
use bulla_store::BarrierError;

use crate::BoxFuture;

/// What an access key id stands for.
pub enum Credential {
    /// A key that Bulla issued: the request must bear this key's signature.
    Issued {
        /// The signing key for the request's date, region and service.
        key: Arc<SigningKey>,
        /// Whose the key is.
        authority: Arc<Authority>,
    },
    /// `bulla dev` only: an id that nobody issued names the root user of an account, unverified.
    Anyone(Arc<Authority>),
}

/// A caller with all that its own side says about what it may do, as of this call.
///
/// Whoever changes a policy, a user, a role or an account makes new ones: a change takes effect
/// on the next call.
#[derive(Clone, Debug)]
pub struct Authority {
    /// Who it is.
    pub principal: Principal,
    /// The identity policies: of the user and of the user's groups, or of the role.
    pub identity_policies: Vec<Arc<Policy>>,
    /// The permissions boundary of the user or role.
    pub boundary: Option<Arc<Policy>>,
    /// The session policies; none when the session has none.
    pub session_policies: Option<Vec<Arc<Policy>>>,
    /// Service control policies by level (root, organizational units, account).
    pub service_control_policies: Vec<Vec<Arc<Policy>>>,
    /// The condition keys that the caller itself sets, by their name in lower case, such as
    /// `aws:username`, `aws:principaltag/team` or `aws:principalorgid`; sorted.
    pub conditions: Vec<(String, ConditionValue)>,
    /// The session, where the credentials are temporary.
    pub session: Option<Arc<SessionContext>>,
}

/// What is known of a session beyond who acts in it: for the journal, and for STS when one session
/// leads to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionContext {
    /// Who issued it: the role, or the user or root user behind a federated user; nobody for
    /// sessions of `GetSessionToken`.
    pub issuer: Option<SessionIssuer>,
    /// When its credentials were made, in milliseconds since 1970.
    pub created_ms: i64,
    /// Whether a second factor was shown.
    pub mfa: bool,
    /// The source identity, which every session that follows keeps.
    pub source_identity: Option<String>,
    /// The tags that sessions of roles assumed from this one inherit.
    pub transitive_tags: Vec<(String, String)>,
    /// The identity provider's word that it rests on.
    pub web_identity: Option<WebIdentity>,
}

/// Who issued a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionIssuer {
    /// `Role`, `IAMUser` or `Root`.
    pub kind: &'static str,
    /// `AROA…`, `AIDA…` or the account number.
    pub unique_id: String,
    /// The ARN, path included.
    pub arn: String,
    /// The account.
    pub account: String,
    /// The name of the role or user; empty for a root user.
    pub name: String,
}

/// An identity of an OpenID Connect provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentity {
    /// The provider's ARN.
    pub provider: String,
    /// The token's subject.
    pub subject: String,
}

/// The value of a condition key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConditionValue {
    /// Of a single-valued key.
    One(String),
    /// Of a multi-valued key.
    Many(Vec<String>),
}

impl Authority {
    /// A caller whom no policies of its own speak of, such as an account's root user.
    #[must_use]
    pub fn bare(principal: Principal) -> Self {
        Self {
            principal,
            identity_policies: Vec::new(),
            boundary: None,
            session_policies: None,
            service_control_policies: Vec::new(),
            conditions: Vec::new(),
            session: None,
        }
    }

    /// A condition key that the caller itself sets; `key` is in lower case.
    #[must_use]
    pub fn condition(&self, key: &str) -> Option<Values<'_>> {
        let found = self.conditions.binary_search_by(|(name, _)| name.as_str().cmp(key)).ok()?;
        let (_, values) = self.conditions.get(found)?;
        Some(match values {
            ConditionValue::One(value) => Values::One(value),
            ConditionValue::Many(values) => Values::Owned(values),
        })
    }
}

/// Why there is no credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialError {
    /// The sender's fault: `AuthError::UnknownKey`, `BadToken` or `ExpiredToken`.
    Refused(AuthError),
    /// Ours: what is kept of access keys can't be read. Nobody is let in, and the sender is told
    /// of a failure of ours, not that the key is unknown: clients try the one again and give up
    /// on the other.
    Store(BarrierError),
    /// Ours: the record of this access key is not one that this program writes.
    Unreadable {
        /// The access key id.
        id: String,
    },
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Store(error) => write!(f, "access keys can't be looked up: {error}"),
            Self::Unreadable { id } => write!(
                f,
                "the record of access key {id} is not one that this program writes: a newer \
                 program may have written it"
            ),
        }
    }
}

impl std::error::Error for CredentialError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Store(error) => Some(error),
            Self::Unreadable { .. } => None,
        }
    }
}

impl From<AuthError> for CredentialError {
    fn from(error: AuthError) -> Self {
        Self::Refused(error)
    }
}

impl From<BarrierError> for CredentialError {
    fn from(error: BarrierError) -> Self {
        Self::Store(error)
    }
}

/// Looks up access keys.
pub trait Authenticator: Send + Sync {
    /// The credential of an access key id, for a credential scope.
    ///
    /// # Errors
    /// [`CredentialError`] tells the sender's fault from ours.
    fn credential<'a>(
        &'a self,
        access_key_id: &'a str,
        session_token: Option<&'a str>,
        scope: Scope<'a>,
    ) -> BoxFuture<'a, Result<Credential, CredentialError>>;

    /// Hears of each request that bore the signature of an issued key, for the last use of the key,
    /// or of the role whose session it is.
    fn used(&self, _access_key_id: &str, _session_token: Option<&str>, _scope: Scope<'_>) {}
}

/// The part of a credential scope that a signing key is derived for.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// `YYYYMMDD`.
    pub date: &'a str,
    /// The region.
    pub region: &'a str,
    /// The service's signing name.
    pub service: &'a str,
}
