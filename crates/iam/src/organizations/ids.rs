//! Ids within organizations: a prefix, and small letters and digits.

use bulla_crypto::{Crypto, CryptoError};

const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// Account numbers: twelve digits, the first of which is not zero.
const FIRST_ACCOUNT: u64 = 100_000_000_000;
/// How many such numbers there are.
const ACCOUNTS: u64 = 900_000_000_000;

/// An id with `N` characters after its prefix. No secret, and taken only when it is free.
pub(crate) fn draw<const N: usize>(crypto: &Crypto, prefix: &str) -> Result<String, CryptoError> {
    let mut id = prefix.to_owned();
    for byte in crypto.random::<N>()? {
        let letter = ALPHABET.get(usize::from(byte) % ALPHABET.len());
        id.push(letter.map_or('a', |letter| char::from(*letter)));
    }
    Ok(id)
}

/// The number of a new account. It is taken only when it is free.
///
/// # Errors
/// Those of the random source.
pub fn draw_account(crypto: &Crypto) -> Result<String, CryptoError> {
    let random = u64::from_be_bytes(crypto.random()?);
    Ok((FIRST_ACCOUNT + random % ACCOUNTS).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_forms_that_clients_know() {
        let crypto = Crypto::standard();
        let id = draw::<10>(&crypto, "o-").unwrap();
        assert!(id.len() == 12 && id.starts_with("o-"));
        assert!(id.bytes().skip(2).all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
        let account = draw_account(&crypto).unwrap();
        assert!(crate::is_account(&account) && !account.starts_with('0'));
    }
}
