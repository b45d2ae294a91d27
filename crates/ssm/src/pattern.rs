//! Allowed patterns: Java's regular expressions, on an engine whose time grows with the text.
//!
//! AWS matches with `java.util.regex`, which tries one way after another and can take exponential
//! time. Here no pattern can: what needs such an engine (back references, looking ahead or behind,
//! possessive quantifiers, atomic groups, intersections of classes, Unicode properties) is refused
//! as an invalid pattern. So are patterns that compile to more than [`MAX_COMPILED_BYTES`].
//! `\d`, `\w`, `\s` and `\b` are of ASCII letters, as in Java. Java's `\p{Alpha}` and its kin,
//! `\Q…\E`, `\h` and `\Z` are put in other words first.

use bulla_shapes::Fault;
use regex_lite::{Regex, RegexBuilder};

use crate::fault;

/// The most memory that a compiled pattern takes. It bounds the time: the engine looks at each
/// state once a letter.
const MAX_COMPILED_BYTES: usize = 64 << 10;
/// How deep groups may nest.
const MAX_NESTING: u32 = 32;

/// Java's classes of ASCII letters, and what they are elsewhere.
const CLASSES: [(&str, &str); 13] = [
    ("Lower", "[:lower:]"),
    ("Upper", "[:upper:]"),
    ("ASCII", "[:ascii:]"),
    ("Alpha", "[:alpha:]"),
    ("Digit", "[:digit:]"),
    ("Alnum", "[:alnum:]"),
    ("Punct", "[:punct:]"),
    ("Graph", "[:graph:]"),
    ("Print", "[:print:]"),
    ("Blank", "[:blank:]"),
    ("Cntrl", "[:cntrl:]"),
    ("XDigit", "[:xdigit:]"),
    ("Space", "[:space:]"),
];

/// A pattern that values must match as a whole.
pub(crate) struct AllowedPattern(Regex);

impl AllowedPattern {
    /// Compiles a pattern.
    pub(crate) fn new(text: &str) -> Result<Self, Fault> {
        let invalid = || {
            let text = "The syntax of the allowedPattern parameter is invalid.";
            fault::named("InvalidAllowedPatternException", text)
        };
        let text = translated(text).ok_or_else(invalid)?;
        let compile = |text: &str| {
            let mut builder = RegexBuilder::new(text);
            builder.size_limit(MAX_COMPILED_BYTES).nest_limit(MAX_NESTING);
            builder.build().map_err(|_| invalid())
        };
        // Alone first: a pattern must not end the group that it is put in.
        compile(&text)?;
        compile(&format!(r"\A(?:{text})\z")).map(Self)
    }

    /// Whether the whole of a value matches.
    pub(crate) fn matches(&self, value: &str) -> bool {
        self.0.is_match(value)
    }
}

/// A pattern of Java's in the words of the engine; nothing where it has none.
fn translated(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    let mut in_class = false;
    // Whether a quantifier came just before.
    let mut quantified = false;
    while let Some(letter) = letters.next() {
        let quantifier = !in_class && matches!(letter, '*' | '+' | '?' | '}');
        if quantified && matches!(letter, '*' | '+') {
            return None;
        }
        quantified = quantifier;
        match letter {
            '\\' => escape(&mut letters, in_class, &mut out)?,
            '[' if in_class => return None,
            '[' => {
                in_class = true;
                out.push('[');
                // A bracket that comes first is a letter for the engine, and an error in Java.
                if letters.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if letters.peek() == Some(&']') {
                    return None;
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '&' if in_class && letters.peek() == Some(&'&') => return None,
            // The engine would take these for operations on classes, and Java takes them as they
            // are.
            '&' | '~' if in_class => out.extend(['\\', letter]),
            _ => out.push(letter),
        }
    }
    (!in_class).then_some(out)
}

type Letters<'t> = std::iter::Peekable<std::str::Chars<'t>>;

/// What stands behind a backslash.
fn escape(letters: &mut Letters<'_>, in_class: bool, out: &mut String) -> Option<()> {
    match letters.next()? {
        'Q' => quoted(letters, out),
        'p' => {
            let mut name = String::new();
            letters.next_if_eq(&'{')?;
            loop {
                match letters.next()? {
                    '}' => break,
                    letter => name.push(letter),
                }
            }
            let (_, class) = CLASSES.iter().find(|(java, _)| *java == name)?;
            let (open, close) = if in_class { ("", "") } else { ("[", "]") };
            out.extend([open, class, close]);
        }
        'h' => out.push_str(if in_class { r" \t" } else { r"[ \t]" }),
        'Z' if !in_class => out.push_str(r"\z"),
        letter @ ('A' | 'z' | 'b' | 'B') if !in_class => out.extend(['\\', letter]),
        letter @ ('d' | 'D' | 'w' | 'W' | 's' | 'S' | 't' | 'n' | 'r' | 'f' | 'a' | 'x' | 'u') => {
            out.extend(['\\', letter]);
        }
        letter if letter.is_ascii_alphanumeric() => return None,
        letter => literal(letter, out),
    }
    Some(())
}

/// Everything up to `\E` as it stands.
fn quoted(letters: &mut Letters<'_>, out: &mut String) {
    while let Some(letter) = letters.next() {
        if letter == '\\' && letters.next_if_eq(&'E').is_some() {
            return;
        }
        literal(letter, out);
    }
}

fn literal(letter: char, out: &mut String) {
    if letter.is_ascii_punctuation() && !matches!(letter, '<' | '>') {
        out.push('\\');
    }
    out.push(letter);
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn matches(pattern: &str, value: &str) -> bool {
        AllowedPattern::new(pattern).unwrap().matches(value)
    }

    #[test]
    fn patterns_mean_what_they_mean_in_java() {
        for (pattern, value, expected) in [
            ("fixture-.*", "fixture-a", true),
            ("fixture-.*", "a fixture-a", false),
            ("a|b", "ab", false),
            (r"^\d{3}$", "123", true),
            (r"\d", "\u{663}", false),
            (r"\w+", "ä", false),
            (r"[\p{Alpha}_]+", "a_Z", true),
            (r"\p{XDigit}+", "fg", false),
            (r"\Qa.b*\E+", "a.b**", true),
            (r"\<a\>", "<a>", true),
            (r"[&~a]+", "&~a", true),
            (r"\++", "++", true),
            ("[+]+", "++", true),
            ("a+?b", "aab", true),
            (r"(?i)abc", "ABC", true),
            (r"a\Z", "a", true),
            (r"\h", "\t", true),
            (r"A", "A", true),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, value), expected, "{pattern} {value}");
        }
    }

    #[test]
    fn what_the_engine_has_not_is_invalid() {
        for pattern in [
            "(",
            ")",
            "a)|(b",
            "[",
            "[]a]",
            "[^]",
            "*",
            "a**",
            "a++",
            "a?+",
            "a{2}+",
            "(?=a)",
            "(?!a)",
            "(?<=a)",
            "(?>a)",
            r"(a)\1",
            r"\p{L}",
            r"\P{Alpha}",
            r"\p",
            r"\k<a>",
            r"\R",
            r"\cA",
            "[a[b]]",
            "[a&&b]",
            r"a\",
            r"\Qa\E)",
            "((a{100}){100}){100}",
        ] {
            assert!(AllowedPattern::new(pattern).is_err(), "{pattern}");
        }
        let nested = format!("{}a{}", "(".repeat(500), ")".repeat(500));
        assert!(AllowedPattern::new(&nested).is_err());
    }

    #[test]
    fn hostile_patterns_end() {
        let value = "a".repeat(8_192);
        for pattern in [
            "(a+)+b",
            "(a|a)*b",
            "(a|aa)+b",
            "([a-z]+)*[0-9]",
            "(.*)*x",
            "(.*.*.*.*.*.*.*.*)*x",
            "a{0,250}a{0,250}a{0,250}b",
            &"(a?)".repeat(200),
        ] {
            let Ok(pattern) = AllowedPattern::new(pattern) else { continue };
            let begun = Instant::now();
            pattern.matches(&value);
            // Exponential time would be no seconds but ages.
            assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        }
    }
}
