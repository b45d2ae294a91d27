//! The operands of BinaryEquals.

/// Whether `text` is canonical base64: padded, without blanks, no loose bits.
///
/// Only operands are checked. A value that equals a canonical operand as text has the same bytes,
/// and AWS takes no other spelling for equal, so comparing bytes comes down to comparing text.
pub(super) fn is_base64(text: &str) -> bool {
    base64_simd::STANDARD.check(text.as_bytes()).is_ok()
}
