//! Pages of lists. A token names where the next page begins; it grants nothing.

use bulla_crypto::hex;
use bulla_plane::Stop;
use bulla_shapes::Fault;
use bulla_store::{Key, Opened, Range, Space, View};

use crate::fault;

/// The most entries of a page, which the model states.
pub(crate) const MAX_RESULTS: usize = 100;
/// The version of what a token holds.
const PREFIX: &str = "b1";
/// How many rows one look takes.
const ROWS_A_LOOK: usize = 200;

/// How many entries a page may have.
pub(crate) fn size(limit: Option<i64>) -> usize {
    let asked = limit.and_then(|limit| usize::try_from(limit).ok());
    asked.unwrap_or(MAX_RESULTS).clamp(1, MAX_RESULTS)
}

/// The rows of a page that begin so and of which `keep` makes an entry, and the token of the next
/// page.
pub(crate) async fn rows<T>(
    view: &View<'_>,
    (space, prefix): (Space, &str),
    token: Option<&str>,
    size: usize,
    mut keep: impl FnMut(&Key, &Opened) -> Result<Option<T>, Stop>,
) -> Result<(Vec<T>, Option<String>), Stop> {
    let mut range = Range::prefix(prefix);
    if let Some(token) = token {
        let from = format!("{prefix}{}", decode(token)?);
        range = range.resume(from.as_str());
    }
    let mut entries = Vec::new();
    loop {
        let page = view.range(space, &range, ROWS_A_LOOK).await?;
        for (key, opened) in &page.rows {
            let Some(entry) = keep(key, opened)? else { continue };
            if entries.len() == size {
                let rest = key.as_bytes().get(prefix.len()..).unwrap_or_default();
                return Ok((entries, Some(encode(&String::from_utf8_lossy(rest)))));
            }
            entries.push(entry);
        }
        let Some(next) = page.next else { return Ok((entries, None)) };
        range = range.resume(next);
    }
}

/// The entries of a page of a list that is at hand, and the token of the next page.
pub(crate) fn entries<T>(
    all: impl IntoIterator<Item = T>,
    token: Option<&str>,
    size: usize,
) -> Result<(Vec<T>, Option<String>), Fault> {
    let from = token.map(decode).transpose()?.unwrap_or_else(|| "0".to_owned());
    let from: usize = from.parse().map_err(|_| invalid_token())?;
    let mut rest = all.into_iter().skip(from);
    let page: Vec<T> = rest.by_ref().take(size).collect();
    let next = rest.next().map(|_| encode(&from.saturating_add(page.len()).to_string()));
    Ok((page, next))
}

fn encode(next: &str) -> String {
    let mut token = PREFIX.to_owned();
    hex::encode_into(next.as_bytes(), &mut token);
    token
}

fn decode(token: &str) -> Result<String, Fault> {
    let bytes = token.strip_prefix(PREFIX).and_then(|digits| hex::decode(digits).ok());
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(invalid_token)
}

/// AWS's text is not recorded; this one is ours.
fn invalid_token() -> Fault {
    fault::validation("Parameter NextToken is not valid.")
}
