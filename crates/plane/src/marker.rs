//! Pagination: opaque markers and sizes of pages.
//!
//! A marker holds where the next page begins. It grants nothing: whoever makes one up only picks
//! another place in a list that is theirs to read.

use bulla_crypto::hex;

/// The version of what a marker holds.
const PREFIX: &str = "b1";

/// The marker of a page that begins at `next`.
#[must_use]
pub fn encode(next: &str) -> String {
    let mut marker = PREFIX.to_owned();
    hex::encode_into(next.as_bytes(), &mut marker);
    marker
}

/// Where the page of a marker begins; none when this is no marker of ours.
#[must_use]
pub fn decode(marker: &str) -> Option<String> {
    let digits = marker.strip_prefix(PREFIX).filter(|digits| !digits.is_empty())?;
    String::from_utf8(hex::decode(digits).ok()?).ok()
}

/// How many entries a page has. More than `max` is not refused but cut, as the models allow 1000
/// everywhere.
#[must_use]
pub fn page_size(limit: Option<i64>, default: usize, max: usize) -> usize {
    match limit {
        Some(limit) => usize::try_from(limit).unwrap_or(default).clamp(1, max),
        None => default,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_come_back() {
        for next in ["alias/a", "é", "50"] {
            assert_eq!(decode(&encode(next)).as_deref(), Some(next));
        }
    }

    #[test]
    fn other_texts_are_no_markers() {
        for marker in ["", "b1", "b1f", "b1zz", "b1ff", "61", "b261"] {
            assert_eq!(decode(marker), None, "{marker}");
        }
    }

    #[test]
    fn sizes_have_bounds() {
        assert_eq!(page_size(None, 50, 100), 50);
        assert_eq!(page_size(Some(2), 50, 100), 2);
        assert_eq!(page_size(Some(1000), 50, 100), 100);
    }
}
