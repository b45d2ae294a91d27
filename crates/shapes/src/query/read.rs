//! Reading parameters by a structure's table.

use super::params::{Node, Params};
use super::scalar::{mismatch, scalar};
use crate::decode_error::{DecodeError, DecodeErrorKind};
use crate::record::Record;
use crate::tables::{ListShape, MapShape, Member, Shape, Structure};
use crate::value::Value;

/// How deep structures, lists and maps may nest.
pub const MAX_DEPTH: usize = 32;

/// How many elements may be missing before a list's next one (recorded from IAM).
pub const MAX_SKIPPED: u64 = 10;

/// Reads the members of a structure. Parameters that it doesn't know are passed over, as AWS does.
///
/// # Errors
/// When a value is of the wrong type, a list's index is none or too far from the one before, or
/// names nest deeper than [`MAX_DEPTH`].
pub fn decode<'a>(
    table: &'static Structure,
    params: &Params<'a>,
) -> Result<Record<'a>, DecodeError> {
    structure(table, params.root(), 0)
}

fn structure<'a>(
    table: &'static Structure,
    node: Node<'_, 'a>,
    depth: usize,
) -> Result<Record<'a>, DecodeError> {
    if depth >= MAX_DEPTH {
        return Err(DecodeError::new(DecodeErrorKind::TooDeep, 0));
    }
    let mut record = Record::new(table);
    for (position, member) in table.members.iter().enumerate() {
        let child = node.child(parameter_name(member));
        if !child.is_absent() {
            record.set(position, value(child, &member.shape, member.flattened, depth)?);
        }
    }
    Ok(record)
}

/// The parameter's name. A flattened list takes the name of its elements, unless the member has
/// one of its own.
pub(super) fn parameter_name(member: &Member) -> &'static str {
    match member.shape {
        Shape::List(list)
            if (member.flattened || list.flattened) && list.named && member.wire == member.name =>
        {
            list.wire
        }
        _ => member.wire,
    }
}

fn value<'a>(
    node: Node<'_, 'a>,
    shape: &Shape,
    flattened: bool,
    depth: usize,
) -> Result<Value<'a>, DecodeError> {
    match shape {
        Shape::List(list) => self::list(list, node, flattened || list.flattened, depth + 1),
        Shape::Map(map) => self::map(map, node, flattened || map.flattened, depth + 1),
        Shape::Struct(table) => structure(table, node, depth + 1).map(Value::Struct),
        _ => match node.value {
            Some(text) => scalar(text, shape),
            None => Err(mismatch("Start of structure or map found where not expected.")),
        },
    }
}

fn list<'a>(
    shape: &ListShape,
    node: Node<'_, 'a>,
    flattened: bool,
    depth: usize,
) -> Result<Value<'a>, DecodeError> {
    let elements = if flattened { node } else { node.child(shape.wire) };
    no_text(node)?;
    let mut items = Vec::new();
    for (gap, element) in indexed(elements, depth)? {
        items.extend((0..gap).map(|_| Value::Null));
        items.push(value(element, &shape.member, false, depth)?);
    }
    Ok(Value::List(items))
}

fn map<'a>(
    shape: &MapShape,
    node: Node<'_, 'a>,
    flattened: bool,
    depth: usize,
) -> Result<Value<'a>, DecodeError> {
    let entries = if flattened { node } else { node.child("entry") };
    no_text(node)?;
    let mut found = crate::entries::Entries::default();
    for (_, entry) in indexed(entries, depth)? {
        let Some(key) = entry.child(shape.key_wire).value else {
            return Err(mismatch("Map entry has no key"));
        };
        let item = entry.child(shape.value_wire);
        let item =
            if item.is_absent() { Value::Null } else { value(item, &shape.value, false, depth)? };
        found.put(key.clone(), item);
    }
    Ok(Value::Map(found.into_list()))
}

/// An empty value stands for an empty list or map (`Tags=`); any other text is out of place.
fn no_text(node: Node<'_, '_>) -> Result<(), DecodeError> {
    match node.value {
        Some(text) if !text.is_empty() && !node.has_children() => {
            Err(mismatch("Expected list or null"))
        }
        _ => Ok(()),
    }
}

/// Elements by index, each with the number of missing ones before it.
fn indexed<'p, 'a>(
    node: Node<'p, 'a>,
    depth: usize,
) -> Result<Vec<(u64, Node<'p, 'a>)>, DecodeError> {
    if depth >= MAX_DEPTH {
        return Err(DecodeError::new(DecodeErrorKind::TooDeep, 0));
    }
    let mut elements = Vec::new();
    for (segment, child) in node.children() {
        elements.push((index(segment)?, child));
    }
    elements.sort_by_key(|(index, _)| *index);
    // `01` names the same element as `1`.
    elements.dedup_by_key(|(index, _)| *index);
    let mut expected = 1;
    for (index, _) in &mut elements {
        let gap = index.saturating_sub(expected);
        if gap > MAX_SKIPPED {
            return Err(mismatch(format!(
                "Excessively sparse input would skip {gap} list elements"
            )));
        }
        expected = index.saturating_add(1);
        *index = gap;
    }
    Ok(elements)
}

/// A list's index, with AWS's texts for what is none (recorded from IAM).
fn index(segment: &str) -> Result<u64, DecodeError> {
    if segment.starts_with('-') && segment.parse::<i64>().is_ok() {
        return Err(mismatch(format!("Key {segment} may not have a leading '-'")));
    }
    let digits = !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit());
    match segment.parse() {
        Ok(0) => Err(mismatch("0 is not a valid index")),
        Ok(index) if digits => Ok(index),
        _ => Err(mismatch("Start of list found where not expected")),
    }
}
