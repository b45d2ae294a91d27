//! Key policies: the default one, and what a new one must fulfil (facts 1.9).

use bulla_plane::Stop;
use bulla_plane::gate::Named;
use bulla_plane::{Call, Guarded, Protected};
use bulla_policy::{NamedPrincipal, Policy, PolicyKind, PrincipalType, Values};

use crate::conditions::RequestKeys;
use crate::fault;

/// The most bytes of a policy; the model's own limit is wider.
const MAX_POLICY_BYTES: usize = 32_768;

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

/// Parses a policy that a caller wants a key to have. Unless `bypass` is set, the caller must be
/// able to change it again.
pub(crate) fn checked(
    call: &Call,
    text: &str,
    account: &str,
    key_arn: &str,
    bypass: bool,
) -> Result<Policy, Stop> {
    if text.len() > MAX_POLICY_BYTES {
        let text = format!("A key policy has at most {MAX_POLICY_BYTES} bytes.");
        return Err(fault::limit_exceeded(text).into());
    }
    let policy = Policy::parse(text, PolicyKind::Key)
        .map_err(|error| fault::malformed_policy(error.aws_message()))?;
    if !policy.principals().all(|named| exists(call.partition, named)) {
        let text = "Policy contains a statement with one or more invalid principals.";
        return Err(fault::malformed_policy(text).into());
    }
    if bypass {
        return Ok(policy);
    }
    // The Gate itself answers, so that this check and the later call cannot differ.
    let keys = RequestKeys::none().with("kms:bypasspolicylockoutsafetycheck", "false");
    let proposed = Guarded::new(Proposed { policy, account, arn: key_arn });
    match proposed.permit(call, "kms:PutKeyPolicy", &keys, Named::Key) {
        Ok(proposed) => Ok(proposed.policy),
        Err(_) => Err(fault::malformed_policy(
            "The new key policy will not allow you to update the key policy in the future.",
        )
        .into()),
    }
}

/// Whether a principal can exist. This server has accounts and services but neither users nor
/// roles.
fn exists(partition: &str, named: NamedPrincipal<'_>) -> bool {
    match named.principal_type {
        PrincipalType::Service => true,
        PrincipalType::Aws => {
            let text = named.text;
            text == "*" || is_account(text) || root_of(partition, text).is_some_and(is_account)
        }
        PrincipalType::Federated | PrincipalType::CanonicalUser => false,
    }
}

/// The account whose root this ARN names.
fn root_of<'a>(partition: &str, text: &'a str) -> Option<&'a str> {
    let rest = text.strip_prefix("arn:")?.strip_prefix(partition)?;
    rest.strip_prefix(":iam::")?.strip_suffix(":root")
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A key as it would be under a new policy.
struct Proposed<'a> {
    policy: Policy,
    account: &'a str,
    arn: &'a str,
}

impl Protected for Proposed<'_> {
    fn arn(&self) -> &str {
        self.arn
    }

    fn account(&self) -> &str {
        self.account
    }

    fn policy(&self) -> Option<&Policy> {
        Some(&self.policy)
    }

    // Tags and aliases are left out: they can go at any time, so a policy that needs them for its
    // own change is not safe.
    fn condition(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "kms:keyorigin" => Some(Values::One("AWS_KMS")),
            "kms:keyspec" | "kms:customermasterkeyspec" => Some(Values::One("SYMMETRIC_DEFAULT")),
            "kms:keyusage" | "kms:customermasterkeyusage" => Some(Values::One("ENCRYPT_DECRYPT")),
            "kms:multiregion" => Some(Values::One("false")),
            "aws:resourceaccount" => Some(Values::One(self.account)),
            _ => None,
        }
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

    #[test]
    fn only_accounts_and_services_exist() {
        let aws = |text| exists("aws", NamedPrincipal { principal_type: PrincipalType::Aws, text });
        assert!(aws("*") && aws("111122223333") && aws("arn:aws:iam::111122223333:root"));
        assert!(!aws("arn:aws:iam::111122223333:user/a"));
        assert!(!aws("arn:aws:iam::111122223333:role/a"));
        assert!(!aws("arn:aws-cn:iam::111122223333:root"));
        assert!(!aws("AIDACKCEVSQ6C2EXAMPLE"));
    }
}
