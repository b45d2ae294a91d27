//! What a principal's own side lets it do, compiled from its records.

use std::collections::BTreeMap;
use std::sync::Arc;

use bulla_plane::{Authority, ConditionValue, Stop};
use bulla_policy::{Policy, PolicyKind, Principal};
use bulla_store::View;

use super::cache::Generation;
use super::{Bounds, Principals};
use crate::managed;
use crate::records::{
    Entity, Holder, IDS, Kind, PARTITION, POLICIES, PolicyRecord, Stored, load, row,
};

/// The session that a role's authority stands for where nobody has assumed it.
const ANY_SESSION: &str = "session";

/// The condition keys that a principal sets, by their name in lower case.
pub(super) type Keys = BTreeMap<String, ConditionValue>;

pub(super) fn one(value: impl Into<String>) -> ConditionValue {
    ConditionValue::One(value.into())
}

/// `aws:PrincipalTag/…` of some tags; a later tag goes before an earlier one.
pub(super) fn add_tags(keys: &mut Keys, tags: &[(String, String)]) {
    for (key, value) in tags {
        keys.insert(format!("aws:principaltag/{}", key.to_lowercase()), one(value));
    }
}

impl Principals {
    /// The authority of an account's root user. None when the account is closed.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn root(&self, account: &str) -> Result<Option<Arc<Authority>>, Stop> {
        if let Some(authority) = self.cache.authority(account) {
            return Ok(Some(authority));
        }
        let read_at = self.cache.generation(account);
        let Bounds { levels, conditions, closed } = self.bounds(account).await?;
        if closed {
            return Ok(None);
        }
        let keys: Keys = conditions.into_iter().collect();
        let mut authority = Authority::bare(Principal::root(PARTITION, account));
        authority.service_control_policies = levels;
        authority.conditions = keys.into_iter().collect();
        let authority = Arc::new(authority);
        self.cache.keep_authority(read_at, account, &authority);
        Ok(Some(authority))
    }

    /// The authority of a user, or of a role in a session without session policies, by its unique
    /// id. None when nobody has that id, or the account is closed.
    ///
    /// # Errors
    /// When the store can't be read, or a stored policy can't.
    pub async fn by_id(&self, id: &str) -> Result<Option<Arc<Authority>>, Stop> {
        if let Some(authority) = self.cache.authority(id) {
            return Ok(Some(authority));
        }
        let view = self.barrier.view().await?;
        let Some(holder) = load::<Holder>(&view, IDS, id).await? else { return Ok(None) };
        drop(view);
        // The generation is asked for first, so all is read again after it.
        let account = holder.record.account;
        let read_at = self.cache.generation(&account);
        let bounds = self.bounds(&account).await?;
        if bounds.closed {
            return Ok(None);
        }
        let view = self.barrier.view().await?;
        let Some(entity) = entity_by_id(&view, id).await? else { return Ok(None) };
        let authority = Arc::new(self.build(&view, read_at, &entity.record, bounds).await?);
        drop(view);
        self.cache.keep_authority(read_at, id, &authority);
        Ok(Some(authority))
    }

    /// Compiles what an entity's records say.
    async fn build(
        &self,
        view: &View<'_>,
        read_at: Generation,
        entity: &Entity,
        bounds: Bounds,
    ) -> Result<Authority, Stop> {
        let mut identity = Vec::new();
        self.own_policies(view, read_at, entity, &mut identity).await?;
        for group in &entity.groups {
            // One that was just deleted left its members in the same commit.
            if let Some(group) = entity_by_id(view, group).await? {
                self.own_policies(view, read_at, &group.record, &mut identity).await?;
            }
        }
        let boundary = match &entity.boundary {
            Some(arn) => Some(self.managed(view, read_at, arn).await?.ok_or_else(|| lost(arn))?),
            None => None,
        };
        let (principal, mut keys) = describe(entity);
        keys.extend(bounds.conditions);
        let linked = entity.role.as_ref().is_some_and(|role| role.service.is_some());
        Ok(Authority {
            principal,
            identity_policies: identity,
            boundary,
            session_policies: None,
            session: None,
            // Service control policies do not bind service-linked roles.
            service_control_policies: if linked { Vec::new() } else { bounds.levels },
            conditions: keys.into_iter().collect(),
        })
    }

    async fn own_policies(
        &self,
        view: &View<'_>,
        read_at: Generation,
        entity: &Entity,
        policies: &mut Vec<Arc<Policy>>,
    ) -> Result<(), Stop> {
        for inline in &entity.inline {
            let policy = compile(&inline.document, PolicyKind::Identity)?;
            policies.push(Arc::new(policy.named(&inline.name, None)));
        }
        for arn in &entity.attached {
            let policy = self.managed(view, read_at, arn).await?;
            policies.push(policy.ok_or_else(|| lost(arn))?);
        }
        Ok(())
    }

    /// The managed policy of an ARN in the version that is in force.
    ///
    /// # Errors
    /// When the store can't be read, or the stored policy can't.
    pub async fn managed_policy(&self, arn: &str) -> Result<Option<Arc<Policy>>, Stop> {
        let read_at = self.cache.generation(account_of(arn).unwrap_or_default());
        self.managed(&self.barrier.view().await?, read_at, arn).await
    }

    /// As [`managed_policy`](Self::managed_policy); the account's generation was `read_at` before
    /// the view was taken.
    async fn managed(
        &self,
        view: &View<'_>,
        read_at: Generation,
        arn: &str,
    ) -> Result<Option<Arc<Policy>>, Stop> {
        if let Some(policy) = managed::compiled(arn) {
            return Ok(Some(policy));
        }
        let Some(account) = account_of(arn) else { return Ok(None) };
        if let Some(policy) = self.cache.policy(arn) {
            return Ok(Some(policy));
        }
        let Some(found) = managed_record(view, arn).await? else { return Ok(None) };
        let in_force = found.record.in_force().ok_or_else(|| lost(arn))?;
        let policy = compile(&in_force.document, PolicyKind::Identity)?;
        let policy = Arc::new(policy.named(&found.record.name, Some(arn)));
        self.cache.keep_policy(read_at, account, arn, &policy);
        Ok(Some(policy))
    }
}

/// Who an entity is, and the condition keys that it sets.
fn describe(entity: &Entity) -> (Principal, Keys) {
    let mut keys = Keys::new();
    let (account, arn, id) = (&*entity.account, entity.arn(), &*entity.id);
    let principal = if entity.kind == Kind::Role {
        session_principal(account, &entity.name, &arn, id, ANY_SESSION)
    } else {
        Principal::user(account, arn, id)
    };
    add_tags(&mut keys, &entity.tags);
    (principal, keys)
}

/// A session of a role.
pub(crate) fn session_principal(
    account: &str,
    role_name: &str,
    role_arn: &str,
    role_id: &str,
    session: &str,
) -> Principal {
    let arn = format!("arn:{PARTITION}:sts::{account}:assumed-role/{role_name}/{session}");
    Principal::assumed_role(account, role_arn, arn, format!("{role_id}:{session}"))
}

/// The user, group or role that has a unique id.
pub(crate) async fn entity_by_id(
    view: &View<'_>,
    id: &str,
) -> Result<Option<Stored<Entity>>, Stop> {
    let Some(holder) = load::<Holder>(view, IDS, id).await? else { return Ok(None) };
    let Holder { kind, account, name } = holder.record;
    let found: Option<Stored<Entity>> = load(view, kind.space(), &row(&account, &name)).await?;
    Ok(found.filter(|entity| entity.record.id == id))
}

/// The account of a customer managed policy's ARN.
fn account_of(arn: &str) -> Option<&str> {
    let mut fields = arn.splitn(6, ':');
    let head = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let (account, resource) = (fields.next()?, fields.next()?);
    let ours = head == ("arn", PARTITION, "iam", "") && resource.starts_with("policy/");
    ours.then_some(account)
}

/// The record of a customer managed policy by its ARN.
pub(crate) async fn managed_record(
    view: &View<'_>,
    arn: &str,
) -> Result<Option<Stored<PolicyRecord>>, Stop> {
    let Some(account) = account_of(arn) else { return Ok(None) };
    let name = arn.rsplit('/').next().unwrap_or_default();
    let found: Option<Stored<PolicyRecord>> = load(view, POLICIES, &row(account, name)).await?;
    Ok(found.filter(|policy| policy.record.arn() == arn))
}

fn compile(document: &str, kind: PolicyKind) -> Result<Policy, Stop> {
    Policy::parse(document, kind).map_err(|error| {
        tracing::error!(%error, "a stored policy does not parse");
        Stop::Internal
    })
}

fn lost(arn: &str) -> Stop {
    tracing::error!(arn, "a managed policy that somebody has is not in the store");
    Stop::Internal
}
