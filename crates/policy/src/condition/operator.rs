//! The names of condition operators.

/// How an operator treats a key with several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantifier {
    Plain,
    ForAll,
    ForAny,
}

/// An ordering asked of numbers and dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ordering {
    Equals,
    NotEquals,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Ordering {
    pub(crate) fn accepts(self, found: std::cmp::Ordering) -> bool {
        match self {
            Ordering::Equals => found.is_eq(),
            Ordering::NotEquals => found.is_ne(),
            Ordering::Less => found.is_lt(),
            Ordering::LessOrEqual => found.is_le(),
            Ordering::Greater => found.is_gt(),
            Ordering::GreaterOrEqual => found.is_ge(),
        }
    }
}

/// What an operator compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Text { wildcards: bool, negated: bool },
    TextIgnoreCase { negated: bool },
    Number(Ordering),
    Date(Ordering),
    Bool,
    Binary,
    Address { negated: bool },
    Arn { negated: bool },
    Null,
}

/// An operator's name taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operator {
    pub(crate) comparison: Comparison,
    pub(crate) quantifier: Quantifier,
    pub(crate) if_exists: bool,
}

impl Operator {
    /// Reads a name such as `ForAnyValue:StringLikeIfExists`; letter case matters.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (quantifier, rest) = match name.split_once(':') {
            None => (Quantifier::Plain, name),
            Some(("ForAllValues", rest)) => (Quantifier::ForAll, rest),
            Some(("ForAnyValue", rest)) => (Quantifier::ForAny, rest),
            Some(_) => return None,
        };
        let (base, if_exists) = match rest.strip_suffix("IfExists") {
            Some(base) => (base, true),
            None => (rest, false),
        };
        let comparison = comparison(base)?;
        // Null asks for presence itself, so neither makes sense with it.
        if comparison == Comparison::Null && (if_exists || quantifier != Quantifier::Plain) {
            return None;
        }
        Some(Self { comparison, quantifier, if_exists })
    }
}

fn comparison(name: &str) -> Option<Comparison> {
    if let Some(ordering) = name.strip_prefix("Numeric") {
        return Some(Comparison::Number(ordering_named(ordering)?));
    }
    if let Some(ordering) = name.strip_prefix("Date") {
        return Some(Comparison::Date(ordering_named(ordering)?));
    }
    Some(match name {
        "StringEquals" => Comparison::Text { wildcards: false, negated: false },
        "StringNotEquals" => Comparison::Text { wildcards: false, negated: true },
        "StringLike" => Comparison::Text { wildcards: true, negated: false },
        "StringNotLike" => Comparison::Text { wildcards: true, negated: true },
        "StringEqualsIgnoreCase" => Comparison::TextIgnoreCase { negated: false },
        "StringNotEqualsIgnoreCase" => Comparison::TextIgnoreCase { negated: true },
        "Bool" => Comparison::Bool,
        "BinaryEquals" => Comparison::Binary,
        "IpAddress" => Comparison::Address { negated: false },
        "NotIpAddress" => Comparison::Address { negated: true },
        "ArnEquals" | "ArnLike" => Comparison::Arn { negated: false },
        "ArnNotEquals" | "ArnNotLike" => Comparison::Arn { negated: true },
        "Null" => Comparison::Null,
        _ => return None,
    })
}

fn ordering_named(name: &str) -> Option<Ordering> {
    Some(match name {
        "Equals" => Ordering::Equals,
        "NotEquals" => Ordering::NotEquals,
        "LessThan" => Ordering::Less,
        "LessThanEquals" => Ordering::LessOrEqual,
        "GreaterThan" => Ordering::Greater,
        "GreaterThanEquals" => Ordering::GreaterOrEqual,
        _ => return None,
    })
}
