//! The models' regular expressions, compiled at first use.

use std::sync::OnceLock;

use regex_lite::Regex;

use crate::charset::CharSet;

/// How models say that a hyphen is not followed by another.
const NO_TWO_HYPHENS: &str = "-(?!-)";
/// How models say that a text is not blank, and nothing else of it. The end is left open, so that a
/// text may have several lines.
const NOT_BLANK: &str = "^(?!\\s*$).+";

/// One pattern of a model. The whole value must match, as with Java's `Matcher.matches`.
#[derive(Debug)]
pub struct Pattern {
    text: &'static str,
    compiled: OnceLock<Matcher>,
}

#[derive(Debug)]
enum Matcher {
    /// `[class]+` or `[class]*`, the commonest form and the only one which uses `\p{..}`.
    Class {
        set: CharSet,
        empty: bool,
    },
    Regex(Regex),
    /// `-(?!-)`, for which the engine has no look-ahead: the rest of the pattern, and a text that
    /// must not occur.
    Without {
        regex: Regex,
        never: &'static str,
    },
    /// `(?!^…$)` before the rest of a pattern: what a text that fits that must not be as a whole.
    But {
        regex: Regex,
        not: Regex,
    },
    /// [`NOT_BLANK`].
    NotBlank,
    /// Not understood: matches nothing that is checked, so that nothing passes unchecked.
    Broken,
}

impl Pattern {
    /// A pattern by its text in the model.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    /// The text as the model has it, which AWS prints in its messages.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        self.text
    }

    /// Whether the pattern is one this module can read. Tests ask it of every generated pattern.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        !matches!(self.matcher(), Matcher::Broken)
    }

    /// Whether the whole value matches.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        match self.matcher() {
            Matcher::Class { set, empty } => {
                (*empty || !value.is_empty()) && value.chars().all(|c| set.contains(c))
            }
            Matcher::Regex(regex) => regex.is_match(value),
            Matcher::Without { regex, never } => regex.is_match(value) && !value.contains(never),
            Matcher::But { regex, not } => regex.is_match(value) && !not.is_match(value),
            Matcher::NotBlank => !value.bytes().all(|byte| byte.is_ascii_whitespace()),
            Matcher::Broken => false,
        }
    }

    fn matcher(&self) -> &Matcher {
        self.compiled.get_or_init(|| compile(self.text))
    }
}

fn compile(text: &str) -> Matcher {
    let bare = text.strip_prefix('^').unwrap_or(text);
    let bare = bare.strip_suffix('$').unwrap_or(bare);
    let grouped = bare.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    // A class has no groups: if this is one, the group was around all of it.
    let bare = grouped.unwrap_or(bare);
    for (sign, empty) in [('+', false), ('*', true)] {
        let set = bare.strip_suffix(sign).and_then(CharSet::parse);
        if let Some(set) = set {
            return Matcher::Class { set, empty };
        }
    }
    if text == NOT_BLANK {
        return Matcher::NotBlank;
    }
    let whole = |text: &str| Regex::new(&format!("^(?:{text})$"));
    if text.contains(NO_TWO_HYPHENS) {
        return match whole(&text.replace(NO_TWO_HYPHENS, "-")) {
            Ok(regex) => Matcher::Without { regex, never: "--" },
            Err(_) => Matcher::Broken,
        };
    }
    if let Some((not, rest)) = text.strip_prefix("(?!^").and_then(|after| after.split_once("$)")) {
        return match (whole(rest), whole(not)) {
            (Ok(regex), Ok(not)) => Matcher::But { regex, not },
            _ => Matcher::Broken,
        };
    }
    match whole(text) {
        Ok(regex) => Matcher::Regex(regex),
        Err(_) => Matcher::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_around_a_class_is_nothing_and_blank_texts_can_be_refused() {
        assert!(matches(r"^([\p{L}\p{Z}_]*)$", "\u{e4} _") && matches(r"^([\p{L}]*)$", ""));
        assert!(!matches(r"^([\p{L}]+)$", "1") && !matches(r"^([\p{L}]+)$", ""));
        assert!(matches(NOT_BLANK, "{\n}") && !matches(NOT_BLANK, " \n"));
    }

    fn matches(pattern: &'static str, value: &str) -> bool {
        let pattern = Pattern::new(pattern);
        assert!(pattern.is_readable());
        pattern.matches(value)
    }

    #[test]
    fn the_whole_value_must_match() {
        assert!(matches("[\\w+=,.@-]*", "session@x"));
        assert!(!matches("[\\w+=,.@-]*", "Session1:2"));
        assert!(matches("cluster-[2-7a-zA-Z]{11,16}", "cluster-abcdefghijk"));
        assert!(!matches("cluster-[2-7a-zA-Z]{11,16}", "my-cluster-abcdefghijk"));
        assert!(!matches("^[a-z]+$", "abc\n"));
    }

    #[test]
    fn sets_of_unicode_classes_are_read() {
        let tag = "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*";
        assert!(matches(tag, "Größe 7 \u{10400} a=b"));
        assert!(!matches(tag, "e\u{301}"));
        assert!(!matches(tag, "a\nb"));
        assert!(!matches(tag, "*"));
    }

    #[test]
    fn policy_texts_take_java_escapes() {
        let policy = "[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+";
        assert!(matches(policy, "{\t\r\n}\u{ff}"));
        assert!(!matches(policy, "\u{100}"));
        assert!(!matches(policy, ""));
    }

    #[test]
    fn a_hyphen_may_have_to_be_alone() {
        let alias = "^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$";
        assert!(matches(alias, "a-b-c") && matches(alias, "abc"));
        for bad in ["a--b", "-ab", "ab-", "ab", "aBc"] {
            assert!(!matches(alias, bad), "{bad}");
        }
    }

    #[test]
    fn a_text_may_be_refused_as_a_whole() {
        let alias = "(?!^[0-9]+$)([a-zA-Z0-9-_]+)";
        assert!(matches(alias, "live") && matches(alias, "1a"));
        assert!(!matches(alias, "12") && !matches(alias, "") && !matches(alias, "a.b"));
    }

    #[test]
    fn alternatives_are_anchored_as_a_whole() {
        assert!(!matches("a|b", "ab"));
        assert!(matches("a|b", "b"));
    }
}
