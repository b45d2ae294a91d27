//! A trust policy as it is shown: an ARN whose holder has gone is shown as that holder's unique id.

use std::borrow::Cow;

use bulla_plane::{Directory, Stop};

use super::Iam;
use crate::records::{RolePart, TrustBinding};

/// The members whose values name principals.
const PRINCIPALS: [&str; 2] = ["Principal", "NotPrincipal"];

impl Iam {
    /// The trust policy of a role as it is shown now.
    pub(crate) async fn shown_trust(&self, part: &RolePart) -> Result<String, Stop> {
        let mut gone = Vec::new();
        for binding in &part.bindings {
            let known = self.principals.find(&binding.arn).await?;
            if known.is_none_or(|known| known.unique_id != binding.id) {
                gone.push(binding);
            }
        }
        Ok(if gone.is_empty() { part.trust.clone() } else { replace(&part.trust, &gone) })
    }
}

/// Replaces ARNs where the document names principals, and nowhere else. The document is JSON that
/// was parsed before.
fn replace(document: &str, gone: &[&TrustBinding]) -> String {
    let mut out = String::with_capacity(document.len());
    // For each open object or array, whether it lies within a principal element.
    let mut within: Vec<bool> = Vec::new();
    let mut principal = false;
    let mut rest = document;
    while let Some(first) = rest.chars().next() {
        if first != '"' {
            match first {
                '{' | '[' => {
                    let outer = within.last().copied().unwrap_or(false);
                    within.push(outer || principal);
                    principal = false;
                }
                '}' | ']' => {
                    within.pop();
                }
                ',' => principal = false,
                _ => {}
            }
            out.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        }
        let (literal, after) = rest.split_at_checked(end_of_string(rest)).unwrap_or((rest, ""));
        let text: String = serde_json::from_str(literal).unwrap_or_default();
        let is_name = after.trim_start().starts_with(':');
        let inside = principal || within.last().copied().unwrap_or(false);
        let shown = match gone.iter().find(|binding| binding.arn == text) {
            Some(binding) if inside && !is_name => Cow::Owned(format!("\"{}\"", binding.id)),
            _ => Cow::Borrowed(literal),
        };
        out.push_str(&shown);
        if is_name {
            principal = PRINCIPALS.contains(&text.as_str());
        }
        rest = after;
    }
    out
}

/// Where the string literal at the beginning of a text ends.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_principals_are_replaced() {
        let arn = "arn:aws:iam::111122223333:user/a";
        let binding = TrustBinding { arn: arn.to_owned(), id: "AIDA1".to_owned() };
        let gone = [&binding];
        for (before, after) in [
            (
                r#"{ "Principal" : {"AWS": "arn:aws:iam::111122223333:user/a"}, "Sid":"x" }"#,
                r#"{ "Principal" : {"AWS": "AIDA1"}, "Sid":"x" }"#,
            ),
            (
                r#"{"Principal":{"AWS":["arn:aws:iam::111122223333:user\/a","B"]}}"#,
                r#"{"Principal":{"AWS":["AIDA1","B"]}}"#,
            ),
            (
                r#"{"Principal":"*","Condition":{"x":"arn:aws:iam::111122223333:user/a"}}"#,
                r#"{"Principal":"*","Condition":{"x":"arn:aws:iam::111122223333:user/a"}}"#,
            ),
        ] {
            assert_eq!(replace(before, &gone), after);
        }
    }
}
