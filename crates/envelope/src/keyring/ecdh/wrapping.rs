//! From a shared secret to a wrapped data key, and back.

use bulla_crypto::{
    Crypto, Curve, GcmKey, Hash, NONCE_LEN, SecretBytes, TAG_LEN, counter_kdf, ct_eq,
};

use super::{Parties, VERSION};
use crate::keyring::KeyringError;

const PURPOSE: &[u8] = b"ecdh-key-derivation";
const PRF: &[u8] = b"HMAC_SHA384";
const SALT_LEN: usize = 32;
const COMMITMENT_LEN: usize = 32;
const KEY_LEN: usize = 32;

/// What a curve is called in the derivation.
fn name(curve: Curve) -> &'static [u8] {
    match curve {
        Curve::P256 => b"p256",
        Curve::P384 => b"p384",
        Curve::P521 => b"p521",
    }
}

/// What both derivation and wrapping are bound to.
pub(super) fn fixed_info(curve: Curve, parties: Parties<'_>, context: &[u8]) -> Vec<u8> {
    let points = [parties.sender, parties.recipient].concat();
    [PURPOSE, name(curve), PRF, &points, &[VERSION], context].join(&0)
}

/// Commitment and wrapping key.
fn derive(
    secret: &SecretBytes,
    fixed_info: &[u8],
    salt: &[u8],
) -> Result<SecretBytes, KeyringError> {
    let mut derived = SecretBytes::zeroed(COMMITMENT_LEN + KEY_LEN);
    counter_kdf(Hash::Sha384, secret.expose(), fixed_info, salt, derived.expose_mut())?;
    Ok(derived)
}

/// Salt, commitment, and the wrapped key with its tag.
pub(super) fn wrap(
    crypto: &Crypto,
    secret: &SecretBytes,
    fixed_info: &[u8],
    data_key: &SecretBytes,
) -> Result<Vec<u8>, KeyringError> {
    let salt = crypto.random::<SALT_LEN>()?;
    let derived = derive(secret, fixed_info, &salt)?;
    let (commitment, key) = derived.expose().split_at(COMMITMENT_LEN);
    let mut sealed = vec![0; data_key.len() + TAG_LEN];
    // The key is of this message alone, so its nonce may be zero.
    GcmKey::new(key)?.seal(&[0; NONCE_LEN], fixed_info, data_key.expose(), &mut sealed)?;
    Ok([&salt, commitment, &sealed].concat())
}

/// The data key of what [`wrap`] made.
pub(super) fn unwrap(
    secret: &SecretBytes,
    fixed_info: &[u8],
    wrapped: &[u8],
) -> Result<SecretBytes, KeyringError> {
    let short = || KeyringError::Crypto(bulla_crypto::CryptoError::Unauthentic);
    let (salt, rest) = wrapped.split_at_checked(SALT_LEN).ok_or_else(short)?;
    let (stored, sealed) = rest.split_at_checked(COMMITMENT_LEN).ok_or_else(short)?;
    let derived = derive(secret, fixed_info, salt)?;
    let (commitment, key) = derived.expose().split_at(COMMITMENT_LEN);
    if !ct_eq(commitment, stored) {
        return Err(short());
    }
    let mut opened = SecretBytes::zeroed(sealed.len().saturating_sub(TAG_LEN));
    GcmKey::new(key)?.open(&[0; NONCE_LEN], fixed_info, sealed, opened.expose_mut())?;
    Ok(opened)
}
