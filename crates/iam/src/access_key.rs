//! Access keys: made once, kept sealed, looked up by their id.

use std::{fmt, sync::Arc};

use bulla_crypto::{Crypto, CryptoError, SecretBytes};
use bulla_plane::Stop;
use bulla_store::{BarrierError, Expected, Opened, SealedBatch, Space, View};
use serde::{Deserialize, Serialize};

use crate::ids::{self, LONG_TERM};
use crate::principals::Principals;
use crate::records::{ROOTS, RootRecord, USER_KEYS};
use crate::sts::Sessions;

/// The space of root users' access keys, which a reset leaves; the key of a row is the access key
/// id.
pub const ACCESS_KEYS: Space = Space::new("iam.accesskey");

/// Characters of a secret access key.
pub(crate) const SECRET_LEN: usize = 40;
/// Digits of an account number.
const ACCOUNT_LEN: usize = 12;
/// How often a new id is drawn before a repetition is taken for a fault.
const MAX_DRAWS: u32 = 4;
/// Room for a row in JSON, so that the secret is never left behind by a growing buffer.
const ROW_ROOM: usize = 512;

const SECRET_ALPHABET: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Whether a text is an account number: twelve digits.
#[must_use]
pub fn is_account(text: &str) -> bool {
    text.len() == ACCOUNT_LEN && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The access keys of a store.
pub struct AccessKeys {
    pub(crate) principals: Arc<Principals>,
    pub(crate) sessions: Arc<Sessions>,
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
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessKeyRow<'a> {
    pub(crate) account: &'a str,
    pub(crate) kind: OwnerKind,
    pub(crate) secret: &'a str,
    /// Milliseconds since 1970.
    pub(crate) created: i64,
    /// The user's unique id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<&'a str>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) inactive: bool,
}

/// Whose an access key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OwnerKind {
    /// The account's root user.
    Root,
    /// A user.
    User,
}

impl OwnerKind {
    pub(crate) fn space(self) -> Space {
        match self {
            Self::Root => ACCESS_KEYS,
            Self::User => USER_KEYS,
        }
    }
}

impl<'a> AccessKeyRow<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Stop> {
        serde_json::from_slice(bytes).map_err(|_| {
            tracing::error!("the record of an access key is not one that this program writes");
            Stop::Internal
        })
    }

    pub(crate) fn to_bytes(self) -> SecretBytes {
        let mut text = Vec::with_capacity(ROW_ROOM);
        // Strings and numbers always have a JSON form, and a vector takes every byte.
        let _infallible = serde_json::to_writer(&mut text, &self);
        SecretBytes::new(text)
    }
}

/// The row of an access key, whoever's it is.
pub(crate) async fn find(view: &View<'_>, id: &str) -> Result<Option<Opened>, BarrierError> {
    match view.get(USER_KEYS, id.as_bytes()).await? {
        Some(opened) => Ok(Some(opened)),
        None => view.get(ACCESS_KEYS, id.as_bytes()).await,
    }
}

impl IssuedKey {
    /// Draws a new key of an account.
    pub(crate) fn draw(crypto: &Crypto, account: &str) -> Result<Self, CryptoError> {
        let access_key_id = ids::access_key_id(crypto, LONG_TERM, account)?;
        let mut secret = crypto.random_secret(SECRET_LEN)?;
        for byte in secret.expose_mut() {
            // The alphabet's length divides 256, so each letter is as likely.
            let at = usize::from(*byte) % SECRET_ALPHABET.len();
            *byte = SECRET_ALPHABET.get(at).copied().unwrap_or(b'A');
        }
        Ok(Self { access_key_id, secret })
    }

    /// The secret as text: only characters of the alphabet are in it.
    pub(crate) fn secret_text(&self) -> &str {
        str::from_utf8(self.secret.expose()).unwrap_or_default()
    }
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
    /// What is stored of the account's root user does not read.
    Unreadable,
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
            Self::Unreadable => f.write_str(
                "what is stored of the account's root user is not what this program writes: it was \
                 made by a newer one",
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

impl From<BarrierError> for AccessKeyError {
    fn from(error: BarrierError) -> Self {
        Self::Barrier(error)
    }
}

impl From<AccessKeyError> for Stop {
    fn from(error: AccessKeyError) -> Self {
        match error {
            AccessKeyError::Barrier(error) => error.into(),
            error => {
                tracing::error!(%error, "an access key was not made");
                Self::Internal
            }
        }
    }
}

impl AccessKeys {
    /// The access keys in a store. `dev` lets anyone sign who does not use a key shaped like AWS's.
    #[must_use]
    pub fn new(sessions: Arc<Sessions>, dev: bool) -> Self {
        Self { principals: Arc::clone(&sessions.principals), sessions, dev }
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
            match self.principals.root_key(account).await {
                Ok(key) => return Ok(key),
                Err(AccessKeyError::Barrier(BarrierError::Conflict { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        Err(AccessKeyError::Repeated)
    }
}

impl Principals {
    /// Makes an access key for the root user of an account, unless another call comes between.
    pub(crate) async fn root_key(&self, account: &str) -> Result<IssuedKey, AccessKeyError> {
        let opened = self.barrier.get(ROOTS, account.as_bytes()).await?;
        let expected = Expected::from(opened.as_ref().map(|opened| opened.version));
        let mut root = match opened {
            Some(opened) => serde_json::from_slice::<RootRecord>(opened.value.expose())
                .map_err(|_| AccessKeyError::Unreadable)?,
            None => RootRecord::default(),
        };
        let key = IssuedKey::draw(&self.crypto, account)?;
        root.keys.push(key.access_key_id.clone());
        let row = AccessKeyRow {
            account,
            kind: OwnerKind::Root,
            secret: key.secret_text(),
            created: self.clock.now_ms(),
            user: None,
            inactive: false,
        };
        let id = key.access_key_id.as_str();
        let batch = SealedBatch::new().put(ACCESS_KEYS, id, Expected::Absent, row.to_bytes()).put(
            ROOTS,
            account,
            expected,
            serde_json::to_vec(&root).unwrap_or_default(),
        );
        let changing = self.cache.changing(account);
        let outcome = self.barrier.commit(batch).await;
        changing.end();
        outcome?;
        Ok(key)
    }
}
