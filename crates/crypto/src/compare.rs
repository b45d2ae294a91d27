//! Comparison in constant time.

use subtle::ConstantTimeEq;

/// Whether `a` and `b` are equal. The time taken depends on their lengths only.
#[must_use]
pub fn ct_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}
