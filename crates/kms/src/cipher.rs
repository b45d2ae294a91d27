//! Encryption and decryption under RSA keys. What a symmetric key makes is `blob.rs`'s.

use bulla_crypto::{CryptoError, PairSpec, RsaPadding, SecretBytes};
use bulla_plane::Stop;
use bulla_shapes::{Fault, StringMap};

use crate::kind::Form;
use crate::live::LiveKey;
use crate::{Kms, fault};

/// The padding of an asymmetric algorithm; nothing for the symmetric one.
pub(crate) fn padding(algorithm: &str) -> Option<RsaPadding> {
    match algorithm {
        "RSAES_OAEP_SHA_1" => Some(RsaPadding::OaepSha1),
        "RSAES_OAEP_SHA_256" => Some(RsaPadding::OaepSha256),
        _ => None,
    }
}

/// The length of a digest in OAEP, in bytes.
fn digest_len(padding: RsaPadding) -> Option<usize> {
    match padding {
        RsaPadding::OaepSha1 => Some(20),
        RsaPadding::OaepSha256 => Some(32),
        _ => None,
    }
}

/// The most bytes that RSA with OAEP encrypts: what two digests and two bytes leave of the modulus
/// (RFC 8017, section 7.1.1).
fn most(key: &LiveKey, padding: RsaPadding) -> Option<usize> {
    let Form::Pair(PairSpec::Rsa(bits)) = key.record.kind.form else { return None };
    bits.len().checked_sub(digest_len(padding)?.checked_mul(2)?)?.checked_sub(2)
}

/// Asymmetric encryption has no context (recorded text).
fn without_context(context: Option<StringMap<'_>>) -> Result<(), Fault> {
    if context.is_some_and(|context| !context.is_empty()) {
        return Err(fault::validation(
            "EncryptionContext is not supported when encrypting/decrypting with asymmetric CMKs.",
        ));
    }
    Ok(())
}

impl Kms {
    /// The ciphertext of `plain` under an RSA key.
    pub(crate) async fn encrypt_by_rsa(
        &self,
        key: &LiveKey,
        algorithm: &str,
        plain: &[u8],
        context: Option<StringMap<'_>>,
    ) -> Result<Vec<u8>, Stop> {
        without_context(context)?;
        let padding = padding(algorithm).ok_or_else(fault::internal)?;
        let most = most(key, padding).ok_or_else(fault::internal)?;
        if plain.len() > most {
            return Err(fault::validation(format!(
                "Algorithm {algorithm} and key spec {} cannot encrypt data larger than {most} \
                 bytes.",
                key.record.kind.spec
            ))
            .into());
        }
        let (pair, plain) = (key.pair()?, SecretBytes::from_slice(plain));
        let sealed = self
            .workshop
            .run(move || pair.encryption().map(|rsa| rsa.encrypt(padding, plain.expose())))
            .await?;
        Ok(sealed.ok_or_else(fault::internal)??)
    }

    /// The plaintext of `sealed` under an RSA key.
    pub(crate) async fn decrypt_by_rsa(
        &self,
        key: &LiveKey,
        padding: RsaPadding,
        sealed: &[u8],
        context: Option<StringMap<'_>>,
    ) -> Result<SecretBytes, Stop> {
        without_context(context)?;
        let (pair, sealed) = (key.pair()?, sealed.to_vec());
        let opened = self
            .workshop
            .run(move || pair.encryption().map(|rsa| rsa.decrypt(padding, &sealed)))
            .await?;
        match opened.ok_or_else(fault::internal)? {
            Err(CryptoError::Unauthentic) => Err(fault::invalid_ciphertext().into()),
            opened => Ok(opened?),
        }
    }
}
