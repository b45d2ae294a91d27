//! How rows are named: spaces, keys, and ranges of keys.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
};

use super::MAX_SPACE_BYTES;

/// The name of a space: 1 to [`MAX_SPACE_BYTES`] of `a-z`, `0-9`, `-` and `.`.
#[derive(Clone, Copy)]
pub struct Space {
    bytes: [u8; MAX_SPACE_BYTES],
    len: u8,
}

impl Space {
    /// A space whose name stands in the source. Fails to compile in a constant when it is no name.
    ///
    /// # Panics
    /// Outside a constant, when it is no name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        let space = Self::parse(name.as_bytes());
        assert!(space.is_some(), "not the name of a space");
        match space {
            Some(space) => space,
            None => Self { bytes: [0; MAX_SPACE_BYTES], len: 0 },
        }
    }

    /// The space of that name, if it is one.
    #[must_use]
    pub const fn parse(name: &[u8]) -> Option<Self> {
        if name.is_empty() || name.len() > MAX_SPACE_BYTES {
            return None;
        }
        let mut bytes = [0; MAX_SPACE_BYTES];
        let (taken, _) = bytes.split_at_mut(name.len());
        taken.copy_from_slice(name);
        let mut rest = name;
        while let Some((byte, others)) = rest.split_first() {
            if !matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.') {
                return None;
            }
            rest = others;
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most MAX_SPACE_BYTES")]
        Some(Self { bytes, len: name.len() as u8 })
    }

    /// The name as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII gets past `parse`.
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl PartialEq for Space {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Space {}

impl PartialOrd for Space {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Space {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Space {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A row's key within its space: any bytes, at most [`MAX_KEY_BYTES`](super::MAX_KEY_BYTES), which
/// a commit checks. Keys are names, not secrets: they stand in errors and in clear in the store.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Box<[u8]>);

impl Key {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The smallest key that is greater than this one.
    #[must_use]
    pub fn successor(&self) -> Self {
        let mut bytes = Vec::with_capacity(self.0.len() + 1);
        bytes.extend_from_slice(&self.0);
        bytes.push(0);
        bytes.into()
    }
}

impl From<Vec<u8>> for Key {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&[u8]> for Key {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl<const N: usize> From<&[u8; N]> for Key {
    fn from(bytes: &[u8; N]) -> Self {
        Self(bytes.as_slice().into())
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

/// Keys are ordered, compared and hashed as their bytes are.
impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

/// Where a row is: its space and its key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The space.
    pub space: Space,
    /// The key.
    pub key: Key,
}

impl Place {
    /// The place of `key` in `space`.
    pub fn new(space: Space, key: impl Into<Key>) -> Self {
        Self { space, key: key.into() }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.space, self.key)
    }
}

/// Keys from one, included, up to another, excluded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first key.
    pub from: Key,
    /// The first key beyond; nothing for the end of the space.
    pub to: Option<Key>,
}

impl Range {
    /// Every key.
    #[must_use]
    pub fn all() -> Self {
        Self::from(Vec::new())
    }

    /// This key and all after it.
    pub fn from(key: impl Into<Key>) -> Self {
        Self { from: key.into(), to: None }
    }

    /// The keys that begin with `prefix`.
    pub fn prefix(prefix: impl Into<Key>) -> Self {
        let from = prefix.into();
        let mut end = from.0.to_vec();
        while end.pop_if(|byte| *byte == u8::MAX).is_some() {}
        let to = end.last_mut().map(|byte| *byte += 1).map(|()| end.into());
        Self { from, to }
    }

    /// The rest of this range from `key` on.
    pub fn resume(&self, key: impl Into<Key>) -> Self {
        Self { from: key.into(), to: self.to.clone() }
    }

    /// Whether no key can be in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.to.as_ref().is_some_and(|to| *to <= self.from)
    }

    /// Whether `key` is in it.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        key >= self.from.as_bytes() && self.to.as_ref().is_none_or(|to| key < to.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_space_has_a_short_plain_name() {
        assert_eq!(Space::new("kms.key").as_str(), "kms.key");
        for bad in ["", "Keys", "a b", "a/b", "überall", "aaaaaaaaaaaaaaaaaaaaaaaa"] {
            assert!(Space::parse(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(Space::new("a") < Space::new("aa"));
        assert!(Space::new("aa") < Space::new("b"));
    }

    #[test]
    fn a_prefix_of_highest_bytes_has_no_end() {
        assert_eq!(Range::prefix(&[0xff, 0xff]).to, None);
        assert_eq!(Range::prefix(&[1, 0xff]).to, Some(Key::from(&[2])));
        assert_eq!(Range::prefix(""), Range::all());
    }

    proptest! {
        #[test]
        fn a_prefix_holds_just_the_keys_that_begin_with_it(
            prefix in proptest::collection::vec(250u8.., 0..3),
            key in proptest::collection::vec(250u8.., 0..4),
        ) {
            let range = Range::prefix(prefix.clone());
            prop_assert_eq!(range.contains(&key), key.starts_with(&prefix));
        }
    }
}
