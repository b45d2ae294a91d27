//! Pages of lists: their sizes, their markers, and the rows of an account that they are cut from.

use bulla_plane::{Stop, marker};
use bulla_store::{Range, Space};
use serde::de::DeserializeOwned;

use super::{Iam, fault};
use crate::records::{Stored, read};

/// Entries of a page where the caller names no number, and the most that it can name.
const DEFAULT: usize = 100;
const MOST: usize = 1000;
/// How many rows one look at the store takes.
const ROWS_A_LOOK: usize = 500;

/// What a caller asked for: how many entries, and where to begin.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) size: usize,
    /// What the marker says; the entry that the page begins with.
    pub(crate) from: Option<String>,
}

/// Reads the parameters of a list.
pub(crate) fn wanted(max_items: Option<i64>, marker: Option<&str>) -> Result<Wanted, Stop> {
    let size = marker::page_size(max_items, DEFAULT, MOST);
    // AWS's text for a marker that it did not give is not recorded; this one is ours.
    let read = |text| marker::decode(text).ok_or_else(|| fault::validation("Invalid Marker."));
    Ok(Wanted { size, from: marker.map(read).transpose()? })
}

/// A page, and where the next one begins.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) entries: Vec<T>,
    pub(crate) next: Option<String>,
}

impl<T> Page<T> {
    /// The marker of the next page.
    pub(crate) fn marker(&self) -> Option<String> {
        self.next.as_deref().map(marker::encode)
    }
}

/// Cuts a page from a whole list that is in order, as small lists within a record are. Markers
/// name the first entry of the next page, so that what goes or comes meanwhile moves nothing else.
pub(crate) fn cut<T>(all: Vec<T>, wanted: &Wanted, name: impl Fn(&T) -> String) -> Page<T> {
    let begins = |entry: &T| wanted.from.as_ref().is_none_or(|from| name(entry) >= *from);
    let mut rest = all.into_iter().filter(begins);
    let entries: Vec<T> = rest.by_ref().take(wanted.size).collect();
    Page { entries, next: rest.next().map(|entry| name(&entry)) }
}

impl Iam {
    /// A page of the records under a prefix that pass `take`, in the order of their rows.
    pub(crate) async fn page<T: DeserializeOwned>(
        &self,
        space: Space,
        prefix: &str,
        wanted: &Wanted,
        take: impl Fn(&T) -> bool,
    ) -> Result<Page<T>, Stop> {
        let mut range = Range::prefix(prefix);
        if let Some(from) = &wanted.from {
            range = range.resume(format!("{prefix}{from}"));
        }
        let view = self.principals.barrier.view().await?;
        let mut entries = Vec::new();
        loop {
            let page = view.range(space, &range, ROWS_A_LOOK).await?;
            if !page.altered.is_empty() {
                tracing::error!(space = space.as_str(), "rows that were altered outside Bulla");
                return Err(Stop::Internal);
            }
            for (key, opened) in page.rows {
                let Stored { record, .. } = read::<T>(opened)?;
                if !take(&record) {
                    continue;
                }
                if entries.len() >= wanted.size {
                    let key = str::from_utf8(key.as_bytes()).unwrap_or_default();
                    let next = key.strip_prefix(prefix).map(str::to_owned);
                    return Ok(Page { entries, next });
                }
                entries.push(record);
            }
            match page.next {
                Some(next) => range = range.resume(next),
                None => return Ok(Page { entries, next: None }),
            }
        }
    }

    /// All records under a prefix; for lists whose length a quota bounds.
    pub(crate) async fn all<T: DeserializeOwned>(
        &self,
        space: Space,
        prefix: &str,
    ) -> Result<Vec<T>, Stop> {
        let everything = Wanted { size: usize::MAX, from: None };
        Ok(self.page(space, prefix, &everything, |_| true).await?.entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_a_list_join_up_whatever_goes_meanwhile() {
        let all = vec!["a", "b", "c", "d"];
        let first = cut(all.clone(), &Wanted { size: 2, from: None }, |name| (*name).to_owned());
        assert_eq!(first.entries, ["a", "b"]);
        assert_eq!(first.next.as_deref(), Some("c"));
        let rest = vec!["a", "d"];
        let from = first.marker().and_then(|marker| marker::decode(&marker));
        let second = cut(rest, &Wanted { size: 2, from }, |name| (*name).to_owned());
        assert_eq!(second.entries, ["d"]);
        assert_eq!(second.marker(), None);
    }

    #[test]
    fn what_is_no_marker_is_refused() {
        assert!(wanted(None, Some("x")).is_err());
        assert_eq!(wanted(Some(7), None).map(|wanted| wanted.size).ok(), Some(7));
        assert_eq!(wanted(None, None).map(|wanted| wanted.size).ok(), Some(100));
    }
}
