//! Pages of lists. A token names where the next page begins; it grants nothing.

use bulla_crypto::hex;
use bulla_shapes::Fault;

use super::fault;

/// The most entries of a page, which the model states.
const MAX_RESULTS: usize = 20;
/// The version of what a token holds.
const PREFIX: &str = "b1";

/// The entries of a page, and the token of the next one. `key` is what entries are ordered by.
pub(crate) fn page<T>(
    entries: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> &str,
    token: Option<&str>,
    limit: Option<i64>,
) -> Result<(Vec<T>, Option<String>), Fault> {
    let from = token.map(decode).transpose()?.unwrap_or_default();
    let size = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(MAX_RESULTS);
    let mut rest = entries.into_iter().filter(|entry| key(entry) >= from.as_str());
    let found: Vec<T> = rest.by_ref().take(size.clamp(1, MAX_RESULTS)).collect();
    let next = rest.next().map(|entry| encode(key(&entry)));
    Ok((found, next))
}

fn encode(next: &str) -> String {
    let mut token = PREFIX.to_owned();
    hex::encode_into(next.as_bytes(), &mut token);
    token
}

fn decode(token: &str) -> Result<String, Fault> {
    let bytes = token.strip_prefix(PREFIX).and_then(|digits| hex::decode(digits).ok());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| {
        fault::invalid("INVALID_NEXT_TOKEN", "You specified an invalid value for nextToken.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() {
        let all: Vec<String> = (10..60).map(|number| number.to_string()).collect();
        let (mut seen, mut token) = (Vec::new(), None);
        loop {
            let (found, next) =
                page(&all, |text| text.as_str(), token.as_deref(), Some(7)).unwrap();
            assert!(found.len() <= 7 && !found.is_empty());
            seen.extend(found.into_iter().cloned());
            token = next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
        let (found, next) = page(&all, |text| text.as_str(), None, None).unwrap();
        assert!(found.len() == MAX_RESULTS && next.is_some());
        let refused = page(&all, |text| text.as_str(), Some("x"), None).unwrap_err();
        assert_eq!(refused.code, "InvalidInputException");
    }
}
