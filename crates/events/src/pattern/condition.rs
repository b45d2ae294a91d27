//! Conditions on one value of an event (EventBridge user guide, "Comparison operators").

use super::event::{Number, Tree};
use super::network::{self, Network};
use super::wildcard::Wildcard;

/// Numbers beyond this are compared as they are written (same page: -5.0e9 to 5.0e9).
pub(crate) const MAX_NUMBER: f64 = 5.0e9;

/// A condition.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Null,
    Bool(bool),
    Text(String),
    Number(Figure),
    Prefix(String),
    Suffix(String),
    /// The same without regard to case; in lower case.
    Folded(String),
    FoldedPrefix(String),
    FoldedSuffix(String),
    Range(Range),
    Network(Network),
    Wildcard(Wildcard),
    /// Whether there is a value at all.
    Exists(bool),
    AnythingBut(Excluded),
}

/// A number of a pattern.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(crate) text: String,
    pub(crate) value: f64,
}

/// Numbers from one to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Range {
    pub(crate) bottom: f64,
    pub(crate) open_bottom: bool,
    pub(crate) top: f64,
    pub(crate) open_top: bool,
}

/// Values that are all but these.
#[derive(Debug, Clone)]
pub(crate) enum Excluded {
    Texts(Vec<String>),
    Numbers(Vec<Figure>),
    Folded(Vec<String>),
    Prefixes(Vec<String>),
    Suffixes(Vec<String>),
    Wildcards(Vec<Wildcard>),
}

/// A text without its case.
pub(crate) fn folded(text: &str) -> String {
    text.to_lowercase()
}

impl Figure {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), value: Number::new(text).value }
    }

    pub(crate) fn is(&self, number: Number<'_>) -> bool {
        let small = self.value.abs() <= MAX_NUMBER && number.value.abs() <= MAX_NUMBER;
        self.text == number.text
            || small && self.value.total_cmp(&number.value).is_eq()
            || small && self.value == 0.0 && number.value == 0.0
    }
}

impl Range {
    pub(crate) fn contains(&self, value: f64) -> bool {
        let above = if self.open_bottom { value > self.bottom } else { value >= self.bottom };
        let below = if self.open_top { value < self.top } else { value <= self.top };
        above && below
    }
}

impl Condition {
    /// Whether it is fulfilled where there is no value.
    pub(crate) fn wants_absence(&self) -> bool {
        matches!(self, Self::Exists(false))
    }

    /// Whether a leaf fulfils it.
    pub(crate) fn is_met_by(&self, leaf: &Tree<'_>) -> bool {
        match (self, leaf) {
            (Self::Exists(wanted), _) => *wanted,
            (Self::AnythingBut(excluded), leaf) => !excluded.has(leaf),
            (Self::Null, Tree::Null) => true,
            (Self::Bool(wanted), Tree::Bool(flag)) => wanted == flag,
            (Self::Number(figure), Tree::Number(number)) => figure.is(*number),
            (Self::Range(range), Tree::Number(number)) => range.contains(number.value),
            (condition, Tree::Text(text)) => condition.is_met_by_text(text),
            _ => false,
        }
    }

    fn is_met_by_text(&self, text: &str) -> bool {
        match self {
            Self::Text(wanted) => wanted == text,
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Self::Suffix(suffix) => text.ends_with(suffix.as_str()),
            Self::Folded(wanted) => *wanted == folded(text),
            Self::FoldedPrefix(prefix) => folded(text).starts_with(prefix.as_str()),
            Self::FoldedSuffix(suffix) => folded(text).ends_with(suffix.as_str()),
            Self::Wildcard(wildcard) => wildcard.matches(text),
            Self::Network(network) => {
                network::strict(text).is_some_and(|address| network.contains(address))
            }
            _ => false,
        }
    }
}

impl Excluded {
    fn has(&self, leaf: &Tree<'_>) -> bool {
        let text = match (self, leaf) {
            (Self::Numbers(figures), Tree::Number(number)) => {
                return figures.iter().any(|figure| figure.is(*number));
            }
            (_, Tree::Text(text)) => text,
            _ => return false,
        };
        match self {
            Self::Texts(texts) => texts.contains(text),
            Self::Numbers(_) => false,
            Self::Folded(texts) => texts.contains(&folded(text)),
            Self::Prefixes(prefixes) => {
                prefixes.iter().any(|prefix| text.starts_with(prefix.as_str()))
            }
            Self::Suffixes(suffixes) => {
                suffixes.iter().any(|suffix| text.ends_with(suffix.as_str()))
            }
            Self::Wildcards(wildcards) => wildcards.iter().any(|wildcard| wildcard.matches(text)),
        }
    }
}
