//! Threads that take work in the order in which it came.
//!
//! What tokio has for work that blocks wakes a thread for each piece. Here a thread that has done
//! one piece takes the next without having slept, and nobody is woken while all are at work: under
//! load that halves the price of handing a signature over (bench/README.md).

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

type Work = Box<dyn FnOnce() + Send>;

/// Some threads and their queue. They are started when there is work, and end with the pool, but
/// for what is queued then, which they do.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    /// How many threads there may be.
    most: usize,
    name: &'static str,
    /// What each thread does first.
    begin: fn(),
}

struct Shared {
    state: Mutex<State>,
    /// Wakes threads that rest.
    work: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Work>,
    threads: usize,
    resting: usize,
    is_closed: bool,
}

impl Pool {
    pub(crate) fn new(most: usize, name: &'static str, begin: fn()) -> Self {
        let shared = Shared { state: Mutex::default(), work: Condvar::new() };
        Self { shared: Arc::new(shared), most, name, begin }
    }

    /// Queues a piece of work. The queue has no limit of its own.
    ///
    /// # Errors
    /// When the system gives no thread, and there is none yet.
    pub(crate) fn post(&self, work: Work) -> io::Result<()> {
        let mut state = self.shared.lock();
        if state.resting == 0 && state.threads < self.most {
            match self.start() {
                Ok(()) => state.threads = state.threads.saturating_add(1),
                Err(error) if state.threads == 0 => return Err(error),
                Err(error) => tracing::warn!(%error, "the system gives no further thread"),
            }
        }
        state.queue.push_back(work);
        let wakes = state.resting > 0;
        drop(state);
        if wakes {
            self.shared.work.notify_one();
        }
        Ok(())
    }

    fn start(&self) -> io::Result<()> {
        let (shared, begin) = (Arc::clone(&self.shared), self.begin);
        let run = move || {
            begin();
            shared.serve();
        };
        thread::Builder::new().name(self.name.to_owned()).spawn(run).map(drop)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.work.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No work runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        let mut state = self.lock();
        loop {
            if let Some(work) = state.queue.pop_front() {
                drop(state);
                // Whoever waits for it hears of the panic by what the work held.
                let _panicked = catch_unwind(AssertUnwindSafe(work));
                state = self.lock();
            } else if state.is_closed {
                return;
            } else {
                state.resting = state.resting.saturating_add(1);
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.resting = state.resting.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn work_is_done_in_order_by_no_more_threads_than_allowed() {
        let pool = Pool::new(1, "one", || {});
        let (tell, told) = mpsc::channel();
        for number in 0..100 {
            let tell = tell.clone();
            pool.post(Box::new(move || tell.send((number, thread::current().id())).unwrap()))
                .unwrap();
        }
        let done: Vec<_> = told.iter().take(100).collect();
        assert!(done.iter().map(|(number, _)| *number).eq(0..100));
        assert!(done.iter().all(|(_, thread)| *thread == done[0].1));
    }

    #[test]
    fn what_is_queued_is_done_after_the_pool_has_gone_and_its_threads_end() {
        let pool = Pool::new(2, "two", || {});
        let (tell, told) = mpsc::channel();
        for _ in 0..10 {
            let tell = tell.clone();
            pool.post(Box::new(move || tell.send(()).unwrap())).unwrap();
        }
        let shared = Arc::downgrade(&pool.shared);
        drop((pool, tell));
        assert_eq!(told.iter().count(), 10);
        while shared.upgrade().is_some() {
            thread::yield_now();
        }
    }

    #[test]
    fn a_panic_ends_no_thread() {
        let pool = Pool::new(1, "one", || {});
        let (tell, told) = mpsc::channel();
        pool.post(Box::new(|| assert!(std::hint::black_box(false)))).unwrap();
        pool.post(Box::new(move || tell.send(7).unwrap())).unwrap();
        assert_eq!(told.recv(), Ok(7));
    }
}
