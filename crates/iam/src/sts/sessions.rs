//! Sessions: issued as sealed tokens, and turned back into callers on every request.
//!
//! INVARIANT: a session acts with what its role or user may do now. Only what the token itself
//! says is kept with it; the rest is asked for on each call, and answered from what
//! [`Principals`] keeps in memory until it changes.

use std::sync::Arc;

use bulla_plane::identity::Scope;
use bulla_plane::{Authority, Credential, CredentialError, Stop};
use bulla_policy::Policy;
use bulla_sigv4::AuthError;

use super::actor;
use super::session::{Actor, Session};
use super::token::{IssueError, Issued, OpenError, Opened, Tokens};
use crate::principals::Principals;

/// The service whose operations sessions without a second factor may not call, by its signing
/// name.
const IAM: &str = "iam";

/// The sessions of all accounts.
pub struct Sessions {
    pub(crate) principals: Arc<Principals>,
    pub(super) tokens: Tokens,
}

impl Sessions {
    /// The sessions of these principals.
    #[must_use]
    pub fn new(principals: Arc<Principals>) -> Self {
        let tokens = Tokens::new(principals.crypto.clone(), Arc::clone(&principals.barrier));
        Self { principals, tokens }
    }

    /// Issues a session's credentials.
    pub(super) fn issue(&self, session: &Session, min_chars: usize) -> Result<Issued, Stop> {
        self.tokens.issue(session, min_chars).map_err(|error| match error {
            IssueError::TooLarge { percent } => {
                let policies = session.policy.is_some() || !session.policy_arns.is_empty();
                super::fault::too_large(percent, policies).into()
            }
            IssueError::Crypto(error) => error.into(),
            IssueError::Barrier(error) => error.into(),
        })
    }

    /// The credential of a temporary access key.
    pub(crate) async fn credential(
        &self,
        access_key_id: &str,
        token: Option<&str>,
        scope: Scope<'_>,
    ) -> Result<Credential, CredentialError> {
        let token = token.ok_or(AuthError::UnknownKey)?;
        let opened = self.tokens.open(access_key_id, token).map_err(refusal)?;
        let session = &opened.session;
        if session.expires_ms <= self.principals.clock.now_ms() {
            return Err(AuthError::ExpiredToken.into());
        }
        if scope.service == IAM && !session.may_call_iam() {
            return Err(AuthError::BadToken.into());
        }
        let authority = self.authority(&opened).await?.ok_or(AuthError::BadToken)?;
        Ok(Credential::Issued { key: opened.signing_key(scope), authority })
    }

    /// Notes that a request was signed in a session, if it is a role's.
    pub(crate) fn used(&self, access_key_id: &str, token: &str, scope: Scope<'_>) {
        // It was opened before the signature was verified, and is in memory.
        let Ok(opened) = self.tokens.open(access_key_id, token) else { return };
        if let Actor::Role { id, .. } = &opened.session.actor {
            self.principals.note_use(id, scope, &opened.noted_ms);
        }
    }

    /// What a session may do, as of now; nothing when its role or user is gone.
    async fn authority(&self, opened: &Opened) -> Result<Option<Arc<Authority>>, CredentialError> {
        let session = &opened.session;
        let Some(base) = self.base(session).await.map_err(unreadable(opened))? else {
            return Ok(None);
        };
        let mut managed: Vec<Arc<Policy>> = Vec::with_capacity(session.policy_arns.len());
        for arn in &session.policy_arns {
            // A policy that is gone allows nothing any more; the others still do.
            managed.extend(self.principals.managed_policy(arn).await.map_err(unreadable(opened))?);
        }
        Ok(Some(opened.built.get_or_build(base, managed, |base, managed| {
            actor::authority(session, opened.inline.as_ref(), base, managed)
        })))
    }

    /// The authority that a session starts from.
    async fn base(&self, session: &Session) -> Result<Option<Arc<Authority>>, Stop> {
        match &session.actor {
            Actor::Role { id, .. }
            | Actor::User { id, .. }
            | Actor::Federated { maker: Some((_, id)), .. } => self.principals.by_id(id).await,
            Actor::Root | Actor::Federated { maker: None, .. } => {
                self.principals.root(&session.account).await
            }
        }
    }

    /// Forgets the sessions that were opened.
    pub fn forget(&self) {
        self.tokens.forget();
    }
}

impl Session {
    /// Whether IAM's operations are open to it at all ("Comparing AWS STS credentials", IAM User
    /// Guide).
    fn may_call_iam(&self) -> bool {
        match self.actor {
            Actor::Role { .. } => true,
            Actor::User { .. } | Actor::Root => self.mfa,
            Actor::Federated { .. } => false,
        }
    }
}

fn refusal(error: OpenError) -> CredentialError {
    match error {
        OpenError::Unauthentic => AuthError::BadToken.into(),
        OpenError::Barrier(error) => error.into(),
        OpenError::Crypto(error) => {
            tracing::error!(%error, "a session token could not be opened");
            CredentialError::Unreadable { id: "of a session".to_owned() }
        }
    }
}

fn unreadable(opened: &Opened) -> impl Fn(Stop) -> CredentialError {
    |_logged| CredentialError::Unreadable { id: opened.access_key_id.clone() }
}

#[cfg(test)]
mod tests {
    use bulla_crypto::Crypto;
    use bulla_plane::Clock;
    use bulla_policy::PrincipalKind;
    use bulla_store::{Barrier, Expected, Memory, SealedBatch};

    use super::super::session::tests::session;
    use super::super::tests::Nowhere;
    use super::*;
    use crate::iam::Iam;
    use crate::oidc::Providers;
    use crate::organizations::put_role;
    use crate::records::{ARNS, IDS, ROLES};

    const ACCOUNT: &str = "123456789012";
    const SCOPE: Scope<'static> =
        Scope { date: "20260101", region: "eu-central-1", service: "kms" };

    struct House {
        sessions: Sessions,
        iam: Iam,
        barrier: Arc<Barrier>,
    }

    impl House {
        async fn new() -> Self {
            let crypto = Crypto::standard();
            let root = crypto.generate_key().unwrap();
            let barrier = Barrier::create(Arc::new(Memory::new()), crypto.clone(), root).await;
            let barrier = Arc::new(barrier.unwrap());
            let clock = Arc::new(Clock::default());
            let principals = Arc::new(Principals::new(Arc::clone(&barrier), crypto, clock));
            let providers = Providers::new(Arc::clone(&principals), Arc::new(Nowhere), false);
            let iam = Iam::new(Arc::new(providers));
            Self { sessions: Sessions::new(principals), iam, barrier }
        }

        /// Makes the role and gives its id.
        async fn make_role(&self) -> String {
            let principals = &self.sessions.principals;
            let batch = SealedBatch::new();
            let batch = put_role(&self.iam, batch, ACCOUNT, "999999999999", "reader", 0).await;
            principals.commit(ACCOUNT, batch.unwrap()).await.unwrap();
            let role = principals.role("arn:aws:iam::123456789012:role/reader").await.unwrap();
            role.unwrap().unique_id
        }

        async fn delete_role(&self, id: &str) {
            let arn = "arn:aws:iam::123456789012:role/reader";
            let places = [(ROLES, "123456789012/reader"), (IDS, id), (ARNS, arn)];
            let mut batch = SealedBatch::new();
            for (space, key) in places {
                let row = self.barrier.get(space, key.as_bytes()).await.unwrap().unwrap();
                batch = batch.delete(space, key, Expected::At(row.version));
            }
            self.sessions.principals.commit(ACCOUNT, batch).await.unwrap();
        }

        fn issue(&self, session: &Session) -> Issued {
            self.sessions.issue(session, 0).unwrap()
        }

        async fn caller(&self, issued: &Issued) -> Result<Arc<Authority>, CredentialError> {
            self.caller_of("kms", issued).await
        }

        async fn caller_of(
            &self,
            service: &str,
            issued: &Issued,
        ) -> Result<Arc<Authority>, CredentialError> {
            let scope = Scope { service, ..SCOPE };
            let token = Some(issued.token.as_str());
            let found = self.sessions.credential(&issued.access_key_id, token, scope).await?;
            match found {
                Credential::Issued { authority, .. } => Ok(authority),
                Credential::Anyone(_) => panic!("nobody was asked for a signature"),
            }
        }
    }

    fn of_role(house: &House, id: &str) -> Session {
        let now_ms = house.sessions.principals.clock.now_ms();
        let arn = "arn:aws:iam::123456789012:role/reader".to_owned();
        Session {
            actor: Actor::Role { arn, id: id.to_owned(), name: "ann".into() },
            issued_ms: now_ms,
            expires_ms: now_ms + 3_600_000,
            ..session()
        }
    }

    fn refused(outcome: Result<Arc<Authority>, CredentialError>, expected: &AuthError) {
        match outcome {
            Err(CredentialError::Refused(error)) => assert_eq!(&error, expected),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_session_acts_as_its_role_until_it_ends() {
        let house = House::new().await;
        let id = house.make_role().await;
        let issued = house.issue(&of_role(&house, &id));
        let caller = house.caller(&issued).await.unwrap();
        assert_eq!(caller.principal.arn, "arn:aws:sts::123456789012:assumed-role/reader/ann");
        assert_eq!(caller.principal.unique_id, format!("{id}:ann"));
        assert_eq!(caller.identity_policies.len(), 1);
        assert_eq!(caller.session_policies.as_ref().map(Vec::len), Some(2));
        let one = |key| caller.condition(key).and_then(|values| values.single());
        assert_eq!(one("aws:principaltag/team"), Some("é"));
        assert_eq!(one("issuer.example:sub"), Some("repo:a"));
        let context = caller.session.as_ref().unwrap();
        assert_eq!(context.transitive_tags, [("team".to_owned(), "é".to_owned())]);
        assert_eq!(context.issuer.as_ref().unwrap().unique_id, id);
        assert!(Arc::ptr_eq(&caller, &house.caller(&issued).await.unwrap()), "not built anew");
        house.sessions.principals.clock.advance(3_600_000);
        refused(house.caller(&issued).await, &AuthError::ExpiredToken);
    }

    #[tokio::test]
    async fn a_deleted_role_takes_its_sessions_with_it_also_when_its_name_comes_back() {
        let house = House::new().await;
        let id = house.make_role().await;
        let issued = house.issue(&of_role(&house, &id));
        house.caller(&issued).await.unwrap();
        house.delete_role(&id).await;
        refused(house.caller(&issued).await, &AuthError::BadToken);
        let other = house.make_role().await;
        assert_ne!(id, other);
        refused(house.caller(&issued).await, &AuthError::BadToken);
        assert!(house.caller(&house.issue(&of_role(&house, &other))).await.is_ok());
    }

    #[tokio::test]
    async fn a_token_is_asked_for_and_must_be_the_keys_own() {
        let house = House::new().await;
        let id = house.make_role().await;
        let issued = house.issue(&of_role(&house, &id));
        let without = house.sessions.credential(&issued.access_key_id, None, SCOPE).await;
        assert!(matches!(without, Err(CredentialError::Refused(AuthError::UnknownKey))));
        let other = house.issue(&of_role(&house, &id));
        let mixed = Issued { token: other.token, ..issued };
        refused(house.caller(&mixed).await, &AuthError::BadToken);
    }

    #[tokio::test]
    async fn sessions_of_root_users_and_of_federated_users_are_kept_from_iam() {
        let house = House::new().await;
        let plain = Session {
            policy: None,
            policy_arns: Vec::new(),
            tags: Vec::new(),
            web_identity: None,
            source_identity: None,
            ..of_role(&house, "")
        };
        let root = house.issue(&Session { actor: Actor::Root, ..plain.clone() });
        let caller = house.caller(&root).await.unwrap();
        assert_eq!(caller.principal.kind, PrincipalKind::Root);
        assert!(caller.session.as_ref().is_some_and(|session| session.issuer.is_none()));
        refused(house.caller_of("iam", &root).await, &AuthError::BadToken);
        let actor = Actor::Federated { name: "bob".into(), maker: None };
        let federated = house.issue(&Session { actor, ..plain });
        let caller = house.caller(&federated).await.unwrap();
        assert_eq!(caller.principal.arn, "arn:aws:sts::123456789012:federated-user/bob");
        assert_eq!(caller.principal.unique_id, "123456789012:bob");
        assert_eq!(caller.session_policies.as_ref().map(Vec::len), Some(0), "allows nothing");
        refused(house.caller_of("iam", &federated).await, &AuthError::BadToken);
    }
}
