//! Ids of IAM: unique ids that nobody has twice, and access key ids that tell their account.
//!
//! Prefixes and lengths are those of "IAM identifiers" (IAM User Guide); how an access key id
//! holds the account is known from public analysis and from AWS's own ids.

use bulla_crypto::{Crypto, CryptoError, sha256};

/// What the id of a long-term access key begins with.
pub(crate) const LONG_TERM: &str = "AKIA";
/// Characters of an access key id.
pub(crate) const KEY_ID_LEN: usize = 20;
/// Characters of a unique id, its prefix of four included.
const UNIQUE_ID_LEN: usize = 21;
const PREFIX_LEN: usize = 4;
/// Characters after the prefix that hold the account, all but its lowest bit.
const ACCOUNT_CHARACTERS: usize = 8;
/// What is added to the half of an account number, so that the first character is a letter.
const ACCOUNT_OFFSET: u64 = 1 << 39;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The letter for a random byte. The alphabet's length divides 256, so each is as likely.
fn letter(byte: u8) -> char {
    ALPHABET.get(usize::from(byte) % ALPHABET.len()).map_or('A', |letter| char::from(*letter))
}

/// A new unique id of a user, role and the like: a prefix such as `AIDA` and seventeen random
/// characters.
pub(crate) fn unique_id(crypto: &Crypto, prefix: &str) -> Result<String, CryptoError> {
    let mut id = prefix.to_owned();
    let random = crypto.random::<{ UNIQUE_ID_LEN - PREFIX_LEN }>()?;
    id.extend(random.iter().map(|byte| letter(*byte)));
    Ok(id)
}

/// A unique id that always comes of the same bytes.
pub(crate) fn derived_id(prefix: &str, from: &[u8]) -> String {
    let digest = sha256(from);
    let letters = digest.iter().take(UNIQUE_ID_LEN - PREFIX_LEN).map(|byte| letter(*byte));
    prefix.chars().chain(letters).collect()
}

/// A new access key id that holds its account. `prefix` is `AKIA` or `ASIA`.
pub(crate) fn access_key_id(
    crypto: &Crypto,
    prefix: &str,
    account: &str,
) -> Result<String, CryptoError> {
    let account: u64 = account.parse().unwrap_or_default();
    let held = (account / 2).wrapping_add(ACCOUNT_OFFSET);
    let mut id = prefix.to_owned();
    for place in (0..ACCOUNT_CHARACTERS).rev() {
        // Five bits a character.
        let bits = (held >> (place * 5)) & 31;
        id.push(letter(u8::try_from(bits).unwrap_or_default()));
    }
    let random = crypto.random::<{ KEY_ID_LEN - PREFIX_LEN - ACCOUNT_CHARACTERS }>()?;
    for (at, byte) in random.iter().enumerate() {
        // The upper half of the alphabet stands for an odd account.
        let odd = if account % 2 == 1 { 16 } else { 0 };
        id.push(letter(if at == 0 { (byte % 16) + odd } else { *byte }));
    }
    Ok(id)
}

/// The account that an access key id holds; none when it is not formed as one.
#[must_use]
pub fn account_of_key(id: &str) -> Option<String> {
    if id.len() != KEY_ID_LEN {
        return None;
    }
    let value = |byte: u8| ALPHABET.iter().position(|letter| *letter == byte);
    let mut characters = id.bytes().skip(PREFIX_LEN);
    let mut held: u64 = 0;
    for byte in characters.by_ref().take(ACCOUNT_CHARACTERS) {
        held = (held << 5) | u64::try_from(value(byte)?).ok()?;
    }
    let odd = u64::from(value(characters.next()?)? >= 16);
    let account = held.checked_sub(ACCOUNT_OFFSET)?.checked_mul(2)?.checked_add(odd)?;
    (account < 1_000_000_000_000).then(|| format!("{account:012}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_key_id_tells_its_account() {
        let crypto = Crypto::standard();
        assert_eq!(account_of_key("AKIARZPUZDIKGB2VALC4").as_deref(), Some("123456789012"));
        for account in ["000000000000", "000000000001", "123456789012", "999999999999"] {
            let id = access_key_id(&crypto, LONG_TERM, account).unwrap();
            assert_eq!(id.len(), KEY_ID_LEN);
            assert_eq!(account_of_key(&id).as_deref(), Some(account), "{id}");
        }
        for other in ["", "AKIA", "AKIAAAAAAAAAAAAAAAAA", "AKIA1ZPUZDIKGB2VALC4"] {
            assert_eq!(account_of_key(other), None, "{other}");
        }
    }

    #[test]
    fn unique_ids_have_aws_s_form() {
        let id = unique_id(&Crypto::standard(), "AIDA").unwrap();
        assert!(id.starts_with("AIDA") && id.len() == 21);
        assert!(id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
    }
}
