//! What a record violates, and AWS's words for it.

use std::fmt;

/// How many violations are kept and listed. AWS names no limit; the count before the list is whole.
pub const MAX_LISTED: usize = 100;

/// What IAM's model asks of names, as it ends the text of a constraint.
const NAME_PATTERN: &str = " pattern: [\\w+=,.@-]+";

/// One violated constraint.
#[derive(Debug)]
pub struct Violation {
    /// Where: `tags.1.member.tagValue`.
    pub path: String,
    /// The value as AWS prints it.
    pub value: ShownValue,
    /// What the member must be, as AWS words it.
    pub constraint: String,
}

/// How the offending value is printed.
#[derive(Debug)]
pub enum ShownValue {
    /// Not at all: it is a blob, sensitive, or a structure.
    Hidden,
    /// `null`.
    Null,
    /// In quotes.
    Text(String),
}

/// Everything a record violates. `Display` is AWS's text.
#[derive(Debug, Default)]
pub struct Violations {
    listed: Vec<Violation>,
    count: usize,
}

impl Violations {
    /// How many constraints are violated.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The first [`MAX_LISTED`] of them.
    #[must_use]
    pub fn listed(&self) -> &[Violation] {
        &self.listed
    }

    /// The text with every value left out, as IAM has it.
    #[must_use]
    pub const fn without_values(&self) -> impl fmt::Display + '_ {
        Text { violations: self, values: false }
    }

    /// Where a name has other letters than names may have, if that is all that is wrong. IAM has a
    /// sentence of its own for it.
    #[must_use]
    pub fn misspelt_name(&self) -> Option<&str> {
        match self.listed.as_slice() {
            [one] if self.count == 1 && one.constraint.ends_with(NAME_PATTERN) => Some(&one.path),
            _ => None,
        }
    }

    pub(crate) fn add(&mut self, violation: impl FnOnce() -> Violation) {
        self.count += 1;
        if self.listed.len() < MAX_LISTED {
            self.listed.push(violation());
        }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Text { violations: self, values: true }.fmt(f)
    }
}

impl std::error::Error for Violations {}

struct Text<'v> {
    violations: &'v Violations,
    values: bool,
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violations { listed, count } = self.violations;
        let plural = if *count == 1 { "" } else { "s" };
        write!(f, "{count} validation error{plural} detected: ")?;
        for (at, violation) in listed.iter().enumerate() {
            if at > 0 {
                f.write_str("; ")?;
            }
            match &violation.value {
                ShownValue::Null => f.write_str("Value null")?,
                ShownValue::Text(text) if self.values => write!(f, "Value '{text}'")?,
                ShownValue::Text(_) | ShownValue::Hidden => f.write_str("Value")?,
            }
            let Violation { path, constraint, .. } = violation;
            write!(f, " at '{path}' failed to satisfy constraint: {constraint}")?;
        }
        Ok(())
    }
}
