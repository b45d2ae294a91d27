//! Resource policies: what one must fulfil, and which is too open (user guide, "Resource-based
//! policies").

use bulla_plane::{Call, Directory, Stop};
use bulla_policy::{NamedPrincipal, Policy, PolicyKind, PrincipalType};
use serde_json::Value;

use crate::fault;
use crate::record::PolicyText;

/// Condition keys that narrow down who a caller can be, or from where, in lower case.
const NARROWING: [&str; 16] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalservicename",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "aws:username",
    "aws:vpcsourceip",
    "kms:calleraccount",
];

/// A policy that a secret has, compiled.
pub(crate) fn compiled(stored: &PolicyText) -> Result<Policy, Stop> {
    let mut policy = Policy::parse(&stored.text, PolicyKind::Resource).map_err(|error| {
        tracing::error!(%error, "a stored resource policy does not parse");
        Stop::Internal
    })?;
    policy.bind_principals(|text| {
        stored.principals.iter().find(|(arn, _)| arn == text).map(|(_, id)| id.clone())
    });
    Ok(policy)
}

/// Checks a policy that a secret is to have.
pub(crate) async fn checked(
    directory: &dyn Directory,
    call: &Call,
    text: &str,
) -> Result<PolicyText, Stop> {
    let policy = Policy::parse(text, PolicyKind::Resource)
        .map_err(|error| fault::malformed_policy(error.aws_message()))?;
    let mut principals: Vec<(String, String)> = Vec::new();
    for named in policy.principals() {
        let Some(id) = existing(directory, call, named).await? else {
            // As users quote it.
            let text = "This resource policy contains an unsupported principal.";
            return Err(fault::malformed_policy(text).into());
        };
        let entity = named.text.contains(":user/") || named.text.contains(":role/");
        if entity && !principals.iter().any(|(arn, _)| arn == named.text) {
            principals.push((named.text.to_owned(), id));
        }
    }
    Ok(PolicyText { text: text.to_owned(), principals })
}

/// The unique id of a principal, if it exists. Services and identity providers are taken for ones
/// that do: nobody registers the former, and no secret is asked for by the latter.
async fn existing(
    directory: &dyn Directory,
    call: &Call,
    named: NamedPrincipal<'_>,
) -> Result<Option<String>, Stop> {
    let text = named.text;
    if named.principal_type == PrincipalType::CanonicalUser {
        return Ok(None);
    }
    if named.principal_type != PrincipalType::Aws || text == "*" {
        return Ok(Some(text.to_owned()));
    }
    // A session need not have been there yet, its role must; a federated user's account likewise.
    let begin = format!("arn:{}:sts::", call.partition);
    let session = text.strip_prefix(&begin).and_then(|rest| rest.split_once(':'));
    let known = match session {
        None => directory.find(text).await?,
        Some((account, rest)) => match rest.strip_prefix("assumed-role/") {
            Some(rest) => {
                let name = rest.split('/').next().unwrap_or_default();
                directory.role(account, name).await?
            }
            None => directory.find(account).await?,
        },
    };
    Ok(known.map(|known| known.unique_id))
}

/// Whether a policy lets everybody in: some statement allows any principal, and no condition
/// narrows down who that can be. AWS proves it by a solver; this looks at each statement alone,
/// and calls open what it can't see to be narrow.
pub(crate) fn is_public(policy: &PolicyText) -> bool {
    // INVARIANT: only policies that parsed come here.
    let Ok(document) = serde_json::from_str::<Value>(&policy.text) else { return true };
    match document.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().any(is_open),
        Some(statement) => is_open(statement),
        None => false,
    }
}

fn is_open(statement: &Value) -> bool {
    if statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
        return false;
    }
    // Statements that allow everybody but some are refused when policies are read.
    statement.get("Principal").is_some_and(names_everybody)
        && !statement.get("Condition").is_some_and(narrows)
}

fn names_everybody(principal: &Value) -> bool {
    match principal {
        Value::String(text) => text == "*",
        Value::Array(texts) => texts.iter().any(names_everybody),
        Value::Object(kinds) => kinds.values().any(names_everybody),
        _ => false,
    }
}

/// Whether one of the conditions, all of which must hold, leaves only some callers.
fn narrows(conditions: &Value) -> bool {
    let operators = conditions.as_object().into_iter().flatten();
    operators.filter(|(operator, _)| demands(operator)).any(|(_, keys)| {
        keys.as_object().into_iter().flatten().any(|(key, operands)| {
            let key = key.to_ascii_lowercase();
            NARROWING.contains(&key.as_str()) && !matches_everything(operands)
        })
    })
}

/// Whether an operator holds only where the key is there and fits.
fn demands(operator: &str) -> bool {
    let base = operator.rsplit(':').next().unwrap_or(operator).to_ascii_lowercase();
    let all_values = operator.to_ascii_lowercase().starts_with("forallvalues:");
    let fits = ["stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"];
    !all_values && (fits.contains(&base.as_str()) || base == "ipaddress")
}

fn matches_everything(operand: &Value) -> bool {
    match operand {
        Value::Array(several) => several.iter().any(matches_everything),
        Value::String(text) => {
            matches!(text.as_str(), "0.0.0.0/0" | "::/0")
                || text.chars().all(|letter| matches!(letter, '*' | '?' | ':'))
                || text.starts_with("arn:*:*:*:*")
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(principal: &str, condition: &str) -> bool {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",{principal},
               "Action":"secretsmanager:*","Resource":"*"{condition}}}]}}"#
        );
        assert!(Policy::parse(&text, PolicyKind::Resource).is_ok(), "{text}");
        is_public(&PolicyText { text, principals: vec![] })
    }

    #[test]
    fn everybody_is_too_many_unless_a_condition_leaves_some() {
        let all = r#""Principal":"*""#;
        let aws = r#""Principal":{"AWS":["arn:aws:iam::111122223333:root","*"]}"#;
        let one = r#""Principal":{"AWS":"arn:aws:iam::111122223333:root"}"#;
        assert!(public(all, "") && public(aws, "") && !public(one, ""));
        for (operator, key, operand, wanted) in [
            ("StringEquals", "aws:PrincipalOrgID", r#""o-aaaaaaaaaa""#, false),
            ("StringEquals", "aws:PrincipalAccount", r#"["111122223333"]"#, false),
            ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", r#""o-a/r-b/*""#, false),
            ("StringLike", "aws:PrincipalArn", r#""*""#, true),
            ("ArnLike", "aws:PrincipalArn", r#""arn:*:*:*:*:*""#, true),
            ("StringNotEquals", "aws:PrincipalOrgID", r#""o-aaaaaaaaaa""#, true),
            ("StringEqualsIfExists", "aws:PrincipalOrgID", r#""o-aaaaaaaaaa""#, true),
            ("ForAllValues:StringEquals", "aws:PrincipalOrgID", r#""o-aaaaaaaaaa""#, true),
            ("IpAddress", "aws:SourceIp", r#""192.0.2.0/24""#, false),
            ("IpAddress", "aws:SourceIp", r#"["192.0.2.0/24","0.0.0.0/0"]"#, true),
            ("StringEquals", "secretsmanager:VersionStage", r#""AWSCURRENT""#, true),
        ] {
            let condition = format!(r#","Condition":{{"{operator}":{{"{key}":{operand}}}}}"#);
            assert_eq!(public(all, &condition), wanted, "{condition}");
        }
    }
}
