//! What generated views stand on: a record held or borrowed, and typed access by position.

use std::borrow::Cow;

use crate::protocol::NO_MEMBERS;
use crate::record::Record;
use crate::tables::Structure;
use crate::value::{Blob, Value};

/// A record that a view owns, or one within another record that it looks at.
#[derive(Debug)]
pub enum Held<'a> {
    /// The view's own.
    Own(Record<'a>),
    /// Part of a larger record.
    Ref(&'a Record<'a>),
}

impl<'a> Held<'a> {
    /// The record.
    #[inline]
    #[must_use]
    pub fn record(&self) -> &Record<'a> {
        match self {
            Self::Own(record) => record,
            Self::Ref(record) => record,
        }
    }

    /// The record as one's own: a borrowed one is copied.
    #[must_use]
    pub fn into_record(self) -> Record<'a> {
        match self {
            Self::Own(record) => record,
            Self::Ref(record) => record.copy(),
        }
    }

    /// The same with one member set; a borrowed record is copied first.
    #[inline]
    #[must_use]
    pub(crate) fn with(self, position: usize, value: Value<'a>) -> Self {
        let mut record = self.into_record();
        record.set(position, value);
        Self::Own(record)
    }

    #[inline]
    pub(crate) fn text(&self, position: usize) -> Option<&str> {
        match self.record().get(position)? {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn blob(&self, position: usize) -> Option<&[u8]> {
        match self.record().get(position)? {
            Value::Blob(blob) => Some(blob.as_ref()),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn flag(&self, position: usize) -> Option<bool> {
        match self.record().get(position)? {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn int(&self, position: usize) -> Option<i64> {
        match self.record().get(position)? {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// A floating-point number at a position.
    #[inline]
    #[must_use]
    pub fn double(&self, position: usize) -> Option<f64> {
        match self.record().get(position)? {
            Value::Double(number) => Some(*number),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn time(&self, position: usize) -> Option<i64> {
        match self.record().get(position)? {
            Value::Time(millis) => Some(*millis),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn values(&self, position: usize) -> Option<&[Value<'a>]> {
        match self.record().get(position)? {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn strings(&self, position: usize) -> Option<Strings<'_>> {
        self.values(position).map(Strings)
    }

    #[inline]
    pub(crate) fn map(&self, position: usize) -> Option<&[(Cow<'a, str>, Value<'a>)]> {
        match self.record().get(position)? {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn string_map(&self, position: usize) -> Option<StringMap<'_>> {
        self.map(position).map(StringMap)
    }

    #[inline]
    pub(crate) fn structure<'r, V: View<'r>>(&'r self, position: usize) -> Option<V> {
        match self.record().get(position)? {
            Value::Struct(record) => Some(V::view(record)),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn structures<'r, V: View<'r>>(&'r self, position: usize) -> Option<Views<'r, V>> {
        let items = self.values(position)?;
        Some(Views { items, of: std::marker::PhantomData })
    }
}

/// A typed view of one structure's records.
pub trait View<'a>: Sized {
    /// The table the view was generated from.
    const SHAPE: &'static Structure;

    /// Looks at a record that stands elsewhere.
    fn view(record: &'a Record<'a>) -> Self;

    /// Takes a record, which must follow [`Self::SHAPE`].
    fn from_record(record: Record<'a>) -> Self;

    /// The record behind the view; copied where the view only looks at it.
    fn into_record(self) -> Record<'a>;

    /// Sets a member where there is a value for it:
    /// `view.with_some(description, KeyMetadata::with_description)`.
    #[must_use]
    fn with_some<T>(self, value: Option<T>, set: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => set(self, value),
            None => self,
        }
    }
}

/// The input of an operation that takes none.
#[derive(Debug)]
pub struct NoInput<'a>(Held<'a>);

impl<'a> View<'a> for NoInput<'a> {
    const SHAPE: &'static Structure = &NO_MEMBERS;

    fn view(record: &'a Record<'a>) -> Self {
        Self(Held::Ref(record))
    }

    fn from_record(record: Record<'a>) -> Self {
        Self(Held::Own(record))
    }

    fn into_record(self) -> Record<'a> {
        self.0.into_record()
    }
}

fn text_of<'r>(value: &'r Value<'r>) -> Option<&'r str> {
    match value {
        Value::Str(text) => Some(text),
        _ => None,
    }
}

/// A list of strings. Null elements are passed over: validation refuses them before.
#[derive(Clone, Copy)]
pub struct Strings<'r>(&'r [Value<'r>]);

impl<'r> Strings<'r> {
    /// The strings in order.
    pub fn iter(&self) -> impl Iterator<Item = &'r str> + Clone + use<'r> {
        self.0.iter().filter_map(text_of)
    }

    /// How many elements the list has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a string is among them.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        self.iter().any(|item| item == text)
    }
}

impl<'r> IntoIterator for Strings<'r> {
    type Item = &'r str;
    type IntoIter =
        std::iter::FilterMap<std::slice::Iter<'r, Value<'r>>, fn(&'r Value<'r>) -> Option<&'r str>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().filter_map(text_of)
    }
}

/// A map from strings to strings, in the order of the wire.
#[derive(Clone, Copy)]
pub struct StringMap<'r>(&'r [(Cow<'r, str>, Value<'r>)]);

impl<'r> StringMap<'r> {
    /// The entries in order. Null values are passed over: validation refuses them before.
    pub fn iter(&self) -> impl Iterator<Item = (&'r str, &'r str)> + Clone + use<'r> {
        self.0.iter().filter_map(|(key, value)| match value {
            Value::Str(text) => Some((key.as_ref(), text.as_ref())),
            _ => None,
        })
    }

    /// How many entries it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value under a key. Linear: callers with many look-ups build an index.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'r str> {
        self.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }
}

/// A list of structures, seen through their view.
pub struct Views<'r, V> {
    items: &'r [Value<'r>],
    of: std::marker::PhantomData<V>,
}

impl<'r, V: View<'r>> Views<'r, V> {
    /// The structures in order. Null elements are passed over: validation refuses them before.
    pub fn iter(&self) -> impl Iterator<Item = V> + use<'r, V> {
        self.items.iter().filter_map(|value| match value {
            Value::Struct(record) => Some(V::view(record)),
            _ => None,
        })
    }

    /// How many elements the list has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

/// A list value of strings.
pub(crate) fn strings<'a, T>(items: impl IntoIterator<Item = T>) -> Value<'a>
where
    T: Into<Cow<'a, str>>,
{
    Value::List(items.into_iter().map(|item| Value::Str(item.into())).collect())
}

/// A map value of strings. Keys are expected to be unique.
pub(crate) fn string_map<'a, K, V>(entries: impl IntoIterator<Item = (K, V)>) -> Value<'a>
where
    K: Into<Cow<'a, str>>,
    V: Into<Cow<'a, str>>,
{
    Value::Map(entries.into_iter().map(|(k, v)| (k.into(), Value::Str(v.into()))).collect())
}

/// A list value of structures.
pub(crate) fn structures<'a, V: View<'a>>(items: impl IntoIterator<Item = V>) -> Value<'a> {
    Value::List(items.into_iter().map(|item| Value::Struct(item.into_record())).collect())
}

/// A blob value.
pub(crate) fn blob<'a>(bytes: impl Into<Blob<'a>>) -> Value<'a> {
    Value::Blob(bytes.into())
}
