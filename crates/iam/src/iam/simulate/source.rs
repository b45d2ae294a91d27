//! Whose policies a simulation takes: a user with its groups, a group, or a role.

use std::sync::Arc;

use bulla_plane::{Call, Stop};
use bulla_policy::{Context, Policy, PolicyKind, Principal};
use bulla_shapes::iam::PolicyIdentifier;
use bulla_shapes::{Fault, Views};

use super::super::gate::On;
use super::super::{Iam, fault};
use crate::records::{Entity, Kind};

/// A principal's own side.
pub(super) struct Source {
    pub(super) arn: String,
    pub(super) principal: Principal,
    pub(super) identity: Vec<Arc<Policy>>,
    pub(super) boundary: Option<Arc<Policy>>,
    pub(super) levels: Vec<Vec<Arc<Policy>>>,
}

/// The account, kind and name in the ARN of a user, group or role. The path does not matter.
fn parts(arn: &str) -> Result<(&str, Kind, &str), Fault> {
    let unclear = || {
        fault::invalid_input(format!(
            "Invalid Entity Arn: {arn} does not clearly define entity type and name."
        ))
    };
    let (head, rest) = arn.split_once(":iam::").ok_or_else(unclear)?;
    let (account, resource) = rest.split_once(':').ok_or_else(unclear)?;
    let (word, path) = resource.split_once('/').ok_or_else(unclear)?;
    let name = path.rsplit('/').next().unwrap_or_default();
    let kind = match word {
        "user" => Kind::User,
        "group" => Kind::Group,
        "role" => Kind::Role,
        _ => return Err(unclear()),
    };
    if !head.starts_with("arn:aws") || name.is_empty() {
        return Err(unclear());
    }
    Ok((account, kind, name))
}

/// The caller of a simulation, by the ARN that the request gives. Whether there is such a user does
/// not matter.
pub(super) fn caller(arn: &str) -> Result<Principal, Fault> {
    match parts(arn)? {
        (account, Kind::User, _) => Ok(Principal::user(account, arn, "")),
        _ => Err(fault::invalid_input(
            "Invalid caller - Caller must be an IAM user in this context.",
        )),
    }
}

impl Iam {
    /// The principal whose policies a simulation takes, if the caller may look at them.
    pub(super) async fn source(
        &self,
        call: &Call,
        arn: &str,
        action: &'static str,
    ) -> Result<Source, Stop> {
        let (account, kind, name) = parts(arn)?;
        if account != call.account() {
            let own = call.account();
            return Err(fault::invalid_input(format!(
                "Invalid Policy Source Arn: caller's account {own} does not have access to \
                 policies in account {account}"
            ))
            .into());
        }
        let live = self.entity(call, On { kind, name, action }, Context::new()).await?;
        if kind == Kind::Group {
            return self.group_source(live.arn, &live.record).await;
        }
        let authority = self.principals.by_id(&live.record.id).await?.ok_or(Stop::Again)?;
        Ok(Source {
            arn: live.arn,
            principal: authority.principal.clone(),
            identity: named(&live.record, &authority.identity_policies),
            boundary: authority.boundary.clone(),
            levels: authority.service_control_policies.clone(),
        })
    }

    /// A group calls nobody; it is simulated as a user who has nothing but the group's policies.
    async fn group_source(&self, arn: String, group: &Entity) -> Result<Source, Stop> {
        let mut identity = Vec::new();
        for inline in &group.inline {
            let policy = Policy::parse(&inline.document, PolicyKind::Identity);
            let policy = policy.map_err(|error| {
                tracing::error!(%error, "a stored policy does not parse");
                Stop::Internal
            })?;
            identity.push(Arc::new(policy.named(&inline.name, None)));
        }
        for arn in &group.attached {
            identity.push(self.principals.managed_policy(arn).await?.ok_or(Stop::Again)?);
        }
        let principal = Principal::user(group.account.as_str(), arn.as_str(), "");
        let identity = named(group, &identity);
        Ok(Source { arn, principal, identity, boundary: None, levels: Vec::new() })
    }
}

/// What results call an inline policy (the form is ours; AWS's is not recorded).
fn inline_name(kind: &str, holder: &str, policy: &str) -> String {
    format!("{kind}_{holder}_{policy}")
}

/// Policies under the names that results call them by.
fn named(entity: &Entity, policies: &[Arc<Policy>]) -> Vec<Arc<Policy>> {
    let name = |policy: &Arc<Policy>| match policy.arn() {
        Some(_) => Arc::clone(policy),
        None => {
            let name = inline_name(entity.kind.word(), &entity.name, policy.name());
            Arc::new(Policy::clone(policy).named(&name, None))
        }
    };
    policies.iter().map(name).collect()
}

impl Source {
    /// Leaves out what the request does not want to be looked at.
    pub(super) fn exclude<'r>(&mut self, excluded: Option<Views<'r, PolicyIdentifier<'r>>>) {
        for identifier in excluded.iter().flat_map(Views::iter) {
            if let Some(arn) = identifier.policy_arn() {
                self.identity.retain(|policy| policy.arn() != Some(arn));
                self.boundary.take_if(|policy| policy.arn() == Some(arn));
            }
            if let Some(inline) = identifier.inline_policy_identifier() {
                let (kind, holder) = (inline.attachment_type(), inline.attachment_name());
                let name = inline_name(&kind.to_lowercase(), holder, inline.policy_name());
                self.identity.retain(|policy| policy.arn().is_some() || policy.name() != name);
            }
            let of_aws = |policy: &Arc<Policy>| {
                policy.arn().is_some_and(|arn| arn.contains("::aws:policy/"))
            };
            match identifier.policy_type() {
                Some("inline") => self.identity.retain(|policy| policy.arn().is_some()),
                Some("aws-managed") => self.identity.retain(|policy| !of_aws(policy)),
                Some("user-managed") => {
                    self.identity.retain(|policy| policy.arn().is_none() || of_aws(policy));
                }
                Some("permission-boundary") => self.boundary = None,
                Some("scp") => self.levels.clear(),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_tells_whose_policies_are_meant() {
        let (account, kind, name) =
            parts("arn:aws:iam::111122223333:role/a/b/R").expect("a role's ARN");
        assert_eq!((account, kind, name), ("111122223333", Kind::Role, "R"));
        for arn in [
            "arn:aws:sts::111122223333:assumed-role/R/s",
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::111122223333:user/",
            "alice",
        ] {
            let refusal = parts(arn).expect_err(arn);
            let text =
                format!("Invalid Entity Arn: {arn} does not clearly define entity type and name.");
            assert_eq!(refusal.message.as_deref(), Some(text.as_str()));
        }
    }
}
