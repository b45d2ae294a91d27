//! Secrets within records: wiped, and never printed. The record is sealed in the store.

use bulla_crypto::SecretBytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A secret text.
pub(crate) struct Kept(SecretBytes);

impl Kept {
    pub(crate) fn new(text: Vec<u8>) -> Self {
        Self(SecretBytes::new(text))
    }

    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

impl Clone for Kept {
    fn clone(&self) -> Self {
        Self(SecretBytes::from_slice(self.0.expose()))
    }
}

impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // INVARIANT: it was made of text.
        let text = std::str::from_utf8(self.expose()).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(text)
    }
}

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Kept;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a secret as text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Kept, E> {
                Ok(Kept(SecretBytes::from_slice(text.as_bytes())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}
