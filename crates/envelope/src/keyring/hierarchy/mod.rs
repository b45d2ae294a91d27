//! The hierarchical keyring: branch keys stand between KMS and data keys, so that KMS is asked once
//! a branch key and lifetime of the cache, and not once a message (specification:
//! `framework/aws-kms/aws-kms-hierarchical-keyring.md`).

mod folder;
mod local;
mod record;
mod store;
mod wrapped;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bulla_crypto::{Crypto, GcmKey, NONCE_LEN, SecretBytes, TAG_LEN};

use crate::cache::lru::Lru;
use crate::data_key::EncryptedDataKey;
use crate::keyring::{Keyring, KeyringError, UnwrapTask, WrapTask};
use crate::materials::BoxFuture;
use crate::wire::Reader;

pub use folder::FolderRecords;
pub use local::LocalBranchKeys;
pub use record::{BranchKeyRecord, BranchKeyRecords};
pub use store::{BranchKey, BranchKeyStore, VERSION_LEN, VersionId};
pub use wrapped::KmsBranchKeys;

const PROVIDER: &str = "aws-kms-hierarchy";
const SALT_LEN: usize = 16;

/// How many branch keys are kept.
const CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

/// A branch key's id, and its version unless it is the active one.
type Which = (String, Option<VersionId>);

/// Wraps data keys with a branch key, which is kept for a while.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use bulla_envelope::keyring::{HierarchicalKeyring, LocalBranchKeys};
/// use bulla_envelope::{EncryptionContext, Envelope};
///
/// let store = Arc::new(LocalBranchKeys::new());
/// store.create_or_rotate("tenant a")?;
/// let keyring = HierarchicalKeyring::new(store.clone(), "tenant a", Duration::from_secs(60))?;
/// let envelope = Envelope::new(keyring);
/// let none = EncryptionContext::new();
/// let message = envelope.encrypt(b"tokens", &none).await?;
/// // A new version wraps from here on; what the old one wrapped still opens.
/// store.create_or_rotate("tenant a")?;
/// assert_eq!(envelope.decrypt(&message, &none).await?.plaintext, b"tokens");
/// # Ok(())
/// # }
/// ```
pub struct HierarchicalKeyring {
    store: Arc<dyn BranchKeyStore>,
    branch_key_id: String,
    max_age: Duration,
    kept: Mutex<Lru<Which, (Instant, Arc<BranchKey>)>>,
    /// Who holds it may ask the store: one at a time.
    asking: tokio::sync::Mutex<()>,
    crypto: Crypto,
}

impl HierarchicalKeyring {
    /// The keyring of one branch key of `store`, which is asked again after `max_age`: that is how
    /// long a new version or an end of permission may go unnoticed.
    ///
    /// # Errors
    /// [`KeyringError::Configuration`] for an empty id and for no age at all.
    pub fn new(
        store: Arc<dyn BranchKeyStore>,
        branch_key_id: impl Into<String>,
        max_age: Duration,
    ) -> Result<Self, KeyringError> {
        let branch_key_id = branch_key_id.into();
        if branch_key_id.is_empty() || max_age.is_zero() {
            let text = "a hierarchical keyring needs a branch key's id and a maximal age";
            return Err(KeyringError::Configuration(text.to_owned()));
        }
        let (kept, asking) = (Mutex::new(Lru::new(CAPACITY)), tokio::sync::Mutex::new(()));
        let crypto = Crypto::standard();
        Ok(Self { store, branch_key_id, max_age, kept, asking, crypto })
    }

    async fn branch_key(&self, version: Option<VersionId>) -> Result<Arc<BranchKey>, KeyringError> {
        let which = (self.branch_key_id.clone(), version);
        if let Some(kept) = self.kept(&which) {
            return Ok(kept);
        }
        let _turn = self.asking.lock().await;
        if let Some(kept) = self.kept(&which) {
            return Ok(kept);
        }
        let key = Arc::new(match version {
            None => self.store.active(&self.branch_key_id).await?,
            Some(version) => self.store.version(&self.branch_key_id, version).await?,
        });
        let mut entries = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let too_old = |(since, _): &(Instant, _)| since.elapsed() >= self.max_age;
        entries.put(which, (Instant::now(), Arc::clone(&key)), too_old);
        Ok(key)
    }

    fn kept(&self, which: &Which) -> Option<Arc<BranchKey>> {
        let mut entries = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, key) = entries.get(which)?;
        (since.elapsed() < self.max_age).then(|| Arc::clone(key))
    }

    async fn wrap(&self, task: &mut WrapTask) -> Result<(), KeyringError> {
        let branch = self.branch_key(None).await?;
        let salt = task.crypto().random::<SALT_LEN>()?;
        let nonce = task.crypto().random::<NONCE_LEN>()?;
        let aad = aad(&self.branch_key_id, &branch.version, task.context_bytes());
        let cipher = self.cipher(&branch, &salt)?;
        task.data_key_or_drawn()?;
        let key = task.data_key().ok_or(KeyringError::NoGenerator)?;
        let mut sealed = vec![0; key.len() + TAG_LEN];
        cipher.seal(&nonce, &aad, key.expose(), &mut sealed)?;
        let wrapped = [&salt[..], &nonce, &branch.version, &sealed].concat();
        task.push_parts(PROVIDER, self.branch_key_id.clone().into_bytes(), wrapped)
    }

    /// The key of one wrapping, which belongs to branch key and salt (SP 800-108).
    fn cipher(&self, branch: &BranchKey, salt: &[u8]) -> Result<GcmKey, KeyringError> {
        let derived = self.crypto.derive_key(&branch.key, PROVIDER.as_bytes(), salt)?;
        Ok(GcmKey::new(derived.expose())?)
    }

    async fn unwrap(&self, task: &UnwrapTask<'_>) -> Result<SecretBytes, KeyringError> {
        let mut failed = Vec::new();
        let fits = |key: &&EncryptedDataKey| {
            key.provider_id() == PROVIDER && key.provider_info() == self.branch_key_id.as_bytes()
        };
        for key in task.keys().iter().filter(fits) {
            match self.unwrap_one(key, task).await {
                Ok(opened) if opened.len() == task.suite().data_key_len() => return Ok(opened),
                Ok(opened) => failed.push(KeyringError::KeyLength(opened.len())),
                Err(error) => failed.push(error),
            }
        }
        Err(KeyringError::of(failed))
    }

    async fn unwrap_one(
        &self,
        key: &EncryptedDataKey,
        task: &UnwrapTask<'_>,
    ) -> Result<SecretBytes, KeyringError> {
        let short = || KeyringError::Crypto(bulla_crypto::CryptoError::Unauthentic);
        let mut reader = Reader(key.ciphertext());
        let salt = reader.array::<SALT_LEN>().ok_or_else(short)?;
        let nonce = reader.array::<NONCE_LEN>().ok_or_else(short)?;
        let version = reader.array::<VERSION_LEN>().ok_or_else(short)?;
        let branch = self.branch_key(Some(version)).await?;
        let aad = aad(&self.branch_key_id, &version, task.context_bytes());
        let mut opened = SecretBytes::zeroed(reader.0.len().saturating_sub(TAG_LEN));
        let cipher = self.cipher(&branch, &salt)?;
        cipher.open(&nonce, &aad, reader.0, opened.expose_mut())?;
        Ok(opened)
    }
}

/// What a wrapping is bound to.
fn aad(id: &str, version: &VersionId, context: &[u8]) -> Vec<u8> {
    [PROVIDER.as_bytes(), id.as_bytes(), version, context].concat()
}

impl Keyring for HierarchicalKeyring {
    fn wrap_key<'a>(&'a self, task: &'a mut WrapTask) -> BoxFuture<'a, Result<(), KeyringError>> {
        Box::pin(self.wrap(task))
    }

    fn unwrap_key<'a>(
        &'a self,
        task: &'a UnwrapTask<'a>,
    ) -> BoxFuture<'a, Result<SecretBytes, KeyringError>> {
        Box::pin(self.unwrap(task))
    }
}
