//! The seal's header, `seal.json`: everything but the secret that opening the seal takes.
//!
//! The root key stands in it, sealed by AES-256-GCM under a key derived from the seal key and
//! this header's random salt; the associated data is every other field. So whoever alters a
//! field, without the seal key, is found out. The check value tells a wrong seal key from that.

use std::fmt;
use std::path::Path;

use bulla_crypto::{Argon2Cost, Crypto, CryptoError, KEY_LEN, NONCE_LEN, SecretKey, TAG_LEN, hex};
use serde::{Deserialize, Serialize};

use super::kind::SealKind;
use super::{KEY_ID_LEN, RootKey, SealError, files};

/// The header's file name, in the data directory.
pub const SEAL_FILE: &str = "seal.json";
/// The length of a header's salt, in bytes (RFC 9106, section 4, recommends 16).
pub const SALT_LEN: usize = 16;
/// The most memory that a header may ask for, in KiB: 1 GiB.
pub const MAX_HEADER_MEMORY_KIB: u32 = 1024 * 1024;
/// The most passes that a header may ask for.
pub const MAX_HEADER_PASSES: u32 = 16;
/// The most lanes that a header may ask for.
pub const MAX_HEADER_PARALLELISM: u32 = 16;

const FORMAT_VERSION: u64 = 1;
/// The longest header that is read, in bytes.
const MAX_LEN: u16 = 16 * 1024;
const CHECK_LEN: usize = 16;
const WRAPPED_LEN: usize = KEY_LEN + TAG_LEN;
const CHECK_LABEL: &[u8] = b"bulla/seal/check/v1";
const WRAP_LABEL: &[u8] = b"bulla/seal/wrap/v1";
/// Each wrapping key seals one root key once, since its salt is new: one nonce is enough.
const WRAP_NONCE: [u8; NONCE_LEN] = [0; NONCE_LEN];

/// What a kind of seal keeps in the header, beside the salt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// Nothing: the file is all.
    KeyFile,
    /// What the passphrase's hash costs.
    Passphrase(Argon2Cost),
}

/// A header within its limits. It may still have been altered: [`super::unseal`] finds out.
pub struct SealHeader {
    key_id: [u8; KEY_ID_LEN],
    salt: [u8; SALT_LEN],
    parameters: Parameters,
    check: [u8; CHECK_LEN],
    root: [u8; WRAPPED_LEN],
}

impl SealHeader {
    /// Reads the header at `path` and holds it to its limits.
    ///
    /// # Errors
    /// [`SealError::NotSealed`], [`SealError::MalformedHeader`], [`SealError::UnknownVersion`] or
    /// [`SealError::Unreadable`].
    pub fn read(path: &Path) -> Result<Self, SealError> {
        let content = files::read(path, MAX_LEN)?;
        let content = content.ok_or_else(|| SealError::NotSealed { path: path.to_path_buf() })?;
        Self::from_json(content.bytes.expose()).map_err(|refusal| refusal.at(path))
    }

    /// How the root key is sealed.
    #[must_use]
    pub fn kind(&self) -> SealKind {
        match self.parameters {
            Parameters::KeyFile => SealKind::KeyFile,
            Parameters::Passphrase(_) => SealKind::Passphrase,
        }
    }

    /// The root key's identifier.
    #[must_use]
    pub fn key_id(&self) -> &[u8; KEY_ID_LEN] {
        &self.key_id
    }

    /// Random, and new with every seal.
    #[must_use]
    pub fn salt(&self) -> &[u8; SALT_LEN] {
        &self.salt
    }

    /// What the kind of seal keeps.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    pub(super) fn wrap(
        crypto: &Crypto,
        root: &RootKey,
        seal_key: &SecretKey,
        salt: [u8; SALT_LEN],
        parameters: Parameters,
    ) -> Result<Self, CryptoError> {
        let check = check_value(crypto, seal_key, &salt)?;
        let mut header = Self { key_id: root.id, salt, parameters, check, root: [0; WRAPPED_LEN] };
        let wrapping = crypto.derive_key(seal_key, WRAP_LABEL, &salt)?;
        let mut wrapped = Vec::with_capacity(WRAPPED_LEN);
        let aad = header.associated_data();
        crypto.seal(&wrapping, &WRAP_NONCE, &aad, root.key.expose(), &mut wrapped)?;
        header.root = wrapped.try_into().map_err(|_| CryptoError::Library("the root's length"))?;
        Ok(header)
    }

    /// Whether `seal_key` is the one that this header was made with.
    pub(super) fn fits(&self, crypto: &Crypto, seal_key: &SecretKey) -> Result<bool, CryptoError> {
        let check = check_value(crypto, seal_key, &self.salt)?;
        Ok(bulla_crypto::ct_eq(&check, &self.check))
    }

    /// The root key, or nothing if the header was altered.
    pub(super) fn unwrap_root(
        &self,
        crypto: &Crypto,
        seal_key: &SecretKey,
    ) -> Result<Option<SecretKey>, CryptoError> {
        let wrapping = crypto.derive_key(seal_key, WRAP_LABEL, &self.salt)?;
        let aad = self.associated_data();
        match crypto.open(&wrapping, &WRAP_NONCE, &aad, &self.root) {
            Ok(root) => SecretKey::from_slice(root.expose()).map(Some),
            Err(CryptoError::Unauthentic) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every field but the wrapped root, each of fixed length but the last.
    fn associated_data(&self) -> Vec<u8> {
        let mut data = FORMAT_VERSION.to_be_bytes().to_vec();
        data.extend_from_slice(&self.key_id);
        data.extend_from_slice(&self.salt);
        data.extend_from_slice(&self.check);
        match self.parameters {
            Parameters::KeyFile => data.push(1),
            Parameters::Passphrase(Argon2Cost { memory_kib, passes, parallelism }) => {
                data.push(2);
                for number in [memory_kib, passes, parallelism] {
                    data.extend_from_slice(&number.to_be_bytes());
                }
            }
        }
        data
    }

    pub(super) fn to_json(&self) -> String {
        let cost = match self.parameters {
            Parameters::KeyFile => None,
            Parameters::Passphrase(cost) => Some(CostJson {
                memory_kib: cost.memory_kib,
                passes: cost.passes,
                parallelism: cost.parallelism,
            }),
        };
        let json = HeaderJson {
            version: FORMAT_VERSION,
            kind: self.kind().name().to_owned(),
            key_id: hex::encode(&self.key_id),
            salt: hex::encode(&self.salt),
            check: hex::encode(&self.check),
            root: hex::encode(&self.root),
            argon2id: cost,
        };
        // Strings and numbers always have a JSON form.
        let mut text = serde_json::to_string_pretty(&json).unwrap_or_default();
        text.push('\n');
        text
    }

    fn from_json(text: &[u8]) -> Result<Self, Refusal> {
        // The version first: a newer header may look different in all else.
        let VersionJson { version } = serde_json::from_slice(text).map_err(Refusal::malformed)?;
        if version != FORMAT_VERSION {
            return Err(Refusal::Version(version));
        }
        let json: HeaderJson = serde_json::from_slice(text).map_err(Refusal::malformed)?;
        let kind = SealKind::from_name(&json.kind);
        let parameters = match (kind, json.argon2id) {
            (Some(SealKind::KeyFile), None) => Parameters::KeyFile,
            (Some(SealKind::Passphrase), Some(cost)) => {
                let CostJson { memory_kib, passes, parallelism } = cost;
                let cost = Argon2Cost { memory_kib, passes, parallelism };
                within_limits(cost).map_err(Refusal::malformed)?;
                Parameters::Passphrase(cost)
            }
            (None, _) => return Err(Refusal::malformed("it has a kind of seal unknown here")),
            _ => return Err(Refusal::malformed("`argon2id` does not go with its kind")),
        };
        Ok(Self {
            key_id: field("key_id", &json.key_id)?,
            salt: field("salt", &json.salt)?,
            parameters,
            check: field("check", &json.check)?,
            root: field("root", &json.root)?,
        })
    }
}

/// Holds a cost to what a header may ask for; a lower one only makes for another key.
pub(super) fn within_limits(cost: Argon2Cost) -> Result<(), CryptoError> {
    let Argon2Cost { memory_kib, passes, parallelism } = cost;
    for (name, got, max) in [
        ("argon2id memory in KiB", memory_kib, MAX_HEADER_MEMORY_KIB),
        ("argon2id passes", passes, MAX_HEADER_PASSES),
        ("argon2id parallelism", parallelism, MAX_HEADER_PARALLELISM),
    ] {
        if !(1..=max).contains(&got) {
            let (got, max) = (got.into(), max.into());
            return Err(CryptoError::OutOfRange { name, got, min: 1, max });
        }
    }
    Ok(())
}

fn check_value(
    crypto: &Crypto,
    seal_key: &SecretKey,
    salt: &[u8; SALT_LEN],
) -> Result<[u8; CHECK_LEN], CryptoError> {
    let key = crypto.derive_key(seal_key, CHECK_LABEL, salt)?;
    let mut check = [0; CHECK_LEN];
    for (to, from) in check.iter_mut().zip(crypto.hmac(&key, &[CHECK_LABEL])) {
        *to = from;
    }
    Ok(check)
}

fn field<const N: usize>(name: &str, digits: &str) -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    hex::decode_into(digits.as_bytes(), &mut bytes)
        .map_err(|error| Refusal::malformed(format_args!("`{name}`: {error}")))?;
    Ok(bytes)
}

enum Refusal {
    Version(u64),
    Malformed(String),
}

impl Refusal {
    fn malformed(reason: impl fmt::Display) -> Self {
        Self::Malformed(reason.to_string())
    }

    fn at(self, path: &Path) -> SealError {
        let path = path.to_path_buf();
        match self {
            Self::Version(version) => SealError::UnknownVersion { path, version },
            Self::Malformed(reason) => SealError::MalformedHeader { path, reason },
        }
    }
}

#[derive(Deserialize)]
struct VersionJson {
    version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderJson {
    version: u64,
    kind: String,
    key_id: String,
    salt: String,
    check: String,
    root: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    argon2id: Option<CostJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CostJson {
    memory_kib: u32,
    passes: u32,
    parallelism: u32,
}
