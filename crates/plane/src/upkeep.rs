//! What the plane does for the store by itself: it checks every row, rotates the domain key, and
//! seals the rows anew under it.
//!
//! Each is a job among the scheduler's rows, under the plane's own name. When it is due, and what
//! the last check found, also stands in a row of its own: a job that a reset swept away, or that
//! somebody removed, is found missing and put back.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bulla_store::{Barrier, BarrierError, Expected, SealedBatch, Space, View};
use serde::{Deserialize, Serialize};

use crate::Clock;
use crate::scheduler::{self, DUE, Job, PLANE, TICK, due_key};

/// One row a task: when it is due, and what it found.
const UPKEEP: Space = Space::new("plane.upkeep");

const DAY_MS: i64 = 86_400_000;
/// How often every row is checked: a day. So long at most may a row that was put back go unnoticed.
pub const VERIFY_EVERY_MS: i64 = DAY_MS;
/// How often the domain key is rotated: 90 days. Rotation bounds what one key seals; each value
/// has a derived key, so that no number of values asks for more.
pub const ROTATE_EVERY_MS: i64 = 90 * DAY_MS;
/// How many rows one step of sealing anew looks at.
pub const REWRAP_ROWS: usize = 128;
/// How long it rests between two steps, in milliseconds, so that calls come first.
pub const REWRAP_PAUSE_MS: i64 = 100;

/// What the last check of all rows found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// When it ended, in milliseconds since 1970.
    pub at_ms: i64,
    /// How many rows were looked at.
    pub rows: u64,
    /// How many of them do not open.
    pub altered: u64,
    /// Whether the rows are those that were attested. When they are not and every row opens, a
    /// row was rolled back, added or removed.
    pub attested: bool,
}

impl Finding {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.attested && self.altered == 0
    }
}

/// What the upkeep remembers.
#[derive(Default)]
pub struct Upkeep {
    /// Held by whoever carries out jobs of the plane.
    running: tokio::sync::Mutex<()>,
    finding: Mutex<Option<Finding>>,
}

impl Upkeep {
    /// What the last check found; nothing before the first.
    #[must_use]
    pub fn finding(&self) -> Option<Finding> {
        *self.finding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn found(&self, finding: Finding) {
        *self.finding.lock().unwrap_or_else(PoisonError::into_inner) = Some(finding);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Verify,
    Rotate,
    Rewrap,
}

impl Task {
    const ALL: [Self; 3] = [Self::Verify, Self::Rotate, Self::Rewrap];

    fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Rotate => "rotate",
            Self::Rewrap => "rewrap",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.name() == name)
    }

    /// How a task stands that was never planned. The check comes first: somebody may have removed
    /// the row that says when it is due.
    fn first(self, now_ms: i64) -> Standing {
        let due_ms = match self {
            Self::Verify => Some(now_ms),
            Self::Rotate => Some(now_ms.saturating_add(ROTATE_EVERY_MS)),
            Self::Rewrap => None,
        };
        Standing { due_ms, finding: None }
    }
}

/// The row of a task.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Standing {
    /// When it is due next, in milliseconds since 1970; not at all while there is nothing to do.
    due_ms: Option<i64>,
    /// What the last check found.
    finding: Option<Finding>,
}

/// Carries out the plane's own jobs.
pub(crate) struct Keeper<'p> {
    pub(crate) barrier: &'p Barrier,
    pub(crate) clock: &'p Clock,
    pub(crate) upkeep: &'p Upkeep,
}

impl Keeper<'_> {
    /// Carries out what is due, and answers how many jobs it carried out. A job that fails is
    /// logged and stays due.
    ///
    /// # Errors
    /// When the store can't be read or written.
    pub(crate) async fn run(&self) -> Result<usize, BarrierError> {
        let _alone = self.upkeep.running.lock().await;
        self.plan().await?;
        let mut done = 0;
        loop {
            let jobs = self.due().await?;
            let before = done;
            for job in &jobs {
                match self.keep_up(job).await {
                    Ok(()) => done += 1,
                    Err(error) => {
                        self.doubt(&error);
                        tracing::error!(job = job.kind, %error, "the upkeep failed and stays due");
                    }
                }
            }
            if done == before {
                return Ok(done);
            }
        }
    }

    /// Carries out each when it is due, for as long as the task lives.
    pub(crate) async fn run_forever(&self) {
        loop {
            let next_ms = match self.run().await {
                Ok(_) => self.next().await,
                Err(error) => Err(error),
            };
            let wait = match next_ms {
                Ok(next_ms) => next_ms.saturating_sub(self.clock.now_ms()),
                Err(error) => {
                    self.doubt(&error);
                    tracing::error!(%error, "the upkeep can't be planned; trying again");
                    i64::MAX
                }
            };
            let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0));
            tokio::time::sleep(wait.clamp(TICK / 10, TICK)).await;
        }
    }

    /// Puts the jobs there that are missing, and recalls what the last check found.
    async fn plan(&self) -> Result<(), BarrierError> {
        let now_ms = self.clock.now_ms();
        let recalled = self.barrier.update(async |view: View<'_>| {
            let mut batch = SealedBatch::new();
            let mut recalled = None;
            for task in Task::ALL {
                let (standing, version) = standing(&view, task).await?;
                let first = standing.is_none();
                let standing = standing.unwrap_or_else(|| task.first(now_ms));
                recalled = recalled.or(standing.finding);
                if first {
                    batch = batch.put(UPKEEP, task.name(), version, bytes(&standing));
                }
                batch = with_job(&view, batch, task, &standing).await?;
            }
            Ok::<_, BarrierError>((batch, recalled))
        });
        if let (Some(finding), None) = (recalled.await?, self.upkeep.finding()) {
            self.upkeep.found(finding);
        }
        Ok(())
    }

    /// When the next of the plane's own jobs is due, in milliseconds since 1970.
    async fn next(&self) -> Result<i64, BarrierError> {
        let view = self.barrier.view().await?;
        let mut next_ms = i64::MAX;
        for task in Task::ALL {
            let (standing, _) = standing(&view, task).await?;
            next_ms = next_ms.min(standing.and_then(|known| known.due_ms).unwrap_or(i64::MAX));
        }
        Ok(next_ms)
    }

    async fn due(&self) -> Result<Vec<Job>, BarrierError> {
        let mut own = Vec::new();
        let mut from = None;
        loop {
            let page = scheduler::due_from(self.barrier, self.clock.now_ms(), from).await?;
            own.extend(page.jobs.into_iter().filter(|job| job.service == PLANE));
            from = page.next;
            if from.is_none() {
                return Ok(own);
            }
        }
    }

    /// Carries out a job, or drops it when it no longer applies.
    async fn keep_up(&self, job: &Job) -> Result<(), BarrierError> {
        let Some(task) = Task::named(&job.kind) else { return self.conclude(job, &[]).await };
        let (known, _) = standing(&self.barrier.view().await?, task).await?;
        if known.and_then(|known| known.due_ms) != Some(job.due_ms) {
            return self.conclude(job, &[]).await;
        }
        let now_ms = self.clock.now_ms();
        let at = |due_ms| Standing { due_ms, finding: None };
        match task {
            Task::Verify => {
                let finding = Some(self.verify_store().await?);
                let due_ms = Some(self.clock.now_ms().saturating_add(VERIFY_EVERY_MS));
                self.conclude(job, &[(task, Standing { due_ms, finding })]).await
            }
            Task::Rotate => {
                // A restart between this and the next commit rotates once more, which harms none.
                let version = self.barrier.rotate().await?;
                tracing::info!(version, "the domain key was rotated");
                let next = at(Some(now_ms.saturating_add(ROTATE_EVERY_MS)));
                self.conclude(job, &[(task, next), (Task::Rewrap, at(Some(now_ms)))]).await
            }
            Task::Rewrap => {
                let finished = self.rewrap_some().await?;
                let next_ms = self.clock.now_ms().saturating_add(REWRAP_PAUSE_MS);
                self.conclude(job, &[(task, at((!finished).then_some(next_ms)))]).await
            }
        }
    }

    /// Checks every row, and tells of what it finds.
    async fn verify_store(&self) -> Result<Finding, BarrierError> {
        let at_ms = self.clock.now_ms();
        let finding = match self.barrier.verify_all().await {
            Ok(verified) => {
                for place in &verified.altered {
                    let (space, key) = (place.space.as_str(), &place.key);
                    tracing::error!(space, %key, "a row of the store was altered outside Bulla");
                }
                if !verified.is_intact() {
                    tracing::error!("the check of the store failed: {verified}");
                }
                let (rows, altered) = (verified.rows, verified.altered_count);
                Finding { at_ms, rows, altered, attested: verified.attested }
            }
            Err(BarrierError::Attest(error)) => {
                tracing::error!(%error, "the check of the store failed");
                Finding { at_ms, rows: 0, altered: 0, attested: false }
            }
            Err(error) => return Err(error),
        };
        self.upkeep.found(finding);
        Ok(finding)
    }

    /// Seals some rows anew; whether these were the last.
    async fn rewrap_some(&self) -> Result<bool, BarrierError> {
        let step = self.barrier.rewrap(REWRAP_ROWS).await?;
        for place in &step.altered {
            let (space, key) = (place.space.as_str(), &place.key);
            tracing::error!(space, %key, "a row does not open, so that old domain keys are kept");
        }
        if step.finished {
            tracing::info!(dropped = ?step.dropped, "every row was sealed anew");
        }
        Ok(step.finished)
    }

    /// A row that is not as it was written, met outside a check, is a finding too.
    fn doubt(&self, error: &BarrierError) {
        if matches!(
            error,
            BarrierError::Altered { .. }
                | BarrierError::NoDomainKey { .. }
                | BarrierError::Attest(_)
        ) {
            let rows = self.upkeep.finding().map_or(0, |finding| finding.rows);
            let at_ms = self.clock.now_ms();
            self.upkeep.found(Finding { at_ms, rows, altered: 1, attested: false });
        }
    }

    /// Removes a job that was carried out, and plans what comes next, in one commit.
    async fn conclude(&self, job: &Job, next: &[(Task, Standing)]) -> Result<(), BarrierError> {
        let step = async |view: View<'_>| {
            let mut batch = SealedBatch::new();
            if let Some(row) = view.get(DUE, &job.key).await? {
                batch = batch.delete(DUE, job.key.clone(), Expected::At(row.version));
            }
            for (task, next) in next {
                let (_, version) = standing(&view, *task).await?;
                batch = batch.put(UPKEEP, task.name(), version, bytes(next));
                batch = with_job(&view, batch, *task, next).await?;
            }
            Ok::<_, BarrierError>((batch, ()))
        };
        self.barrier.update(step).await
    }
}

/// How a task stands, and the version of its row. A row that does not read counts as none.
async fn standing(
    view: &View<'_>,
    task: Task,
) -> Result<(Option<Standing>, Expected), BarrierError> {
    let Some(row) = view.get(UPKEEP, task.name().as_bytes()).await? else {
        return Ok((None, Expected::Absent));
    };
    let standing = serde_json::from_slice(row.value.expose()).inspect_err(|error| {
        tracing::error!(%error, task = task.name(), "the plan of the upkeep does not read");
    });
    Ok((standing.ok(), Expected::At(row.version)))
}

/// Adds the job of a task that is due some time, unless it is there.
async fn with_job(
    view: &View<'_>,
    batch: SealedBatch,
    task: Task,
    standing: &Standing,
) -> Result<SealedBatch, BarrierError> {
    let Some(due_ms) = standing.due_ms else { return Ok(batch) };
    let row = due_key(due_ms, PLANE, task.name(), "");
    Ok(match view.get(DUE, row.as_bytes()).await? {
        Some(_) => batch,
        None => batch.put(DUE, row, Expected::Absent, b"{}".to_vec()),
    })
}

fn bytes(standing: &Standing) -> Vec<u8> {
    serde_json::json!(standing).to_string().into_bytes()
}

#[cfg(test)]
mod tests;
