//! Lanes: which are under way, and what wakes them and lets them sleep.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bulla_plane::Stop;
use bulla_plane::scheduler::{DUE, Job};
use bulla_store::{BarrierError, Expected, Key, Range, SealedBatch, Version};

use super::{Sender, lock};
use crate::deliver::with_wake;
use crate::delivery;
use crate::records::DELIVERIES;

/// The job that wakes a lane; its subject is the lane.
pub(crate) const LANE: &str = "lane";
/// How many lanes are under way at once; more wait for the next look at the schedule.
const MAX_LANES: usize = 256;
/// How many rows that woke it a lane remembers; more stay in the schedule and come again.
const MAX_WAKES: usize = 64;
/// How many deliveries a lane sends before others have their turn.
const DELIVERIES_A_TURN: usize = 256;
/// How many deliveries are read at once: each may be as large as an event.
const DELIVERIES_A_LOOK: usize = 16;
/// How long the end of the program waits for what is being sent.
const MAX_WIND_UP: Duration = Duration::from_secs(10);
/// How often it looks.
const WIND_UP_STEP: Duration = Duration::from_millis(10);

/// Rows that woke a lane.
pub(super) type Wakes = Vec<(Vec<u8>, Version)>;

/// What is left of a lane after its turn.
enum Rest {
    /// Nothing that is due.
    Nothing,
    /// More, when others have had their turn.
    More,
    /// More, but not before a time.
    Until(i64),
}

impl Sender {
    /// Wakes a lane, or lets the one under way know that it was woken.
    pub(crate) fn wake(self: &Arc<Self>, job: &Job) {
        if self.ending.load(Ordering::Acquire) {
            return;
        }
        let wake = (job.key.clone(), job.version);
        let mut lanes = lock(&self.lanes);
        if let Some(wakes) = lanes.get_mut(&job.subject) {
            if wakes.len() < MAX_WAKES && !wakes.contains(&wake) {
                wakes.push(wake);
            }
            return;
        }
        if lanes.len() >= MAX_LANES {
            return;
        }
        lanes.insert(job.subject.clone(), vec![wake]);
        drop(lanes);
        let (sender, lane) = (Arc::clone(self), job.subject.clone());
        tokio::spawn(async move { sender.run(lane).await });
    }

    /// Waits until the lanes under way have stopped; no more are begun.
    pub(crate) async fn wind_up(&self) {
        self.ending.store(true, Ordering::Release);
        let ended = async {
            while !lock(&self.lanes).is_empty() {
                tokio::time::sleep(WIND_UP_STEP).await;
            }
        };
        if tokio::time::timeout(MAX_WIND_UP, ended).await.is_err() {
            tracing::warn!(
                "some targets did not answer before the end; they will be sent it again"
            );
        }
    }

    async fn run(self: Arc<Self>, lane: String) {
        loop {
            let wakes = lock(&self.lanes).get(&lane).cloned().unwrap_or_default();
            let turn = async {
                let rest = self.turn(&lane).await?;
                self.sleep(&lane, &wakes, &rest).await
            };
            let failed = match turn.await {
                Ok(()) => false,
                Err(Stop::Again) => true,
                Err(_) => {
                    tracing::error!(lane, "a lane failed and stays due");
                    true
                }
            };
            let mut lanes = lock(&self.lanes);
            let left = lanes.get_mut(&lane).map_or(0, |woken| {
                woken.retain(|wake| !wakes.contains(wake));
                woken.len()
            });
            // What failed wakes the lane at the next look at the schedule.
            if failed || left == 0 || self.ending.load(Ordering::Acquire) {
                lanes.remove(&lane);
                return;
            }
        }
    }

    /// Sends what is due of a lane, as long as it is its turn.
    async fn turn(&self, lane: &str) -> Result<Rest, Stop> {
        let range = Range::prefix(format!("{lane}/").as_str());
        let mut sent = 0;
        loop {
            let view = self.barrier.view().await?;
            let page = view.range(DELIVERIES, &range, DELIVERIES_A_LOOK).await?;
            drop(view);
            let now_ms = self.clock.now_ms().max(self.latest_ms.load(Ordering::Acquire));
            let mut any_due = false;
            for (key, opened) in &page.rows {
                if delivery::due_ms(lane, key.as_bytes()).is_some_and(|due_ms| due_ms > now_ms) {
                    break;
                }
                if sent >= DELIVERIES_A_TURN || self.ending.load(Ordering::Acquire) {
                    return Ok(Rest::More);
                }
                any_due = true;
                sent += 1;
                if let Some(busy_ms) = self.attempt(lane, key, opened).await? {
                    return Ok(Rest::Until(self.clock.now_ms().saturating_add(busy_ms)));
                }
            }
            if !any_due {
                return Ok(Rest::Nothing);
            }
        }
    }

    /// Takes away the rows that woke a lane, and puts the one that wakes it next. A row that was
    /// written anew meanwhile stays, and wakes it again.
    async fn sleep(&self, lane: &str, wakes: &Wakes, rest: &Rest) -> Result<(), Stop> {
        let next_ms = match rest {
            Rest::Nothing => None,
            Rest::More => Some(self.stamp(self.clock.now_ms())),
            Rest::Until(until_ms) => Some(*until_ms),
        };
        if let Some(next_ms) = next_ms {
            let view = self.barrier.view().await?;
            let times = (next_ms, self.clock.now_ms());
            let batch = with_wake(&view, SealedBatch::new(), times, lane).await?;
            drop(view);
            self.barrier.commit(batch).await?;
        }
        for (key, version) in wakes {
            let row = Key::from(key.clone());
            let batch = SealedBatch::new().delete(DUE, row, Expected::At(*version));
            match self.barrier.commit(batch).await {
                Ok(_) | Err(BarrierError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
