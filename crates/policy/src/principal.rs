//! The caller of a request, as authentication established it.

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The twelve-digit account the caller belongs to; empty for services and anonymous callers.
    pub account: String,
    /// What kind of caller this is.
    pub kind: PrincipalKind,
    /// The caller's own ARN: the user's, the session's (`assumed-role/NAME/SESSION`), the federated
    /// user's, or the account's root ARN; the service name for services.
    pub arn: String,
    /// `aws:userid`: `AIDA...` for a user, `AROA...:session` for a role session, the account number
    /// for the root user.
    pub unique_id: String,
    /// The canonical user id (64 hexadecimal digits) of the account, where one is known.
    pub canonical_user: Option<String>,
}

/// The kinds of caller that policies tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalKind {
    /// The root user of an account.
    Root,
    /// An IAM user.
    User,
    /// A session of an assumed role.
    AssumedRole {
        /// The ARN of the role itself, with its path.
        role_arn: String,
    },
    /// A session from GetFederationToken.
    FederatedUser {
        /// The ARN of the user who made the session.
        user_arn: String,
        /// The unique id (`AIDA...`) of that user.
        user_id: String,
    },
    /// An AWS service acting for itself.
    Service {
        /// Its principal name, such as `events.amazonaws.com`.
        name: String,
    },
    /// The bearer of a web identity token or SAML assertion, who is about to assume a role.
    WebIdentity {
        /// The provider: its ARN, or a well-known host such as `accounts.google.com`.
        provider: String,
    },
    /// An unsigned caller, where a service allows one.
    Anonymous,
}

impl Principal {
    /// An IAM user.
    pub fn user(
        account: impl Into<String>,
        arn: impl Into<String>,
        unique_id: impl Into<String>,
    ) -> Self {
        Self::new(account.into(), PrincipalKind::User, arn.into(), unique_id.into())
    }

    /// The root user of `account` in `partition` (`aws`, `aws-cn`, ...).
    pub fn root(partition: &str, account: impl Into<String>) -> Self {
        let account = account.into();
        let arn = format!("arn:{partition}:iam::{account}:root");
        let id = account.clone();
        Self::new(account, PrincipalKind::Root, arn, id)
    }

    /// A session of a role; `unique_id` is `AROA...:session`.
    pub fn assumed_role(
        account: impl Into<String>,
        role_arn: impl Into<String>,
        session_arn: impl Into<String>,
        unique_id: impl Into<String>,
    ) -> Self {
        let kind = PrincipalKind::AssumedRole { role_arn: role_arn.into() };
        Self::new(account.into(), kind, session_arn.into(), unique_id.into())
    }

    /// An AWS service acting for itself.
    pub fn service(name: impl Into<String>) -> Self {
        let name = name.into();
        let arn = name.clone();
        Self::new(String::new(), PrincipalKind::Service { name }, arn, String::new())
    }

    fn new(account: String, kind: PrincipalKind, arn: String, unique_id: String) -> Self {
        Self { account, kind, arn, unique_id, canonical_user: None }
    }

    /// The id of the role behind a session (`AROA...`), or of the user.
    pub(crate) fn entity_id(&self) -> &str {
        match &self.kind {
            PrincipalKind::FederatedUser { user_id, .. } => user_id,
            _ => self.unique_id.split(':').next().unwrap_or(""),
        }
    }
}
