//! A service as the pipeline sees it: rows of operations, and one way to run each.

use bulla_shapes::{Fault, Record};

use crate::{BoxFuture, Call};

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

/// An operation as data. `S` is the service's own type.
pub struct Row<S: 'static> {
    /// AWS's name.
    pub name: &'static str,
    /// What it does to resources.
    pub access: Access,
    /// Whether CloudTrail calls it read-only.
    pub read_only: bool,
    /// The request quota it counts on.
    pub quota: &'static str,
    /// What serves it.
    pub handler: Handler<S>,
}

/// What serves an operation.
pub type Handler<S> = for<'c> fn(&'c S, &'c mut Call, Record<'c>) -> BoxFuture<'c, Outcome>;

/// A service.
pub trait Service: Send + Sync {
    /// Its interface model.
    fn model(&self) -> &'static bulla_shapes::Service;

    /// The rows: name, access, read-only, quota; in the order in which a reader should see them.
    fn operations(&self) -> Vec<(&'static str, Access, bool, &'static str)>;

    /// Whether an operation has a row, and whether it is read-only.
    fn read_only(&self, operation: &str) -> Option<bool>;

    /// Runs an operation that has a row.
    fn invoke<'c>(
        &'c self,
        operation: &str,
        call: &'c mut Call,
        input: Record<'c>,
    ) -> BoxFuture<'c, Outcome>;

    /// Carries out a job that fell due; it deletes the job's row in the batch of its effect.
    fn run_due<'c>(&'c self, job: &'c crate::scheduler::Job) -> BoxFuture<'c, Result<(), Fault>>;

    /// Forgets everything that is cached, after a reset.
    fn forget(&self);
}
