//! Slow work, off the async workers: a fixed number of places, and a bounded room to wait in.

use std::sync::Arc;
use std::thread;

use bulla_crypto::give_way;
use bulla_plane::Stop;
use bulla_shapes::Fault;
use tokio::sync::{Semaphore, oneshot};

use crate::fault;
use crate::pool::Pool;

/// How many calls may wait for a place or have one; more are refused at once.
const MAX_WAITING: usize = 1_024;
/// The same for work that takes seconds.
const MAX_WAITING_LONG: usize = 64;

/// Where work of one sort is done.
pub(crate) struct Workshop {
    places: Pool,
    room: Arc<Semaphore>,
}

impl Workshop {
    /// For work of some milliseconds at most: as many places as there are cores.
    pub(crate) fn brisk() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self::new(Pool::new(cores, "bulla-brisk", || {}), MAX_WAITING)
    }

    /// For work of seconds, such as finding primes: one place, whose work lets all other go first.
    pub(crate) fn patient() -> Self {
        Self::new(Pool::new(1, "bulla-patient", give_way), MAX_WAITING_LONG)
    }

    fn new(places: Pool, room: usize) -> Self {
        Self { places, room: Arc::new(Semaphore::new(room)) }
    }

    /// Does a piece of work when there is a place for it.
    ///
    /// Its place is taken until the work is done, even if nobody waits for it any more.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, Stop>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let waits = Arc::clone(&self.room).try_acquire_owned();
        let waits = waits.map_err(|_| fault::throttled())?;
        let (tell, told) = oneshot::channel();
        let work = move || {
            let _waits = waits;
            // Whoever asked may have gone.
            let _unheard = tell.send(work());
        };
        self.places.post(Box::new(work)).map_err(failed)?;
        Ok(told.await.map_err(failed)?)
    }
}

fn failed(error: impl std::fmt::Display) -> Fault {
    tracing::error!(%error, "work off the async workers failed");
    fault::internal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_and_what_fails_fails_alone() {
        for shop in [Workshop::brisk(), Workshop::patient()] {
            assert_eq!(shop.run(|| 1 + 1).await.ok(), Some(2));
            assert!(shop.run(|| assert!(std::hint::black_box(false))).await.is_err());
            assert_eq!(shop.run(|| 1 + 1).await.ok(), Some(2));
        }
    }

    #[tokio::test]
    async fn beyond_the_room_callers_are_turned_away() {
        let shop = Arc::new(Workshop::new(Pool::new(1, "one", || {}), 2));
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let first = tokio::spawn({
            let shop = Arc::clone(&shop);
            async move { shop.run(move || wait.recv().is_ok()).await.ok() }
        });
        let second = tokio::spawn({
            let shop = Arc::clone(&shop);
            async move { shop.run(|| true).await.ok() }
        });
        while shop.room.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = shop.run(|| true).await.err();
        assert!(matches!(refused, Some(Stop::Fault(fault)) if fault.code == "ThrottlingException"));
        go.send(()).unwrap();
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (Some(true), Some(true)));
    }
}
