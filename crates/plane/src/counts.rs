//! How many of something there are, kept in the store by every change of their number.
//!
//! ```text
//! <space>   <home>/<number, 4 digits>
//! ```
//! One row for all would have calls that make something fail each other, as each must name the
//! version that it changes. So the count is the sum of several rows. A change takes one that no
//! other change of this process uses, and writes it in its own commit: there are about as many rows
//! as there were ever changes at a time. They are summed once in the life of a process.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_store::{Barrier, Expected, Range, SealedBatch, Space, Version};

use crate::Stop;

/// How many homes are remembered. What is in use is remembered beyond that.
const MAX_HOMES: usize = 4_096;
/// How many rows one look at the store takes.
const ROWS_A_LOOK: usize = 1_000;
/// Of a number.
const NUMBER_BYTES: usize = 8;

/// What is counted, in `N` kinds.
pub trait Counted<const N: usize> {
    /// The rows of the counts.
    const COUNTS: Space;
    /// The rows that are counted.
    const ROWS: Space;

    /// Where the rows of a home are.
    fn ranges(home: &str) -> Vec<Range>;

    /// How many of each kind a row is.
    ///
    /// # Errors
    /// When it does not read.
    fn tally(value: &[u8]) -> Result<[i64; N], Stop>;
}

fn plus<const N: usize>(mut one: [i64; N], other: [i64; N]) -> [i64; N] {
    one.iter_mut().zip(other).for_each(|(one, other)| *one = one.saturating_add(other));
    one
}

fn minus<const N: usize>(mut one: [i64; N], other: [i64; N]) -> [i64; N] {
    one.iter_mut().zip(other).for_each(|(one, other)| *one = one.saturating_sub(other));
    one
}

fn to_bytes<const N: usize>(tally: [i64; N]) -> Vec<u8> {
    tally.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn read<const N: usize>(bytes: &[u8]) -> Result<[i64; N], Stop> {
    let mut tally = [0; N];
    let (numbers, rest) = bytes.as_chunks::<NUMBER_BYTES>();
    if numbers.len() != N || !rest.is_empty() {
        tracing::error!("a stored count does not read");
        return Err(Stop::Internal);
    }
    tally.iter_mut().zip(numbers).for_each(|(into, bytes)| *into = i64::from_be_bytes(*bytes));
    Ok(tally)
}

/// A row of a count.
struct Slot<const N: usize> {
    number: usize,
    version: Option<Version>,
    tally: [i64; N],
    /// Whether the row is known to be so: not after a change that may or may not have been made.
    is_sure: bool,
}

/// What is known of a home.
struct Home<const N: usize> {
    total: [i64; N],
    /// The rows that no change uses.
    free: Vec<Slot<N>>,
    /// How many rows there are.
    rows: usize,
}

/// The counts that are known.
pub struct Counts<C, const N: usize> {
    known: Mutex<Known<N>>,
    counted: PhantomData<fn() -> C>,
}

impl<C, const N: usize> Default for Counts<C, N> {
    fn default() -> Self {
        let known = Known { homes: HashMap::new(), forgotten: 0 };
        Self { known: Mutex::new(known), counted: PhantomData }
    }
}

struct Known<const N: usize> {
    homes: HashMap<String, Arc<Mutex<Home<N>>>>,
    /// How often something was forgotten: what was read before is not remembered after.
    forgotten: u64,
}

/// A row that one change uses. Dropped without [`Lease::end`], nobody knows whether the change was
/// made, and the row is read anew.
#[must_use]
pub struct Lease<const N: usize> {
    home: Arc<Mutex<Home<N>>>,
    space: Space,
    row: String,
    slot: Option<Slot<N>>,
    change: [i64; N],
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can fail half-way through a change runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn row(home: &str, number: usize) -> String {
    format!("{home}/{number:04}")
}

impl<C: Counted<N>, const N: usize> Counts<C, N> {
    /// Forgets what is known, after a reset.
    pub fn forget(&self) {
        let mut known = lock(&self.known);
        known.homes.clear();
        known.forgotten = known.forgotten.wrapping_add(1);
    }

    /// How many a home has.
    ///
    /// # Errors
    /// Our own, when the store can't be read.
    pub async fn total(&self, barrier: &Barrier, home: &str) -> Result<[i64; N], Stop> {
        let known = self.home(barrier, home).await?;
        let total = lock(&known).total;
        Ok(total)
    }

    /// A row for a change of the count.
    ///
    /// # Errors
    /// Our own, when the store can't be read.
    pub async fn lease(
        &self,
        barrier: &Barrier,
        home: &str,
        change: [i64; N],
    ) -> Result<Lease<N>, Stop> {
        let known = self.home(barrier, home).await?;
        let slot = {
            let mut home = lock(&known);
            home.free.pop().unwrap_or_else(|| {
                let number = home.rows;
                home.rows = number.saturating_add(1);
                Slot { number, version: None, tally: [0; N], is_sure: true }
            })
        };
        let is_sure = slot.is_sure;
        let row = row(home, slot.number);
        let slot = Some(slot);
        let mut lease = Lease { home: known, space: C::COUNTS, row, slot, change };
        if !is_sure {
            lease.read(barrier).await?;
        }
        Ok(lease)
    }

    async fn home(&self, barrier: &Barrier, home: &str) -> Result<Arc<Mutex<Home<N>>>, Stop> {
        let forgotten = {
            let known = lock(&self.known);
            if let Some(home) = known.homes.get(home) {
                return Ok(Arc::clone(home));
            }
            known.forgotten
        };
        let read = Home::read::<C>(barrier, home).await?;
        let mut known = lock(&self.known);
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

impl<const N: usize> Home<N> {
    /// Sums the rows of the count. Where there are none yet, what is there is counted, of a store
    /// that is older than these rows.
    async fn read<C: Counted<N>>(barrier: &Barrier, home: &str) -> Result<Self, Stop> {
        let view = barrier.view().await?;
        let mut known = Self { total: [0; N], free: Vec::new(), rows: 0 };
        let mut range = Range::prefix(format!("{home}/"));
        loop {
            let page = view.range(C::COUNTS, &range, ROWS_A_LOOK).await?;
            for (_, opened) in &page.rows {
                let tally = read(opened.value.expose())?;
                known.add(Some(opened.version), tally);
            }
            if !page.altered.is_empty() {
                tracing::error!(home, "a row of a count was altered outside Bulla");
                return Err(Stop::Internal);
            }
            let Some(next) = page.next else { break };
            range.from = next;
        }
        if known.rows > 0 {
            return Ok(known);
        }
        let mut counted = [0; N];
        for mut range in C::ranges(home) {
            loop {
                let page = view.range(C::ROWS, &range, ROWS_A_LOOK).await?;
                for (_, opened) in &page.rows {
                    counted = plus(counted, C::tally(opened.value.expose())?);
                }
                let Some(next) = page.next else { break };
                range.from = next;
            }
        }
        drop(view);
        if counted != [0; N] {
            let (row, bytes) = (row(home, 0), to_bytes(counted));
            let batch = SealedBatch::new().put(C::COUNTS, row, Expected::Absent, bytes);
            barrier.commit(batch).await?;
            known.add(Some(1), counted);
        }
        Ok(known)
    }

    /// Adds the next row.
    fn add(&mut self, version: Option<Version>, tally: [i64; N]) {
        self.free.push(Slot { number: self.rows, version, tally, is_sure: true });
        self.rows = self.rows.saturating_add(1);
        self.total = plus(self.total, tally);
    }
}

impl<const N: usize> Lease<N> {
    /// Reads the row anew.
    async fn read(&mut self, barrier: &Barrier) -> Result<(), Stop> {
        let opened = barrier.get(self.space, self.row.as_bytes()).await?;
        let tally = opened.as_ref().map(|opened| read::<N>(opened.value.expose()));
        let tally = tally.transpose()?.unwrap_or([0; N]);
        if let Some(slot) = &mut self.slot {
            let mut home = lock(&self.home);
            home.total = minus(plus(home.total, tally), slot.tally);
            drop(home);
            let version = opened.map(|opened| opened.version);
            *slot = Slot { number: slot.number, version, tally, is_sure: true };
        }
        Ok(())
    }

    /// Adds the change to the commit that makes it.
    #[must_use]
    pub fn write(&self, batch: SealedBatch) -> SealedBatch {
        let Some(slot) = &self.slot else { return batch };
        let tally = plus(slot.tally, self.change);
        let expected = Expected::from(slot.version);
        batch.put(self.space, self.row.as_str(), expected, to_bytes(tally))
    }

    /// The change was committed.
    pub fn end(mut self) {
        let Some(mut slot) = self.slot.take() else { return };
        slot.version = Some(slot.version.map_or(1, |version| version.saturating_add(1)));
        slot.tally = plus(slot.tally, self.change);
        let mut home = lock(&self.home);
        home.total = plus(home.total, self.change);
        home.free.push(slot);
    }
}

impl<const N: usize> Drop for Lease<N> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            lock(&self.home).free.push(Slot { is_sure: false, ..slot });
        }
    }
}
