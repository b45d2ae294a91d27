//! Principals within the text of a key policy, which otherwise stays as it was given.

/// The members of a policy that lead to a principal of type `AWS`.
const PATHS: [[&str; 3]; 2] =
    [["Statement", "Principal", "AWS"], ["Statement", "NotPrincipal", "AWS"]];

/// An object or array that the reader is within.
struct Level {
    /// The member at hand; none in an array.
    member: Option<String>,
    /// Whether the next string is a member's name.
    at_name: bool,
}

/// The policy with some of its AWS principals put in other words. `text` is a policy that parsed.
pub(crate) fn with_principals(text: &str, other: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut levels: Vec<Level> = Vec::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let (token, after) =
            rest.split_at(if next == '"' { string_end(rest) } else { next.len_utf8() });
        rest = after;
        match next {
            '{' => levels.push(Level { member: None, at_name: true }),
            '[' => levels.push(Level { member: None, at_name: false }),
            '}' | ']' => drop(levels.pop()),
            ',' => {
                if let Some(level) = levels.last_mut().filter(|level| level.member.is_some()) {
                    level.at_name = true;
                }
            }
            '"' => {
                let string: Option<String> = serde_json::from_str(token).ok();
                match levels.last_mut().filter(|level| level.at_name) {
                    Some(level) => {
                        level.member = string;
                        level.at_name = false;
                    }
                    None => {
                        let named = string.filter(|_| is_principal(&levels));
                        if let Some(other) = named.as_deref().and_then(&other) {
                            out.push_str(&serde_json::Value::from(other).to_string());
                            continue;
                        }
                    }
                }
            }
            _ => {}
        }
        out.push_str(token);
    }
    out
}

fn is_principal(levels: &[Level]) -> bool {
    let members = || levels.iter().filter_map(|level| level.member.as_deref());
    PATHS.iter().any(|path| members().eq(path.iter().copied()))
}

/// Just behind the string that a text begins with.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at.saturating_add(1),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_principals_are_put_in_other_words() {
        let text = r#"{ "Id" : "a", "Statement" : [ {
  "Sid": "{\"a\", [", "Principal": { "AWS" : [ "a", "b" , "\u0061" ], "Service": "a" },
  "Action":["a"], "Condition": {"StringEquals": {"AWS": "a"}} },
  {"NotPrincipal":{"AWS":"a"}} , {"Principal":"a"} ] }"#;
        let other = |name: &str| (name == "a").then(|| "AIDA\"".to_owned());
        let expected = text
            .replace(r#"[ "a", "b" , "\u0061" ]"#, r#"[ "AIDA\"", "b" , "AIDA\"" ]"#)
            .replace(r#""NotPrincipal":{"AWS":"a"}"#, r#""NotPrincipal":{"AWS":"AIDA\""}"#);
        assert_eq!(with_principals(text, other), expected);
        assert_eq!(with_principals(text, |_| None), text);
    }

    #[test]
    fn a_lone_statement_needs_no_list() {
        let text = r#"{"Statement":{"Principal":{"AWS":"a"},"Resource":"a"}}"#;
        let out = with_principals(text, |_| Some("b".into()));
        assert_eq!(out, r#"{"Statement":{"Principal":{"AWS":"b"},"Resource":"a"}}"#);
    }
}
