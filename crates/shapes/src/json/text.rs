//! JSON strings: borrowed where nothing is escaped, else unescaped into an exact buffer.

use std::borrow::Cow;

use memchr::memchr2;

use super::reader::Reader;
use crate::decode_error::{DecodeError, DecodeErrorKind};

impl<'a> Reader<'a> {
    /// The string whose opening quote is the next byte.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, DecodeError> {
        let (raw, escaped) = self.raw_string()?;
        if raw.iter().any(|b| *b < 0x20) {
            return Err(self.malformed("control character in a string"));
        }
        let Ok(text) = std::str::from_utf8(raw) else {
            return Err(self.malformed("string is not UTF-8"));
        };
        if !escaped {
            return Ok(Cow::Borrowed(text));
        }
        match unescape(text) {
            Some(text) => Ok(Cow::Owned(text)),
            None => Err(self.malformed("unknown escape in a string")),
        }
    }

    /// The bytes between the quotes, and whether there are escapes among them.
    pub(super) fn raw_string(&mut self) -> Result<(&'a [u8], bool), DecodeError> {
        self.expect(b'"', "expected a string")?;
        let rest = self.rest();
        let mut at = 0;
        let mut escaped = false;
        loop {
            let found = rest.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest));
            let Some(found) = found else {
                return Err(self.malformed("unterminated string"));
            };
            at += found;
            if rest.get(at) == Some(&b'"') {
                break;
            }
            escaped = true;
            at += 2;
        }
        self.advance(at + 1);
        Ok((rest.get(..at).unwrap_or_default(), escaped))
    }

    /// An error of the body's form, here.
    pub(super) fn malformed(&self, what: &'static str) -> DecodeError {
        DecodeError::new(DecodeErrorKind::Malformed(what), self.position())
    }
}

/// The text without escapes; `None` for an unknown escape or half a surrogate pair.
///
/// The result is never longer than the input, so the buffer never moves and leaves no copy behind.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, tail)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut tail = tail.chars();
        let c = match tail.next()? {
            '"' => '"',
            '\\' => '\\',
            '/' => '/',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => unicode(&mut tail)?,
            _ => return None,
        };
        out.push(c);
        rest = tail.as_str();
    }
    out.push_str(rest);
    Some(out)
}

fn unicode(rest: &mut std::str::Chars<'_>) -> Option<char> {
    let first = hex4(rest)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first);
    }
    if rest.next()? != '\\' || rest.next()? != 'u' {
        return None;
    }
    let second = hex4(rest)?;
    if !(0xdc00..0xe000).contains(&second) {
        return None;
    }
    char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
}

fn hex4(rest: &mut std::str::Chars<'_>) -> Option<u32> {
    let mut code = 0;
    for _ in 0..4 {
        code = code * 16 + rest.next()?.to_digit(16)?;
    }
    Some(code)
}
