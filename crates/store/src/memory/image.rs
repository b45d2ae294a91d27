//! Rows in memory, of every revision that a snapshot still looks at.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Bound,
    sync::Arc,
};

use crate::{
    AttestError, Attestor, Batch, CHANGELOG_REVISIONS, Change, Changes, CommitError, Key,
    MAX_CHANGES, Page, Place, Range, Revision, Row, RowChange, Scan, Space, StoreError,
    engine::{Room, tail},
};

/// A row over time, oldest first; nothing where it was deleted. Never empty.
type History = Vec<(Revision, Option<Arc<Row>>)>;

/// One commit as it is applied, logged and replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) revision: Revision,
    pub(crate) attestation: Option<Arc<[u8]>>,
    pub(crate) writes: Vec<(Place, Option<Arc<Row>>)>,
}

/// The store's rows.
#[derive(Default)]
pub(crate) struct Image {
    pub(crate) revision: Revision,
    pub(crate) attestation: Option<Arc<[u8]>>,
    spaces: BTreeMap<Space, BTreeMap<Key, History>>,
    changelog: VecDeque<Change>,
    /// Changes up to this revision are forgotten.
    forgotten: Revision,
    /// How many snapshots look at a revision.
    readers: BTreeMap<Revision, usize>,
    /// Rows whose history holds more than the newest state.
    stale: BTreeSet<Place>,
}

impl Image {
    pub(crate) fn get(&self, at: Revision, space: Space, key: &[u8]) -> Option<&Arc<Row>> {
        visible(self.spaces.get(&space)?.get(key)?, at)
    }

    /// Judges what `batch` expects and makes the record that would commit it; nothing if it only
    /// expects.
    pub(crate) fn prepare(
        &self,
        batch: Batch,
        attestor: Option<&dyn Attestor>,
    ) -> Result<Option<Record>, CommitError> {
        let newest = |place: &Place| self.get(self.revision, place.space, place.key.as_bytes());
        for expectation in &batch.expect {
            let row = newest(&expectation.place);
            if !expectation.expect.holds(row.map(|row| (row.version, row.value.as_slice()))) {
                let (place, found) = (expectation.place.clone(), row.map(|row| row.version));
                return Err(CommitError::Conflict { place, found });
            }
        }
        if batch.is_read_only() {
            return Ok(None);
        }
        let mut writes = Vec::with_capacity(batch.put.len() + batch.delete.len());
        for put in batch.put {
            let row = Row { version: put.version, value: put.value };
            writes.push((put.place, Some(Arc::new(row))));
        }
        writes.extend(batch.delete.into_iter().map(|place| (place, None)));
        let revision = Revision(self.revision.0 + 1);
        let attestation = match attestor {
            Some(attestor) => Some(self.attest(attestor, revision, &writes)?),
            None => self.attestation.clone(),
        };
        Ok(Some(Record { revision, attestation, writes }))
    }

    fn attest(
        &self,
        attestor: &dyn Attestor,
        revision: Revision,
        writes: &[(Place, Option<Arc<Row>>)],
    ) -> Result<Arc<[u8]>, CommitError> {
        fn trace(row: &Arc<Row>) -> (u64, &[u8]) {
            (row.version, tail(&row.value))
        }
        let changes: Vec<RowChange<'_>> = writes
            .iter()
            .map(|(place, new)| {
                let key = place.key.as_bytes();
                let old = self.get(self.revision, place.space, key).map(trace);
                RowChange { space: place.space, key, old, new: new.as_ref().map(trace) }
            })
            .collect();
        let previous = (self.revision, self.attestation.as_deref());
        let attested: Result<Vec<u8>, AttestError> = attestor.attest(previous, revision, &changes);
        attested.map(Arc::from).map_err(CommitError::Attest)
    }

    pub(crate) fn apply(&mut self, record: Record) {
        self.revision = record.revision;
        self.attestation = record.attestation;
        for (place, row) in record.writes {
            let space = self.spaces.entry(place.space).or_default();
            let history = space.entry(place.key.clone()).or_default();
            history.push((record.revision, row));
            self.changelog.push_back(Change { revision: record.revision, place: place.clone() });
            self.settle(&place);
        }
        let forgotten = Revision(self.revision.0.saturating_sub(CHANGELOG_REVISIONS));
        while self.changelog.pop_front_if(|change| change.revision <= forgotten).is_some() {}
        self.forgotten = self.forgotten.max(forgotten);
    }

    /// Forgets what no snapshot can see of a row any more.
    fn settle(&mut self, place: &Place) {
        let oldest = self.readers.keys().next().copied().unwrap_or(self.revision);
        let Some(space) = self.spaces.get_mut(&place.space) else { return };
        let Some(history) = space.get_mut(&place.key) else { return };
        let seen = history.iter().rposition(|(revision, _)| *revision <= oldest);
        history.drain(..seen.unwrap_or(0));
        match history.as_slice() {
            [(revision, None)] if *revision <= oldest => {
                space.remove(&place.key);
                self.stale.remove(place);
            }
            [(_, Some(_))] => {
                self.stale.remove(place);
            }
            _ => {
                self.stale.insert(place.clone());
            }
        }
    }

    pub(crate) fn retain(&mut self) -> Revision {
        *self.readers.entry(self.revision).or_default() += 1;
        self.revision
    }

    pub(crate) fn release(&mut self, revision: Revision) {
        let Some(count) = self.readers.get_mut(&revision) else { return };
        *count -= 1;
        if *count == 0 {
            self.readers.remove(&revision);
            for place in std::mem::take(&mut self.stale) {
                self.stale.insert(place.clone());
                self.settle(&place);
            }
        }
    }

    pub(crate) fn range(&self, at: Revision, space: Space, range: &Range, limit: usize) -> Page {
        let mut page = Page::default();
        let (Some(rows), false) = (self.spaces.get(&space), range.is_empty()) else { return page };
        let to = range.to.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut room = Room::new(limit);
        for (key, history) in rows.range::<Key, _>((Bound::Included(&range.from), to)) {
            let Some(row) = visible(history, at) else { continue };
            if !room.take(key, row) {
                page.next = Some(key.clone());
                break;
            }
            page.rows.push((key.clone(), Row::clone(row)));
        }
        page
    }

    pub(crate) fn scan(&self, at: Revision, after: Option<&Place>, limit: usize) -> Scan {
        let mut scan = Scan::default();
        let mut room = Room::new(limit);
        for (space, rows) in &self.spaces {
            let from = match after {
                Some(place) if *space < place.space => continue,
                Some(place) if *space == place.space => Bound::Excluded(&place.key),
                _ => Bound::Unbounded,
            };
            for (key, history) in rows.range::<Key, _>((from, Bound::Unbounded)) {
                let Some(row) = visible(history, at) else { continue };
                if !room.take(key, row) {
                    scan.more = true;
                    return scan;
                }
                let place = Place { space: *space, key: key.clone() };
                scan.rows.push((place, Row::clone(row)));
            }
        }
        scan
    }

    pub(crate) fn changes(&self, after: Revision) -> Result<Changes, StoreError> {
        if after < self.forgotten {
            return Err(StoreError::ChangesForgotten { oldest: self.forgotten });
        }
        let from = self.changelog.partition_point(|change| change.revision <= after);
        let changes = self.changelog.range(from..).take(MAX_CHANGES + 1).cloned().collect();
        Ok(Changes::page(changes, self.revision.max(after)))
    }
}

fn visible(history: &History, at: Revision) -> Option<&Arc<Row>> {
    history.iter().rev().find(|(revision, _)| *revision <= at)?.1.as_ref()
}
