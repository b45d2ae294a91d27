//! The meter: reads the journal and adds what it comes to to the rows.
//!
//! The journal is what is durable and complete. Uses gather in memory, and are written a part at a
//! time. How far a part was counted stands in the same commit as what was counted in it, so that
//! whatever crashes, no record is passed over and none is counted twice.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bulla_plane::Clock;
use bulla_plane::journal::{Feed, Follower, Listener, Pace};
use bulla_store::Barrier;
use tokio::sync::Mutex;

use crate::calendar::Hour;
use crate::draft::{Draft, MAX_BYTES};
use crate::error::MeterError;
use crate::inbox::Inbox;
use crate::marks::{Marks, PARTS};

/// How often the journal is read.
const TICK: Duration = Duration::from_secs(2);
/// How many parts are written each time, so that each has its turn about once a minute.
const PARTS_A_TICK: usize = 8;

/// The meter.
pub struct Meter {
    pub(crate) barrier: Arc<Barrier>,
    feed: Arc<Feed>,
    inbox: Arc<Inbox>,
    /// How many bytes uses may have in memory.
    max_bytes: usize,
    /// Held by whoever counts on.
    turn: Mutex<Turn>,
    /// Up to here everything was taken away, and counts no more.
    pub(crate) emptied: AtomicU64,
    /// The first record that is not in all rows.
    pub(crate) needed: Arc<AtomicU64>,
}

/// Where the counting is.
#[derive(Default)]
struct Turn {
    behind: Option<Behind>,
    /// The part that is written next.
    part: usize,
}

/// Reads for the meter alone what it missed: after a start, a failure, or when too much was told.
struct Behind {
    follower: Follower,
    inbox: Arc<Inbox>,
}

impl Meter {
    /// The meter of a journal, which keeps what it reads in a store.
    #[must_use]
    pub fn new(barrier: Arc<Barrier>, feed: Arc<Feed>) -> Self {
        let inbox = Arc::new(Inbox::default());
        feed.join(Arc::clone(&inbox) as _);
        let (turn, emptied, needed) = (Mutex::default(), AtomicU64::new(0), Arc::default());
        Self { barrier, feed, inbox, max_bytes: MAX_BYTES, turn, emptied, needed }
    }

    /// The meter, with room for so many bytes of uses in memory; 48 MiB where nothing is said.
    #[must_use]
    pub fn with_room(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }

    /// The number of the first record that it may still have to read, also after a crash; 0 before
    /// it knows.
    #[must_use]
    pub fn needed(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.needed)
    }

    /// Passes over all that the journal has so far: its rows were taken away.
    pub(crate) fn forget(&self) {
        self.emptied.store(self.feed.journal().anchor().sequence, Ordering::Release);
    }

    /// Counts everything that is durable by now, and writes it.
    ///
    /// # Errors
    /// When store or journal fail. What was not counted is, the next time.
    pub async fn settle(&self) -> Result<(), MeterError> {
        let mut turn = self.turn.lock().await;
        loop {
            self.read_on(&mut turn).await?;
            if self.write(&mut turn, 0..PARTS, true).await? {
                return Ok(());
            }
        }
    }

    /// Counts everything that is durable by now, and writes some of it: what came of each record
    /// within [`TICKS_A_ROUND`](Self::TICKS_A_ROUND) times.
    ///
    /// # Errors
    /// As [`Self::settle`].
    pub async fn tick(&self) -> Result<(), MeterError> {
        let mut turn = self.turn.lock().await;
        self.read_on(&mut turn).await?;
        let parts = turn.part..(turn.part + PARTS_A_TICK).min(PARTS);
        let is_last = parts.end == PARTS;
        turn.part = if is_last { 0 } else { parts.end };
        // Where the store is not what was counted on from, the next time begins anew.
        self.write(&mut turn, parts, is_last).await.map(|_| ())
    }

    /// How many times [`Self::tick`] writes everything.
    pub const TICKS_A_ROUND: usize = PARTS.div_ceil(PARTS_A_TICK);

    /// Counts on, and forgets month by month what no report reaches back to, for as long as the
    /// task lives.
    pub async fn tick_forever(self: Arc<Self>, clock: Arc<Clock>) {
        let mut pruned = None;
        loop {
            if let Err(error) = self.tick().await {
                tracing::error!(%error, "what is used is not metered; trying again");
            }
            let now_ms = clock.now_ms();
            let month = Some(Hour::of(now_ms).month().from);
            if month != pruned {
                match self.prune(now_ms).await {
                    Ok(rows) => {
                        tracing::info!(rows, "what was metered too long ago was dropped");
                        pruned = month;
                    }
                    Err(error) => tracing::error!(%error, "what is old is kept; trying again"),
                }
            }
            tokio::time::sleep(TICK).await;
        }
    }

    /// Waits until nobody counts, and has nobody begin meanwhile.
    pub(crate) async fn alone(&self) -> impl Sized + '_ {
        self.turn.lock().await
    }

    /// Counts what is durable by now, and writes as much as has no room in memory.
    async fn read_on(&self, turn: &mut Turn) -> Result<(), MeterError> {
        let until = self.feed.journal().anchor().sequence;
        let mut before = None;
        loop {
            let stored = self.stored().await?.marks;
            let (feed, inbox) = (Arc::clone(&self.feed), Arc::clone(&self.inbox));
            let (behind, max_bytes) = (turn.behind.take(), self.max_bytes);
            let read = move || read(&feed, &inbox, behind, &stored, max_bytes);
            let read = tokio::task::spawn_blocking(read).await.map_err(MeterError::Task)?;
            turn.behind = read.map_err(MeterError::Journal)?;
            let reached = turn.inbox(&self.inbox).with(|draft| draft.sequence());
            self.make_room(turn).await?;
            // If it goes no further, what is left is damaged, which is told when the journal is
            // opened.
            if reached.is_some_and(|reached| reached >= until) || reached == before {
                return Ok(());
            }
            before = reached;
        }
    }

    async fn make_room(&self, turn: &mut Turn) -> Result<(), MeterError> {
        let tight = |draft: &mut Draft| draft.is_tight().then(|| draft.fullest());
        while let Some(parts) = turn.inbox(&self.inbox).with(tight).flatten() {
            if !self.write(turn, parts, false).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Writes what some parts have, and all changes; and where `is_due`, how far all goes, if it
    /// is only that. False if the draft does not go on from what the store has.
    async fn write(
        &self,
        turn: &mut Turn,
        parts: Range<usize>,
        is_due: bool,
    ) -> Result<bool, MeterError> {
        let mut from = parts.start;
        while from < parts.end {
            let stored = self.stored().await?;
            let inbox = turn.inbox(&self.inbox);
            if !inbox.is_since(&stored.marks) {
                return Ok(false);
            }
            let taken = inbox.with(|draft| {
                let group = draft.group(from..parts.end);
                from = group.end;
                let is_there = draft.has(group.clone()) || (is_due && draft.is_further());
                (is_there || stored.is_raised).then(|| draft.take(group))
            });
            let Some(Some(stretch)) = taken else { continue };
            if let Err(error) = self.commit(stretch, stored.version).await {
                turn.behind = None;
                self.inbox.close();
                return Err(error);
            }
        }
        Ok(true)
    }
}

impl Turn {
    /// Who has the draft.
    fn inbox<'i>(&'i self, shared: &'i Inbox) -> &'i Inbox {
        self.behind.as_ref().map_or(shared, |behind| &behind.inbox)
    }
}

impl Behind {
    /// Goes on with a draft.
    fn with(draft: Draft, feed: &Feed) -> io::Result<Self> {
        let reader = feed.journal().read_from(draft.sequence().saturating_add(1))?;
        Ok(Self { follower: Follower::new(reader), inbox: Arc::new(Inbox::open(draft)) })
    }
}

/// Reads on until there is no more, or enough. Blocks.
fn read(
    feed: &Feed,
    inbox: &Inbox,
    behind: Option<Behind>,
    stored: &Marks,
    max_bytes: usize,
) -> io::Result<Option<Behind>> {
    if behind.is_none() && inbox.is_since(stored) && !inbox.is_over() {
        inbox.with(Draft::ask);
        feed.read_on(Pace::UntilFull)?;
        if !inbox.is_over() {
            return Ok(None);
        }
    }
    let mut behind = match behind.filter(|behind| behind.inbox.is_since(stored)) {
        Some(behind) => behind,
        None => {
            let known = inbox.close().filter(|draft| draft.is_since(stored));
            let draft = known.unwrap_or_else(|| Draft::after(stored.clone(), max_bytes));
            Behind::with(draft, feed)?
        }
    };
    behind.inbox.with(Draft::ask);
    let listeners = [Arc::clone(&behind.inbox) as Arc<dyn Listener>];
    let until = feed.journal().anchor().sequence;
    behind.follower.read_on(until, &listeners, Pace::UntilFull)?;
    let next = |draft: &mut Draft| (!draft.is_full()).then(|| draft.sequence().saturating_add(1));
    let Some(next) = behind.inbox.with(next).flatten() else { return Ok(Some(behind)) };
    let is_up = feed.before(next, || inbox.reopen(behind.inbox.close()))?;
    Ok((!is_up).then_some(behind))
}
