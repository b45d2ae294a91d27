//! AWS KMS as keyrings need it: a trait, so that any client will do.

use std::fmt;

use bulla_crypto::SecretBytes;

use crate::{BoxFuture, EncryptionContext};

/// A client of AWS KMS, or of Bulla, in one region.
///
/// Three methods do for symmetric keys. A client need not go over a network: this one, in a
/// program that holds the keys itself, has none.
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use bulla_envelope::keyring::AwsKmsKeyring;
/// use bulla_envelope::kms::{
///     DataKey, Decrypt, Decrypted, Encrypt, Encrypted, GenerateDataKey, KmsClient, KmsError,
/// };
/// use bulla_envelope::{
///     BoxFuture, EncryptionContext, Envelope, ForbidEncryptAllowDecrypt, SecretBytes,
///     Uncommitting,
/// };
///
/// /// Keeps what it wraps; the wrapped form only says which one it is, and with what context.
/// #[derive(Default)]
/// struct Inside(Mutex<Vec<(SecretBytes, EncryptionContext)>>);
///
/// impl Inside {
///     fn keep(&self, plain: &[u8], context: &EncryptionContext) -> Vec<u8> {
///         let mut kept = self.0.lock().unwrap();
///         kept.push((SecretBytes::from_slice(plain), context.clone()));
///         vec![kept.len() as u8 - 1]
///     }
/// }
///
/// impl KmsClient for Inside {
///     fn generate_data_key<'a>(
///         &'a self,
///         request: GenerateDataKey<'a>,
///     ) -> BoxFuture<'a, Result<DataKey, KmsError>> {
///         Box::pin(async move {
///             let drawn = bulla_crypto::Crypto::standard().random_secret(request.number_of_bytes);
///             let plaintext = drawn.map_err(|error| KmsError::Transport(error.to_string()))?;
///             let ciphertext = self.keep(plaintext.expose(), request.context);
///             Ok(DataKey { key_id: request.key_id.to_owned(), plaintext, ciphertext })
///         })
///     }
///
///     fn encrypt<'a>(
///         &'a self,
///         request: Encrypt<'a>,
///     ) -> BoxFuture<'a, Result<Encrypted, KmsError>> {
///         let ciphertext = self.keep(request.plaintext, request.context);
///         Box::pin(async move { Ok(Encrypted { key_id: request.key_id.to_owned(), ciphertext }) })
///     }
///
///     fn decrypt<'a>(
///         &'a self,
///         request: Decrypt<'a>,
///     ) -> BoxFuture<'a, Result<Decrypted, KmsError>> {
///         Box::pin(async move {
///             let kept = self.0.lock().unwrap();
///             let found = request.ciphertext.first().and_then(|at| kept.get(usize::from(*at)));
///             let found = found.filter(|(_, context)| context == request.context);
///             let (plain, _) = found.ok_or_else(|| KmsError::Service {
///                 operation: "Decrypt",
///                 code: "InvalidCiphertextException".to_owned(),
///                 message: String::new(),
///             })?;
///             let plaintext = SecretBytes::from_slice(plain.expose());
///             Ok(Decrypted { key_id: request.key_id.to_owned(), plaintext })
///         })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // As Parameter Store keeps its larger secrets: suite 03 78, version 1 of the format.
/// let key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
/// let envelope = Envelope::new(AwsKmsKeyring::strict(Arc::new(Inside::default()), key)?)
///     .with_policy::<ForbidEncryptAllowDecrypt>()
///     .suite(Uncommitting::Aes256HkdfSha384EcdsaP384);
/// let context = EncryptionContext::from_pairs([("PARAMETER_ARN", "arn:aws:ssm:…")])?;
/// let message = envelope.encrypt(b"tokens", &context).await?;
/// assert_eq!(envelope.decrypt(&message, &context).await?.plaintext, b"tokens");
/// # Ok(())
/// # }
/// ```
pub trait KmsClient: Send + Sync {
    /// `GenerateDataKey`
    ///
    /// # Errors
    /// [`KmsError`]
    fn generate_data_key<'a>(
        &'a self,
        request: GenerateDataKey<'a>,
    ) -> BoxFuture<'a, Result<DataKey, KmsError>>;

    /// `Encrypt`
    ///
    /// # Errors
    /// [`KmsError`]
    fn encrypt<'a>(&'a self, request: Encrypt<'a>) -> BoxFuture<'a, Result<Encrypted, KmsError>>;

    /// `Decrypt`
    ///
    /// # Errors
    /// [`KmsError`]
    fn decrypt<'a>(&'a self, request: Decrypt<'a>) -> BoxFuture<'a, Result<Decrypted, KmsError>>;

    /// `DeriveSharedSecret`, for KMS ECDH keyrings.
    ///
    /// # Errors
    /// [`KmsError`]; [`KmsError::Unsupported`] unless a client has it.
    fn derive_shared_secret<'a>(
        &'a self,
        request: DeriveSharedSecret<'a>,
    ) -> BoxFuture<'a, Result<Decrypted, KmsError>> {
        let _ = request;
        Box::pin(async { Err(KmsError::Unsupported("DeriveSharedSecret")) })
    }

    /// `GetPublicKey`, for KMS ECDH keyrings: the key's ARN, and a `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`KmsError`]; [`KmsError::Unsupported`] unless a client has it.
    fn get_public_key<'a>(
        &'a self,
        request: GetPublicKey<'a>,
    ) -> BoxFuture<'a, Result<Encrypted, KmsError>> {
        let _ = request;
        Box::pin(async { Err(KmsError::Unsupported("GetPublicKey")) })
    }

    /// `GenerateDataKeyWithoutPlaintext`, for branch keys.
    ///
    /// # Errors
    /// [`KmsError`]; [`KmsError::Unsupported`] unless a client has it.
    fn generate_data_key_without_plaintext<'a>(
        &'a self,
        request: GenerateDataKey<'a>,
    ) -> BoxFuture<'a, Result<Encrypted, KmsError>> {
        let _ = request;
        Box::pin(async { Err(KmsError::Unsupported("GenerateDataKeyWithoutPlaintext")) })
    }

    /// `ReEncrypt`, for branch keys.
    ///
    /// # Errors
    /// [`KmsError`]; [`KmsError::Unsupported`] unless a client has it.
    fn re_encrypt<'a>(
        &'a self,
        request: ReEncrypt<'a>,
    ) -> BoxFuture<'a, Result<Encrypted, KmsError>> {
        let _ = request;
        Box::pin(async { Err(KmsError::Unsupported("ReEncrypt")) })
    }
}

/// What `GenerateDataKey` and `GenerateDataKeyWithoutPlaintext` ask.
#[derive(Clone, Copy, Debug)]
pub struct GenerateDataKey<'a> {
    /// A key's id, ARN, alias or alias's ARN.
    pub key_id: &'a str,
    /// The data key's length, in bytes.
    pub number_of_bytes: usize,
    /// The encryption context.
    pub context: &'a EncryptionContext,
    /// Grant tokens.
    pub grant_tokens: &'a [String],
}

/// What `Encrypt` asks.
#[derive(Clone, Copy)]
pub struct Encrypt<'a> {
    /// A key's id, ARN, alias or alias's ARN.
    pub key_id: &'a str,
    /// What is encrypted, at most 4,096 bytes.
    pub plaintext: &'a [u8],
    /// The encryption context.
    pub context: &'a EncryptionContext,
    /// Grant tokens.
    pub grant_tokens: &'a [String],
}

/// What `Decrypt` asks.
#[derive(Clone, Copy, Debug)]
pub struct Decrypt<'a> {
    /// The key's ARN.
    pub key_id: &'a str,
    /// What is decrypted, at most 6,144 bytes.
    pub ciphertext: &'a [u8],
    /// The encryption context; empty for RSA.
    pub context: &'a EncryptionContext,
    /// `EncryptionAlgorithm`, for RSA.
    pub algorithm: Option<&'a str>,
    /// Grant tokens.
    pub grant_tokens: &'a [String],
}

/// What `DeriveSharedSecret` asks, by ECDH.
#[derive(Clone, Copy, Debug)]
pub struct DeriveSharedSecret<'a> {
    /// The ARN of the key pair for agreement.
    pub key_id: &'a str,
    /// The other party's public key, a `SubjectPublicKeyInfo`.
    pub public_key: &'a [u8],
    /// Grant tokens.
    pub grant_tokens: &'a [String],
}

/// What `GetPublicKey` asks.
#[derive(Clone, Copy, Debug)]
pub struct GetPublicKey<'a> {
    /// The key pair's ARN.
    pub key_id: &'a str,
    /// Grant tokens.
    pub grant_tokens: &'a [String],
}

/// What `ReEncrypt` asks: from one context to another, under one key.
#[derive(Clone, Copy, Debug)]
pub struct ReEncrypt<'a> {
    /// The key's ARN, of source and destination.
    pub key_id: &'a str,
    /// What is encrypted anew.
    pub ciphertext: &'a [u8],
    /// The context that it has.
    pub source_context: &'a EncryptionContext,
    /// The context that it gets.
    pub destination_context: &'a EncryptionContext,
    /// Grant tokens.
    pub grant_tokens: &'a [String],
}

/// A data key, in both forms.
pub struct DataKey {
    /// The ARN of the key that wrapped it.
    pub key_id: String,
    /// The data key.
    pub plaintext: SecretBytes,
    /// The data key, wrapped.
    pub ciphertext: Vec<u8>,
}

/// A ciphertext, or a public key.
#[derive(Clone, Debug)]
pub struct Encrypted {
    /// The key's ARN.
    pub key_id: String,
    /// The bytes.
    pub ciphertext: Vec<u8>,
}

/// A plaintext, or a shared secret.
pub struct Decrypted {
    /// The ARN of the key that decrypted it.
    pub key_id: String,
    /// The plaintext.
    pub plaintext: SecretBytes,
}

/// Why a call gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KmsError {
    /// The service refused.
    Service {
        /// The operation.
        operation: &'static str,
        /// The error's code, such as `AccessDeniedException`.
        code: String,
        /// What the service says of it.
        message: String,
    },
    /// The service was not reached, or its answer was none. Says why.
    Transport(String),
    /// The client does not have this operation.
    Unsupported(&'static str),
}

impl fmt::Display for KmsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service { operation, code, message } => {
                write!(f, "{operation} was refused with {code}: {message}")
            }
            Self::Transport(text) => f.write_str(text),
            Self::Unsupported(operation) => write!(f, "this KMS client has no {operation}"),
        }
    }
}

impl std::error::Error for KmsError {}
