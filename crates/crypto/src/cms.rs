//! CMS EnvelopedData (RFC 5652) for one RSA key: how KMS answers those who attest what they are.

use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};

use crate::der::{element, tag};
use crate::{CryptoError, Rng, RsaEncryptionKey, RsaPadding, SecretKey, sha256};

const FAILED: CryptoError = CryptoError::Library("CMS encryption");
/// The length of a block of AES, and so of the most padding, in bytes.
const AES_BLOCK_LEN: usize = 16;
/// A tag that DER has for sets.
const SET: u8 = 0x31;

/// Object identifiers, contents only.
mod object {
    /// id-envelopedData, 1.2.840.113549.1.7.3
    pub(super) const ENVELOPED_DATA: &[u8] =
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03];
    /// id-data, 1.2.840.113549.1.7.1
    pub(super) const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
    /// id-RSAES-OAEP, 1.2.840.113549.1.1.7
    pub(super) const OAEP: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x07];
    /// id-mgf1, 1.2.840.113549.1.1.8
    pub(super) const MGF1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08];
    /// id-sha256, 2.16.840.1.101.3.4.2.1
    pub(super) const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
    /// id-aes256-CBC, 2.16.840.1.101.3.4.1.42
    pub(super) const AES_256_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(tag::SEQUENCE, parts)
}

fn named(object: &[u8]) -> Vec<u8> {
    element(tag::OBJECT, &[object])
}

/// RSAES-OAEP with SHA-256, also in MGF1 (RFC 4055, section 4.1).
fn oaep() -> Vec<u8> {
    let sha256 = sequence(&[&named(object::SHA256)]);
    let mgf1 = sequence(&[&named(object::MGF1), &sha256]);
    let parameters =
        sequence(&[&element(tag::explicit(0), &[&sha256]), &element(tag::explicit(1), &[&mgf1])]);
    sequence(&[&named(object::OAEP), &parameters])
}

/// `plain` under a fresh AES-256 key in CBC mode, which is under the RSA key by OAEP with SHA-256:
/// a ContentInfo as DER. The recipient is named by the digest of its key. Like every
/// EnvelopedData it is secret, not authentic.
///
/// # Errors
/// [`CryptoError::MalformedKey`]; those of the random source; [`CryptoError::Library`].
pub fn envelop(rng: &dyn Rng, public_der: &[u8], plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let key = SecretKey::generate(rng)?;
    let sealed_key =
        RsaEncryptionKey::from_der(public_der)?.encrypt(RsaPadding::OaepSha256, key.expose())?;
    let cipher = UnboundCipherKey::new(&AES_256, key.expose()).map_err(|_| FAILED)?;
    let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(cipher).map_err(|_| FAILED)?;
    // With room for the padding, so that growing leaves no copy behind.
    let mut content = Vec::with_capacity(plain.len().saturating_add(AES_BLOCK_LEN));
    content.extend_from_slice(plain);
    let context = cipher.encrypt(&mut content).map_err(|_| FAILED)?;
    let DecryptionContext::Iv128(iv) = context else { return Err(FAILED) };
    let recipient = sequence(&[
        &element(tag::INTEGER, &[&[2]]),
        &element(tag::implicit(0), &[&sha256(public_der)]),
        &oaep(),
        &element(tag::OCTET_STRING, &[&sealed_key]),
    ]);
    let iv: &[u8] = iv.as_ref();
    let algorithm = sequence(&[&named(object::AES_256_CBC), &element(tag::OCTET_STRING, &[iv])]);
    let encrypted =
        sequence(&[&named(object::DATA), &algorithm, &element(tag::implicit(0), &[&content])]);
    let recipients = element(SET, &[&recipient]);
    let enveloped = sequence(&[&element(tag::INTEGER, &[&[2]]), &recipients, &encrypted]);
    Ok(sequence(&[&named(object::ENVELOPED_DATA), &element(tag::explicit(0), &[&enveloped])]))
}
