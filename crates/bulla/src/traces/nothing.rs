//! Requests that nobody follows.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};

/// What would follow requests: there is none.
pub(crate) enum Traces {}

/// A request that is not followed.
pub(crate) struct Following;

impl Following {
    #[inline]
    pub(crate) fn of(_: Option<&Arc<Traces>>, _: &HeaderMap) -> Self {
        Self
    }

    #[inline]
    pub(crate) fn within<F: Future>(&self, work: F) -> F {
        work
    }

    #[inline]
    pub(crate) fn end(self, _: StatusCode) {}
}
