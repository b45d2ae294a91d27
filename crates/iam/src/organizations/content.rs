//! A service control policy's document, checked and brought into the form that AWS answers.
//!
//! Recorded of CreatePolicy: white space goes, a single statement becomes a list, and a version
//! that is missing is filled in.

use bulla_policy::{Policy, PolicyKind};
use bulla_shapes::Fault;

use super::fault;
use crate::compact::compact_json;

/// The most characters of a document ("Quotas for AWS Organizations").
const MAX_CHARS: usize = 10_240;
/// What a document without a version has (recorded).
const OLD_VERSION: &str = "\"2008-10-17\"";

/// The text of the policy that allows everything, which AWS manages.
pub(crate) const FULL_ACCESS_TEXT: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "*",
      "Resource": "*"
    }
  ]
}"#;

/// Checks a document, and normalizes it.
pub(crate) fn normalized(text: &str) -> Result<String, Fault> {
    let json = compact_json(text);
    if json.chars().count() > MAX_CHARS {
        return Err(fault::policy_too_large());
    }
    parse(&json)?;
    let members = members(&json);
    let has_version = members.iter().any(|(name, _)| *name == "\"Version\"");
    let mut parts = Vec::with_capacity(members.len() + 1);
    if !has_version {
        parts.push(format!("\"Version\":{OLD_VERSION}"));
    }
    for (name, value) in members {
        if name == "\"Statement\"" && value.starts_with('{') {
            parts.push(format!("{name}:[{value}]"));
        } else {
            parts.push(format!("{name}:{value}"));
        }
    }
    Ok(format!("{{{}}}", parts.join(",")))
}

/// Compiles a document.
pub(crate) fn parse(text: &str) -> Result<Policy, Fault> {
    Policy::parse(text, PolicyKind::ServiceControl)
        .map_err(|error| fault::malformed_policy(error.aws_message()))
}

/// The members of a JSON object without white space: names with their quotes, and values.
fn members(object: &str) -> Vec<(&str, &str)> {
    let inner = object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or("");
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let at_top = |letter: char| {
        let top = depth == 0 && !quoted && letter == ',';
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted,
            '"' => quoted = !quoted,
            '{' | '[' if !quoted => depth += 1,
            '}' | ']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        top
    };
    // The names of a policy's elements hold no colon, or it would not have parsed.
    inner.split(at_top).filter_map(|member| member.split_once(':')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_brought_into_one_form() {
        let text = r#"{ "Statement": {"Sid": "a,b:{c", "Effect": "Deny",
            "Action": "kms:*", "Resource": "*"} }"#;
        let expected = "{\"Version\":\"2008-10-17\",\"Statement\":[{\"Sid\":\"a,b:{c\",\
                        \"Effect\":\"Deny\",\"Action\":\"kms:*\",\"Resource\":\"*\"}]}";
        assert_eq!(normalized(text).unwrap(), expected);
        assert_eq!(normalized(expected).unwrap(), expected);
        assert!(normalized(FULL_ACCESS_TEXT).unwrap().starts_with("{\"Version\":\"2012-10-17\","));
    }

    #[test]
    fn what_is_no_such_policy_is_refused() {
        for text in [
            "",
            "{",
            "[]",
            "{}",
            r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}"#,
        ] {
            assert_eq!(normalized(text).unwrap_err().code, "MalformedPolicyDocumentException");
        }
        let long = format!(
            r#"{{"Statement":{{"Effect":"Deny","Action":"a:{}","Resource":"*"}}}}"#,
            "b".repeat(MAX_CHARS)
        );
        assert_eq!(normalized(&long).unwrap_err().code, "ConstraintViolationException");
    }
}
