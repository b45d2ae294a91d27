//! The canonical query string, and reading parameters from the raw one.

use std::borrow::Cow;
use std::ops::Range;

use crate::percent::{BadPercent, decode, recode};

pub(crate) const SIGNATURE: &str = "X-Amz-Signature";
pub(crate) const TOKEN: &str = "X-Amz-Security-Token";

/// Parameters that are in the request and not in its canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Omit {
    Nothing,
    /// A presigned request cannot hold its own signature.
    Signature,
    /// The same where the session token was added after signing.
    SignatureAndToken,
}

impl Omit {
    fn drops(self, name: &[u8]) -> bool {
        match self {
            Self::Nothing => false,
            Self::Signature => name == SIGNATURE.as_bytes(),
            Self::SignatureAndToken => name == SIGNATURE.as_bytes() || name == TOKEN.as_bytes(),
        }
    }
}

/// Room for the parameters while they are sorted.
#[derive(Default)]
pub(crate) struct Sorter {
    text: Vec<u8>,
    pairs: Vec<(Range<usize>, Range<usize>)>,
}

/// The parameters of a raw query, name and value as sent. Empty ones (`&&`) do not count.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Appends the canonical form of `query` to `out`: each name and value decoded and encoded once,
/// sorted by encoded name, then by encoded value.
pub(crate) fn push(
    query: &str,
    omit: Omit,
    sorter: &mut Sorter,
    out: &mut Vec<u8>,
) -> Result<(), BadPercent> {
    if query.is_empty() {
        return Ok(());
    }
    let Sorter { text, pairs: sorted } = sorter;
    text.clear();
    sorted.clear();
    for (name, value) in pairs(query) {
        let start = text.len();
        recode(name, text)?;
        let middle = text.len();
        if text.get(start..middle).is_some_and(|name| omit.drops(name)) {
            text.truncate(start);
            // Even what is left out must have one meaning only.
            decode(value)?;
            continue;
        }
        recode(value, text)?;
        sorted.push((start..middle, middle..text.len()));
    }
    let at = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default();
    sorted.sort_unstable_by(|(name_a, value_a), (name_b, value_b)| {
        at(name_a).cmp(at(name_b)).then_with(|| at(value_a).cmp(at(value_b)))
    });
    for (index, (name, value)) in sorted.iter().enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(at(name));
        out.push(b'=');
        out.extend_from_slice(at(value));
    }
    Ok(())
}

/// The name of a parameter as the canonical form sees it; nothing if it has no meaning, which
/// building the canonical form then refuses.
pub(crate) fn name_of(raw: &str) -> Option<Cow<'_, str>> {
    decode(raw).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(query: &str, omit: Omit) -> Result<String, BadPercent> {
        let mut out = Vec::new();
        push(query, omit, &mut Sorter::default(), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn sorting_and_encoding() {
        for (query, want) in [
            ("", ""),
            ("&&", ""),
            ("a", "a="),
            ("=", "="),
            ("a=b=c", "a=b%3Dc"),
            ("b=2&a=1", "a=1&b=2"),
            ("a=2&a=1&a=10&a", "a=&a=1&a=10&a=2"),
            ("Param-3=3&Param=2", "Param=2&Param-3=3"),
            ("a=%2f&%61=/", "a=%2F&a=%2F"),
            ("a=+&b=%20", "a=%2B&b=%20"),
        ] {
            assert_eq!(canonical(query, Omit::Nothing).unwrap(), want, "{query}");
        }
        assert_eq!(canonical("a=%", Omit::Nothing), Err(BadPercent));
    }

    #[test]
    fn leaving_out() {
        let query = "X-Amz-Signature=s&x-amz-signature=t&X-Amz-Security-Token=u&X-Amz%2DSignature";
        let with_token = "X-Amz-Security-Token=u&x-amz-signature=t";
        assert_eq!(canonical(query, Omit::Signature).unwrap(), with_token);
        assert_eq!(canonical(query, Omit::SignatureAndToken).unwrap(), "x-amz-signature=t");
        assert_eq!(canonical("X-Amz-Signature=%g", Omit::Signature), Err(BadPercent));
    }
}
