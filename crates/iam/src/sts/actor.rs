//! What a session's caller is and may do, from what its token says and its role's or user's own
//! authority.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use bulla_plane::{Authority, ConditionValue, SessionContext, SessionIssuer, WebIdentity};
use bulla_policy::{Policy, PolicyKind, Principal, PrincipalKind};

use super::session::{Actor, Session};
use crate::principals::session_principal;
use crate::records::PARTITION;

/// What a root user may do, for the sessions of federated users that it makes: those have
/// identity policies, unlike the root user.
static EVERYTHING: LazyLock<Option<Arc<Policy>>> = LazyLock::new(|| {
    let text =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    Policy::parse(text, PolicyKind::Identity).ok().map(Arc::new)
});

/// The authority that was last built for a session, and what it was built from.
#[derive(Default)]
pub(super) struct Built(Mutex<Option<Kept>>);

struct Kept {
    base: Arc<Authority>,
    managed: Vec<Arc<Policy>>,
    authority: Arc<Authority>,
}

impl Kept {
    /// Whether it was built from the very same parts: what changes is made anew.
    fn is_of(&self, base: &Arc<Authority>, managed: &[Arc<Policy>]) -> bool {
        Arc::ptr_eq(&self.base, base)
            && self.managed.len() == managed.len()
            && self.managed.iter().zip(managed).all(|(one, other)| Arc::ptr_eq(one, other))
    }
}

impl Built {
    pub(super) fn get_or_build(
        &self,
        base: Arc<Authority>,
        managed: Vec<Arc<Policy>>,
        build: impl FnOnce(&Authority, &[Arc<Policy>]) -> Authority,
    ) -> Arc<Authority> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.as_ref().filter(|kept| kept.is_of(&base, &managed)) {
            return Arc::clone(&kept.authority);
        }
        let authority = Arc::new(build(&base, &managed));
        *kept = Some(Kept { base, managed, authority: Arc::clone(&authority) });
        authority
    }
}

/// The caller of a session.
pub(super) fn authority(
    session: &Session,
    inline: Option<&Arc<Policy>>,
    base: &Authority,
    managed: &[Arc<Policy>],
) -> Authority {
    let mut authority = Authority {
        principal: principal(session, base),
        session: Some(Arc::new(context(session))),
        ..base.clone()
    };
    if authority.principal.kind != PrincipalKind::Root {
        authority.session_policies = policies(session, inline, managed);
    }
    if matches!(&session.actor, Actor::Federated { maker: None, .. }) {
        authority.identity_policies = EVERYTHING.iter().cloned().collect();
    }
    let mut keys: BTreeMap<String, ConditionValue> = authority.conditions.into_iter().collect();
    let mut set = |key: String, value: &str| {
        keys.insert(key, ConditionValue::One(value.to_owned()));
    };
    if let Actor::Role { name, .. } = &session.actor {
        set("aws:rolesessionname".to_owned(), name);
    }
    for tag in &session.tags {
        set(format!("aws:principaltag/{}", tag.key.to_lowercase()), &tag.value);
    }
    if let Some(web) = &session.web_identity {
        let issuer = web.issuer.to_lowercase();
        set(format!("{issuer}:sub"), &web.subject);
        set(format!("{issuer}:aud"), &web.audience);
    }
    if matches!(session.actor, Actor::Federated { .. }) {
        // These are the maker's, not the federated user's.
        for key in ["aws:username", "aws:principaltype", "aws:principalarn"] {
            keys.remove(key);
        }
    }
    authority.conditions = keys.into_iter().collect();
    authority
}

/// The session policies. A federated user without any may do nothing by identity policies.
fn policies(
    session: &Session,
    inline: Option<&Arc<Policy>>,
    managed: &[Arc<Policy>],
) -> Option<Vec<Arc<Policy>>> {
    let given = session.policy.is_some() || !session.policy_arns.is_empty();
    let federated = matches!(session.actor, Actor::Federated { .. });
    (given || federated).then(|| inline.into_iter().chain(managed).cloned().collect())
}

fn principal(session: &Session, base: &Authority) -> Principal {
    let account = &session.account;
    match &session.actor {
        Actor::Role { arn, id, name } => {
            let role = arn.rsplit('/').next().unwrap_or_default();
            session_principal(account, role, arn, id, name)
        }
        Actor::User { .. } | Actor::Root => base.principal.clone(),
        Actor::Federated { name, .. } => Principal {
            account: account.clone(),
            kind: PrincipalKind::FederatedUser {
                user_arn: base.principal.arn.clone(),
                user_id: base.principal.unique_id.clone(),
            },
            arn: federated_arn(account, name),
            unique_id: format!("{account}:{name}"),
            canonical_user: None,
        },
    }
}

/// The ARN of a federated user.
pub(super) fn federated_arn(account: &str, name: &str) -> String {
    format!("arn:{PARTITION}:sts::{account}:federated-user/{name}")
}

fn context(session: &Session) -> SessionContext {
    let tags = session.tags.iter().filter(|tag| tag.transitive);
    SessionContext {
        issuer: issuer(session),
        created_ms: session.issued_ms,
        mfa: session.mfa,
        source_identity: session.source_identity.clone(),
        transitive_tags: tags.map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
        web_identity: session.web_identity.as_ref().map(|web| WebIdentity {
            provider: web.provider.clone(),
            subject: web.subject.clone(),
        }),
    }
}

fn issuer(session: &Session) -> Option<SessionIssuer> {
    let account = session.account.clone();
    let (kind, unique_id, arn) = match &session.actor {
        Actor::Role { arn, id, .. } => ("Role", id.clone(), arn.clone()),
        Actor::Federated { maker: Some((arn, id)), .. } => ("IAMUser", id.clone(), arn.clone()),
        Actor::Federated { maker: None, .. } => {
            let arn = format!("arn:{PARTITION}:iam::{account}:root");
            return Some(SessionIssuer {
                kind: "Root",
                unique_id: account.clone(),
                arn,
                account,
                name: String::new(),
            });
        }
        Actor::User { .. } | Actor::Root => return None,
    };
    let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
    Some(SessionIssuer { kind, unique_id, arn, account, name })
}
