//! One decoded structure: a slot for each member of its table.

use std::fmt;

use crate::tables::{Member, Shape, Structure};
use crate::value::Value;

/// What stands for a sensitive value wherever a record is printed.
pub const REDACTED: &str = "***";

/// A structure's values, by member position. Sensitive strings are overwritten when it is dropped.
pub struct Record<'a> {
    shape: &'static Structure,
    slots: Box<[Option<Value<'a>>]>,
}

impl<'a> Record<'a> {
    /// A record with every member absent.
    #[must_use]
    pub fn new(shape: &'static Structure) -> Self {
        Self { shape, slots: shape.members.iter().map(|_| None).collect() }
    }

    /// The table this record follows.
    #[must_use]
    pub fn shape(&self) -> &'static Structure {
        self.shape
    }

    /// The value at a member's position; `None` where absent.
    #[must_use]
    #[inline]
    pub fn get(&self, position: usize) -> Option<&Value<'a>> {
        self.slots.get(position).and_then(Option::as_ref)
    }

    /// The value of the member with that model name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Value<'a>> {
        self.get(self.shape.position(name)?)
    }

    /// Puts a value at a member's position; a position beyond the table is left alone and answers
    /// `false`. The value is expected to be of the member's shape.
    #[inline]
    pub fn set(&mut self, position: usize, value: Value<'a>) -> bool {
        let (Some(slot), Some(member)) =
            (self.slots.get_mut(position), self.shape.members.get(position))
        else {
            return false;
        };
        if let Some(old) = slot {
            old.wipe(&member.shape);
        }
        *slot = Some(value);
        true
    }

    /// Makes a member absent.
    pub fn clear(&mut self, position: usize) {
        if let (Some(slot), Some(member)) =
            (self.slots.get_mut(position), self.shape.members.get(position))
        {
            if let Some(old) = slot {
                old.wipe(&member.shape);
            }
            *slot = None;
        }
    }

    /// Takes a value out, leaving the member absent. The taker then answers for wiping it.
    pub fn take(&mut self, position: usize) -> Option<Value<'a>> {
        self.slots.get_mut(position)?.take()
    }

    /// Members with their values, `None` where absent, in the table's order.
    pub fn entries(&self) -> impl Iterator<Item = (&'static Member, Option<&Value<'a>>)> {
        self.shape.members.iter().zip(self.slots.iter().map(Option::as_ref))
    }

    /// Whether every member is absent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.iter().all(Option::is_none)
    }

    /// A deep copy that borrows nothing; the one way to copy a record.
    #[must_use]
    pub fn copy(&self) -> Record<'static> {
        Record {
            shape: self.shape,
            slots: self.slots.iter().map(|slot| slot.as_ref().map(Value::copy)).collect(),
        }
    }

    /// Overwrites every owned string, for a record within a sensitive structure.
    pub(crate) fn wipe_all(&mut self) {
        for (slot, member) in self.slots.iter_mut().zip(self.shape.members) {
            if let Some(value) = slot {
                value.wipe_everything(&member.shape);
            }
        }
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        for (slot, member) in self.slots.iter_mut().zip(self.shape.members) {
            if let Some(value) = slot {
                value.wipe(&member.shape);
            }
        }
    }
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct(self.shape.name);
        for (member, value) in self.entries() {
            if let Some(value) = value {
                out.field(member.name, &Shown { value, shape: &member.shape });
            }
        }
        out.finish()
    }
}

/// A value with its shape, so that what is sensitive stays hidden at every depth.
struct Shown<'r, 'a> {
    value: &'r Value<'a>,
    shape: &'r Shape,
}

impl fmt::Debug for Shown<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.shape.sensitive() {
            return f.write_str(REDACTED);
        }
        match (self.value, self.shape) {
            (Value::Str(text), _) => write!(f, "{text:?}"),
            (Value::Blob(blob), _) => write!(f, "<{} bytes>", blob.len()),
            (Value::Bool(flag), _) => write!(f, "{flag}"),
            (Value::Int(number), _) => write!(f, "{number}"),
            (Value::Double(number), _) => write!(f, "{number}"),
            (Value::Time(millis), _) => write!(f, "{millis} ms"),
            (Value::List(items), Shape::List(list)) => f
                .debug_list()
                .entries(items.iter().map(|value| Shown { value, shape: &list.member }))
                .finish(),
            (Value::Map(entries), Shape::Map(map)) => f
                .debug_map()
                .entries(entries.iter().map(|(key, value)| {
                    let key: &str = if map.key.sensitive { REDACTED } else { key };
                    (key, Shown { value, shape: &map.value })
                }))
                .finish(),
            (Value::Struct(record), _) => fmt::Debug::fmt(record, f),
            (Value::Null, _) => f.write_str("null"),
            // A value that does not follow its table: say nothing of what it holds.
            (Value::List(_) | Value::Map(_), _) => f.write_str(REDACTED),
        }
    }
}
