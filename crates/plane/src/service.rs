//! A service as the pipeline sees it: rows of operations, and one way to run each.

use bulla_shapes::{Fault, Record};

use crate::gate::AnyProtected;
use crate::scheduler::Job;
use crate::{BoxFuture, Call, Guarded, Stop};

/// How often a handler begins again when other calls change the same rows. Who loses each time is
/// told so ([`contended`](crate::stop::contended)).
pub const MAX_ATTEMPTS: u32 = 100;

/// What an operation does to resources, in IAM's own terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Lists resources.
    List,
    /// Reads a resource, or uses it without changing it.
    Read,
    /// Changes a resource.
    Write,
    /// Changes who may use a resource.
    Permissions,
    /// Changes tags.
    Tagging,
}

/// What an operation answers: its output, where it has one.
pub type Outcome = Result<Option<Record<'static>>, Fault>;

/// What is known of an operation before it runs.
#[derive(Debug)]
pub struct Facts {
    /// AWS's name.
    pub name: &'static str,
    /// What it does to resources.
    pub access: Access,
    /// Whether CloudTrail calls it read-only.
    pub read_only: bool,
    /// The request quota it counts on.
    pub quota: &'static str,
}

/// An operation as data. `S` is the service's own type. Made by [`row!`](crate::row).
pub struct Row<S: 'static> {
    /// What is known of it.
    pub facts: Facts,
    /// What serves it.
    pub handler: Handler<S>,
}

/// What serves an operation.
pub type Handler<S> = for<'c> fn(&'c S, &'c mut Call, Record<'c>) -> BoxFuture<'c, Outcome>;

/// A row: name, access, whether it only reads, quota, its input's view, its handler.
///
/// The handler is an `async fn(&S, &mut Call, &Input) -> Result<Option<Record<'static>>, Stop>`.
/// It begins anew when it stops with [`Stop::Again`](crate::Stop::Again).
#[macro_export]
macro_rules! row {
    ($name:literal, $access:ident, $reads:literal, $quota:literal, $input:ident, $serve:path) => {
        $crate::Row {
            facts: $crate::Facts {
                name: $name,
                access: $crate::Access::$access,
                read_only: $reads,
                quota: $quota,
            },
            handler: |service, call, input| {
                Box::pin(async move {
                    let input = <$input<'_> as ::bulla_shapes::View>::from_record(input);
                    for _ in 0..$crate::service::MAX_ATTEMPTS {
                        match $serve(service, call, &input).await {
                            Ok(answer) => return Ok(answer),
                            Err(stop) => call.begin_again(stop)?,
                        }
                    }
                    Err($crate::stop::contended(call.service, $name))
                })
            },
        }
    };
}

/// A resource that was looked for, still behind the Gate.
pub type Found<'c> = BoxFuture<'c, Result<Option<Guarded<AnyProtected>>, Stop>>;

/// A service as its crate writes it: a table of rows, and what does not come by a call.
pub trait Rows: Send + Sync + Sized + 'static {
    /// Its interface model.
    const MODEL: &'static bulla_shapes::Service;

    /// Its operations, in the order in which a reader should see them.
    fn rows() -> &'static [Row<Self>];

    /// The resource that a text names as operations name it, for questions about access. None
    /// when there is no such resource; a service that guards none has none.
    fn resource<'c>(&'c self, _call: &'c Call, _name: &'c str) -> Found<'c> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Carries out a job that fell due; it deletes the job's row in the batch of its effect.
    fn run_due<'c>(&'c self, job: &'c Job) -> BoxFuture<'c, Result<(), Fault>> {
        let text = format!("{} knows no job of the kind {}", Self::MODEL.id, job.kind);
        let fault = Fault::new("InternalFailure", 500).with_message(text);
        Box::pin(std::future::ready(Err(fault)))
    }

    /// Carries out jobs of one kind together, the oldest first, in fewer commits than one each.
    /// None where each is carried out by itself, as is what fails together.
    fn run_due_together<'c>(
        &'c self,
        _jobs: &'c [Job],
    ) -> Option<BoxFuture<'c, Result<(), Fault>>> {
        None
    }

    /// The largest body that an operation takes, in bytes, where it is more than
    /// [`MAX_BODY_BYTES`](crate::wire::MAX_BODY_BYTES).
    fn large_body(&self, _operation: &str) -> Option<usize> {
        None
    }

    /// The rate that the caller's account has chosen for a request quota in place of AWS's default,
    /// in requests a second. Asked only where AWS's defaults hold.
    fn raised<'c>(&'c self, call: &'c Call, quota: &'static str) -> Option<Raised<'c>> {
        let _ = (call, quota);
        None
    }

    /// Forgets everything that is cached, after a reset.
    fn forget(&self);

    /// Writes what is held back, after the last call.
    fn wind_up(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// A rate that an account has chosen, if it has.
pub type Raised<'c> = BoxFuture<'c, Result<Option<f64>, Fault>>;

/// A service as the pipeline runs it; every [`Rows`] is one.
pub trait Service: Send + Sync {
    /// Its interface model.
    fn model(&self) -> &'static bulla_shapes::Service;

    /// What is known of its operations, in the order of the rows.
    fn operations(&self) -> Vec<&'static Facts>;

    /// The row that serves an operation: its number, and what is known of it.
    fn find(&self, operation: &str) -> Option<(usize, &'static Facts)>;

    /// Runs the operation of a row that [`find`](Self::find) gave.
    fn invoke<'c>(
        &'c self,
        row: usize,
        call: &'c mut Call,
        input: Record<'c>,
    ) -> BoxFuture<'c, Outcome>;

    /// See [`Rows::resource`].
    fn resource<'c>(&'c self, call: &'c Call, name: &'c str) -> Found<'c>;

    /// See [`Rows::run_due`].
    fn run_due<'c>(&'c self, job: &'c Job) -> BoxFuture<'c, Result<(), Fault>>;

    /// See [`Rows::run_due_together`].
    fn run_due_together<'c>(&'c self, jobs: &'c [Job]) -> Option<BoxFuture<'c, Result<(), Fault>>>;

    /// See [`Rows::large_body`].
    fn large_body(&self, operation: &str) -> Option<usize>;

    /// See [`Rows::raised`].
    fn raised<'c>(&'c self, call: &'c Call, quota: &'static str) -> Option<Raised<'c>>;

    /// See [`Rows::forget`].
    fn forget(&self);

    /// See [`Rows::wind_up`].
    fn wind_up(&self) -> BoxFuture<'_, ()>;
}

impl<S: Rows> Service for S {
    fn model(&self) -> &'static bulla_shapes::Service {
        S::MODEL
    }

    fn operations(&self) -> Vec<&'static Facts> {
        S::rows().iter().map(|row| &row.facts).collect()
    }

    fn find(&self, operation: &str) -> Option<(usize, &'static Facts)> {
        let mut rows = S::rows().iter().enumerate();
        rows.find(|(_, row)| row.facts.name == operation).map(|(at, row)| (at, &row.facts))
    }

    fn invoke<'c>(
        &'c self,
        row: usize,
        call: &'c mut Call,
        input: Record<'c>,
    ) -> BoxFuture<'c, Outcome> {
        match S::rows().get(row) {
            Some(row) => (row.handler)(self, call, input),
            None => Box::pin(std::future::ready(Err(crate::stop::internal(S::MODEL)))),
        }
    }

    fn resource<'c>(&'c self, call: &'c Call, name: &'c str) -> Found<'c> {
        Rows::resource(self, call, name)
    }

    fn run_due<'c>(&'c self, job: &'c Job) -> BoxFuture<'c, Result<(), Fault>> {
        Rows::run_due(self, job)
    }

    fn run_due_together<'c>(&'c self, jobs: &'c [Job]) -> Option<BoxFuture<'c, Result<(), Fault>>> {
        Rows::run_due_together(self, jobs)
    }

    fn large_body(&self, operation: &str) -> Option<usize> {
        Rows::large_body(self, operation)
    }

    fn raised<'c>(&'c self, call: &'c Call, quota: &'static str) -> Option<Raised<'c>> {
        Rows::raised(self, call, quota)
    }

    fn forget(&self) {
        Rows::forget(self);
    }

    fn wind_up(&self) -> BoxFuture<'_, ()> {
        Rows::wind_up(self)
    }
}
