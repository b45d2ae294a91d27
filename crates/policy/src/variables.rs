//! Policy variables: `${key}`, `${key, 'default'}` and the escapes `${*}`, `${?}`, `${$}`.

use crate::context::Conditions;

/// A variable to look up when a request is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    /// The context key, in lower case.
    pub(crate) key: Box<str>,
    /// The context key as written.
    pub(crate) written: Box<str>,
    pub(crate) default: Option<Box<str>>,
}

/// A piece of a text with variables.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Text as written.
    Text(&'a str),
    /// An escaped character, which is never a wildcard.
    Literal(&'static str),
    Variable(Variable),
}

/// A variable that is not closed, empty, nested, or has a malformed default.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadVariable;

/// Splits `text` at its variables.
pub(crate) fn split(text: &str) -> Result<Vec<Piece<'_>>, BadVariable> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        let (piece, after) = variable(after)?;
        pieces.push(piece);
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

/// One variable; `text` starts after its `${`.
fn variable(text: &str) -> Result<(Piece<'static>, &str), BadVariable> {
    for (escape, literal) in [("*}", "*"), ("?}", "?"), ("$}", "$")] {
        if let Some(rest) = text.strip_prefix(escape) {
            return Ok((Piece::Literal(literal), rest));
        }
    }
    let end = text.find([',', '}']).ok_or(BadVariable)?;
    let (key, rest) = text.split_at_checked(end).ok_or(BadVariable)?;
    if key.is_empty() || key.contains(|c: char| "${'\"*?".contains(c) || c.is_whitespace()) {
        return Err(BadVariable);
    }
    let (key, written) = (key.to_lowercase().into(), key.into());
    if let Some(rest) = rest.strip_prefix('}') {
        return Ok((Piece::Variable(Variable { key, written, default: None }), rest));
    }
    let quoted = rest.strip_prefix(", '").ok_or(BadVariable)?;
    let (default, rest) = quoted.split_once("'}").ok_or(BadVariable)?;
    if default.contains("${") || default.contains('\'') {
        return Err(BadVariable);
    }
    Ok((Piece::Variable(Variable { key, written, default: Some(default.into()) }), rest))
}

impl Variable {
    /// The value in a request. A multi-valued key that is present has none, and its default is not
    /// used.
    pub(crate) fn resolve<'a>(&'a self, conditions: &'a dyn Conditions) -> Option<&'a str> {
        match conditions.get(&self.key).filter(|values| !values.is_empty()) {
            Some(values) => values.single(),
            None => self.default.as_deref(),
        }
    }
}
