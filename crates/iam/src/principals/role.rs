//! Roles as STS sees them: whom they trust, and how long a session of one may last.

use std::collections::HashMap;

use bulla_plane::{Protected, Stop};
use bulla_policy::{Policy, PolicyKind, Values};

use super::Principals;
use crate::records::{Entity, PARTITION, ROLES, RolePart, Stored, load, row};

/// A role that can be assumed.
#[derive(Debug, Clone)]
pub struct Role {
    /// With its path.
    pub arn: String,
    /// The account.
    pub account: String,
    /// Without its path.
    pub name: String,
    /// `AROA…`.
    pub unique_id: String,
    /// The trust policy, tied to the unique ids of those it names.
    pub trust: Policy,
    /// The longest session, in seconds.
    pub max_session_seconds: i64,
    /// The role's own tags, which a session's tags go before.
    pub tags: Vec<(String, String)>,
}

/// The trust policy is the role's resource policy, and must allow.
impl Protected for Role {
    fn arn(&self) -> &str {
        &self.arn
    }

    fn account(&self) -> &str {
        &self.account
    }

    fn policy(&self) -> Option<&Policy> {
        Some(&self.trust)
    }

    fn condition(&self, key: &str) -> Option<Values<'_>> {
        if key == "aws:resourceaccount" {
            return Some(Values::One(&self.account));
        }
        let name = key
            .strip_prefix("aws:resourcetag/")
            .or_else(|| key.strip_prefix("iam:resourcetag/"))?;
        bulla_policy::tag(&self.tags, name)
    }
}

impl Principals {
    /// The role of an ARN. None when there is no such role, or the ARN has another path.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn role(&self, arn: &str) -> Result<Option<Role>, Stop> {
        let rest = arn.strip_prefix("arn:").and_then(|rest| rest.strip_prefix(PARTITION));
        let Some((account, path)) =
            rest.and_then(|rest| rest.strip_prefix(":iam::")?.split_once(":role/"))
        else {
            return Ok(None);
        };
        let name = path.rsplit('/').next().unwrap_or_default();
        let view = self.barrier.view().await?;
        let found: Option<Stored<Entity>> = load(&view, ROLES, &row(account, name)).await?;
        let Some(Entity { role: Some(part), id, tags, account, name, path, .. }) =
            found.map(|found| found.record)
        else {
            return Ok(None);
        };
        let own = crate::records::arn("role", &account, &path, &name);
        if own != arn {
            return Ok(None);
        }
        let trust = trust(&part)?;
        let max_session_seconds = part.max_session_seconds;
        let (arn, unique_id) = (own, id);
        Ok(Some(Role { arn, account, name, unique_id, trust, max_session_seconds, tags }))
    }
}

/// A role's trust policy, compiled and tied to whom it named when it was stored.
pub(crate) fn trust(part: &RolePart) -> Result<Policy, Stop> {
    let mut policy = Policy::parse(&part.trust, PolicyKind::Trust).map_err(|error| {
        tracing::error!(%error, "a stored trust policy does not parse");
        Stop::Internal
    })?;
    let ids: HashMap<&str, &str> =
        part.bindings.iter().map(|binding| (&*binding.arn, &*binding.id)).collect();
    policy.bind_principals(|arn| ids.get(arn).map(|id| (*id).to_owned()));
    Ok(policy)
}
