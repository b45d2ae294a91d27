//! Texts with `*` for any characters. Matching takes the text's length times the longest part's at
//! worst, and never goes back.

/// The most wildcards in one text. AWS refuses by the number of states that its automaton may be
/// in, which takes six of them in its own example; the number is our choice.
pub const MAX_WILDCARDS: usize = 5;

/// A text with wildcards, parted at them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wildcard {
    first: String,
    /// What must come between, in this order.
    middle: Vec<String>,
    /// What must come last; none where there is no wildcard.
    last: Option<String>,
}

/// What is wrong with a text that should have wildcards.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// The byte position, counted as AWS does with the opening quote.
    Consecutive(usize),
    Escape(usize),
    Complex,
}

impl Wildcard {
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        let mut parts = vec![String::new()];
        let mut letters = text.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            let next = letters.peek().map(|(_, next)| *next);
            match letter {
                '*' if next == Some('*') => return Err(Wrong::Consecutive(at + 1)),
                '*' => parts.push(String::new()),
                '\\' => match next.filter(|next| matches!(next, '*' | '\\')) {
                    Some(next) => {
                        letters.next();
                        push(&mut parts, next);
                    }
                    None => return Err(Wrong::Escape(at + 1)),
                },
                _ => push(&mut parts, letter),
            }
        }
        if parts.len() > MAX_WILDCARDS + 1 {
            return Err(Wrong::Complex);
        }
        let last = if parts.len() > 1 { parts.pop() } else { None };
        let mut parts = parts.into_iter();
        let first = parts.next().unwrap_or_default();
        Ok(Self { first, middle: parts.collect(), last })
    }

    /// What every match begins with.
    pub(crate) fn prefix(&self) -> &str {
        &self.first
    }

    /// What every match ends with.
    pub(crate) fn suffix(&self) -> &str {
        self.last.as_deref().unwrap_or_default()
    }

    /// The longest text that every match has between its beginning and its end; none where there is
    /// one wildcard only.
    pub(crate) fn within(&self) -> Option<&str> {
        self.middle.iter().map(String::as_str).max_by_key(|part| part.len())
    }

    /// Whether there is no wildcard, so that only the text itself matches.
    pub(crate) fn is_plain(&self) -> bool {
        self.last.is_none()
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some(last) = &self.last else { return text == self.first };
        let Some(mut rest) = text.strip_prefix(self.first.as_str()) else { return false };
        for part in &self.middle {
            let Some((_, after)) = rest.split_once(part.as_str()) else { return false };
            rest = after;
        }
        rest.ends_with(last.as_str())
    }
}

fn push(parts: &mut [String], letter: char) {
    if let Some(part) = parts.last_mut() {
        part.push(letter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_any_characters() {
        for (wildcard, text, matches) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "abc", true),
            ("a*", "abc", true),
            ("a*", "ba", false),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("a*a", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*ab*ab*", "abab", true),
            ("*ab*ab*", "aba", false),
            ("\\**", "*x", true),
            ("\\**", "x", false),
            ("a\\\\*", "a\\b", true),
            ("*ß*", "straße", true),
        ] {
            assert_eq!(Wildcard::parse(wildcard).unwrap().matches(text), matches, "{wildcard}");
        }
        assert_eq!(Wildcard::parse("arn:**"), Err(Wrong::Consecutive(5)));
        assert_eq!(Wildcard::parse("a\\b"), Err(Wrong::Escape(2)));
        assert_eq!(Wildcard::parse("a\\"), Err(Wrong::Escape(2)));
        assert_eq!(Wildcard::parse("*:*:*:*:*:event-bus/*"), Err(Wrong::Complex));
    }
}
