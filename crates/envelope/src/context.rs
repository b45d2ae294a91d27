//! Encryption contexts: pairs that are authenticated with the message, but not encrypted
//! (specification: `framework/structures.md`, encryption context).

use std::collections::BTreeMap;
use std::fmt;

use crate::wire::{Reader, put_counted};

/// The key under which a signed message carries its public key. Callers may not use it.
pub const PUBLIC_KEY_FIELD: &str = "aws-crypto-public-key";

/// The most bytes that all pairs may take in a message, their lengths included.
pub const MAX_CONTEXT_BYTES: usize = u16::MAX as usize;

/// Pairs of text, each key once. Sorted by the bytes of the keys.
///
/// ```
/// use bulla_envelope::{ContextError, EncryptionContext, PUBLIC_KEY_FIELD};
///
/// let mut context = EncryptionContext::from_pairs([("tenant", "a"), ("purpose", "backup")])?;
/// let keys: Vec<&str> = context.iter().map(|(key, _)| key).collect();
/// assert_eq!(keys, ["purpose", "tenant"]);
/// assert_eq!(context.insert("tenant", "b"), Err(ContextError::Duplicate("tenant".to_owned())));
/// assert_eq!(context.insert(PUBLIC_KEY_FIELD, ""), Err(ContextError::Reserved));
/// # Ok::<(), ContextError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EncryptionContext {
    pairs: BTreeMap<String, String>,
    /// The pairs' length in a message, in bytes.
    len: usize,
}

/// Why pairs are no encryption context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContextError {
    /// A key is given twice.
    Duplicate(String),
    /// [`PUBLIC_KEY_FIELD`] is not for callers.
    Reserved,
    /// The pairs take more than [`MAX_CONTEXT_BYTES`].
    TooLong,
    /// In a message: the pairs are not as long as they are said to be, or none where some are
    /// announced.
    Length,
    /// In a message: not UTF-8.
    Encoding,
}

impl fmt::Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate(key) => write!(f, "the encryption context has the key {key:?} twice"),
            Self::Reserved => {
                write!(f, "{PUBLIC_KEY_FIELD} in an encryption context is reserved for signatures")
            }
            Self::TooLong => {
                write!(f, "the encryption context takes more than {MAX_CONTEXT_BYTES} bytes")
            }
            Self::Length => f.write_str("the encryption context's length is wrong"),
            Self::Encoding => f.write_str("the encryption context is not UTF-8"),
        }
    }
}

impl std::error::Error for ContextError {}

impl EncryptionContext {
    /// No pairs.
    #[must_use]
    pub const fn new() -> Self {
        Self { pairs: BTreeMap::new(), len: 0 }
    }

    /// The context of these pairs.
    ///
    /// # Errors
    /// [`ContextError::Duplicate`], [`ContextError::Reserved`], [`ContextError::TooLong`].
    pub fn from_pairs<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Result<Self, ContextError>
    where
        K: Into<String>,
        V: Into<String>,
    {
        let mut context = Self::new();
        for (key, value) in pairs {
            context.insert(key, value)?;
        }
        Ok(context)
    }

    /// Adds a pair.
    ///
    /// # Errors
    /// As [`Self::from_pairs`]; the context is as before then.
    pub fn insert(
        &mut self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), ContextError> {
        let (key, value) = (key.into(), value.into());
        if key == PUBLIC_KEY_FIELD {
            return Err(ContextError::Reserved);
        }
        self.add(key, value)
    }

    /// As [`Self::insert`], the reserved key included.
    pub(crate) fn add(&mut self, key: String, value: String) -> Result<(), ContextError> {
        if self.pairs.contains_key(&key) {
            return Err(ContextError::Duplicate(key));
        }
        let len = self.len + pair_len(&key, &value);
        if COUNT_LEN + len > MAX_CONTEXT_BYTES {
            return Err(ContextError::TooLong);
        }
        self.len = len;
        self.pairs.insert(key, value);
        Ok(())
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs.get(key).map(String::as_str)
    }

    /// All pairs, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are no pairs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The pairs whose key passes, as a context of their own.
    pub(crate) fn filtered(&self, passes: impl Fn(&str) -> bool) -> Self {
        let pairs = self.pairs.iter().filter(|(key, _)| passes(key));
        let pairs: BTreeMap<_, _> =
            pairs.map(|(key, value)| (key.clone(), value.clone())).collect();
        Self { len: pairs.iter().map(|(key, value)| pair_len(key, value)).sum(), pairs }
    }

    /// The pairs as messages have them: their number, then each key and value behind its length.
    /// No pairs are no bytes at all.
    #[must_use]
    pub fn serialize(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(COUNT_LEN + self.len);
        if self.is_empty() {
            return out;
        }
        // The number is bounded by the length, and the length was checked pair by pair.
        out.extend_from_slice(&u16::try_from(self.len()).unwrap_or(u16::MAX).to_be_bytes());
        for (key, value) in self.iter() {
            let _fits = put_counted(&mut out, key.as_bytes());
            let _fits = put_counted(&mut out, value.as_bytes());
        }
        out
    }

    /// Reads what [`Self::serialize`] wrote. The order of the pairs is not looked at, as with the
    /// other implementations: the message's tag is over the bytes as they are.
    ///
    /// # Errors
    /// [`ContextError::Duplicate`], [`ContextError::Length`], [`ContextError::Encoding`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ContextError> {
        let mut context = Self::new();
        if bytes.is_empty() {
            return Ok(context);
        }
        let mut reader = Reader(bytes);
        let count = reader.u16().filter(|count| *count > 0).ok_or(ContextError::Length)?;
        for _ in 0..count {
            let mut text = || {
                let bytes = reader.counted().ok_or(ContextError::Length)?;
                std::str::from_utf8(bytes).map_err(|_| ContextError::Encoding)
            };
            let (key, value) = (text()?, text()?);
            context.len += pair_len(key, value);
            if context.pairs.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(ContextError::Duplicate(key.to_owned()));
            }
        }
        if reader.0.is_empty() { Ok(context) } else { Err(ContextError::Length) }
    }
}

/// The length of the pairs' number, in bytes.
const COUNT_LEN: usize = 2;

fn pair_len(key: &str, value: &str) -> usize {
    4 + key.len() + value.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pairs_are_sorted_by_bytes() {
        let context = EncryptionContext::from_pairs([("b", "1"), ("a", "2"), ("é", "3")]).unwrap();
        assert_eq!(
            context.serialize(),
            b"\x00\x03\x00\x01a\x00\x012\x00\x01b\x00\x011\x00\x02\xc3\xa9\x00\x013"
        );
        assert_eq!(EncryptionContext::new().serialize(), b"");
    }

    #[test]
    fn what_callers_may_not_give() {
        let mut context = EncryptionContext::new();
        assert_eq!(context.insert(PUBLIC_KEY_FIELD, "x"), Err(ContextError::Reserved));
        context.insert("a", "1").unwrap();
        assert_eq!(context.insert("a", "1"), Err(ContextError::Duplicate("a".to_owned())));
        assert_eq!(context.insert("b", "x".repeat(65_523)), Err(ContextError::TooLong));
        context.insert("b", "x".repeat(65_522)).unwrap();
        assert_eq!(context.serialize().len(), MAX_CONTEXT_BYTES);
        assert_eq!(EncryptionContext::parse(&context.serialize()), Ok(context));
    }

    #[test]
    fn what_messages_may_not_hold() {
        for (bytes, fault) in [
            (&b"\x00"[..], ContextError::Length),
            (b"\x00\x00", ContextError::Length),
            (b"\x00\x01\x00\x01a\x00\x01", ContextError::Length),
            (b"\x00\x01\x00\x01a\x00\x01bc", ContextError::Length),
            (b"\x00\x01\x00\x01\xff\x00\x01b", ContextError::Encoding),
            (
                b"\x00\x02\x00\x01a\x00\x01b\x00\x01a\x00\x01c",
                ContextError::Duplicate("a".to_owned()),
            ),
        ] {
            assert_eq!(EncryptionContext::parse(bytes), Err(fault));
        }
    }

    proptest! {
        #[test]
        fn any_pairs_lead_back(
            pairs in prop::collection::btree_map(".{0,9}", ".{0,9}", 0..9),
        ) {
            let context = EncryptionContext::from_pairs(pairs).unwrap();
            prop_assert_eq!(EncryptionContext::parse(&context.serialize()), Ok(context));
        }

        #[test]
        fn any_bytes_are_refused_or_come_back(bytes: Vec<u8>) {
            if let Ok(context) = EncryptionContext::parse(&bytes) {
                prop_assert_eq!(context.serialize().len(), bytes.len());
            }
        }
    }
}
