//! Rotations under way: each in a task of its own, so that one that hangs holds up no other.
//!
//! What is under way is in memory only as far as it keeps a rotation from being carried out twice
//! at once. That it is to be carried out is a row in the schedule, which stays until the end is
//! written down.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// How many rotations are under way at once; more wait for the next look at the schedule.
pub(crate) const MAX_TURNS: usize = 256;
/// How many of them one rotator carries out: what hangs leaves room for the others.
pub(crate) const MAX_TURNS_OF_A_ROTATOR: usize = 64;
/// How long the end of the program waits for the rotations under way. Those that it cuts off go
/// on at the next start.
const MAX_WIND_UP: Duration = Duration::from_secs(10);

/// The rotations under way.
#[derive(Default)]
pub(crate) struct Turns {
    /// The rotator of each, by the secret's row.
    under_way: Mutex<HashMap<String, String>>,
    ended: Notify,
    ending: AtomicBool,
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up the rotation of a secret as a task, unless it is under way or there is no room.
    pub(crate) fn take<F>(self: &Arc<Self>, path: &str, rotator: &str, turn: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut under_way = self.lock();
        let of_rotator = under_way.values().filter(|other| *other == rotator).count();
        if self.ending.load(Ordering::Acquire)
            || under_way.contains_key(path)
            || under_way.len() >= MAX_TURNS
            || of_rotator >= MAX_TURNS_OF_A_ROTATOR
        {
            return;
        }
        under_way.insert(path.to_owned(), rotator.to_owned());
        drop(under_way);
        let ending = Ending { turns: Arc::clone(self), path: path.to_owned() };
        tokio::spawn(async move {
            let _ending = ending;
            turn.await;
        });
    }

    /// Waits until none is under way.
    pub(crate) async fn all_ended(&self) {
        loop {
            let ended = self.ended.notified();
            if self.lock().is_empty() {
                return;
            }
            ended.await;
        }
    }

    /// Begins no more, and waits for those under way, for a while.
    pub(crate) async fn wind_up(&self) {
        self.ending.store(true, Ordering::Release);
        if tokio::time::timeout(MAX_WIND_UP, self.all_ended()).await.is_err() {
            tracing::warn!("some rotations are not through; they go on at the next start");
        }
    }
}

/// Strikes a rotation out when its task has ended, however it ended.
struct Ending {
    turns: Arc<Turns>,
    path: String,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.turns.lock().remove(&self.path);
        self.turns.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[tokio::test]
    async fn each_is_under_way_once_and_none_takes_all_the_room() {
        let (turns, run) = (Arc::new(Turns::default()), Arc::new(AtomicUsize::new(0)));
        let (open, gate) = tokio::sync::watch::channel(false);
        let take = |path: String, rotator: &str| {
            let (run, mut gate) = (Arc::clone(&run), gate.clone());
            turns.take(&path, rotator, async move {
                run.fetch_add(1, Ordering::Relaxed);
                gate.wait_for(|open| *open).await.unwrap();
            });
        };
        for number in 0..MAX_TURNS_OF_A_ROTATOR + 5 {
            take(format!("hanging/{number}"), "a");
            take(format!("hanging/{number}"), "a");
        }
        assert_eq!(turns.lock().len(), MAX_TURNS_OF_A_ROTATOR);
        for number in 0..MAX_TURNS {
            take(format!("other/{number}"), &format!("rotator/{}", number % 8));
        }
        assert_eq!(turns.lock().len(), MAX_TURNS);
        open.send(true).unwrap();
        turns.all_ended().await;
        assert_eq!(run.load(Ordering::Relaxed), MAX_TURNS);
        turns.wind_up().await;
        take("late".to_owned(), "a");
        assert!(turns.lock().is_empty());
    }
}
