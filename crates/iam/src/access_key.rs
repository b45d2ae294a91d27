//! Access keys: made once, kept sealed, looked up by their id.

use std::{fmt, sync::Arc};

use bulla_crypto::{Crypto, CryptoError, SecretBytes};
use bulla_plane::Clock;
use bulla_store::{Barrier, BarrierError, Expected, SealedBatch, Space};
use serde::{Deserialize, Serialize};

use crate::authenticate::Caches;

/// The space of access keys; the key of a row is the access key id.
pub const ACCESS_KEYS: Space = Space::new("iam.accesskey");

/// What the id of a long-term access key begins with ("IAM identifiers", IAM User Guide).
pub(crate) const LONG_TERM: &str = "AKIA";
/// Characters of an access key id.
pub(crate) const ID_LEN: usize = 20;
/// Characters of a secret access key.
pub(crate) const SECRET_LEN: usize = 40;
/// Digits of an account number.
const ACCOUNT_LEN: usize = 12;
/// How often a new id is drawn before a repetition is taken for a fault.
const MAX_DRAWS: u32 = 4;
/// Room for a row in JSON, so that the secret is never left behind by a growing buffer.
const ROW_ROOM: usize = 512;

const ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET_ALPHABET: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Whether a text is an account number: twelve digits.
#[must_use]
pub fn is_account(text: &str) -> bool {
    text.len() == ACCOUNT_LEN && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The access keys of a store, and the cache of signing keys that are derived from them.
pub struct AccessKeys {
    pub(crate) barrier: Arc<Barrier>,
    pub(crate) crypto: Crypto,
    pub(crate) clock: Arc<Clock>,
    pub(crate) caches: Caches,
    pub(crate) dev: bool,
}

/// A new access key. The secret is shown to its owner now and never again.
pub struct IssuedKey {
    /// `AKIA` and sixteen characters.
    pub access_key_id: String,
    /// Forty characters of base64's alphabet.
    pub secret: SecretBytes,
}

/// A row in JSON. Its texts need no escapes, so that they are read without a copy.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessKeyRow<'a> {
    pub(crate) account: &'a str,
    pub(crate) kind: OwnerKind,
    pub(crate) secret: &'a str,
    /// Milliseconds since 1970.
    pub(crate) created: i64,
}

/// Whose an access key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OwnerKind {
    /// The account's root user.
    Root,
}

/// Why an access key was not made.
#[derive(Debug)]
pub enum AccessKeyError {
    /// The caller's: an account number has twelve digits.
    Account {
        /// What was given.
        given: String,
    },
    /// The random source gave the same id again and again.
    Repeated,
    /// The random source failed.
    Crypto(CryptoError),
    /// The store failed.
    Barrier(BarrierError),
}

impl fmt::Display for AccessKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account { given } => {
                write!(f, "the account {given:?} is not an account number: give twelve digits")
            }
            Self::Repeated => f.write_str(
                "the random source repeats itself, so no access key was made: check the system's \
                 random device",
            ),
            Self::Crypto(error) => error.fmt(f),
            Self::Barrier(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AccessKeyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Crypto(error) => Some(error),
            Self::Barrier(error) => Some(error),
            _ => None,
        }
    }
}

impl From<CryptoError> for AccessKeyError {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl AccessKeys {
    /// The access keys in a store. `dev` lets anyone sign who does not use a key shaped like AWS's.
    #[must_use]
    pub fn new(barrier: Arc<Barrier>, crypto: Crypto, clock: Arc<Clock>, dev: bool) -> Self {
        Self { barrier, crypto, clock, caches: Caches::new(), dev }
    }

    /// Makes an access key for the root user of an account.
    ///
    /// # Errors
    /// [`AccessKeyError::Account`] unless the account has twelve digits; else the store's and the
    /// random source's. Then nothing was kept.
    pub async fn create_root_key(&self, account: &str) -> Result<IssuedKey, AccessKeyError> {
        if !is_account(account) {
            return Err(AccessKeyError::Account { given: account.to_owned() });
        }
        for _ in 0..MAX_DRAWS {
            let key = self.draw()?;
            let row = self.row(account, &key)?;
            let batch = SealedBatch::new().put(
                ACCESS_KEYS,
                key.access_key_id.as_str(),
                Expected::Absent,
                row,
            );
            match self.barrier.commit(batch).await {
                Ok(_) => return Ok(key),
                Err(BarrierError::Conflict { .. }) => {}
                Err(error) => return Err(AccessKeyError::Barrier(error)),
            }
        }
        Err(AccessKeyError::Repeated)
    }

    fn draw(&self) -> Result<IssuedKey, CryptoError> {
        let mut id = LONG_TERM.to_owned();
        let random = self.crypto.random::<{ ID_LEN - LONG_TERM.len() }>()?;
        id.extend(random.iter().map(|byte| char::from(letter(ID_ALPHABET, *byte))));
        let mut secret = self.crypto.random_secret(SECRET_LEN)?;
        for byte in secret.expose_mut() {
            *byte = letter(SECRET_ALPHABET, *byte);
        }
        Ok(IssuedKey { access_key_id: id, secret })
    }

    fn row(&self, account: &str, key: &IssuedKey) -> Result<SecretBytes, AccessKeyError> {
        let row = AccessKeyRow {
            account,
            kind: OwnerKind::Root,
            // Only characters of the alphabet are in it.
            secret: str::from_utf8(key.secret.expose()).unwrap_or_default(),
            created: self.clock.now_ms(),
        };
        let mut text = Vec::with_capacity(ROW_ROOM);
        // Strings and numbers always have a JSON form, and a vector takes every byte.
        let _infallible = serde_json::to_writer(&mut text, &row);
        Ok(SecretBytes::new(text))
    }
}

/// The letter for a random byte: both alphabets' lengths divide 256, so each is as likely.
fn letter<const N: usize>(alphabet: &[u8; N], byte: u8) -> u8 {
    alphabet.get(usize::from(byte) % N).copied().unwrap_or(b'A')
}
