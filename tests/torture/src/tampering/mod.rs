//! Test 7: whoever can write to the journal's files drops records, edits them, exchanges them or
//! cuts them off: each is named, by the library and by `bulla audit verify`, also beside a server
//! that runs.

mod crime;
mod layout;
mod library;
mod program;

use crate::run::{Counts, Run};

/// Up to which part of the time every record of a small journal has its turn, then some of each
/// segment of a large one; then those of a server.
const SMALL_PERCENT: u32 = 20;
const LARGE_PERCENT: u32 = 55;

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let mut counts = Counts::default();
    library::small(run, SMALL_PERCENT, &mut counts)?;
    library::large(run, LARGE_PERCENT, &mut counts)?;
    program::beside_a_server_and_after_it(run, &mut counts)?;
    counts.all_of(&[
        "crimes on each record of a small journal",
        "crimes in a large journal",
        "crimes beside a server",
        "crimes after its end",
    ])
}
