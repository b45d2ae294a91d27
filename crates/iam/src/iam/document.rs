//! Policy documents on their way into the store: strict, and within IAM's sizes.

use bulla_plane::{Directory, Stop};
use bulla_policy::{Policy, PolicyKind, PrincipalType};
use bulla_shapes::Fault;

use super::{Iam, fault};
use crate::records::{Kind, TrustBinding};

/// The most characters of a managed policy, white space not counted.
const MAX_MANAGED: usize = 6144;
/// The most characters of a trust policy, white space not counted.
const MAX_TRUST: usize = 2048;

/// The most characters of all inline policies of one entity together.
fn most_inline(kind: Kind) -> usize {
    match kind {
        Kind::User => 2048,
        Kind::Group => 5120,
        Kind::Role => 10_240,
    }
}

/// What counts of a document ("IAM and AWS STS quotas": white space does not).
pub(crate) fn size(document: &str) -> usize {
    document.chars().filter(|letter| !letter.is_ascii_whitespace()).count()
}

/// Checks an identity policy.
pub(crate) fn check(document: &str) -> Result<(), Fault> {
    let policy = Policy::parse(document, PolicyKind::Identity)
        .map_err(|error| fault::malformed_policy(error.aws_message()))?;
    if !policy.has_variables() {
        let text = "Policy document must be version 2012-10-17 or greater.";
        return Err(fault::malformed_policy(text));
    }
    Ok(())
}

/// Checks a managed policy.
pub(crate) fn check_managed(document: &str) -> Result<(), Fault> {
    check(document)?;
    if size(document) > MAX_MANAGED {
        return Err(fault::limit("PolicySize", MAX_MANAGED));
    }
    Ok(())
}

/// Checks that an entity's inline policies fit together.
pub(crate) fn check_inline(kind: Kind, name: &str, total: usize) -> Result<(), Fault> {
    let most = most_inline(kind);
    if total > most {
        let word = kind.word();
        return Err(fault::limit_exceeded(format!(
            "Maximum policy size of {most} bytes exceeded for {word} {name}"
        )));
    }
    Ok(())
}

impl Iam {
    /// Checks a trust policy, and finds whom its ARNs name today.
    pub(crate) async fn check_trust(&self, document: &str) -> Result<Vec<TrustBinding>, Stop> {
        let policy = Policy::parse(document, PolicyKind::Trust)
            .map_err(|error| fault::malformed_policy(error.aws_message()))?;
        if size(document) > MAX_TRUST {
            return Err(fault::limit("ACLSizePerRole", MAX_TRUST).into());
        }
        let mut bindings: Vec<TrustBinding> = Vec::new();
        for named in policy.principals() {
            let text = named.text;
            if named.principal_type != PrincipalType::Aws || text == "*" {
                continue;
            }
            let role = role_of_session(text);
            let named = role.as_deref().unwrap_or(text);
            let Some(known) = self.principals.find(named).await? else {
                let text = format!("Invalid principal in policy: \"AWS\":\"{text}\"");
                return Err(fault::malformed_policy(text).into());
            };
            // Accounts are named by their number in any case; unique ids are themselves.
            let bound = known.arn == text && known.unique_id != known.account;
            if bound && !bindings.iter().any(|binding| binding.arn == text) {
                bindings.push(TrustBinding { arn: text.to_owned(), id: known.unique_id });
            }
        }
        Ok(bindings)
    }
}

/// The role that a session's ARN names, which must exist; its path is not told. Federated users
/// exist as long as their session does, so their account is what is looked for.
fn role_of_session(arn: &str) -> Option<String> {
    let (head, resource) = arn.split_once(":sts::")?;
    let (account, session) = resource.split_once(':')?;
    Some(match session.strip_prefix("assumed-role/").and_then(|rest| rest.split_once('/')) {
        Some((role, _)) => format!("{head}:iam::{account}:role/{role}"),
        None => account.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_does_not_count() {
        assert_eq!(size("{ \"a\":\n\t1 }"), 7);
    }

    #[test]
    fn documents_are_of_the_current_version() {
        let document = |version: &str| {
            format!(r#"{{{version}"Statement":{{"Effect":"Allow","Action":"*","Resource":"*"}}}}"#)
        };
        assert!(check(&document(r#""Version":"2012-10-17","#)).is_ok());
        for old in ["", r#""Version":"2008-10-17","#] {
            let refusal = check(&document(old)).expect_err(old);
            assert_eq!(refusal.code, "MalformedPolicyDocument");
        }
    }

    #[test]
    fn a_session_stands_for_its_role() {
        let role = role_of_session("arn:aws:sts::111122223333:assumed-role/R/s");
        assert_eq!(role.as_deref(), Some("arn:aws:iam::111122223333:role/R"));
        let user = role_of_session("arn:aws:sts::111122223333:federated-user/f");
        assert_eq!(user.as_deref(), Some("111122223333"));
        assert_eq!(role_of_session("arn:aws:iam::111122223333:role/R"), None);
    }
}
