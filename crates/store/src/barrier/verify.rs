//! The check of all rows against their seals and the attestation.

use std::sync::Arc;

use super::{Barrier, BarrierError, DOMAIN, attest::RowSet, keyring};
use crate::{Place, Revision, Row};

/// How many rows are looked at before others get their turn: about half a millisecond's work.
const ROWS_A_STEP: usize = 100;
/// How many altered rows are named; beyond that they are only counted.
pub const MAX_NAMED_ROWS: usize = 100;

/// What [`Barrier::verify_all`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The revision that was looked at.
    pub revision: Revision,
    /// How many rows it has, the domain keys' among them.
    pub rows: u64,
    /// The rows that do not open: altered, swapped, or put back at another version. The first
    /// [`MAX_NAMED_ROWS`].
    pub altered: Vec<Place>,
    /// How many rows do not open.
    pub altered_count: u64,
    /// Whether the rows are those that were attested. When they are not and every row opens, a
    /// record was rolled back, added or removed.
    pub attested: bool,
}

impl Verified {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.attested && self.altered_count == 0
    }
}

impl std::fmt::Display for Verified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_intact() {
            return write!(f, "{} records of revision {} are intact", self.rows, self.revision);
        }
        if self.altered_count == 0 {
            return write!(
                f,
                "a record was rolled back, added or removed outside Bulla: the {} records of \
                 revision {} are not those that were attested",
                self.rows, self.revision
            );
        }
        write!(f, "{} of {} records do not open:", self.altered_count, self.rows)?;
        for place in &self.altered {
            write!(f, " {place}")?;
        }
        let unnamed = self.altered_count.saturating_sub(self.altered.len() as u64);
        if unnamed > 0 { write!(f, " and {unnamed} more") } else { Ok(()) }
    }
}

impl Barrier {
    /// Opens every row of the newest revision and compares them all with the attestation. Takes
    /// time with the number of rows and memory for a page of them; yields between pages, while
    /// other calls go on.
    ///
    /// # Errors
    /// Those of the engine, and [`BarrierError::Attest`] when there is no attestation to compare
    /// with. What was altered is in the answer.
    pub async fn verify_all(&self) -> Result<Verified, BarrierError> {
        let snapshot = self.engine.snapshot().await?;
        // The snapshot's own: a rotation may add or drop keys meanwhile. One that was altered is
        // named below, and the others are as they were.
        let ring = match keyring::Ring::load(&self.crypto, &self.root(), &*snapshot).await {
            Ok(ring) => Arc::new(ring),
            Err(error @ (BarrierError::Store(_) | BarrierError::Crypto(_))) => return Err(error),
            Err(_) => self.ring(),
        };
        let revision = snapshot.revision();
        let expected = self.attest.open(revision, snapshot.attestation().await?.as_deref())?;
        let mut found = RowSet::default();
        let mut altered = Vec::new();
        let mut altered_count = 0;
        let mut after: Option<Place> = None;
        loop {
            let scan = snapshot.scan(after.as_ref(), ROWS_A_STEP).await?;
            for (place, row) in &scan.rows {
                let key = place.key.as_bytes();
                found.add(self.attest.element(place.space, key, (row.version, &row.value)));
                if !self.is_authentic(&ring, place, row)? {
                    altered_count += 1;
                    if altered.len() < MAX_NAMED_ROWS {
                        altered.push(place.clone());
                    }
                }
            }
            match scan.rows.into_iter().next_back() {
                Some((place, _)) if scan.more => after = Some(place),
                _ => break,
            }
            tokio::task::yield_now().await;
        }
        let (rows, attested) = (found.rows, found == expected);
        Ok(Verified { revision, rows, altered, altered_count, attested })
    }

    fn is_authentic(
        &self,
        ring: &keyring::Ring,
        place: &Place,
        row: &Row,
    ) -> Result<bool, BarrierError> {
        if place.space == DOMAIN {
            return Ok(keyring::opens(&self.crypto, &self.root(), &place.key, row));
        }
        match self.open_row(ring, place.space, place.key.as_bytes(), row) {
            Ok(_) => Ok(true),
            Err(BarrierError::Altered { .. } | BarrierError::NoDomainKey { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
