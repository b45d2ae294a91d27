//! How many parameters there are, kept in the store by every change of their number.
//!
//! ```text
//! ssm.count   <account>/<region>/<number, 4 digits>
//! ```
//! One row for all would have calls that make parameters fail each other, as each must name the
//! version that it changes. So the count is the sum of several rows. A change takes one that no
//! other change of this process uses, and writes it in its own commit: there are about as many rows
//! as there were ever changes at a time. They are summed once in the life of a process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_plane::Stop;
use bulla_store::{Barrier, Expected, Range, SealedBatch, Space, Version};

use crate::fault;
use crate::place::{self, PARAMETERS};
use crate::record::{ParameterRecord, Tier};

/// Rows whose sum is how many parameters an account has in a region.
pub(crate) const COUNTS: Space = Space::new("ssm.count");
/// How many accounts' regions are remembered. What is in use is remembered beyond that.
const MAX_HOMES: usize = 4_096;
/// How many rows one look at the store takes.
const ROWS_A_LOOK: usize = 1_000;
/// Of a number.
const NUMBER_BYTES: usize = 8;

/// How many parameters of each tier, or how many more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    standard: i64,
    advanced: i64,
}

impl Tally {
    /// This, with one parameter of a tier more.
    pub(crate) fn with(mut self, tier: Tier) -> Self {
        *self.of_mut(tier) += 1;
        self
    }

    /// This, with one parameter of a tier fewer.
    pub(crate) fn without(mut self, tier: Tier) -> Self {
        *self.of_mut(tier) -= 1;
        self
    }

    /// How many of a tier.
    pub(crate) fn of(self, tier: Tier) -> i64 {
        match tier {
            Tier::Standard => self.standard,
            Tier::Advanced => self.advanced,
        }
    }

    fn of_mut(&mut self, tier: Tier) -> &mut i64 {
        match tier {
            Tier::Standard => &mut self.standard,
            Tier::Advanced => &mut self.advanced,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            standard: self.standard.saturating_add(other.standard),
            advanced: self.advanced.saturating_add(other.advanced),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            standard: self.standard.saturating_sub(other.standard),
            advanced: self.advanced.saturating_sub(other.advanced),
        }
    }

    fn to_bytes(self) -> Vec<u8> {
        [self.standard.to_be_bytes(), self.advanced.to_be_bytes()].concat()
    }

    fn read(bytes: &[u8]) -> Result<Self, Stop> {
        let parts = bytes.split_first_chunk::<NUMBER_BYTES>();
        let tally = parts.and_then(|(standard, advanced)| {
            let (standard, advanced) = (*standard, advanced.try_into().ok()?);
            Some(Self {
                standard: i64::from_be_bytes(standard),
                advanced: i64::from_be_bytes(advanced),
            })
        });
        tally.ok_or_else(|| {
            tracing::error!("a stored count of parameters does not read");
            fault::internal().into()
        })
    }
}

/// A row of a count.
struct Slot {
    number: usize,
    version: Option<Version>,
    tally: Tally,
    /// Whether the row is known to be so: not after a change that may or may not have been made.
    is_sure: bool,
}

/// What is known of an account's region.
#[derive(Default)]
struct Home {
    total: Tally,
    /// The rows that no change uses.
    free: Vec<Slot>,
    /// How many rows there are.
    rows: usize,
}

/// The counts that are known.
#[derive(Default)]
pub(crate) struct Counts(Mutex<Known>);

#[derive(Default)]
struct Known {
    homes: HashMap<String, Arc<Mutex<Home>>>,
    /// How often something was forgotten: what was read before is not remembered after.
    forgotten: u64,
}

/// A row that one change uses. Dropped without [`Lease::end`], nobody knows whether the change was
/// made, and the row is read anew.
#[must_use]
pub(crate) struct Lease {
    home: Arc<Mutex<Home>>,
    row: String,
    slot: Option<Slot>,
    change: Tally,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can fail half-way through a change runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn row(home: &str, number: usize) -> String {
    format!("{home}/{number:04}")
}

impl Counts {
    pub(crate) fn forget(&self) {
        let mut known = lock(&self.0);
        known.homes.clear();
        known.forgotten = known.forgotten.wrapping_add(1);
    }

    /// How many parameters an account has in a region.
    pub(crate) async fn total(&self, barrier: &Barrier, home: &str) -> Result<Tally, Stop> {
        let known = self.home(barrier, home).await?;
        let total = lock(&known).total;
        Ok(total)
    }

    /// A row for a change of the count.
    pub(crate) async fn lease(
        &self,
        barrier: &Barrier,
        home: &str,
        change: Tally,
    ) -> Result<Lease, Stop> {
        let known = self.home(barrier, home).await?;
        let slot = {
            let mut home = lock(&known);
            home.free.pop().unwrap_or_else(|| {
                let number = home.rows;
                home.rows = number.saturating_add(1);
                Slot { number, version: None, tally: Tally::default(), is_sure: true }
            })
        };
        let is_sure = slot.is_sure;
        let row = row(home, slot.number);
        let mut lease = Lease { home: known, row, slot: Some(slot), change };
        if !is_sure {
            lease.read(barrier).await?;
        }
        Ok(lease)
    }

    async fn home(&self, barrier: &Barrier, home: &str) -> Result<Arc<Mutex<Home>>, Stop> {
        let forgotten = {
            let known = lock(&self.0);
            if let Some(home) = known.homes.get(home) {
                return Ok(Arc::clone(home));
            }
            known.forgotten
        };
        let read = Home::read(barrier, home).await?;
        let mut known = lock(&self.0);
        if known.forgotten != forgotten {
            return Err(Stop::Again);
        }
        if known.homes.len() >= MAX_HOMES {
            known.homes.retain(|_, home| Arc::strong_count(home) > 1);
            known.forgotten = forgotten.wrapping_add(1);
        }
        let entry = known.homes.entry(home.to_owned());
        Ok(Arc::clone(entry.or_insert_with(|| Arc::new(Mutex::new(read)))))
    }
}

impl Home {
    /// Sums the rows of the count. Where there are none yet, the parameters are counted, of a store
    /// that is older than these rows.
    async fn read(barrier: &Barrier, home: &str) -> Result<Self, Stop> {
        let view = barrier.view().await?;
        let mut known = Self::default();
        let mut range = Range::prefix(format!("{home}/"));
        loop {
            let page = view.range(COUNTS, &range, ROWS_A_LOOK).await?;
            for (_, opened) in &page.rows {
                let tally = Tally::read(opened.value.expose())?;
                known.add(Some(opened.version), tally);
            }
            if !page.altered.is_empty() {
                tracing::error!(home, "a row of a count of parameters was altered outside Bulla");
                return Err(Stop::Internal);
            }
            let Some(next) = page.next else { break };
            range.from = next;
        }
        if known.rows > 0 {
            return Ok(known);
        }
        let mut counted = Tally::default();
        for mut range in [place::children(home, ""), place::descendants(home, "")] {
            loop {
                let page = view.range(PARAMETERS, &range, ROWS_A_LOOK).await?;
                for (_, opened) in &page.rows {
                    let record = ParameterRecord::read(opened.value.expose())?;
                    counted = counted.with(record.newest.tier);
                }
                let Some(next) = page.next else { break };
                range.from = next;
            }
        }
        drop(view);
        if counted != Tally::default() {
            let batch =
                SealedBatch::new().put(COUNTS, row(home, 0), Expected::Absent, counted.to_bytes());
            barrier.commit(batch).await?;
            known.add(Some(1), counted);
        }
        Ok(known)
    }

    /// Adds the next row.
    fn add(&mut self, version: Option<Version>, tally: Tally) {
        self.free.push(Slot { number: self.rows, version, tally, is_sure: true });
        self.rows = self.rows.saturating_add(1);
        self.total = self.total.plus(tally);
    }
}

impl Lease {
    /// Reads the row anew.
    async fn read(&mut self, barrier: &Barrier) -> Result<(), Stop> {
        let opened = barrier.get(COUNTS, self.row.as_bytes()).await?;
        let tally = opened.as_ref().map(|opened| Tally::read(opened.value.expose()));
        let tally = tally.transpose()?.unwrap_or_default();
        if let Some(slot) = &mut self.slot {
            let mut home = lock(&self.home);
            home.total = home.total.plus(tally).minus(slot.tally);
            drop(home);
            let version = opened.map(|opened| opened.version);
            *slot = Slot { number: slot.number, version, tally, is_sure: true };
        }
        Ok(())
    }

    /// Adds the change to the commit that makes it.
    pub(crate) fn write(&self, batch: SealedBatch) -> SealedBatch {
        let Some(slot) = &self.slot else { return batch };
        let tally = slot.tally.plus(self.change);
        let expected = Expected::from(slot.version);
        batch.put(COUNTS, self.row.as_str(), expected, tally.to_bytes())
    }

    /// The change was committed.
    pub(crate) fn end(mut self) {
        let Some(mut slot) = self.slot.take() else { return };
        slot.version = Some(slot.version.map_or(1, |version| version.saturating_add(1)));
        slot.tally = slot.tally.plus(self.change);
        let mut home = lock(&self.home);
        home.total = home.total.plus(self.change);
        home.free.push(slot);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            lock(&self.home).free.push(Slot { is_sure: false, ..slot });
        }
    }
}
