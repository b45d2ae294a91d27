//! Requests that nobody follows.

use http::{HeaderMap, StatusCode};

use crate::house::House;

/// A request that is not followed.
pub(crate) struct Following;

impl Following {
    #[inline]
    pub(crate) fn of(_: &House, _: &HeaderMap) -> Self {
        Self
    }

    #[inline]
    pub(crate) fn within<F: Future>(&self, work: F) -> F {
        work
    }

    #[inline]
    pub(crate) fn end(self, _: StatusCode) {}
}
