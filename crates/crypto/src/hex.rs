//! Base 16 (RFC 4648, section 8): lower case out, both cases in.
//!
//! Neither direction branches or looks anything up by the data's value, so secrets may pass.

use std::fmt;

/// Why text is not base 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HexError {
    /// The number of digits is odd.
    OddLength,
    /// A character is not a digit.
    NotADigit,
    /// The text does not have the length asked for, in digits.
    WrongLength {
        /// The length asked for.
        expected: usize,
        /// The length that it has.
        got: usize,
    },
}

impl fmt::Display for HexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OddLength => f.write_str("the number of hexadecimal digits is odd"),
            Self::NotADigit => f.write_str("a character is not a hexadecimal digit"),
            Self::WrongLength { expected, got } => {
                write!(f, "{expected} hexadecimal digits expected, got {got}")
            }
        }
    }
}

impl std::error::Error for HexError {}

/// `bytes` as lower-case digits.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    encode_into(bytes, &mut text);
    text
}

/// Appends `bytes` as lower-case digits to `text`.
pub fn encode_into(bytes: &[u8], text: &mut String) {
    text.reserve(bytes.len() * 2);
    let (pieces, rest) = bytes.as_chunks::<PIECE_BYTES>();
    for piece in pieces {
        text.push_str(digits(piece).as_text());
    }
    for byte in rest {
        text.push_str(digits(&[*byte]).as_text());
    }
}

/// So many bytes are made digits at once: the compiler then takes them side by side.
const PIECE_BYTES: usize = 16;

/// The digits of `N` bytes, pair by pair. Not printed by accident: the bytes may be a secret.
#[derive(Clone, Copy)]
pub struct Digits<const N: usize>([[u8; 2]; N]);

impl<const N: usize> Digits<N> {
    /// As bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_flattened()
    }

    /// As text.
    #[must_use]
    pub fn as_text(&self) -> &str {
        // INVARIANT: all are digits, which are ASCII.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

/// `bytes` as lower-case digits, without an allocation.
#[must_use]
pub fn digits<const N: usize>(bytes: &[u8; N]) -> Digits<N> {
    Digits(bytes.map(|byte| [digit(byte >> 4), digit(byte & 15)]))
}

/// The bytes that `text` names.
///
/// # Errors
/// [`HexError`] unless `text` is an even number of digits.
pub fn decode(text: impl AsRef<[u8]>) -> Result<Vec<u8>, HexError> {
    let text = text.as_ref();
    let mut bytes = vec![0; text.len() / 2];
    decode_into(text, &mut bytes)?;
    Ok(bytes)
}

/// Writes the bytes that `text` names to `out`, which it must fill exactly. After an error `out`
/// holds nothing of use.
///
/// # Errors
/// [`HexError`] unless `text` is twice as many digits as `out` has bytes.
pub fn decode_into(text: &[u8], out: &mut [u8]) -> Result<(), HexError> {
    let (pairs, []) = text.as_chunks::<2>() else { return Err(HexError::OddLength) };
    if pairs.len() != out.len() {
        return Err(HexError::WrongLength { expected: out.len() * 2, got: text.len() });
    }
    let mut bad = 0;
    for (byte, [high, low]) in out.iter_mut().zip(pairs) {
        let (high, low) = (value(*high), value(*low));
        bad |= high | low;
        *byte = (high << 4 | low & 15) as u8;
    }
    if bad & !15 == 0 { Ok(()) } else { Err(HexError::NotADigit) }
}

/// The digit for 0 to 15: `'0' + v`, and 39 more from ten on.
fn digit(v: u8) -> u8 {
    b'0' + v + (9_u8.wrapping_sub(v) >> 7) * 39
}

/// The value of a digit, or a number with bits above the lowest four for anything else.
fn value(c: u8) -> u16 {
    let letter = (c | 0x20).wrapping_sub(b'a');
    let number = c.wrapping_sub(b'0');
    let is_letter = below(letter, 6);
    let is_number = below(number, 10);
    (is_letter & (u16::from(letter) + 10))
        | (is_number & u16::from(number))
        | (!(is_letter | is_number) & 0x100)
}

/// All ones if `v` is below `limit`, else zero.
fn below(v: u8, limit: u16) -> u16 {
    0_u16.wrapping_sub(u16::from(v).wrapping_sub(limit) >> 15)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_byte_goes_there_and_back() {
        for byte in 0..=255_u8 {
            let text = encode(&[byte]);
            assert_eq!(text, format!("{byte:02x}"));
            assert_eq!(decode(&text), Ok(vec![byte]));
            assert_eq!(decode(text.to_uppercase()), Ok(vec![byte]));
        }
    }

    #[test]
    fn every_other_character_is_refused() {
        for c in 0..=255_u8 {
            let expected = c.is_ascii_hexdigit();
            assert_eq!(decode([c, b'0']).is_ok(), expected, "{c}");
            assert_eq!(decode([b'0', c]).is_ok(), expected, "{c}");
        }
    }

    #[test]
    fn lengths_are_checked() {
        assert_eq!(decode("abc"), Err(HexError::OddLength));
        let wrong = HexError::WrongLength { expected: 2, got: 4 };
        assert_eq!(decode_into(b"abcd", &mut [0]), Err(wrong));
        assert_eq!(decode(""), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn bytes_go_there_and_back(bytes: Vec<u8>) {
            prop_assert_eq!(decode(encode(&bytes)), Ok(bytes));
        }

        #[test]
        fn any_text_is_refused_or_comes_back(text: String) {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text.to_lowercase());
            }
        }
    }
}
