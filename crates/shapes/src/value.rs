//! Values as they stand in records: borrowed from the request where possible, wiped where secret.

use std::borrow::Cow;

use zeroize::Zeroize;

use crate::record::Record;
use crate::tables::Shape;

/// One value. Which variant stands in a slot follows from the member's shape.
///
/// There is no `Clone` and no `Debug`: values may be secret. [`Value::copy`] says so where a copy
/// is meant, and [`Record`]'s `Debug` prints values with their shapes at hand.
pub enum Value<'a> {
    /// A string.
    Str(Cow<'a, str>),
    /// Bytes.
    Blob(Blob<'a>),
    /// A boolean.
    Bool(bool),
    /// A whole number of any width.
    Int(i64),
    /// A floating-point number of any precision.
    Double(f64),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Time(i64),
    /// A list.
    List(Vec<Value<'a>>),
    /// A map in the order of the wire; keys are unique.
    Map(Vec<(Cow<'a, str>, Value<'a>)>),
    /// A structure.
    Struct(Record<'a>),
    /// An explicit null among a list's elements or a map's values. Members are absent instead.
    Null,
}

impl<'a> Value<'a> {
    /// A deep copy that borrows nothing.
    #[must_use]
    pub fn copy(&self) -> Value<'static> {
        match self {
            Self::Str(text) => Value::Str(Cow::Owned(text.as_ref().to_owned())),
            Self::Blob(blob) => Value::Blob(Blob::from(blob.as_ref().to_vec())),
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Int(number) => Value::Int(*number),
            Self::Double(number) => Value::Double(*number),
            Self::Time(millis) => Value::Time(*millis),
            Self::List(items) => Value::List(items.iter().map(Value::copy).collect()),
            Self::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|(k, v)| (Cow::Owned(k.as_ref().to_owned()), v.copy()))
                    .collect(),
            ),
            Self::Struct(record) => Value::Struct(record.copy()),
            Self::Null => Value::Null,
        }
    }

    /// Overwrites owned strings of a sensitive shape. Blobs and records wipe themselves.
    pub(crate) fn wipe(&mut self, shape: &Shape) {
        self.wipe_as(shape, shape.sensitive());
    }

    /// Overwrites owned strings whatever the shape says of them.
    pub(crate) fn wipe_everything(&mut self, shape: &Shape) {
        self.wipe_as(shape, true);
    }

    fn wipe_as(&mut self, shape: &Shape, secret: bool) {
        match (self, shape) {
            (Self::Str(Cow::Owned(text)), _) if secret => text.zeroize(),
            (Self::List(items), Shape::List(list)) => {
                let secret = secret || list.member.sensitive();
                items.iter_mut().for_each(|item| item.wipe_as(&list.member, secret));
            }
            (Self::Map(entries), Shape::Map(map)) => {
                let secret_keys = secret || map.key.sensitive;
                let secret = secret || map.value.sensitive();
                for (key, value) in entries {
                    if let (true, Cow::Owned(text)) = (secret_keys, key) {
                        text.zeroize();
                    }
                    value.wipe_as(&map.value, secret);
                }
            }
            (Self::Struct(record), Shape::Struct(_)) if secret => record.wipe_all(),
            _ => {}
        }
    }
}

/// Bytes of a record. Owned bytes are overwritten when dropped, whether or not the model calls
/// them sensitive: a ciphertext costs little to wipe and a plaintext must be.
pub struct Blob<'a>(Cow<'a, [u8]>);

impl Blob<'_> {
    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl AsRef<[u8]> for Blob<'_> {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Blob<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Cow::Owned(bytes))
    }
}

impl<'a> From<&'a [u8]> for Blob<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(Cow::Borrowed(bytes))
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Blob<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self(Cow::Borrowed(bytes))
    }
}

impl<'a> From<&'a Vec<u8>> for Blob<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self(Cow::Borrowed(bytes))
    }
}

impl Drop for Blob<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(bytes) = &mut self.0 {
            // A whole slice is wiped many bytes at a time; a vector by itself byte by byte.
            bytes.as_mut_slice().zeroize();
            bytes.spare_capacity_mut().zeroize();
        }
    }
}
