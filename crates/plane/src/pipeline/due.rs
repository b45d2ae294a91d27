//! What the house does without being called: jobs that fall due, and the reset of `bulla dev`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bulla_store::{BarrierError, Space};

use super::Plane;
use crate::Service;
use crate::bus;
use crate::scheduler::{self, DUE, Job, PLANE, TICK};
use crate::trail;
use crate::upkeep::Keeper;

/// How many jobs one run takes up, but for those of its last look; the rest waits for the next.
pub const MAX_JOBS_A_RUN: usize = 65_536;

impl Plane {
    /// Carries out everything that is due to the services, also what falls due by that, and
    /// answers how many jobs it carried out. A job that fails is logged and stays for the next run.
    /// What services did by themselves is then in the journal.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn run_due(&self) -> Result<usize, BarrierError> {
        let done = self.carry_out().await?;
        if let Err(error) = trail::write(&self.barrier, &self.journal, &self.outbox.told).await {
            tracing::error!(%error, "what services did by themselves is unrecorded; trying again");
        }
        Ok(done)
    }

    async fn carry_out(&self) -> Result<usize, BarrierError> {
        let mut tried: HashSet<(Vec<u8>, u64)> = HashSet::new();
        let mut done = 0;
        loop {
            let before = tried.len();
            let mut from = None;
            loop {
                let page = scheduler::due_from(&self.barrier, self.clock.now_ms(), from).await?;
                // The plane's own jobs take their time, and have a run of their own.
                let mut jobs = page.jobs;
                jobs.retain(|job| {
                    job.service != PLANE && tried.insert((job.key.clone(), job.version))
                });
                for alike in jobs.chunk_by(|a, b| a.service == b.service && a.kind == b.kind) {
                    done += self.run_alike(alike).await;
                }
                if tried.len() >= MAX_JOBS_A_RUN {
                    return Ok(done);
                }
                from = page.next;
                if from.is_none() {
                    break;
                }
            }
            if tried.len() == before {
                return Ok(done);
            }
        }
    }

    /// Runs jobs of one kind, together where their service can. Answers how many it carried out.
    async fn run_alike(&self, jobs: &[Job]) -> usize {
        if let [job, _, ..] = jobs
            && let Some(owner) = self.owner(job)
            && let Some(together) = owner.run_due_together(jobs)
        {
            match together.await {
                Ok(()) => return jobs.len(),
                Err(error) => {
                    let (service, kind) = (&*job.service, &*job.kind);
                    tracing::warn!(service, kind, %error, "jobs failed together; one by one now");
                }
            }
        }
        let mut done = 0;
        for job in jobs {
            done += usize::from(self.run(job).await);
        }
        done
    }

    fn owner(&self, job: &Job) -> Option<&Arc<dyn Service>> {
        self.services.iter().find(|owner| owner.model().id == job.service)
    }

    async fn run(&self, job: &Job) -> bool {
        let (service, kind, subject) = (&*job.service, &*job.kind, &*job.subject);
        let owner = self.owner(job);
        if owner.is_none() && service == bus::LISTENER {
            if let Err(error) = bus::pass(&self.barrier, job).await {
                tracing::error!(subject, %error, "an event that nobody listens to stays");
            }
            return false;
        }
        let Some(owner) = owner else {
            tracing::error!(service, kind, subject, "a job is due for a service that is not here");
            return false;
        };
        match owner.run_due(job).await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(service, kind, subject, %error, "a job failed and stays due");
                false
            }
        }
    }

    /// Carries out the plane's own jobs that are due, and answers how many it carried out. A job
    /// that fails is logged and stays due.
    ///
    /// # Errors
    /// When the store can't be read or written.
    pub async fn run_upkeep(&self) -> Result<usize, BarrierError> {
        self.keeper().run().await
    }

    /// Carries out the plane's own jobs when they are due, for as long as the task lives.
    pub async fn upkeep_forever(self: Arc<Self>) {
        self.keeper().run_forever().await;
    }

    fn keeper(&self) -> Keeper<'_> {
        Keeper { barrier: &self.barrier, clock: &self.clock, upkeep: &self.upkeep }
    }

    /// Runs what falls due and sweeps the outbox, for as long as the task lives.
    pub async fn tick_forever(self: Arc<Self>) {
        loop {
            if let Err(error) = self.run_due().await {
                tracing::error!(%error, "what is due can't be read; trying again");
            }
            if let Err(error) = self.outbox.sweep(&self.barrier, &self.journal).await {
                tracing::error!(%error, "the outbox can't be swept; trying again");
            }
            tokio::time::sleep(self.until_next_due().await).await;
        }
    }

    /// Has the services write what they hold back, and sweeps the outbox: to be called after the
    /// last call, so that the next start finds nothing to do.
    pub async fn wind_up(&self) {
        for service in &self.services {
            service.wind_up().await;
        }
        if let Err(error) = trail::write(&self.barrier, &self.journal, &self.outbox.told).await {
            tracing::warn!(%error, "events are unrecorded, which the next start will make good");
        }
        if let Err(error) = self.outbox.sweep(&self.barrier, &self.journal).await {
            tracing::warn!(%error, "the outbox was not swept, which the next start will do");
        }
    }

    /// How long to wait: until the next job is due, but no longer than [`TICK`], since jobs are
    /// added and clocks are turned meanwhile, and no shorter than a tenth of it, since what is
    /// overdue now has just failed.
    async fn until_next_due(&self) -> Duration {
        let Ok(Some(next_ms)) = scheduler::next_due(&self.barrier).await else { return TICK };
        let wait = next_ms.saturating_sub(self.clock.now_ms());
        let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0));
        wait.clamp(TICK / 10, TICK)
    }

    /// Deletes every row of these spaces and every job, then lets the services forget what they
    /// hold. Answers how many rows it deleted. Calls that run meanwhile may leave rows behind.
    ///
    /// # Errors
    /// When the store can't be read or written.
    pub async fn reset(&self, spaces: &[Space]) -> Result<usize, BarrierError> {
        let mut deleted = 0;
        for &space in spaces.iter().chain(&[DUE, trail::TOLD]) {
            deleted += self.barrier.clear(space).await?;
        }
        for service in &self.services {
            service.forget();
        }
        Ok(deleted)
    }
}
