//! Work that is carried to its end, also when nobody waits for it any more.
//!
//! A connection that is lost drops what it was waiting for. A call must not end there: its effect
//! would stand without a record. Most calls end before their connection, and cost no task.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio_util::sync::ReusableBoxFuture;

type Work<T> = ReusableBoxFuture<'static, T>;

/// Where one work after the other lies: they are large, and the room for them is taken once.
pub(crate) struct Room<T>(Arc<Mutex<Option<Work<T>>>>);

impl<T> Default for Room<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Room<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Room<T> {
    /// Exchanges what is kept: nothing can fail while it is.
    fn keep(&self, work: Option<Work<T>>) -> Option<Work<T>> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), work)
    }
}

/// A future that goes on as a task of its own when it is dropped before its end.
pub(crate) struct Completion<T: Send + 'static> {
    work: Option<Work<T>>,
    room: Room<T>,
}

impl<T: Send + 'static> Completion<T> {
    /// Takes the room of the work before, if that has ended.
    pub(crate) fn of(work: impl Future<Output = T> + Send + 'static, room: Room<T>) -> Self {
        let work = match room.keep(None) {
            Some(mut ended) => {
                ended.set(work);
                ended
            }
            None => ReusableBoxFuture::new(work),
        };
        Self { work: Some(work), room }
    }
}

impl<T: Send + 'static> Future for Completion<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let polled = work.poll(context);
        if polled.is_ready() {
            let ended = self.work.take();
            self.room.keep(ended);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Completion<T> {
    fn drop(&mut self) {
        // Without a runtime the process is past its end, and nothing can be written any more.
        if let (Some(work), Ok(runtime)) = (self.work.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_is_dropped_goes_on() {
        let (go, going) = oneshot::channel::<()>();
        let (done, ended) = oneshot::channel();
        let work = async move {
            going.await.unwrap();
            done.send(7).unwrap();
        };
        let mut work = Completion::of(work, Room::default());
        let waiting = std::future::poll_fn(|context| {
            Poll::Ready(Pin::new(&mut work).poll(context).is_pending())
        });
        assert!(waiting.await);
        drop(work);
        go.send(()).unwrap();
        assert_eq!(ended.await, Ok(7));
    }

    #[tokio::test]
    async fn what_ends_answers_and_leaves_its_room() {
        let room = Room::default();
        for number in 0..3 {
            assert_eq!(Completion::of(async move { number }, room.clone()).await, number);
            assert!(room.0.lock().unwrap().is_some());
        }
        // What goes on elsewhere takes its room with it.
        drop(Completion::of(std::future::pending::<i32>(), room.clone()));
        assert!(room.0.lock().unwrap().is_none());
    }
}
