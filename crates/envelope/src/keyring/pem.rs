//! PEM (RFC 7468): the DER between a first and a last line.

use base64_simd::STANDARD;
use bulla_crypto::SecretBytes;

use crate::keyring::KeyringError;

/// The content of the first block with this label.
///
/// # Errors
/// [`KeyringError::Configuration`] when there is none, or what it holds is not base64.
pub(super) fn read(text: &str, label: &str) -> Result<SecretBytes, KeyringError> {
    let refused = || {
        let text =
            format!("there is no PEM of a {label} here: give one that begins with BEGIN {label}");
        KeyringError::Configuration(text)
    };
    let begin = format!("-----BEGIN {label}-----");
    let end = format!("-----END {label}-----");
    let (_, rest) = text.split_once(&begin).ok_or_else(refused)?;
    let (body, _) = rest.split_once(&end).ok_or_else(refused)?;
    let digits: Vec<u8> = body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let digits = SecretBytes::new(digits);
    STANDARD.decode_to_vec(digits.expose()).map(SecretBytes::new).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_by_label() {
        let text = "x\n-----BEGIN A-----\nAQI\nD\n-----END A-----\n";
        assert!(read(text, "A").unwrap().ct_eq(&[1, 2, 3]));
        for (text, label) in [
            (text, "B"),
            ("-----BEGIN A-----\nAQID\n", "A"),
            ("-----BEGIN A-----\n!!!!\n-----END A-----", "A"),
        ] {
            assert!(matches!(read(text, label), Err(KeyringError::Configuration(_))));
        }
    }
}
