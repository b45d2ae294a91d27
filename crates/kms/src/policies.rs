//! Key policies: the default one, and what a new one must fulfil (KMS guide).

use bulla_plane::Stop;
use bulla_plane::gate::Named;
use bulla_plane::{Call, Directory, Guarded, Protected};
use bulla_policy::{NamedPrincipal, Policy, PolicyKind, PrincipalType, Values};

use crate::conditions::RequestKeys;
use crate::key::KeyRecord;
use crate::quotas::POLICY_BYTES;
use crate::{Kms, fault, live, policy_text, principals};

/// The policy of a key that was made without one, byte for byte as AWS writes it.
pub(crate) fn default_text(partition: &str, account: &str) -> String {
    format!(
        r#"{{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {{
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "arn:{partition}:iam::{account}:root"
    }},
    "Action" : "kms:*",
    "Resource" : "*"
  }} ]
}}"#
    )
}

/// A policy that a key may have.
pub(crate) struct Accepted {
    pub(crate) text: String,
    /// See [`KeyRecord::principals`].
    pub(crate) principals: Vec<(String, String)>,
}

/// Checks a policy that a caller wants a key to have. Unless `bypass` is set, the caller must be
/// able to change it again.
pub(crate) async fn checked(
    kms: &Kms,
    call: &Call,
    text: String,
    record: &KeyRecord,
    bypass: bool,
) -> Result<Accepted, Stop> {
    // The model's own limit is wider.
    let most = POLICY_BYTES.limit(call);
    if text.len() > most {
        let text = format!("A key policy has at most {most} bytes.");
        return Err(fault::limit_exceeded(text).into());
    }
    let mut policy = Policy::parse(&text, PolicyKind::Key)
        .map_err(|error| fault::malformed_policy(error.aws_message()))?;
    let mut principals: Vec<(String, String)> = Vec::new();
    for named in policy.principals() {
        let known = principals.iter().any(|(arn, _)| arn == named.text);
        let Some(id) = existing(&*kms.directory, call.partition, named).await? else {
            let text = "Policy contains a statement with one or more invalid principals.";
            return Err(fault::malformed_policy(text).into());
        };
        if is_entity(named) && !known {
            principals.push((named.text.to_owned(), id));
        }
    }
    bind(&mut policy, &principals);
    if bypass {
        return Ok(Accepted { text, principals });
    }
    // The Gate itself answers, so that this check and the later call cannot differ. Identity
    // policies count; grants do not, as none is looked at.
    let keys = RequestKeys::none()
        .with("kms:policyname", "default")
        .with("kms:bypasspolicylockoutsafetycheck", "false");
    let proposed = Guarded::new(Proposed { policy, record, arn: record.arn() });
    match proposed.permit(call, "kms:PutKeyPolicy", &keys, Named::Key) {
        Ok(_) => Ok(Accepted { text, principals }),
        Err(_) => Err(fault::malformed_policy(
            "The new key policy will not allow you to update the key policy in the future.",
        )
        .into()),
    }
}

/// Ties the users and roles of a policy to those who they were when it was set: a namesake who
/// comes later is not trusted.
pub(crate) fn bind(policy: &mut Policy, principals: &[(String, String)]) {
    policy.bind_principals(|text| {
        principals.iter().find(|(arn, _)| arn == text).map(|(_, id)| id.clone())
    });
}

/// A key's policy as it is shown: principals that are gone stand by their unique ids.
pub(crate) async fn shown(directory: &dyn Directory, record: &KeyRecord) -> Result<String, Stop> {
    let mut others = Vec::new();
    for (arn, id) in &record.principals {
        let now = directory.find(id).await?.map_or_else(|| id.clone(), |known| known.arn);
        if now != *arn {
            others.push((arn, now));
        }
    }
    if others.is_empty() {
        return Ok(record.policy.clone());
    }
    let other =
        |name: &str| others.iter().find(|(arn, _)| *arn == name).map(|(_, now)| now.clone());
    Ok(policy_text::with_principals(&record.policy, other))
}

/// The unique id of a principal, if it exists. Of services every name is taken for one that does:
/// nobody registers them. Neither identity providers nor canonical users are principals of keys
/// here.
async fn existing(
    directory: &dyn Directory,
    partition: &str,
    named: NamedPrincipal<'_>,
) -> Result<Option<String>, Stop> {
    match named.principal_type {
        PrincipalType::Service => Ok(Some(named.text.to_owned())),
        PrincipalType::Aws if named.text == "*" => Ok(Some(named.text.to_owned())),
        PrincipalType::Aws => {
            let found = principals::resolve(directory, partition, named.text).await?;
            Ok(found.ok().map(|principal| principal.id))
        }
        PrincipalType::Federated | PrincipalType::CanonicalUser => Ok(None),
    }
}

/// Whether a user or role is named by ARN.
fn is_entity(named: NamedPrincipal<'_>) -> bool {
    named.principal_type == PrincipalType::Aws
        && (named.text.contains(":user/") || named.text.contains(":role/"))
}

/// A key as it would be under a new policy.
struct Proposed<'a> {
    policy: Policy,
    record: &'a KeyRecord,
    arn: String,
}

impl Protected for Proposed<'_> {
    fn arn(&self) -> &str {
        &self.arn
    }

    fn account(&self) -> &str {
        &self.record.account
    }

    fn policy(&self) -> Option<&Policy> {
        Some(&self.policy)
    }

    // Tags and aliases are left out: they can go at any time, so a policy that needs them for its
    // own change is not safe.
    fn condition(&self, key: &str) -> Option<Values<'_>> {
        live::lasting_condition(self.record, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_policy_parses() {
        let text = default_text("aws-cn", "111122223333");
        assert!(text.contains(r#""AWS" : "arn:aws-cn:iam::111122223333:root""#));
        assert!(Policy::parse(&text, PolicyKind::Key).is_ok());
    }
}
