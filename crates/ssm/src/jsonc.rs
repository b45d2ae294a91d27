//! JSON, and JSON with comments.

use serde::de::IgnoredAny;

/// Whether a text is JSON (RFC 8259). Its reader bounds how deep values nest.
pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Whether a text is JSON once `// …` and `/* … */` between its tokens are left out.
pub(crate) fn is_jsonc(text: &str) -> bool {
    uncommented(text).is_some_and(|text| is_json(&text))
}

/// The text with a blank for each comment; nothing where a comment does not end.
fn uncommented(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '/']) {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        if let Some(comment) = after.strip_prefix("//") {
            out.push(' ');
            rest = comment.find('\n').and_then(|end| comment.get(end..)).unwrap_or_default();
        } else if let Some(comment) = after.strip_prefix("/*") {
            out.push(' ');
            rest = comment.split_once("*/")?.1;
        } else if after.starts_with('"') {
            let end = string_end(after)?;
            let (string, behind) = after.split_at(end);
            out.push_str(string);
            rest = behind;
        } else {
            return None;
        }
    }
    out.push_str(rest);
    Some(out)
}

/// Just behind the string that a text begins with.
fn string_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at.saturating_add(1)),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_left_out_but_not_of_strings() {
        for text in ["{}", "// a\n{}", "{} // a", "/**/[1,/*,*/2]", r#"{"a//b": "/*\"//"}"#] {
            assert!(is_jsonc(text), "{text}");
        }
        for text in ["", "/* a", "{}/", r#"{"a" // b"#, r#""a"#, "1/2"] {
            assert!(!is_jsonc(text), "{text}");
        }
    }
}
