//! Percent-encoding as signatures want it (RFC 3986 with upper-case digits), from raw bytes.

use std::borrow::Cow;

/// A `%` that is not followed by two hexadecimal digits, or text that is not UTF-8 once decoded.
///
/// Such text could be read in more than one way, so it is never given a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadPercent;

fn unreserved(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~')
}

fn push_byte(byte: u8, out: &mut Vec<u8>) {
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'A' + value - 10 };
    if unreserved(byte) {
        out.push(byte);
    } else {
        out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
    }
}

/// Encodes every byte that is not unreserved, `%` and `/` included.
pub(crate) fn encode(text: &str, out: &mut Vec<u8>) {
    text.bytes().for_each(|byte| push_byte(byte, out));
}

/// Brings text that may be encoded, wholly, partly or not at all, into the one canonical form.
/// `+` stands for itself.
pub(crate) fn recode(text: &str, out: &mut Vec<u8>) -> Result<(), BadPercent> {
    decoded(text).try_for_each(|byte| {
        push_byte(byte?, out);
        Ok(())
    })
}

/// Decodes text; borrowed if there is nothing to decode.
pub(crate) fn decode(text: &str) -> Result<Cow<'_, str>, BadPercent> {
    if memchr::memchr(b'%', text.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(text));
    }
    let bytes = decoded(text).collect::<Result<Vec<u8>, BadPercent>>()?;
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| BadPercent)
}

fn decoded(text: &str) -> impl Iterator<Item = Result<u8, BadPercent>> {
    let mut bytes = text.bytes();
    std::iter::from_fn(move || match bytes.next()? {
        b'%' => Some(match (digit(bytes.next()), digit(bytes.next())) {
            (Some(high), Some(low)) => Ok(high << 4 | low),
            _ => Err(BadPercent),
        }),
        byte => Some(Ok(byte)),
    })
}

fn digit(byte: Option<u8>) -> Option<u8> {
    match byte? {
        c @ b'0'..=b'9' => Some(c - b'0'),
        c @ b'a'..=b'f' => Some(c - b'a' + 10),
        c @ b'A'..=b'F' => Some(c - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recoded(text: &str) -> Result<String, BadPercent> {
        let mut out = Vec::new();
        recode(text, &mut out).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn forms_become_one() {
        for text in ["a b", "a%20b", "%61%20%62", "a%20b"] {
            assert_eq!(recoded(text).unwrap(), "a%20b");
        }
        assert_eq!(recoded("a+b/ሴ~%e1%88%b4").unwrap(), "a%2Bb%2F%E1%88%B4~%E1%88%B4");
        assert_eq!(recoded("%2b").unwrap(), "%2B");
        assert_eq!(recoded("%ff").unwrap(), "%FF");
        let mut twice = Vec::new();
        encode("a%20b", &mut twice);
        assert_eq!(twice, b"a%2520b");
    }

    #[test]
    fn a_lone_percent_has_no_meaning() {
        for text in ["%", "%4", "%zz", "%4z", "a%", "%%41", "%é"] {
            assert_eq!(recoded(text), Err(BadPercent), "{text}");
            assert_eq!(decode(text), Err(BadPercent), "{text}");
        }
        assert_eq!(decode("%ff"), Err(BadPercent));
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(text: String) {
            let mut out = Vec::new();
            encode(&text, &mut out);
            let encoded = String::from_utf8(out).unwrap();
            prop_assert_eq!(decode(&encoded).unwrap(), text.as_str());
            prop_assert_eq!(recoded(&encoded).unwrap(), encoded);
        }
    }
}
