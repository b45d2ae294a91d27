//! Keyrings: who draws data keys, wraps and unwraps them (specification:
//! `framework/keyring-interface.md`).

mod ecdh;
mod error;
mod hierarchy;
pub(crate) mod kms;
mod multi;
mod pem;
mod raw_aes;
mod raw_rsa;
mod task;
mod wrapped;

use bulla_crypto::SecretBytes;

use crate::materials::BoxFuture;

pub use ecdh::{AwsKmsEcdhKeyring, EcdhKey, RawEcdhKeyring};
pub use error::KeyringError;
pub use hierarchy::{
    BranchKey, BranchKeyRecord, BranchKeyRecords, BranchKeyStore, FolderRecords,
    HierarchicalKeyring, KmsBranchKeys, LocalBranchKeys, VERSION_LEN, VersionId,
};
pub use kms::{
    AwsKmsDiscoveryKeyring, AwsKmsKeyring, AwsKmsRsaKeyring, DiscoveryFilter, KmsRsaPadding,
};
pub use multi::MultiKeyring;
pub use raw_aes::RawAesKeyring;
pub use raw_rsa::RawRsaKeyring;
pub use task::{UnwrapTask, WrapTask};
pub use wrapped::{Direction, Wrap, WrapKeyring};

/// A keyring. To bring a wrapping key of your own, [`Wrap`] with its one method is simpler.
pub trait Keyring: Send + Sync {
    /// Wraps the task's data key, drawing it first if there is none yet.
    ///
    /// # Errors
    /// [`KeyringError`]: then there is no message.
    fn wrap_key<'a>(&'a self, task: &'a mut WrapTask) -> BoxFuture<'a, Result<(), KeyringError>>;

    /// The data key from one of the wrapped ones.
    ///
    /// # Errors
    /// [`KeyringError::NothingFits`] when none of them is this keyring's, else why those that are
    /// could not be unwrapped.
    fn unwrap_key<'a>(
        &'a self,
        task: &'a UnwrapTask<'a>,
    ) -> BoxFuture<'a, Result<SecretBytes, KeyringError>>;
}

impl<K: Keyring + ?Sized> Keyring for std::sync::Arc<K> {
    fn wrap_key<'a>(&'a self, task: &'a mut WrapTask) -> BoxFuture<'a, Result<(), KeyringError>> {
        (**self).wrap_key(task)
    }

    fn unwrap_key<'a>(
        &'a self,
        task: &'a UnwrapTask<'a>,
    ) -> BoxFuture<'a, Result<SecretBytes, KeyringError>> {
        (**self).unwrap_key(task)
    }
}

impl<K: Keyring + ?Sized> Keyring for Box<K> {
    fn wrap_key<'a>(&'a self, task: &'a mut WrapTask) -> BoxFuture<'a, Result<(), KeyringError>> {
        (**self).wrap_key(task)
    }

    fn unwrap_key<'a>(
        &'a self,
        task: &'a UnwrapTask<'a>,
    ) -> BoxFuture<'a, Result<SecretBytes, KeyringError>> {
        (**self).unwrap_key(task)
    }
}
