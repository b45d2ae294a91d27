//! Encryption and decryption under key pairs. What a symmetric key makes is `blob.rs`'s.

use bulla_crypto::{CryptoError, EncryptionScheme, PairSpec, RsaPadding, SecretBytes};
use bulla_plane::Stop;
use bulla_shapes::{Fault, StringMap};

use crate::kind::Form;
use crate::live::LiveKey;
use crate::{Kms, fault};

/// The most bytes that SM2 encrypts (KMS API Reference, Encrypt).
const SM2_MOST_BYTES: usize = 1_024;

/// What an asymmetric algorithm does; nothing for the symmetric one.
pub(crate) fn scheme(algorithm: &str) -> Option<EncryptionScheme> {
    match algorithm {
        "RSAES_OAEP_SHA_1" => Some(EncryptionScheme::Rsa(RsaPadding::OaepSha1)),
        "RSAES_OAEP_SHA_256" => Some(EncryptionScheme::Rsa(RsaPadding::OaepSha256)),
        "SM2PKE" => Some(EncryptionScheme::Sm2),
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

/// The most bytes that a key encrypts. With OAEP that is what two digests and two bytes leave of
/// the modulus (RFC 8017, section 7.1.1).
fn most(key: &LiveKey, scheme: EncryptionScheme) -> Option<usize> {
    match (key.record.kind.form, scheme) {
        (Form::Pair(PairSpec::Rsa(bits)), EncryptionScheme::Rsa(padding)) => {
            bits.len().checked_sub(digest_len(padding)?.checked_mul(2)?)?.checked_sub(2)
        }
        (Form::Pair(PairSpec::Sm2), EncryptionScheme::Sm2) => Some(SM2_MOST_BYTES),
        _ => None,
    }
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
    /// The ciphertext of `plain` under a key pair.
    pub(crate) async fn encrypt_by_pair(
        &self,
        key: &LiveKey,
        algorithm: &str,
        plain: &[u8],
        context: Option<StringMap<'_>>,
    ) -> Result<Vec<u8>, Stop> {
        without_context(context)?;
        let scheme = scheme(algorithm).ok_or_else(fault::internal)?;
        let most = most(key, scheme).ok_or_else(fault::internal)?;
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
            .run(move || pair.encryption().map(|by| by.encrypt(scheme, plain.expose())))
            .await?;
        Ok(sealed.ok_or_else(fault::internal)??)
    }

    /// The plaintext of `sealed` under a key pair.
    pub(crate) async fn decrypt_by_pair(
        &self,
        key: &LiveKey,
        scheme: EncryptionScheme,
        sealed: &[u8],
        context: Option<StringMap<'_>>,
    ) -> Result<SecretBytes, Stop> {
        without_context(context)?;
        let (pair, sealed) = (key.pair()?, sealed.to_vec());
        let opened = self
            .workshop
            .run(move || pair.encryption().map(|by| by.decrypt(scheme, &sealed)))
            .await?;
        match opened.ok_or_else(fault::internal)? {
            Err(CryptoError::Unauthentic) => Err(fault::invalid_ciphertext().into()),
            opened => Ok(opened?),
        }
    }
}
