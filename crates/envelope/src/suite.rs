//! The algorithm suites (specification: `framework/algorithm-suites.md`).

use bulla_crypto::{Curve, Hash};

/// An algorithm suite: how the data key becomes a message key, and what protects the message.
///
/// All encrypt with AES-GCM, 12-byte nonces and 16-byte tags.
///
/// ```
/// use bulla_envelope::{Suite, Version};
///
/// let suite = Suite::from_id(0x0478).ok_or("no such suite")?;
/// assert_eq!(suite.name(), "AES_256_GCM_HKDF_SHA512_COMMIT_KEY");
/// assert!(suite.commits() && suite.signature().is_none() && suite.version() == Version::V2);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    /// `00 14`: AES-128 with the data key itself. To be avoided.
    Aes128NoKdf,
    /// `00 46`: AES-192 with the data key itself. To be avoided.
    Aes192NoKdf,
    /// `00 78`: AES-256 with the data key itself. To be avoided.
    Aes256NoKdf,
    /// `01 14`: AES-128, HKDF with SHA-256.
    Aes128HkdfSha256,
    /// `01 46`: AES-192, HKDF with SHA-256.
    Aes192HkdfSha256,
    /// `01 78`: AES-256, HKDF with SHA-256.
    Aes256HkdfSha256,
    /// `02 14`: AES-128, HKDF with SHA-256, signed with ECDSA on P-256.
    Aes128HkdfSha256EcdsaP256,
    /// `03 46`: AES-192, HKDF with SHA-384, signed with ECDSA on P-384.
    Aes192HkdfSha384EcdsaP384,
    /// `03 78`: AES-256, HKDF with SHA-384, signed with ECDSA on P-384.
    Aes256HkdfSha384EcdsaP384,
    /// `04 78`: AES-256, HKDF with SHA-512, commits to the key.
    Aes256HkdfSha512Commit,
    /// `05 78`: AES-256, HKDF with SHA-512, commits to the key, signed with ECDSA on P-384.
    Aes256HkdfSha512CommitEcdsaP384,
}

/// The version of the message format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// Version 1: message ids of 16 bytes, no commitment.
    V1,
    /// Version 2: message ids of 32 bytes, with commitment.
    V2,
}

impl Version {
    /// The length of a message id, in bytes.
    #[must_use]
    pub const fn message_id_len(self) -> usize {
        match self {
            Self::V1 => 16,
            Self::V2 => 32,
        }
    }
}

/// What the specification's table says of a suite.
struct Row {
    id: u16,
    name: &'static str,
    key_len: usize,
    kdf: Option<Hash>,
    commits: bool,
    signature: Option<Curve>,
}

const fn row(
    id: u16,
    name: &'static str,
    bits: usize,
    kdf: Option<Hash>,
    commits: bool,
    signature: Option<Curve>,
) -> Row {
    Row { id, name, key_len: bits / 8, kdf, commits, signature }
}

const SHA256: Option<Hash> = Some(Hash::Sha256);
const SHA384: Option<Hash> = Some(Hash::Sha384);
const SHA512: Option<Hash> = Some(Hash::Sha512);
const P256: Option<Curve> = Some(Curve::P256);
const P384: Option<Curve> = Some(Curve::P384);

impl Suite {
    /// All suites, by id.
    pub const ALL: [Self; 11] = [
        Self::Aes128NoKdf,
        Self::Aes192NoKdf,
        Self::Aes256NoKdf,
        Self::Aes128HkdfSha256,
        Self::Aes192HkdfSha256,
        Self::Aes256HkdfSha256,
        Self::Aes128HkdfSha256EcdsaP256,
        Self::Aes192HkdfSha384EcdsaP384,
        Self::Aes256HkdfSha384EcdsaP384,
        Self::Aes256HkdfSha512Commit,
        Self::Aes256HkdfSha512CommitEcdsaP384,
    ];

    const fn row(self) -> Row {
        match self {
            Self::Aes128NoKdf => row(0x0014, "AES_128_GCM_IV12_TAG16", 128, None, false, None),
            Self::Aes192NoKdf => row(0x0046, "AES_192_GCM_IV12_TAG16", 192, None, false, None),
            Self::Aes256NoKdf => row(0x0078, "AES_256_GCM_IV12_TAG16", 256, None, false, None),
            Self::Aes128HkdfSha256 => {
                row(0x0114, "AES_128_GCM_IV12_TAG16_HKDF_SHA256", 128, SHA256, false, None)
            }
            Self::Aes192HkdfSha256 => {
                row(0x0146, "AES_192_GCM_IV12_TAG16_HKDF_SHA256", 192, SHA256, false, None)
            }
            Self::Aes256HkdfSha256 => {
                row(0x0178, "AES_256_GCM_IV12_TAG16_HKDF_SHA256", 256, SHA256, false, None)
            }
            Self::Aes128HkdfSha256EcdsaP256 => {
                let name = "AES_128_GCM_IV12_TAG16_HKDF_SHA256_ECDSA_P256";
                row(0x0214, name, 128, SHA256, false, P256)
            }
            Self::Aes192HkdfSha384EcdsaP384 => {
                let name = "AES_192_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384";
                row(0x0346, name, 192, SHA384, false, P384)
            }
            Self::Aes256HkdfSha384EcdsaP384 => {
                let name = "AES_256_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384";
                row(0x0378, name, 256, SHA384, false, P384)
            }
            Self::Aes256HkdfSha512Commit => {
                row(0x0478, "AES_256_GCM_HKDF_SHA512_COMMIT_KEY", 256, SHA512, true, None)
            }
            Self::Aes256HkdfSha512CommitEcdsaP384 => {
                let name = "AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384";
                row(0x0578, name, 256, SHA512, true, P384)
            }
        }
    }

    /// The suite of an id, if there is one.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.id() == id)
    }

    /// The suite of a name, as [`Self::name`] gives it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// The id, as messages have it.
    #[must_use]
    pub const fn id(self) -> u16 {
        self.row().id
    }

    /// The name that the AWS Encryption SDKs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The length of the data key, in bytes: 16, 24 or 32.
    #[must_use]
    pub const fn data_key_len(self) -> usize {
        self.row().key_len
    }

    /// The hash of HKDF; none where the data key itself encrypts.
    #[must_use]
    pub const fn kdf(self) -> Option<Hash> {
        self.row().kdf
    }

    /// Whether a message commits to its key, so that no other key opens it to something else.
    #[must_use]
    pub const fn commits(self) -> bool {
        self.row().commits
    }

    /// The curve of the signature at the end, if there is one.
    #[must_use]
    pub const fn signature(self) -> Option<Curve> {
        self.row().signature
    }

    /// The version of the format.
    #[must_use]
    pub const fn version(self) -> Version {
        if self.commits() { Version::V2 } else { Version::V1 }
    }

    /// Whether one data key may serve several messages: only where a key is derived for each.
    #[must_use]
    pub const fn cacheable(self) -> bool {
        self.kdf().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names_lead_back() {
        for suite in Suite::ALL {
            assert_eq!(Suite::from_id(suite.id()), Some(suite));
            assert_eq!(Suite::from_name(suite.name()), Some(suite));
            // The last byte of an id is the key's length in bits, less what fits no byte.
            let bits = match suite.id() & 0xff {
                0x14 => 128,
                0x46 => 192,
                _ => 256,
            };
            assert_eq!(suite.data_key_len() * 8, bits);
            assert_eq!(suite.version() == Version::V2, suite.id() >= 0x0400);
            assert_eq!(suite.cacheable(), suite.id() >= 0x0100);
        }
        assert_eq!(Suite::from_id(0x0079), None);
        assert_eq!(Suite::from_name(""), None);
    }
}
