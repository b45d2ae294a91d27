//! Work that is carried to its end, also when nobody waits for it any more.
//!
//! A connection that is lost drops what it was waiting for. A call must not end there: its effect
//! would stand without a record. Most calls end before their connection, and cost no task.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// A future that goes on as a task of its own when it is dropped before its end.
pub(crate) struct Completion<T: Send + 'static> {
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
}

impl<T: Send + 'static> Completion<T> {
    pub(crate) fn of(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self { work: Some(Box::pin(work)) }
    }
}

impl<T: Send + 'static> Future for Completion<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.work else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_ready() {
            self.work = None;
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
        let mut work = Completion::of(async move {
            going.await.unwrap();
            done.send(7).unwrap();
        });
        let waiting = std::future::poll_fn(|context| {
            Poll::Ready(Pin::new(&mut work).poll(context).is_pending())
        });
        assert!(waiting.await);
        drop(work);
        go.send(()).unwrap();
        assert_eq!(ended.await, Ok(7));
    }

    #[tokio::test]
    async fn what_ends_answers() {
        assert_eq!(Completion::of(async { 1 }).await, 1);
    }
}
