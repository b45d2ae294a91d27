//! The list of signed headers, and their canonical form.

use crate::request::{HOST, TOKEN};
use crate::{AuthError, Header, Limit, MAX_SIGNED_HEADERS};

/// Checks what must be signed: `host`, and every `x-amz-*` header that is there.
pub(crate) fn check_coverage(
    headers: &[Header<'_>],
    signed: &str,
    token_after_signing: bool,
) -> Result<(), AuthError> {
    // Taken apart once: each header that must be signed is looked for in it.
    let mut list: [&[u8]; MAX_SIGNED_HEADERS] = [&[]; MAX_SIGNED_HEADERS];
    let mut rest = names(signed);
    let count = list.iter_mut().zip(&mut rest).map(|(place, name)| *place = name).count();
    if rest.next().is_some() {
        return Err(AuthError::TooLarge(Limit::SignedHeaders));
    }
    let covers =
        |name: &str| list.iter().take(count).any(|one| one.eq_ignore_ascii_case(name.as_bytes()));
    if !covers(HOST) {
        return Err(AuthError::HostUnsigned);
    }
    for (name, _) in headers {
        let exempt = token_after_signing && name.eq_ignore_ascii_case(TOKEN);
        if is_amz(name) && !exempt && !covers(name) {
            return Err(AuthError::HeaderUnsigned(name.to_ascii_lowercase().into()));
        }
    }
    Ok(())
}

/// The names in a list. Bytes are split faster than text where the pieces are short.
fn names(signed: &str) -> impl Iterator<Item = &[u8]> {
    signed.as_bytes().split(|byte| *byte == b';')
}

fn is_amz(name: &str) -> bool {
    name.as_bytes().get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"x-amz-"))
}

/// Whether `signed` is what a signer must write: lower-case names, sorted, each once.
pub(crate) fn well_formed(signed: &str) -> bool {
    names(signed).all(|name| !name.is_empty() && name.iter().all(|byte| is_lower_token(*byte)))
        && names(signed).is_sorted_by(|a, b| a < b)
}

/// A character of a header name (RFC 9110, 5.6.2) in lower case.
fn is_lower_token(byte: u8) -> bool {
    LOWER_TOKENS.get(usize::from(byte)).is_some_and(|is| *is)
}

/// By the byte's value, as every byte of every list is looked at.
const LOWER_TOKENS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time, within bounds")]
        {
            table[byte] = is_token(byte as u8) && !(byte as u8).is_ascii_uppercase();
        }
        byte += 1;
    }
    table
};

/// A character of a header name or a method (RFC 9110, 5.6.2).
pub(crate) const fn is_token(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-'
        | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// Appends `name:value\n` for each name in `signed`, which is [`well_formed`]. Lines of the same
/// name are joined by commas in the order received. Fails if a header is not there.
pub(crate) fn push(
    headers: &[Header<'_>],
    signed: &str,
    out: &mut Vec<u8>,
) -> Result<(), AuthError> {
    for wanted in names(signed) {
        out.extend_from_slice(wanted);
        let mut separator = b':';
        for (name, value) in headers {
            if name.as_bytes().eq_ignore_ascii_case(wanted) {
                out.push(separator);
                push_value(value, out);
                separator = b',';
            }
        }
        if separator == b':' {
            return Err(AuthError::Mismatch);
        }
        out.push(b'\n');
    }
    Ok(())
}

/// A value without blanks at its ends and with single blanks inside, quoted or not. Line breaks
/// are blanks: a folded header is one line. These are the blanks that are trimmed wherever a value
/// is read; no other control character comes through HTTP.
fn push_value(value: &[u8], out: &mut Vec<u8>) {
    // Most values have no blank at all; without a branch in it, this is done many bytes at a time.
    if !value.iter().fold(false, |any, byte| any | (*byte <= b' ')) {
        return out.extend_from_slice(value);
    }
    let mut words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    if let Some(first) = words.next() {
        out.extend_from_slice(first);
    }
    for word in words {
        out.push(b' ');
        out.extend_from_slice(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_values() {
        let headers: &[Header<'_>] = &[
            ("Host", b" h "),
            ("A", b"  1 \t 2\r\n  3 "),
            ("a", b"\"x   y\""),
            ("B", b""),
            ("A", b"\xff"),
        ];
        let mut out = Vec::new();
        push(headers, "a;b;host", &mut out).unwrap();
        assert_eq!(out, b"a:1 2 3,\"x y\",\xff\nb:\nhost:h\n");
        assert_eq!(push(headers, "c;host", &mut out), Err(AuthError::Mismatch));
    }

    #[test]
    fn what_is_a_blank_here_is_one_wherever_values_are_read() {
        for byte in 0..=255 {
            let value = [byte, b'a', byte];
            let mut canonical = Vec::new();
            push_value(&value, &mut canonical);
            assert_eq!(canonical, value.trim_ascii(), "{byte:#x}");
        }
    }

    #[test]
    fn tokens() {
        let marks = (0..=255_u8).filter(|byte| is_token(*byte) && !byte.is_ascii_alphanumeric());
        assert_eq!(marks.collect::<Vec<_>>(), b"!#$%&'*+-.^_`|~");
    }

    #[test]
    fn lists() {
        for good in ["host", "a;b;host", "a;a-b;host"] {
            assert!(well_formed(good), "{good}");
        }
        for bad in ["", ";", "host;", "host;a", "a;a", "Host", "a:b", "a b", "a\nb", "é"] {
            assert!(!well_formed(bad), "{bad}");
        }
    }

    #[test]
    fn coverage() {
        let headers: &[Header<'_>] =
            &[("Host", b"h"), ("X-Amz-Target", b"t"), ("X-Amz-Security-Token", b"t")];
        let all = "host;x-amz-security-token;x-amz-target";
        assert_eq!(check_coverage(headers, all, false), Ok(()));
        assert_eq!(check_coverage(headers, "x-amz-target", true), Err(AuthError::HostUnsigned));
        let unsigned = |name: &str| Err(AuthError::HeaderUnsigned(name.into()));
        let host = check_coverage(headers, "host", true);
        assert_eq!(host, unsigned("x-amz-target"));
        let no_token = "host;x-amz-target";
        assert_eq!(check_coverage(headers, no_token, true), Ok(()));
        assert_eq!(check_coverage(headers, no_token, false), unsigned("x-amz-security-token"));
        let many = vec!["host"; MAX_SIGNED_HEADERS + 1].join(";");
        let too_many = Err(AuthError::TooLarge(Limit::SignedHeaders));
        assert_eq!(check_coverage(headers, &many, true), too_many);
    }
}
