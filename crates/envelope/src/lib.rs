//! Envelope encryption: messages in the format of the AWS Encryption SDKs, under keys of AWS KMS,
//! of Bulla, or of your own.
//!
//! A message holds its data key wrapped by one or more wrapping keys. [`keyring`] has those who
//! wrap; an [`Envelope`] makes and reads messages.
//!
//! - [`Envelope::encrypt`] and [`Envelope::decrypt`] take whole messages in memory.
//! - [`Envelope::sealer`] and [`Envelope::opener`] take them piece by piece, without I/O.
//! - [`Envelope::encrypt_io`] and [`Envelope::decrypt_io`] take readers and writers of the standard
//!   library, [`Envelope::encrypt_async`] and [`Envelope::decrypt_async`] those of tokio.
//! - [`Suite`] lists the algorithms; [`CommitmentPolicy`] says which are allowed, by type.
//! - [`kms`] is what keyrings need of AWS KMS; the feature `client`, on unless it is switched off,
//!   has a client of it, and with the feature `aws-sdk-kms` that of AWS's SDK does as well.
//! - [`MaterialsSource`] is where keys come from: [`DefaultSource`] asks the keyring for each
//!   message, [`RequiredContext`] adds pairs that are not stored, [`cache::CachingSource`] keeps
//!   materials for a while.

#![deny(missing_docs)]

mod async_io;
#[cfg(feature = "aws-sdk-kms")]
mod aws_sdk;
pub mod cache;
#[cfg(feature = "client")]
pub mod client;
mod context;
mod data_key;
mod derive;
mod envelope;
mod error;
mod frame;
mod header;
mod io;
pub mod keyring;
pub mod kms;
mod materials;
mod opener;
mod parallel;
mod policy;
mod required;
mod run;
mod scan;
mod sealer;
mod source;
mod suite;
mod wire;

pub use bulla_crypto::{CryptoError, Curve, RsaPadding, SecretBytes};
pub use context::{ContextError, EncryptionContext, MAX_CONTEXT_BYTES, PUBLIC_KEY_FIELD};
pub use data_key::{EncryptedDataKey, MAX_KEYS};
pub use envelope::{DEFAULT_FRAME_LEN, DEFAULT_MAX_FRAME_LEN, Envelope, Opened, Signed};
pub use error::{Error, FormatError};
pub use header::{Framing, Header, HeaderReader, MessageId};
pub use materials::{
    BoxFuture, DecryptionMaterials, DecryptionRequest, EncryptionMaterials, EncryptionRequest,
    MaterialsSource,
};
pub use opener::Opener;
pub use policy::{
    CommitmentPolicy, Committing, ForbidEncryptAllowDecrypt, RequireEncryptAllowDecrypt,
    RequireEncryptRequireDecrypt, Uncommitting,
};
pub use required::RequiredContext;
pub use scan::MAX_HEADER_BYTES;
pub use sealer::Sealer;
pub use source::DefaultSource;
pub use suite::{Suite, Version};
