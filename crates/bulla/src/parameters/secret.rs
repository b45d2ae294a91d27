//! A value in memory: wiped when dropped, and printed by nobody.

use std::str;

use bulla_crypto::SecretBytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The text of a parameter's value.
pub(super) struct Secret(SecretBytes);

impl Secret {
    pub(super) fn new(text: String) -> Self {
        Self(SecretBytes::new(text.into_bytes()))
    }

    pub(super) fn expose(&self) -> &str {
        // INVARIANT: made of a string only.
        str::from_utf8(self.0.expose()).unwrap_or_default()
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}
