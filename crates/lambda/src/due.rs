//! Calls without a waiting caller: rows in the store, carried out by the schedule, at least once.
//!
//! While one runs, its row is put off again and again, a little each time: a crash is so noticed
//! soon. A function that fails is called twice more, after one and after two minutes; where there
//! is no room for it, a call waits, up to six hours (user guide, "How Lambda handles errors and
//! retries with asynchronous invocation").

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use bulla_plane::scheduler::{DUE, Job, due_key};
use bulla_plane::service::MAX_ATTEMPTS;
use bulla_plane::{Stop, stop};
use bulla_shapes::{Fault, lambda};
use bulla_store::{Expected, Key, SealedBatch};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::code::kept::SWEEP;
use crate::execute::{Done, Wanted};
use crate::identifier::Identifier;
use crate::run::Target;
use crate::{CALLS, Lambda, fault, record};

/// The job that carries out a call.
pub(crate) const CALL: &str = "call";
/// How far a call that runs is put off.
const RENEW_MS: i64 = 10_000;
/// How long a function that failed is left alone: before its second and before its third call.
const RETRIES_MS: [i64; 2] = [60_000, 120_000];
/// How long a call waits for room at first, and at most, between two tries.
const WAIT_MS: i64 = 1_000;
const MAX_WAIT_MS: i64 = 300_000;
/// How long a call may wait altogether.
const MAX_AGE_MS: i64 = 6 * 3_600_000;

/// The ids of the calls under way.
pub(crate) type UnderWay = Arc<Mutex<HashSet<String>>>;

/// A call that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) id: String,
    /// The ARN by which the function was called, with a qualifier where there was one.
    pub(crate) arn: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_context: Option<String>,
    pub(crate) accepted_ms: i64,
    /// When it is to be carried out.
    pub(crate) due_ms: i64,
    /// How often the function failed.
    pub(crate) failed: usize,
    /// How often there was no room.
    pub(crate) waited: u32,
}

/// The row of a call's payload.
fn payload_row(id: &str) -> String {
    format!("{id}/payload")
}

/// Carries out a job.
pub(crate) async fn run(service: &Lambda, job: &Job) -> Result<(), Fault> {
    for _ in 0..MAX_ATTEMPTS {
        let done = match job.kind.as_str() {
            SWEEP => service.sweep(job).await,
            CALL => service.take_up(job).await,
            _ => {
                tracing::error!(kind = job.kind, "no such job of functions");
                return Err(fault::internal());
            }
        };
        match done {
            Ok(()) => return Ok(()),
            Err(Stop::Fault(fault)) => return Err(fault),
            Err(Stop::Again) => {}
            Err(Stop::Internal) => return Err(fault::internal()),
        }
    }
    Err(fault::internal())
}

impl Lambda {
    /// Accepts a call: once this is committed, it is carried out.
    pub(crate) async fn accept(&self, waiting: &Waiting, payload: &[u8]) -> Result<(), Stop> {
        let id = waiting.id.as_str();
        let batch = SealedBatch::new()
            .put(CALLS, id, Expected::Absent, record::bytes(waiting)?)
            .put(CALLS, payload_row(id).as_str(), Expected::Absent, payload.to_vec())
            .put(DUE, job_row(waiting.due_ms, id), Expected::Absent, Vec::new());
        self.barrier.commit(batch).await?;
        Ok(())
    }

    /// Takes up a call that is due, or puts off one that runs.
    async fn take_up(&self, job: &Job) -> Result<(), Stop> {
        let row = Key::from(job.key.clone());
        let view = self.barrier.view().await?;
        if view.get(DUE, row.as_bytes()).await?.is_none() {
            return Ok(());
        }
        let waiting = view.get(CALLS, job.subject.as_bytes()).await?;
        drop(view);
        let mut batch = SealedBatch::new().delete(DUE, row, Expected::At(job.version));
        let waiting = waiting.map(|waiting| record::read::<Waiting>(waiting.value.expose()));
        // What a call that ended, or waits for its next try, left behind.
        if waiting.transpose()?.is_none_or(|waiting| waiting.due_ms > job.due_ms) {
            self.barrier.commit(batch).await?;
            return Ok(());
        }
        let next = job_row(job.now_ms.saturating_add(RENEW_MS), &job.subject);
        batch = batch.put(DUE, next, Expected::Absent, Vec::new());
        self.barrier.commit(batch).await?;
        let id = job.subject.clone();
        if !self.calls_under_way().insert(id.clone()) {
            return Ok(());
        }
        let service = self.clone();
        tokio::spawn(async move {
            let outcome = service.carry_out(&id).await;
            service.calls_under_way().remove(&id);
            if outcome.is_err() {
                tracing::error!(call = id, "a call of a function is tried again");
            }
        });
        Ok(())
    }

    fn calls_under_way(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn carry_out(&self, id: &str) -> Result<(), Stop> {
        let view = self.barrier.view().await?;
        let waiting = view.get(CALLS, id.as_bytes()).await?;
        let payload = view.get(CALLS, payload_row(id).as_bytes()).await?;
        drop(view);
        let (Some(waiting), Some(payload)) = (waiting, payload) else {
            return self.finish(id, None).await;
        };
        let waiting: Waiting = record::read(waiting.value.expose())?;
        let payload = Bytes::copy_from_slice(payload.value.expose());
        let outcome = self.call_once(&waiting, payload).await;
        self.finish(id, after(waiting, outcome, self.clock.now_ms())).await
    }

    async fn call_once(&self, waiting: &Waiting, payload: Bytes) -> Result<Done, Stop> {
        let named = Identifier::of_arn(&waiting.arn);
        let named = named.ok_or_else(|| fault::no_function(&waiting.arn))?;
        let stored = self.stored(&named.path()).await?;
        let stored = stored.ok_or_else(|| fault::no_function(&waiting.arn))?;
        let version = self.drawn_version(&stored, named.qualifier.as_deref()).await?;
        let wanted = Wanted {
            target: Target::of(&stored, version),
            id: waiting.id.clone(),
            arn: waiting.arn.clone(),
            payload,
            client_context: waiting.client_context.clone(),
        };
        self.execute(wanted).await
    }

    /// Takes a call's rows away, or has it wait again.
    async fn finish(&self, id: &str, next: Option<Waiting>) -> Result<(), Stop> {
        for _ in 0..MAX_ATTEMPTS {
            match self.try_finish(id, next.as_ref()).await {
                Err(Stop::Again) => {}
                outcome => return outcome,
            }
        }
        Err(Stop::Internal)
    }

    async fn try_finish(&self, id: &str, next: Option<&Waiting>) -> Result<(), Stop> {
        let mut batch = SealedBatch::new();
        for row in [id.to_owned(), payload_row(id)] {
            let Some(opened) = self.barrier.get(CALLS, row.as_bytes()).await? else { continue };
            let expected = Expected::At(opened.version);
            batch = match next {
                Some(waiting) if row == id => batch
                    .put(CALLS, id, expected, record::bytes(waiting)?)
                    .put(DUE, job_row(waiting.due_ms, id), Expected::Absent, Vec::new()),
                Some(_) => batch,
                None => batch.delete(CALLS, row.as_str(), expected),
            };
        }
        if !batch.is_empty() {
            self.barrier.commit(batch).await?;
        }
        Ok(())
    }
}

/// What becomes of a call: nothing more, or another try at a time.
fn after(waiting: Waiting, outcome: Result<Done, Stop>, now_ms: i64) -> Option<Waiting> {
    let (arn, id) = (waiting.arn.clone(), waiting.id.clone());
    let failure = match outcome {
        Ok(Done { error: None, .. }) => return None,
        Ok(Done { error: Some(_), .. }) => "the function failed".to_owned(),
        // No room, or something of ours failed: that is not the function's fault.
        Err(stop) if waits(&stop) => {
            let wait = WAIT_MS.saturating_mul(1 << waiting.waited.min(16)).min(MAX_WAIT_MS);
            let due_ms = now_ms.saturating_add(wait);
            if due_ms.saturating_sub(waiting.accepted_ms) <= MAX_AGE_MS {
                let waited = waiting.waited.saturating_add(1);
                return Some(Waiting { waited, due_ms, ..waiting });
            }
            "there was no room for it for too long".to_owned()
        }
        Err(Stop::Fault(fault)) => fault.to_string(),
        Err(Stop::Again | Stop::Internal) => stop::internal(&lambda::SERVICE).to_string(),
    };
    if let Some(wait) = RETRIES_MS.get(waiting.failed) {
        let failed = waiting.failed.saturating_add(1);
        return Some(Waiting { failed, due_ms: now_ms.saturating_add(*wait), ..waiting });
    }
    tracing::warn!(function = arn, call = id, failure, "a call of a function is given up");
    None
}

fn waits(stop: &Stop) -> bool {
    match stop {
        // Throttled, a failure of ours, or functions are not allowed at the time.
        Stop::Fault(fault) => matches!(fault.status, 403 | 429) || fault.status >= 500,
        Stop::Again | Stop::Internal => true,
    }
}

fn job_row(due_ms: i64, id: &str) -> Key {
    due_key(due_ms, "lambda", CALL, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting() -> Waiting {
        Waiting {
            id: "i".into(),
            arn: "a".into(),
            client_context: None,
            accepted_ms: 0,
            due_ms: 0,
            failed: 0,
            waited: 0,
        }
    }

    fn failed() -> Result<Done, Stop> {
        Ok(Done { payload: vec![], error: Some("Unhandled"), tail: vec![] })
    }

    #[test]
    fn a_failure_is_tried_again_twice() {
        let first = after(waiting(), failed(), 0).unwrap();
        assert_eq!((first.failed, first.due_ms), (1, 60_000));
        let second = after(first, failed(), 60_000).unwrap();
        assert_eq!((second.failed, second.due_ms), (2, 180_000));
        assert!(after(second, failed(), 180_000).is_none());
        let done = Ok(Done { payload: vec![], error: None, tail: vec![] });
        assert!(after(waiting(), done, 0).is_none());
    }

    #[test]
    fn who_finds_no_room_waits_up_to_six_hours() {
        let full = || Err(Stop::Fault(fault::throttled("ConcurrentInvocationLimitExceeded")));
        let (mut now, mut call, mut tries) = (0, waiting(), 0);
        while let Some(next) = after(call.clone(), full(), now) {
            assert!(next.due_ms > now && next.due_ms - now <= MAX_WAIT_MS);
            (now, call, tries) = (next.due_ms, next, tries + 1);
        }
        // At the end it counts as a failure, which has its own two tries.
        assert!(call.waited > 70 && call.failed == 2 && tries < 200, "{tries}");
        assert!(now > MAX_AGE_MS - MAX_WAIT_MS && now < MAX_AGE_MS + 200_000, "{now}");
    }
}
