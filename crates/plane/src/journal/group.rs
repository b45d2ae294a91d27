//! Records that become durable together, and the calls that wait for it.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::runtime::Handle;

use super::writer::JournalError;

/// What came of a group: the sequence number of its first record.
pub(super) type Outcome = Result<u64, JournalError>;

/// Records that become durable together.
#[derive(Default)]
pub(super) struct Group {
    outcome: OnceLock<Outcome>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// Who waits, by the record's place in the group.
    wakers: Vec<Option<Waker>>,
    /// Where the first of them runs.
    runtime: Option<Handle>,
}

impl Drop for Waiting {
    /// Wakes them; by being dropped, so that a runtime that ends can't lose them.
    fn drop(&mut self) {
        self.wakers.drain(..).flatten().for_each(Waker::wake);
    }
}

impl Group {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all who wait. The first outcome stands: a group that was given up may still be
    /// written later.
    ///
    /// Several are woken from within their runtime. Woken one by one from outside, a thread of the
    /// runtime would wake up, run one of them, and go to sleep again, for each.
    pub(super) fn resolve(&self, outcome: Outcome) {
        let mut waiting = self.waiting();
        // Under the lock, so that nobody begins to wait in between.
        let _the_first_stands = self.outcome.set(outcome);
        let mut told = std::mem::take(&mut *waiting);
        drop(waiting);
        if told.wakers.len() > 1
            && let Some(runtime) = told.runtime.take()
        {
            // Not awaited: it does not wait for anything either.
            drop(runtime.spawn(async move { drop(told) }));
        }
    }

    /// What came of the group, if anything did yet.
    pub(super) fn settled(&self) -> Option<Outcome> {
        self.outcome.get().copied()
    }

    /// Waits for what comes of the group, for the record at a place in it.
    pub(super) async fn outcome(&self, place: usize) -> Outcome {
        poll_fn(|context| self.poll(place, context)).await
    }

    fn poll(&self, place: usize, context: &Context<'_>) -> Poll<Outcome> {
        if let Some(outcome) = self.outcome.get() {
            return Poll::Ready(*outcome);
        }
        let mut waiting = self.waiting();
        if let Some(outcome) = self.outcome.get() {
            return Poll::Ready(*outcome);
        }
        if waiting.wakers.is_empty() {
            waiting.runtime = Handle::try_current().ok();
        }
        if waiting.wakers.len() <= place {
            waiting.wakers.resize(place.saturating_add(1), None);
        }
        match waiting.wakers.get_mut(place) {
            Some(Some(waker)) if waker.will_wake(context.waker()) => {}
            Some(slot) => *slot = Some(context.waker().clone()),
            None => {}
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn all_who_wait_are_woken_once_and_the_first_outcome_stands() {
        let group = Group::default();
        let (early, late, moved) = <(Arc<Count>, Arc<Count>, Arc<Count>)>::default();
        let poll = |place, count: &Arc<Count>| {
            let waker = Waker::from(Arc::clone(count));
            group.poll(place, &Context::from_waker(&waker))
        };
        assert_eq!(poll(2, &early), Poll::Pending);
        assert_eq!(poll(0, &late), Poll::Pending);
        // Polled again, by the same and by another waker: the last counts.
        assert_eq!(poll(0, &late), Poll::Pending);
        assert_eq!(poll(2, &moved), Poll::Pending);
        group.resolve(Ok(7));
        group.resolve(Err(JournalError::Unavailable));
        let woken = [&early, &late, &moved].map(|count| count.0.load(Ordering::Relaxed));
        assert_eq!(woken, [0, 1, 1]);
        for (place, count) in [(0, &late), (1, &early), (2, &moved)] {
            assert_eq!(poll(place, count), Poll::Ready(Ok(7)));
        }
    }

    #[test]
    fn those_of_a_runtime_are_woken_within_it_and_also_by_its_end() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut ending = None;
        for runs in [true, false] {
            let (group, count) = (Group::default(), Arc::new(Count::default()));
            let waker = Waker::from(Arc::clone(&count));
            let entered = runtime.enter();
            for place in 0..3 {
                assert_eq!(group.poll(place, &Context::from_waker(&waker)), Poll::Pending);
            }
            drop(entered);
            group.resolve(Ok(1));
            assert_eq!(count.0.load(Ordering::Relaxed), 0);
            if runs {
                runtime.block_on(tokio::task::yield_now());
                assert_eq!(count.0.load(Ordering::Relaxed), 3);
            } else {
                ending = Some(count);
            }
        }
        drop(runtime);
        assert_eq!(ending.unwrap().0.load(Ordering::Relaxed), 3);
    }
}
