//! Reading one condition of a pattern.

use super::condition::{Condition, Excluded, Figure, MAX_NUMBER, Range, folded};
use super::json::{Node, Refusal, Value};
use super::network::{self, Network};
use super::wildcard::{Wildcard, Wrong};

const ONE_KEY: &str = "Only one key allowed in match expression";
const TOO_MANY: &str = "Too many elements in numeric expression";
const FOLD: &str = "equals-ignore-case";

type Members<'n, 'a> = &'n [(String, Node<'a>)];

/// Reads an element of a field's list.
pub(super) fn condition(node: &Node<'_>) -> Result<Condition, Refusal> {
    Ok(match &node.value {
        Value::Null => Condition::Null,
        Value::Bool(flag) => Condition::Bool(*flag),
        Value::Number(text) => Condition::Number(Figure::new(text)),
        // An address may be written in several ways.
        Value::Text(text) => match network::strict(text) {
            Some(address) => Condition::Network(Network::one(address)),
            None => Condition::Text(text.clone()),
        },
        Value::Object(members) => expression(members, node.end)?,
        Value::Array(_) => {
            let reason = "Match value must be String, number, true, false, or null";
            return Err(Refusal::at(reason, node.begun));
        }
    })
}

fn expression(members: Members<'_, '_>, end: usize) -> Result<Condition, Refusal> {
    let Some(((name, node), more)) = members.split_first() else {
        return Err(Refusal::at("Match expression name not found", end));
    };
    let condition = match name.as_str() {
        "exactly" => Condition::Text(text(node, "exact match pattern must be a string")?.into()),
        "prefix" => match &node.value {
            Value::Object(inner) => {
                Condition::FoldedPrefix(fold(inner, node, ("Prefix", "prefix"))?)
            }
            _ => Condition::Prefix(text(node, "prefix match pattern must be a string")?.into()),
        },
        "suffix" => match &node.value {
            Value::Object(inner) => {
                Condition::FoldedSuffix(fold(inner, node, ("Suffix", "suffix"))?)
            }
            _ => Condition::Suffix(text(node, "suffix match pattern must be a string")?.into()),
        },
        FOLD => Condition::Folded(folded(text(
            node,
            "equals-ignore-case match pattern must be a string",
        )?)),
        "numeric" => numeric(node)?,
        "anything-but" => Condition::AnythingBut(anything_but(node)?),
        "exists" => match node.value {
            Value::Bool(wanted) => Condition::Exists(wanted),
            _ => {
                let reason = "exists match pattern must be either true or false.";
                return Err(Refusal::at(reason, node.begun));
            }
        },
        "cidr" => {
            // AWS's own text speaks of a prefix.
            let text = text(node, "prefix match pattern must be a string")?;
            Condition::Network(Network::parse(text).map_err(Refusal::nowhere)?)
        }
        "wildcard" => Condition::Wildcard(wildcard(node)?),
        _ => {
            let reason = format!("Unrecognized match type {name}");
            return Err(Refusal::at(reason, node.begun));
        }
    };
    match more.first() {
        None => Ok(condition),
        Some((_, other)) => {
            let numeric = matches!(condition, Condition::Range(_) | Condition::AnythingBut(_));
            Err(Refusal::at(if numeric { TOO_MANY } else { ONE_KEY }, other.begun))
        }
    }
}

fn text<'n>(node: &'n Node<'_>, refusal: &'static str) -> Result<&'n str, Refusal> {
    match &node.value {
        Value::Text(text) => Ok(text),
        _ => Err(Refusal::at(refusal, node.begun)),
    }
}

/// `{"equals-ignore-case": "text"}` within a prefix or suffix; in lower case.
fn fold(
    inner: Members<'_, '_>,
    outer: &Node<'_>,
    (title, name): (&str, &str),
) -> Result<String, Refusal> {
    let Some(((operator, node), more)) = inner.split_first() else {
        return Err(Refusal::at(format!("{title} expression name not found"), outer.end));
    };
    if operator != FOLD {
        let reason = format!("Unsupported {name} pattern: {operator}");
        return Err(Refusal::at(reason, node.begun));
    }
    let wanted = folded(text(node, "equals-ignore-case match pattern must be a string")?);
    match more.first() {
        None => Ok(wanted),
        Some((_, other)) => Err(Refusal::at(ONE_KEY, other.begun)),
    }
}

fn wildcard(node: &Node<'_>) -> Result<Wildcard, Refusal> {
    let text = text(node, "wildcard match pattern must be a string")?;
    Wildcard::parse(text).map_err(|wrong| match wrong {
        Wrong::Consecutive(at) => {
            Refusal::at(format!("Consecutive wildcard characters at pos {at}"), node.end)
        }
        Wrong::Escape(at) => Refusal::at(format!("Invalid escape character at pos {at}"), node.end),
        Wrong::Complex => Refusal::nowhere(
            "Rule is too complex - try using fewer wildcard characters or fewer repeating \
             character sequences after a wildcard character",
        ),
    })
}

fn anything_but(node: &Node<'_>) -> Result<Excluded, Refusal> {
    match &node.value {
        Value::Text(text) => Ok(Excluded::Texts(vec![text.clone()])),
        Value::Number(text) => Ok(Excluded::Numbers(vec![Figure::new(text)])),
        Value::Array(items) => excluded_list(items, node.end),
        Value::Object(members) => excluded_by(members, node.end),
        Value::Null | Value::Bool(_) => Err(no_value(node)),
    }
}

fn no_value(node: &Node<'_>) -> Refusal {
    let reason = "Value of anything-but must be an array or single string/number value.";
    Refusal::at(reason, node.begun)
}

fn excluded_list(items: &[Node<'_>], end: usize) -> Result<Excluded, Refusal> {
    let (mut texts, mut figures) = (Vec::new(), Vec::new());
    for item in items {
        match &item.value {
            Value::Text(text) => texts.push(text.clone()),
            Value::Number(text) => figures.push(Figure::new(text)),
            _ => {
                let reason = "Inside anything but list, start|null|boolean is not supported.";
                return Err(Refusal::twice(reason, item.begun));
            }
        }
    }
    match (texts.is_empty(), figures.is_empty()) {
        (false, true) => Ok(Excluded::Texts(texts)),
        (true, false) => Ok(Excluded::Numbers(figures)),
        _ => {
            let reason = "Inside anything but list, either all values are number or string, mixed \
                          type is not supported";
            Err(Refusal::at(reason, end))
        }
    }
}

fn excluded_by(members: Members<'_, '_>, end: usize) -> Result<Excluded, Refusal> {
    let Some(((operator, node), more)) = members.split_first() else {
        return Err(Refusal::at("Anything-But expression name not found", end));
    };
    let (refusal, wants_text) = match operator.as_str() {
        FOLD => (
            "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not \
             supported.",
            false,
        ),
        "prefix" | "suffix" => ("prefix/suffix match pattern must be a string", true),
        "wildcard" => ("wildcard match pattern must be a string", false),
        _ => {
            let reason = format!("Unsupported anything-but pattern: {operator}");
            return Err(Refusal::at(reason, node.begun));
        }
    };
    let single = std::slice::from_ref(node);
    let (items, in_list) = match &node.value {
        Value::Array(items) => (items.as_slice(), true),
        Value::Text(_) | Value::Number(_) => (single, false),
        _ => return Err(no_value(node)),
    };
    let refused = |reason: &str, at| {
        if in_list { Refusal::twice(reason, at) } else { Refusal::at(reason, at) }
    };
    let mut texts = Vec::with_capacity(items.len());
    for item in items {
        let Value::Text(text) = &item.value else { return Err(refused(refusal, item.begun)) };
        if wants_text && text.is_empty() {
            return Err(refused("Null prefix/suffix not allowed", item.end));
        }
        texts.push(text.clone());
    }
    if let Some((_, other)) = more.first() {
        return Err(Refusal::at(TOO_MANY, other.begun));
    }
    Ok(match operator.as_str() {
        FOLD => Excluded::Folded(texts.iter().map(|text| folded(text)).collect()),
        "prefix" => Excluded::Prefixes(texts),
        "suffix" => Excluded::Suffixes(texts),
        _ => Excluded::Wildcards(items.iter().map(wildcard).collect::<Result<_, _>>()?),
    })
}

fn numeric(node: &Node<'_>) -> Result<Condition, Refusal> {
    let Value::Array(items) = &node.value else {
        return Err(Refusal::at("Value of numeric must be an array.", node.begun));
    };
    let mut terms = Terms { items: items.iter(), end: node.end };
    let operator = terms.operator("Invalid member in numeric match: ")?;
    let named = if operator == "=" { "equals" } else { operator };
    let known = matches!(operator, "=" | ">" | ">=" | "<" | "<=");
    if !known {
        let reason = format!("Unrecognized numeric range operator: {operator}");
        return Err(Refusal::at(reason, terms.begun()));
    }
    let figure = terms.number(named)?;
    let whole = Range { bottom: -MAX_NUMBER, open_bottom: false, top: MAX_NUMBER, open_top: false };
    let mut range = match operator {
        "=" => Range { bottom: figure, top: figure, ..whole },
        "<" => Range { top: figure, open_top: true, ..whole },
        "<=" => Range { top: figure, ..whole },
        ">" => Range { bottom: figure, open_bottom: true, ..whole },
        _ => Range { bottom: figure, ..whole },
    };
    if terms.items.len() == 0 {
        return Ok(Condition::Range(range));
    }
    if !operator.starts_with('>') {
        return Err(Refusal::at(TOO_MANY, terms.begun()));
    }
    let ended = terms.ended();
    let operator = terms.operator("Bad value in numeric range: ")?;
    if !matches!(operator, "<" | "<=") {
        return Err(Refusal::at(format!("Bad numeric range operator: {operator}"), ended));
    }
    range.top = terms.number(operator)?;
    range.open_top = operator == "<";
    if terms.items.len() > 0 {
        return Err(Refusal::at("Too many terms in numeric range expression", terms.begun()));
    }
    if range.bottom >= range.top {
        return Err(Refusal::at("Bottom must be less than top", terms.end));
    }
    Ok(Condition::Range(range))
}

/// The terms of a numeric expression that are still to be read.
struct Terms<'n, 'a> {
    items: std::slice::Iter<'n, Node<'a>>,
    end: usize,
}

impl<'n> Terms<'n, '_> {
    /// Where a reader is that takes the next term, or the end.
    fn begun(&self) -> usize {
        self.items.as_slice().first().map_or(self.end, |node| node.begun)
    }

    /// Where it is once it has read all of the next term.
    fn ended(&self) -> usize {
        self.items.as_slice().first().map_or(self.end, |node| node.end)
    }

    fn operator(&mut self, refusal: &str) -> Result<&'n str, Refusal> {
        let begun = self.begun();
        match self.items.next().map(|node| &node.value) {
            Some(Value::Text(text)) => Ok(text),
            Some(Value::Number(text)) => Err(Refusal::at(format!("{refusal}{text}"), begun)),
            Some(Value::Bool(flag)) => Err(Refusal::at(format!("{refusal}{flag}"), begun)),
            Some(Value::Null) => Err(Refusal::at(format!("{refusal}null"), begun)),
            Some(Value::Array(_)) => Err(Refusal::at(format!("{refusal}["), begun)),
            Some(Value::Object(_)) => Err(Refusal::at(format!("{refusal}{{"), begun)),
            None => Err(Refusal::at(format!("{refusal}]"), begun)),
        }
    }

    fn number(&mut self, operator: &str) -> Result<f64, Refusal> {
        let begun = self.begun();
        match self.items.next().map(|node| &node.value) {
            Some(Value::Number(text)) => {
                let figure = Figure::new(text).value;
                if figure.abs() > MAX_NUMBER {
                    let reason = "Value must be between -5.0E9 and 5.0E9, inclusive";
                    return Err(Refusal::at(reason, begun));
                }
                Ok(figure)
            }
            _ => Err(Refusal::at(format!("Value of {operator} must be numeric"), begun)),
        }
    }
}
