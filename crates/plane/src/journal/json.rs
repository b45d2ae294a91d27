//! Compact JSON cut into its texts and what is between them, and UUIDs as bytes.

/// What stands for a text that was cut out. Valid JSON has no such byte.
pub(super) const HOLE: u8 = 0;
const UUID_BYTES: usize = 36;

/// JSON whose texts were cut out.
pub(super) struct Cut<'j> {
    /// What is left, with a [`HOLE`] for each.
    pub(super) between: Vec<u8>,
    /// The texts, escaped as they stood there.
    pub(super) values: Vec<&'j [u8]>,
}

/// Cuts the texts of at least `least` bytes out that are values and not the names of members. None
/// if there is none, or a byte in it that no JSON has.
pub(super) fn cut(json: &[u8], least: usize) -> Option<Cut<'_>> {
    if json.contains(&HOLE) {
        return None;
    }
    let mut cut = Cut { between: Vec::with_capacity(json.len()), values: Vec::new() };
    let mut rest = json;
    while let Some(opened) = rest.iter().position(|byte| *byte == b'"') {
        let (before, text) = rest.split_at_checked(opened + 1)?;
        cut.between.extend_from_slice(before);
        let (text, after) = text.split_at_checked(length(text))?;
        if text.len() >= least && !after.starts_with(b"\":") {
            cut.between.push(HOLE);
            cut.values.push(text);
        } else {
            cut.between.extend_from_slice(text);
        }
        // Its closing quote is not to open another one.
        let (quote, after) = after.split_at_checked(1).unwrap_or((after, after));
        cut.between.extend_from_slice(quote);
        rest = after;
    }
    cut.between.extend_from_slice(rest);
    (!cut.values.is_empty()).then_some(cut)
}

/// How far it is to the quote that ends a text.
fn length(text: &[u8]) -> usize {
    let mut is_escaped = false;
    let ends = |byte: &u8| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    };
    text.iter().position(ends).unwrap_or(text.len())
}

/// The bytes of a UUID that is written in small letters; none if it is not.
pub(super) fn parse_uuid(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != UUID_BYTES {
        return None;
    }
    let mut id = 0_u128;
    for (at, letter) in text.iter().enumerate() {
        let digit = match letter {
            b'-' if matches!(at, 8 | 13 | 18 | 23) => continue,
            _ if matches!(at, 8 | 13 | 18 | 23) => return None,
            b'0'..=b'9' => letter - b'0',
            b'a'..=b'f' => letter - b'a' + 10,
            _ => return None,
        };
        id = id << 4 | u128::from(digit);
    }
    Some(id.to_be_bytes())
}

/// Appends a UUID in small letters.
pub(super) fn put_uuid(id: [u8; 16], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied();
    for (at, byte) in id.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.extend(digit(byte >> 4).into_iter().chain(digit(byte & 0xf)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_out_and_names_are_not() {
        let json =
            br#"{"encryptionContext":{"tenant":"a \"b\" and c\\","x":"y"},"n":[1,"a text"]}"#;
        let found = cut(json, 4).unwrap();
        assert_eq!(found.values, [&br#"a \"b\" and c\\"#[..], b"a text"]);
        let between = b"{\"encryptionContext\":{\"tenant\":\"\0\",\"x\":\"y\"},\"n\":[1,\"\0\"]}";
        assert_eq!(found.between, between);
        for whole in [&b"{}"[..], b"", b"null", b"\"\0long\"", br#"{"name":1}"#] {
            assert!(cut(whole, 2).is_none(), "{whole:?}");
        }
        // What is no JSON is cut up, and put together, all the same.
        assert_eq!(cut(b"\"open and", 2).unwrap().between, b"\"\0");
    }

    #[test]
    fn only_uuids_in_small_letters_are_bytes() {
        let text = b"01234567-89ab-cdef-0123-456789abcdef";
        let mut again = Vec::new();
        put_uuid(parse_uuid(text).unwrap(), &mut again);
        assert_eq!(again, text);
        for other in [
            &b"01234567-89AB-cdef-0123-456789abcdef"[..],
            b"0123456789ab-cdef-0123-4567-89abcdef0",
            b"01234567-89ab-cdef-0123-456789abcde",
            b"01234567889ab-cdef-0123-456789abcdef",
            b"0123-56789-ab-cdef-0123-456789abcdef",
        ] {
            assert_eq!(parse_uuid(other), None);
        }
    }
}
