//! What was seen of a request: the parts of its way, one within the other.
//!
//! A request is followed by the task that drives it, wherever that task runs. What a handler
//! leaves to other tasks and threads is not seen; the time that it waits for them is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bulla_shapes::Fault;

use crate::Call;

/// How many parts of one request are kept; the others are counted.
pub const MAX_PARTS: usize = 128;

tokio::task_local! {
    /// The request that the task is driving.
    static FOLLOWED: Followed;
}

/// A request that is followed.
#[derive(Clone, Debug)]
pub struct Followed(Arc<Mutex<Course>>);

/// What was seen of a request, from its beginning to [`Followed::end`].
#[derive(Debug)]
pub struct Course {
    /// When it began, by the system's clock.
    pub began: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// What was called; none where the request reached no operation.
    pub facts: Option<Facts>,
    /// The parts of its way, in the order in which they began.
    pub parts: Vec<Part>,
    /// How many parts there were beyond [`MAX_PARTS`].
    pub left_out: u64,
    since: Instant,
    /// The parts that have not ended, the innermost last.
    open: Vec<usize>,
}

/// A part of a request's way.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub what: What,
    /// The part that it lies in; none for what lies in the request itself.
    pub within: Option<usize>,
    /// When it began, from the beginning of the request.
    pub began: Duration,
    /// How long it took.
    pub took: Duration,
}

/// What a part of a request's way is.
#[derive(Debug, PartialEq, Eq)]
pub enum What {
    /// A stage, by its name.
    Stage(&'static str),
    /// A call that a service made on the caller's behalf; its facts unless it ended early.
    Inner(Option<Facts>),
}

/// What may be told of a call: who called what, and what became of it. Never anything of its
/// input or output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The id of the service's model, such as `kms`.
    pub service: &'static str,
    /// The operation.
    pub operation: &'static str,
    /// The request's id.
    pub request_id: [u8; 16],
    /// The caller's account; empty where nobody was recognized.
    pub account: String,
    /// The region of the credential scope.
    pub region: String,
    /// The code of the error that was answered.
    pub error: Option<String>,
}

impl Facts {
    fn of(call: &Call, operation: &'static str, fault: Option<&Fault>) -> Self {
        Self {
            service: call.service.id,
            operation,
            request_id: call.request_id,
            account: call.account().to_owned(),
            region: call.region.clone(),
            error: fault.map(|fault| fault.code.clone().into_owned()),
        }
    }
}

impl Default for Followed {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Course {
            began: SystemTime::now(),
            took: Duration::ZERO,
            facts: None,
            parts: Vec::new(),
            left_out: 0,
            since: Instant::now(),
            open: Vec::new(),
        })))
    }
}

impl Followed {
    /// Begins with a request.
    #[must_use]
    pub fn begin() -> Self {
        Self::default()
    }

    /// Work of the request.
    pub fn within<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        FOLLOWED.scope(self.clone(), work)
    }

    /// Ends with the request, and gives what was seen of it. What is seen later is lost.
    #[must_use]
    pub fn end(self) -> Course {
        let mut course = self.course();
        let took = course.since.elapsed();
        Course {
            began: course.began,
            took,
            facts: course.facts.take(),
            parts: std::mem::take(&mut course.parts),
            left_out: course.left_out,
            since: course.since,
            open: Vec::new(),
        }
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        // Nothing that can panic half-way through a change runs under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, what: What) -> Passing {
        let mut course = self.course();
        let at = course.parts.len();
        if at >= MAX_PARTS {
            course.left_out = course.left_out.saturating_add(1);
            return Passing(None);
        }
        let (within, began) = (course.open.last().copied(), course.since.elapsed());
        course.parts.push(Part { what, within, began, took: Duration::ZERO });
        course.open.push(at);
        drop(course);
        Passing(Some((self.clone(), at)))
    }
}

/// A part of a request's way, which ends when this is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Passing(Option<(Followed, usize)>);

impl Passing {
    /// What is to be told of the inner call that this is.
    pub(crate) fn told(&self, call: &Call, operation: &'static str, fault: Option<&Fault>) {
        let Some((followed, at)) = &self.0 else { return };
        if let Some(part) = followed.course().parts.get_mut(*at) {
            part.what = What::Inner(Some(Facts::of(call, operation, fault)));
        }
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        let Some((followed, at)) = &self.0 else { return };
        let mut course = followed.course();
        let now = course.since.elapsed();
        course.open.retain(|open| open != at);
        if let Some(part) = course.parts.get_mut(*at) {
            part.took = now.saturating_sub(part.began);
        }
    }
}

/// Where the followed request is from now on: at a stage.
pub(crate) fn part(name: &'static str) -> Passing {
    enter(What::Stage(name))
}

/// Where the followed request is from now on: in a call of one service to another.
pub(crate) fn inner() -> Passing {
    enter(What::Inner(None))
}

fn enter(what: What) -> Passing {
    FOLLOWED.try_with(|followed| followed.enter(what)).unwrap_or(Passing(None))
}

/// What is to be told of the followed request itself.
pub(crate) fn answered(call: &Call, operation: &'static str, fault: Option<&Fault>) {
    // Most requests are followed by nobody.
    let _unfollowed = FOLLOWED.try_with(|followed| {
        followed.course().facts = Some(Facts::of(call, operation, fault));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn parts_lie_within_those_that_have_not_ended() {
        let followed = Followed::begin();
        let way = async {
            drop(part("first"));
            let outer = part("outer");
            tokio::task::yield_now().await;
            drop(part("within"));
            drop(outer);
            drop(part("last"));
        };
        followed.within(way).await;
        drop(part("of nobody"));
        let course = followed.end();
        let told: Vec<_> = course.parts.iter().map(|part| (&part.what, part.within)).collect();
        let names = ["first", "outer", "within", "last"].map(What::Stage);
        let [first, outer, within, last] = &names;
        assert_eq!(told, [(first, None), (outer, None), (within, Some(1)), (last, None)]);
        assert!(course.parts.iter().all(|part| part.began + part.took <= course.took));
        assert!(course.facts.is_none());
    }

    #[tokio::test]
    async fn no_more_parts_are_kept_than_there_may_be() {
        let followed = Followed::begin();
        followed.within(async { (0..MAX_PARTS + 3).for_each(|_| drop(part("one"))) }).await;
        let late = followed.clone();
        let course = followed.end();
        assert_eq!((course.parts.len(), course.left_out), (MAX_PARTS, 3));
        late.within(async { drop(part("late")) }).await;
    }
}
