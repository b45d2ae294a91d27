//! What lists and filters look at, in memory: a shelf for each account and region that was ever
//! listed.
//!
//! INVARIANT: once a change of a secret was acknowledged, no list that begins later shows it as it
//! was before. A change marks its secrets stale when it ends, before anybody is told; a list reads
//! those anew that are stale or under way. A change that is given up half-way may still be
//! committed at any later time: its secrets are read anew by every list.

mod entries;
mod slots;
mod terms;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_plane::Stop;
use bulla_store::{Barrier, MAX_PAGE_ROWS, Range, View};

pub(crate) use entries::{Entries, Entry, Field, Order, Page, Place, Wanted};
pub(crate) use slots::Slots;

use crate::access::{self, ACCESSES};
use crate::record::SecretRecord;
use crate::{SECRETS, fault};

/// How many shelves there are at most; a secret takes about 900 bytes of one.
const MAX_SHELVES: usize = 64;
/// How many secrets of a shelf may be stale before it is put up anew.
const MAX_STALE: usize = 16_384;

#[derive(Default)]
pub(crate) struct Index {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many changes of a secret have begun and not ended.
    under_way: HashMap<String, usize>,
    /// By what the paths of its secrets begin with.
    shelves: HashMap<String, Shelf>,
}

#[derive(Default)]
struct Shelf {
    stale: HashSet<String>,
    /// None until it is put up.
    entries: Arc<tokio::sync::Mutex<Option<Entries>>>,
}

impl State {
    fn mark(&mut self, path: &str) {
        let Some(prefix) = prefix_of(path) else { return };
        let Some(shelf) = self.shelves.get_mut(prefix) else { return };
        shelf.stale.insert(path.to_owned());
        if shelf.stale.len() > MAX_STALE {
            self.shelves.remove(prefix);
        }
    }
}

/// What the paths of an account's secrets in a region begin with.
fn prefix_of(path: &str) -> Option<&str> {
    let (account, rest) = path.split_once('/')?;
    let (region, _) = rest.split_once('/')?;
    path.get(..account.len() + region.len() + 2)
}

impl Index {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic half-way through a change of it runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be called before a change of these secrets is committed.
    pub(crate) fn begin_change<'i>(&'i self, paths: &'i [&'i str]) -> Change<'i> {
        let mut state = self.lock();
        for path in paths {
            *state.under_way.entry((*path).to_owned()).or_default() += 1;
        }
        drop(state);
        Change { index: self, paths, is_over: false }
    }

    /// Looks at the secrets whose paths begin with `prefix`, as they are now.
    pub(crate) async fn look<T>(
        &self,
        barrier: &Barrier,
        prefix: &str,
        look: impl FnOnce(&Entries) -> T,
    ) -> Result<T, Stop> {
        let entries = self.shelf(prefix);
        let mut entries = entries.lock().await;
        let stale = self.take_stale(prefix);
        // While they are out, an error or a caller that goes away leaves nothing half done.
        let current = match entries.take() {
            Some(mut current) => {
                refresh(barrier, prefix, &mut current, stale).await?;
                current
            }
            None => load(barrier, prefix).await?,
        };
        Ok(look(entries.insert(current)))
    }

    /// A shelf's entries; from now on its changes are marked.
    fn shelf(&self, prefix: &str) -> Arc<tokio::sync::Mutex<Option<Entries>>> {
        let mut state = self.lock();
        if !state.shelves.contains_key(prefix) && state.shelves.len() >= MAX_SHELVES {
            let other = state.shelves.keys().next().cloned();
            other.map(|other| state.shelves.remove(&other));
        }
        Arc::clone(&state.shelves.entry(prefix.to_owned()).or_default().entries)
    }

    /// Which secrets must be read anew.
    fn take_stale(&self, prefix: &str) -> HashSet<String> {
        let mut state = self.lock();
        let shelf = state.shelves.get_mut(prefix);
        let mut stale = shelf.map(|shelf| std::mem::take(&mut shelf.stale)).unwrap_or_default();
        let under_way = state.under_way.keys().filter(|path| path.starts_with(prefix));
        stale.extend(under_way.cloned());
        stale
    }

    /// Forgets everything, after a reset.
    pub(crate) fn clear(&self) {
        self.lock().shelves.clear();
    }
}

/// A change of secrets that is under way. Dropped without [`Change::end`], nobody knows whether it
/// will be committed.
#[must_use]
pub(crate) struct Change<'i> {
    index: &'i Index,
    paths: &'i [&'i str],
    is_over: bool,
}

impl Change<'_> {
    /// The change was committed or refused.
    pub(crate) fn end(mut self) {
        self.is_over = true;
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        let mut state = self.index.lock();
        for path in self.paths {
            state.mark(path);
            if !self.is_over {
                continue;
            }
            if let Some(count) = state.under_way.get_mut(*path) {
                *count -= 1;
                if *count == 0 {
                    state.under_way.remove(*path);
                }
            }
        }
    }
}

/// Reads some secrets anew.
async fn refresh(
    barrier: &Barrier,
    prefix: &str,
    entries: &mut Entries,
    stale: HashSet<String>,
) -> Result<(), Stop> {
    if stale.is_empty() {
        return Ok(());
    }
    let view = barrier.view().await?;
    for path in stale {
        let name = path.strip_prefix(prefix).ok_or_else(fault::internal)?;
        match view.get(SECRETS, path.as_bytes()).await? {
            None => entries.remove(name),
            Some(opened) => {
                let accessed = view.get(ACCESSES, path.as_bytes()).await?;
                let accessed = accessed.map(|row| latest(row.value.expose())).transpose()?;
                let entry = entry(opened.value.expose(), accessed.unwrap_or_default())?;
                entries.insert(name, entry);
            }
        }
    }
    Ok(())
}

/// Reads all secrets of a shelf.
async fn load(barrier: &Barrier, prefix: &str) -> Result<Entries, Stop> {
    let view = barrier.view().await?;
    let mut accessed = HashMap::new();
    let mut range = Range::prefix(prefix);
    loop {
        let page = view.range(ACCESSES, &range, MAX_PAGE_ROWS).await?;
        for (key, row) in page.rows {
            accessed.insert(key, latest(row.value.expose())?);
        }
        let Some(next) = page.next else { break };
        range.from = next;
    }
    let mut entries = Entries::default();
    let mut range = Range::prefix(prefix);
    loop {
        let next = load_page(&view, prefix, &range, &accessed, &mut entries).await?;
        let Some(next) = next else { return Ok(entries) };
        range.from = next;
    }
}

async fn load_page(
    view: &View<'_>,
    prefix: &str,
    range: &Range,
    accessed: &HashMap<bulla_store::Key, i64>,
    entries: &mut Entries,
) -> Result<Option<bulla_store::Key>, Stop> {
    let page = view.range(SECRETS, range, MAX_PAGE_ROWS).await?;
    for (key, row) in page.rows {
        let path = std::str::from_utf8(key.as_bytes()).map_err(|_| fault::internal())?;
        let name = path.strip_prefix(prefix).ok_or_else(fault::internal)?;
        let accessed = accessed.get(&key).copied().unwrap_or_default();
        entries.insert(name, entry(row.value.expose(), accessed)?);
    }
    Ok(page.next)
}

fn latest(row: &[u8]) -> Result<i64, Stop> {
    Ok(access::read(row)?.into_values().max().unwrap_or_default())
}

fn entry(row: &[u8], accessed_ms: i64) -> Result<Entry, Stop> {
    let record = SecretRecord::read(row)?;
    Ok(Entry {
        description: record.description.unwrap_or_default().into(),
        tags: record.tags.into(),
        primary_region: record.primary_region.map(Into::into),
        created_ms: record.created_ms,
        changed_ms: record.changed_ms,
        accessed_ms,
        is_going: record.deletion_ms.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use bulla_crypto::Crypto;
    use bulla_store::{Expected, Memory, SealedBatch};

    use super::*;
    use crate::record::tests::secret;

    const PREFIX: &str = "111122223333/eu-central-1/";

    async fn barrier() -> Barrier {
        let crypto = Crypto::standard();
        let root = crypto.generate_key().unwrap();
        Barrier::create(Arc::new(Memory::new()), crypto, root).await.unwrap()
    }

    async fn write(barrier: &Barrier, name: &str, description: &str) {
        let mut record = secret(&[]);
        record.name = name.to_owned();
        record.description = Some(description.to_owned());
        let path = record.path();
        let before = barrier.get(SECRETS, path.as_bytes()).await.unwrap();
        let before = Expected::from(before.map(|before| before.version));
        let bytes = record.to_bytes().ok().unwrap();
        let batch = SealedBatch::new().put(SECRETS, path.as_str(), before, bytes);
        barrier.commit(batch).await.unwrap();
    }

    async fn seen(index: &Index, barrier: &Barrier) -> Vec<(String, String)> {
        let all = |entries: &Entries| {
            entries.iter().map(|(name, it)| pair(name, &it.description)).collect()
        };
        index.look(barrier, PREFIX, all).await.ok().unwrap()
    }

    fn pair(name: &str, description: &str) -> (String, String) {
        (name.to_owned(), description.to_owned())
    }

    #[test]
    fn a_prefix_ends_after_the_region() {
        assert_eq!(prefix_of("111122223333/eu-central-1/a/b"), Some(PREFIX));
        assert_eq!(prefix_of("a"), None);
    }

    #[tokio::test]
    async fn a_change_that_ended_is_seen_and_one_under_way_as_far_as_it_is() {
        let (barrier, index) = (barrier().await, Index::default());
        let path = format!("{PREFIX}a");
        let paths = [path.as_str()];
        // Begun before anybody looked.
        let early = index.begin_change(&paths);
        assert_eq!(seen(&index, &barrier).await, []);
        write(&barrier, "a", "one").await;
        early.end();
        assert_eq!(seen(&index, &barrier).await, [pair("a", "one")]);
        let change = index.begin_change(&paths);
        assert_eq!(seen(&index, &barrier).await, [pair("a", "one")]);
        write(&barrier, "a", "two").await;
        assert_eq!(seen(&index, &barrier).await, [pair("a", "two")]);
        change.end();
        // Nothing is read anew without need.
        write(&barrier, "a", "unmarked").await;
        assert_eq!(seen(&index, &barrier).await, [pair("a", "unmarked")]);
        write(&barrier, "a", "unseen").await;
        assert_eq!(seen(&index, &barrier).await, [pair("a", "unmarked")]);
    }

    #[tokio::test]
    async fn a_change_that_was_given_up_is_looked_for_each_time() {
        let (barrier, index) = (barrier().await, Index::default());
        assert_eq!(seen(&index, &barrier).await, []);
        let path = format!("{PREFIX}a");
        drop(index.begin_change(&[path.as_str()]));
        for text in ["one", "two"] {
            write(&barrier, "a", text).await;
            assert_eq!(seen(&index, &barrier).await, [pair("a", text)]);
        }
    }

    #[tokio::test]
    async fn a_shelf_with_too_much_that_is_stale_is_put_up_anew() {
        let (barrier, index) = (barrier().await, Index::default());
        assert_eq!(seen(&index, &barrier).await, []);
        write(&barrier, "a", "one").await;
        let paths: Vec<_> = (0..=MAX_STALE).map(|number| format!("{PREFIX}{number}")).collect();
        let paths: Vec<_> = paths.iter().map(String::as_str).collect();
        index.begin_change(&paths).end();
        assert!(index.lock().shelves.is_empty());
        assert_eq!(seen(&index, &barrier).await, [pair("a", "one")]);
    }
}
