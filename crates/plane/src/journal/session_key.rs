//! The access key of a session that a service was given for one call alone.
//!
//! It follows from the id of the call's event, so that a packed record needs not say it, and
//! records with such keys can be alike ([`outline`](super::outline)).

/// The length of an access key id of a session, in bytes.
const SESSION_KEY_BYTES: usize = 20;

const PREFIX: &[u8; 4] = b"ASIA";
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// How many bits a letter stands for.
const LETTER_BITS: u32 = 5;

/// The access key id of the session that was made for the call with this event: `ASIA` and letters
/// in ASCII, as random as the event's id.
pub(super) fn session_key(event_id: [u8; 16]) -> [u8; SESSION_KEY_BYTES] {
    let mut key = [0; SESSION_KEY_BYTES];
    let mut bits = u128::from_be_bytes(event_id);
    let (prefix, letters) = key.split_at_mut(PREFIX.len());
    prefix.copy_from_slice(PREFIX);
    for to in letters {
        let letter = usize::try_from(bits & 31).unwrap_or_default();
        *to = LETTERS.get(letter).copied().unwrap_or_default();
        bits >>= LETTER_BITS;
    }
    key
}

/// The same as text.
#[must_use]
pub fn session_key_text(event_id: [u8; 16]) -> String {
    session_key(event_id).into_iter().map(char::from).collect()
}

/// Whether an access key id is that of the session which was made for the call with this event.
#[must_use]
pub fn is_session_key(access_key_id: &[u8], event_id: [u8; 16]) -> bool {
    access_key_id.len() == SESSION_KEY_BYTES
        && access_key_id.starts_with(PREFIX)
        && *access_key_id == session_key(event_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_follows_from_its_event_and_from_no_other() {
        let id: [u8; 16] = std::array::from_fn(|at| at as u8 * 17);
        let text = session_key_text(id);
        // It is part of the journal's form.
        assert_eq!(text, "ASIA7X33NGPXKNGRY3ZM");
        assert!(is_session_key(text.as_bytes(), id));
        let mut other = id;
        other[15] ^= 1;
        assert!(!is_session_key(text.as_bytes(), other));
        assert!(!is_session_key(b"ASIA", id) && !is_session_key(b"", id));
    }
}
