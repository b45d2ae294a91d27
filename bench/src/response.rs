//! As much of HTTP/1.1 as tells where an answer ends and whether it is 200.

use std::ops::Range;

use memchr::{memchr, memmem};

use crate::error::BenchError;

/// An answer with its head is never larger; a page of LookupEvents has some 80 KiB.
pub(crate) const MAX_BYTES: usize = 256 * 1024;

/// The status and where in the buffer the body lies.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Range<usize>,
}

/// The answer that `input` holds whole, or none while more must be read.
pub(crate) fn parse(input: &[u8]) -> Result<Option<Answer>, BenchError> {
    let Some(head_end) = memmem::find(input, b"\r\n\r\n") else { return Ok(None) };
    let head = input.get(..head_end).unwrap_or_default();
    let status = head
        .strip_prefix(b"HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .and_then(number)
        .and_then(|n| u16::try_from(n).ok())
        .ok_or_else(|| {
            BenchError::malformed("an answer doesn't start with HTTP/1.1 and a status")
        })?;
    let length = content_length(head)
        .ok_or_else(|| BenchError::malformed("an answer has no usable Content-Length"))?;
    let body = head_end + 4..head_end + 4 + length;
    match input.len() {
        len if len < body.end => Ok(None),
        len if len > body.end => Err(BenchError::malformed("bytes follow an answer's end")),
        _ => Ok(Some(Answer { status, body })),
    }
}

fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let mut rest = head;
    while let Some(at) = memchr(b'\n', rest) {
        rest = rest.get(at + 1..)?;
        if let Some((name, value)) = rest.split_at_checked(NAME.len())
            && name.eq_ignore_ascii_case(NAME)
        {
            let end = memchr(b'\r', value).unwrap_or(value.len());
            return number(value.get(..end)?.trim_ascii());
        }
    }
    None
}

/// Plain decimal digits that stay below `MAX_BYTES`.
fn number(digits: &[u8]) -> Option<usize> {
    let add = |sum: usize, digit: &u8| {
        let digit = char::from(*digit).to_digit(10)?;
        Some(sum * 10 + digit as usize).filter(|n| *n < MAX_BYTES)
    };
    if digits.is_empty() { None } else { digits.iter().try_fold(0, add) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] =
        b"HTTP/1.1 400 Bad Request\r\ndate: x\r\nContent-Length: 4\r\na: b\r\n\r\nbody";

    #[test]
    fn a_whole_answer_is_found_and_no_part_of_it_is() {
        let answer = parse(WHOLE).unwrap().unwrap();
        assert_eq!(answer.status, 400);
        assert_eq!(&WHOLE[answer.body], b"body");
        for end in 0..WHOLE.len() {
            assert_eq!(parse(&WHOLE[..end]).unwrap(), None, "{end} bytes");
        }
    }

    #[test]
    fn what_cannot_be_trusted_is_refused() {
        for bad in [
            &b"HTTP/1.1 200 OK\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\ncontent-length: \r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n",
            b"HTTP/1.1 2x0 OK\r\ncontent-length: 0\r\n\r\n",
            b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab",
        ] {
            assert!(parse(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
