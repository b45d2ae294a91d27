//! Holds a record against the limits of its table.

use std::fmt::{self, Write as _};

use crate::record::Record;
use crate::tables::{Limits, Member, Shape, StringShape};
use crate::value::Value;
use crate::violations::{ShownValue, Violation, Violations};

/// Checks required members, lengths, ranges, patterns and enumerations, at every depth.
///
/// A string's length counts Unicode code points, as Smithy's `length` trait defines it (IAM's
/// recorded answers agree that it isn't bytes). A blob's counts bytes after decoding.
///
/// # Errors
/// Everything that is violated, in the order of the table.
pub fn validate(record: &Record<'_>) -> Result<(), Violations> {
    let mut found = Violations::default();
    structure(record, &Path::Top, &mut found);
    if found.count() == 0 { Ok(()) } else { Err(found) }
}

/// Where a value stands. Lives on the stack: nothing is built unless something is wrong.
enum Path<'p> {
    Top,
    Member(&'p Path<'p>, &'static str),
    Item(&'p Path<'p>, usize),
    Entry(&'p Path<'p>, &'p str),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top => Ok(()),
            Self::Member(parent, name) => {
                parent.fmt(f)?;
                if !matches!(parent, Self::Top) {
                    f.write_char('.')?;
                }
                let mut letters = name.chars();
                if let Some(first) = letters.next() {
                    f.write_char(first.to_ascii_lowercase())?;
                }
                f.write_str(letters.as_str())
            }
            Self::Item(parent, at) => write!(f, "{parent}.{}.member", at + 1),
            Self::Entry(parent, key) => write!(f, "{parent}.{key}.member"),
        }
    }
}

fn structure(record: &Record<'_>, path: &Path<'_>, found: &mut Violations) {
    for (member, value) in record.entries() {
        match value {
            Some(value) => self::member(value, member, &Path::Member(path, member.name), found),
            None if member.required => found.add(|| Violation {
                path: Path::Member(path, member.name).to_string(),
                value: ShownValue::Null,
                constraint: "Member must not be null".to_owned(),
            }),
            None => {}
        }
    }
}

fn member(value: &Value<'_>, member: &Member, path: &Path<'_>, found: &mut Violations) {
    self::value(value, &member.shape, path, found);
}

fn value(value: &Value<'_>, shape: &Shape, path: &Path<'_>, found: &mut Violations) {
    let mut add = |constraint: String| {
        found.add(|| Violation { path: path.to_string(), value: shown(value, shape), constraint });
    };
    match (value, shape) {
        (Value::Struct(record), Shape::Struct(_)) => structure(record, path, found),
        (Value::List(items), Shape::List(list)) => {
            length(items.len(), list.length, &mut add);
            if let Shape::Struct(_) | Shape::List(_) | Shape::Map(_) = list.member {
                for (at, item) in items.iter().enumerate() {
                    self::value(item, &list.member, &Path::Item(path, at), found);
                }
            } else if items.iter().any(|item| breaks(item, &list.member)) {
                add(format!("Member must satisfy constraint: [{}]", rules(&list.member)));
            }
        }
        (Value::Map(entries), Shape::Map(map)) => {
            length(entries.len(), map.length, &mut add);
            if entries.iter().any(|(key, _)| breaks_string(key, map.key)) {
                let rules = rules(&Shape::Str(map.key));
                add(format!("Map keys must satisfy constraint: [{rules}]"));
            }
            if let Shape::Struct(_) | Shape::List(_) | Shape::Map(_) = map.value {
                for (key, item) in entries {
                    self::value(item, &map.value, &Path::Entry(path, key), found);
                }
            } else if entries.iter().any(|(_, item)| breaks(item, &map.value)) {
                add(format!("Map value must satisfy constraint: [{}]", rules(&map.value)));
            }
        }
        (Value::Null, _) => add("Member must not be null".to_owned()),
        _ => scalar(value, shape, &mut add),
    }
}

/// The constraints a scalar breaks, one by one.
fn scalar(value: &Value<'_>, shape: &Shape, add: &mut dyn FnMut(String)) {
    match (value, shape) {
        (Value::Str(text), Shape::Str(shape)) => {
            if let Some(pattern) = shape.pattern.filter(|pattern| !pattern.matches(text)) {
                add(pattern_rule(pattern.as_str()));
            }
            if shape.length != Limits::NONE {
                length(text.chars().count(), shape.length, add);
            }
            if !shape.values.is_empty() && !shape.values.contains(&text.as_ref()) {
                add(enum_rule(shape.values));
            }
        }
        (Value::Blob(blob), Shape::Blob(shape)) => length(blob.len(), shape.length, add),
        (Value::Int(number), Shape::Int(shape)) => {
            if shape.range.max.is_some_and(|max| *number > max) {
                add(most("value", shape.range.max));
            }
            if shape.range.min.is_some_and(|min| *number < min) {
                add(least("value", shape.range.min));
            }
        }
        (Value::Double(number), Shape::Double(shape)) => {
            // Models' limits are far below 2^53: exact.
            #[expect(clippy::cast_precision_loss, reason = "limits of models are small")]
            let [min, max] =
                [shape.range.min, shape.range.max].map(|limit| limit.map(|l| l as f64));
            if max.is_some_and(|max| *number > max) {
                add(most("value", shape.range.max));
            }
            if min.is_some_and(|min| *number < min) {
                add(least("value", shape.range.min));
            }
        }
        _ => {}
    }
}

fn length(length: usize, limits: Limits, add: &mut dyn FnMut(String)) {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    if limits.max.is_some_and(|max| length > max) {
        add(most("length", limits.max));
    }
    if limits.min.is_some_and(|min| length < min) {
        add(least("length", limits.min));
    }
}

fn most(what: &str, limit: Option<i64>) -> String {
    format!("Member must have {what} less than or equal to {}", limit.unwrap_or_default())
}

fn least(what: &str, limit: Option<i64>) -> String {
    format!("Member must have {what} greater than or equal to {}", limit.unwrap_or_default())
}

fn pattern_rule(pattern: &str) -> String {
    format!("Member must satisfy regular expression pattern: {pattern}")
}

fn enum_rule(values: &[&str]) -> String {
    format!("Member must satisfy enum value set: [{}]", values.join(", "))
}

/// Whether an element of a list or a value of a map breaks any of its shape's constraints.
fn breaks(value: &Value<'_>, shape: &Shape) -> bool {
    match (value, shape) {
        (Value::Null, _) => true,
        (Value::Str(text), Shape::Str(shape)) => breaks_string(text, shape),
        _ => {
            let mut broken = false;
            scalar(value, shape, &mut |_| broken = true);
            broken
        }
    }
}

fn breaks_string(text: &str, shape: &StringShape) -> bool {
    let mut broken = shape.pattern.is_some_and(|pattern| !pattern.matches(text))
        || (!shape.values.is_empty() && !shape.values.contains(&text));
    if shape.length != Limits::NONE {
        length(text.chars().count(), shape.length, &mut |_| broken = true);
    }
    broken
}

/// All constraints of an element, which AWS lists whichever of them is broken; in the order of a
/// recorded answer of IAM.
fn rules(shape: &Shape) -> String {
    let (what, limits) = match shape {
        Shape::Str(shape) => ("length", shape.length),
        Shape::Blob(shape) => ("length", shape.length),
        Shape::Int(shape) => ("value", shape.range),
        Shape::Double(shape) => ("value", shape.range),
        _ => ("length", Limits::NONE),
    };
    let mut rules = Vec::new();
    if limits.max.is_some() {
        rules.push(most(what, limits.max));
    }
    if limits.min.is_some() {
        rules.push(least(what, limits.min));
    }
    if let Shape::Str(shape) = shape {
        rules.extend(shape.pattern.map(|pattern| pattern_rule(pattern.as_str())));
        if !shape.values.is_empty() {
            rules.push(enum_rule(shape.values));
        }
    }
    if rules.is_empty() {
        // Only a null can break a shape without constraints.
        rules.push("Member must not be null".to_owned());
    }
    rules.join(", ")
}

/// A value as Java prints it; hidden where it is secret, binary or a structure.
fn shown(value: &Value<'_>, shape: &Shape) -> ShownValue {
    if let Value::Null = value {
        return ShownValue::Null;
    }
    let mut text = String::new();
    match print(value, shape, &mut text) {
        Ok(true) => ShownValue::Text(text),
        // The other error can't happen: a string takes whatever is written.
        Ok(false) | Err(fmt::Error) => ShownValue::Hidden,
    }
}

/// Prints a value, or answers `false` where it must stay hidden.
fn print(value: &Value<'_>, shape: &Shape, out: &mut String) -> Result<bool, fmt::Error> {
    if shape.sensitive() {
        return Ok(false);
    }
    match (value, shape) {
        (Value::Str(text), _) => out.write_str(text)?,
        (Value::Int(number), _) => write!(out, "{number}")?,
        (Value::Double(number), _) => write!(out, "{number:?}")?,
        (Value::Bool(flag), _) => write!(out, "{flag}")?,
        (Value::Time(_) | Value::Blob(_) | Value::Struct(_), _) => return Ok(false),
        (Value::Null, _) => out.write_str("null")?,
        (Value::List(items), Shape::List(list)) => {
            out.write_char('[')?;
            for (at, item) in items.iter().enumerate() {
                out.write_str(if at > 0 { ", " } else { "" })?;
                if !print(item, &list.member, out)? {
                    return Ok(false);
                }
            }
            out.write_char(']')?;
        }
        (Value::Map(entries), Shape::Map(map)) => {
            if map.key.sensitive {
                return Ok(false);
            }
            out.write_char('{')?;
            for (at, (key, item)) in entries.iter().enumerate() {
                write!(out, "{}{key}=", if at > 0 { ", " } else { "" })?;
                if !print(item, &map.value, out)? {
                    return Ok(false);
                }
            }
            out.write_char('}')?;
        }
        (Value::List(_) | Value::Map(_), _) => return Ok(false),
    }
    Ok(true)
}
