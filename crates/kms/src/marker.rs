//! Pagination, as the house does it, with KMS's refusal.

use bulla_plane::marker;
pub(crate) use bulla_plane::marker::{encode, page_size};
use bulla_shapes::Fault;

use crate::fault;

/// Where the page of a marker begins.
pub(crate) fn decode(text: &str) -> Result<String, Fault> {
    marker::decode(text).ok_or_else(fault::invalid_marker)
}
