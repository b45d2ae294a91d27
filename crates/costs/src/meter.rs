//! The meter: reads the journal and adds what it comes to to the rows.
//!
//! The journal is what is durable and complete. How far it was read stands in the same commit as
//! what was read, so that whatever crashes, no record is passed over and none is counted twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{fmt, io};

use bulla_plane::journal::{Feed, Follower, Listener, Pace};
use bulla_plane::{Clock, Stop};
use bulla_store::{Barrier, BarrierError, Expected, SealedBatch, Space, Version};
use tokio::sync::Mutex;
use tokio::task::JoinError;

use crate::calendar::Hour;
use crate::draft::{Draft, Named};
use crate::inbox::Inbox;
use crate::lives::{self, Life, account_of};
use crate::record::{Cell, LIVES, POSITION, POSITION_ROW, Position, USES};
use crate::uses::by_spec;

/// How often the journal is read.
const TICK: Duration = Duration::from_secs(2);

/// Why the meter is behind.
#[derive(Debug)]
pub enum MeterError {
    /// The store failed.
    Store(BarrierError),
    /// The journal can't be read.
    Journal(io::Error),
    /// A row does not read: the space, and why.
    Row(Space, serde_json::Error),
    /// The task that reads the journal ended.
    Task(JoinError),
}

impl fmt::Display for MeterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => write!(f, "the store failed: {error}"),
            Self::Journal(error) => write!(f, "the journal can't be read: {error}"),
            Self::Row(space, error) => write!(f, "a row of {space} does not read: {error}"),
            Self::Task(error) => write!(f, "the reading of the journal ended: {error}"),
        }
    }
}

impl std::error::Error for MeterError {}

impl From<BarrierError> for MeterError {
    fn from(error: BarrierError) -> Self {
        Self::Store(error)
    }
}

impl From<MeterError> for Stop {
    fn from(error: MeterError) -> Self {
        tracing::error!(%error, "what was used can't be told");
        Self::Internal
    }
}

/// The meter.
pub struct Meter {
    pub(crate) barrier: Arc<Barrier>,
    feed: Arc<Feed>,
    inbox: Arc<Inbox>,
    /// Held by whoever counts on.
    behind: Mutex<Option<Behind>>,
    /// Up to here everything was taken away, and counts no more.
    emptied: AtomicU64,
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
        let (behind, emptied) = (Mutex::new(None), AtomicU64::new(0));
        Self { barrier, feed, inbox, behind, emptied }
    }

    /// Passes over all that the journal has so far: its rows were taken away.
    pub(crate) fn forget(&self) {
        self.emptied.store(self.feed.journal().anchor().sequence, Ordering::Release);
    }

    /// Counts everything that is durable by now.
    ///
    /// # Errors
    /// When store or journal fail. What was not counted is, the next time.
    pub async fn settle(&self) -> Result<(), MeterError> {
        let mut behind = self.behind.lock().await;
        let until = self.feed.journal().anchor().sequence;
        loop {
            let (mut position, version) = self.position().await?;
            position.sequence = position.sequence.max(self.emptied.load(Ordering::Acquire));
            if position.sequence >= until {
                return Ok(());
            }
            let before = position.sequence;
            let (feed, inbox, reading) =
                (Arc::clone(&self.feed), Arc::clone(&self.inbox), behind.take());
            let read = move || told(&feed, &inbox, reading, position);
            let read = tokio::task::spawn_blocking(read).await.map_err(MeterError::Task)?;
            let (draft, reading) = read.map_err(MeterError::Journal)?;
            *behind = reading;
            if draft.sequence == before {
                // What is left is damaged, which is told when the journal is opened.
                return Ok(());
            }
            if let Err(error) = self.commit(&draft, version).await {
                self.inbox.close();
                *behind = None;
                return Err(error);
            }
        }
    }

    /// Counts on, and forgets month by month what no report reaches back to, for as long as the
    /// task lives.
    pub async fn tick_forever(self: Arc<Self>, clock: Arc<Clock>) {
        let mut pruned = None;
        loop {
            if let Err(error) = self.settle().await {
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
        self.behind.lock().await
    }

    async fn position(&self) -> Result<(Position, Expected), MeterError> {
        let row = self.barrier.get(POSITION, POSITION_ROW.as_bytes()).await?;
        let Some(opened) = row else { return Ok((Position::default(), Expected::Absent)) };
        let position = parsed(POSITION, opened.value.expose())?;
        Ok((position, Expected::At(opened.version)))
    }

    /// Adds a stretch to the rows. Nobody else writes them, but for a reset, which then makes this
    /// fail.
    async fn commit(&self, draft: &Draft, position: Expected) -> Result<(), MeterError> {
        let row = written(POSITION, &draft.position())?;
        let batch = SealedBatch::new().put(POSITION, POSITION_ROW, position, row);
        let (lives, batch) = self.lives(draft, batch).await?;
        let mut rows: HashMap<String, Cell> = HashMap::new();
        for (named, cell) in draft.cells() {
            let key = self.row(&named, cell, &lives).await?;
            rows.entry(key)
                .or_insert_with(|| Cell::new(&cell.resource, &cell.principal))
                .merge(cell);
        }
        let mut batch = batch;
        for (key, mut cell) in rows {
            let known = self.barrier.get(USES, key.as_bytes()).await?;
            let expected = Expected::from(known.as_ref().map(|opened| opened.version));
            if let Some(opened) = &known {
                cell.merge(&parsed(USES, opened.value.expose())?);
            }
            let bytes = written(USES, &cell)?;
            batch = batch.put(USES, key, expected, bytes);
        }
        self.barrier.commit(batch).await?;
        Ok(())
    }

    /// The lives that a stretch changes, and the batch with them.
    async fn lives(
        &self,
        draft: &Draft,
        mut batch: SealedBatch,
    ) -> Result<(HashMap<String, Life>, SealedBatch), MeterError> {
        let mut changed: HashMap<String, (Option<Life>, Option<Version>)> = HashMap::new();
        for change in &draft.changes {
            let key = life_key(change.account(), &change.arn);
            let known = match changed.remove(&key) {
                Some(known) => known,
                None => self.life(&key).await?,
            };
            changed.insert(key, (Life::after(known.0, change), known.1));
        }
        let mut lives = HashMap::new();
        for (key, (life, version)) in changed {
            let Some(life) = life else { continue };
            let bytes = written(LIVES, &life)?;
            batch = batch.put(LIVES, key.as_str(), Expected::from(version), bytes);
            lives.insert(key, life);
        }
        Ok((lives, batch))
    }

    async fn life(&self, key: &str) -> Result<(Option<Life>, Option<Version>), MeterError> {
        let Some(opened) = self.barrier.get(LIVES, key.as_bytes()).await? else {
            return Ok((None, None));
        };
        let life = parsed(LIVES, opened.value.expose())?;
        Ok((Some(life), Some(opened.version)))
    }

    /// The key of a cell's row, which may take a look at the key that was used.
    async fn row(
        &self,
        named: &Named<'_>,
        cell: &Cell,
        lives: &HashMap<String, Life>,
    ) -> Result<String, MeterError> {
        if !named.is_by_key() {
            return Ok(named.row(cell, by_spec(None)));
        }
        let key = life_key(account_of(&cell.resource), &cell.resource);
        let item = match lives.get(&key) {
            Some(life) => by_spec(lives::spec(Some(life))),
            None => by_spec(lives::spec(self.life(&key).await?.0.as_ref())),
        };
        Ok(named.row(cell, item))
    }
}

/// The key of a life's row.
pub(crate) fn life_key(account: &str, arn: &str) -> String {
    format!("{account}/{arn}")
}

pub(crate) fn parsed<T: serde::de::DeserializeOwned>(
    space: Space,
    bytes: &[u8],
) -> Result<T, MeterError> {
    serde_json::from_slice(bytes).map_err(|error| MeterError::Row(space, error))
}

pub(crate) fn written<T: serde::Serialize>(space: Space, row: &T) -> Result<Vec<u8>, MeterError> {
    serde_json::to_vec(row).map_err(|error| MeterError::Row(space, error))
}

/// What was told behind a position, or some of it. Blocks.
fn told(
    feed: &Feed,
    inbox: &Inbox,
    behind: Option<Behind>,
    position: Position,
) -> io::Result<(Draft, Option<Behind>)> {
    if inbox.is_since(&position) {
        feed.read_on(Pace::UntilFull)?;
        if let Some(draft) = inbox.take() {
            return Ok((draft, None));
        }
    }
    let is_there = |behind: &Behind| behind.inbox.is_since(&position);
    let mut behind = match behind.filter(is_there) {
        Some(behind) => behind,
        None => {
            let reader = feed.journal().read_from(position.sequence.saturating_add(1))?;
            let follower = Follower::new(reader);
            Behind { follower, inbox: Arc::new(Inbox::open(position.clone())) }
        }
    };
    let listeners = [Arc::clone(&behind.inbox) as Arc<dyn Listener>];
    let until = feed.journal().anchor().sequence;
    behind.follower.read_on(until, &listeners, Pace::UntilFull)?;
    let draft = behind.inbox.take().unwrap_or_else(|| Draft::after(&position));
    let next = draft.sequence.saturating_add(1);
    let is_up = feed.before(next, || inbox.reopen(draft.position()))?;
    Ok((draft, (!is_up).then_some(behind)))
}
