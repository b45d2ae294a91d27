//! Pages of lists: ranges of rows read one after another.

use std::sync::Arc;

use bulla_plane::{Stop, marker};
use bulla_store::{Key, Range};

use crate::live::Live;
use crate::place::PARAMETERS;
use crate::{Ssm, fault, parameters};

/// How many rows one call looks at, for a page that a filter lets only some into. A page may be
/// short of what it could have, or empty, with more to come; so are AWS's.
const MAX_LOOKED_AT: usize = 500;

/// A page of parameters.
pub(crate) struct Page {
    pub(crate) parameters: Vec<Arc<Live>>,
    pub(crate) next: Option<String>,
}

impl Ssm {
    /// The parameters of ranges in order, from a token on, that pass. What a page costs depends on
    /// what it looks at, not on how much there is.
    pub(crate) async fn page(
        &self,
        ranges: &[Range],
        token: Option<&str>,
        size: usize,
        passes: impl Fn(&Live) -> bool,
    ) -> Result<Page, Stop> {
        let mut from = token.map(|token| started(token, ranges)).transpose()?;
        let view = self.barrier.view().await?;
        let (mut parameters, mut looked_at) = (Vec::with_capacity(size), 0_usize);
        for range in ranges {
            let mut range = match &from {
                Some(from) if !range.contains(from.as_bytes()) => continue,
                Some(_) | None => {
                    from.take().map_or_else(|| range.clone(), |key| range.resume(key))
                }
            };
            loop {
                let free = size.saturating_sub(parameters.len());
                let is_full = free == 0 || looked_at >= MAX_LOOKED_AT;
                let limit = if is_full { 1 } else { free };
                let page = view.range(PARAMETERS, &range, limit).await?;
                if is_full {
                    if let Some((first, _)) = page.rows.first() {
                        let next = Some(marker::encode(&text(first)?));
                        return Ok(Page { parameters, next });
                    }
                    break;
                }
                looked_at = looked_at.saturating_add(page.rows.len());
                for (key, opened) in &page.rows {
                    let live =
                        parameters::alive(&text(key)?, opened.version, opened.value.expose())?;
                    if passes(&live) {
                        parameters.push(Arc::new(live));
                    }
                }
                match page.next {
                    Some(next) if parameters.len() >= size || looked_at >= MAX_LOOKED_AT => {
                        return Ok(Page { parameters, next: Some(marker::encode(&text(&next)?)) });
                    }
                    Some(next) => range.from = next,
                    None => break,
                }
            }
        }
        Ok(Page { parameters, next: None })
    }
}

/// The row that a token starts at, which must be one of the list.
fn started(token: &str, ranges: &[Range]) -> Result<Key, Stop> {
    let key = marker::decode(token).map(Key::from);
    let key = key.filter(|key| ranges.iter().any(|range| range.contains(key.as_bytes())));
    Ok(key.ok_or_else(|| fault::invalid_token(token))?)
}

fn text(key: &Key) -> Result<String, Stop> {
    // Rows are made of texts.
    let text = std::str::from_utf8(key.as_bytes()).map_err(|_| fault::internal())?;
    Ok(text.to_owned())
}
