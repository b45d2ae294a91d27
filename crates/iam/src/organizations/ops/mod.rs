//! Organizations' operations.

pub(super) mod accounts;
pub(super) mod attachments;
pub(super) mod organization;
pub(super) mod policies;
pub(super) mod types;
pub(super) mod units;

use bulla_plane::Stop;
use bulla_shapes::{Fault, Record};

use super::fault;
use super::view::SCP;

/// What a handler answers.
type Answer = Result<Option<Record<'static>>, Stop>;

/// Refuses the types of policies that are not served.
fn only_scps(kind: &str) -> Result<(), Fault> {
    if kind == SCP { Ok(()) } else { Err(fault::type_not_available()) }
}
