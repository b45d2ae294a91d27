//! What each operation does.

pub(crate) mod dimensions;
pub(crate) mod usage;

use bulla_plane::Stop;
use bulla_shapes::ce::DateInterval;
use bulla_shapes::{Fault, Record};

use crate::calendar::{Hour, Span};
use crate::fault;

/// What an operation answers.
pub(crate) type Answer = Result<Option<Record<'static>>, Stop>;

/// The time that a report is of: full days, or hours where they are asked for.
fn period(given: Option<&DateInterval<'_>>, now_ms: i64, by_hour: bool) -> Result<Span, Fault> {
    let given = given.ok_or_else(fault::internal)?;
    let read = |text: &str| {
        let hour = Hour::read(text).ok_or_else(|| {
            fault::validation(format!("{text} is no date as yyyy-MM-dd or yyyy-MM-ddTHH:00:00Z."))
        })?;
        if !by_hour && text.contains('T') {
            return Err(fault::validation("Only hourly reports begin and end with an hour."));
        }
        Ok(hour)
    };
    let span = Span { from: read(given.start())?, to: read(given.end())? };
    let now = Hour::of(now_ms);
    if span.from >= span.to {
        let text = "Start date (and hour) should be before end date (and hour)";
        return Err(fault::validation(text));
    }
    if span.from > now {
        return Err(fault::unavailable());
    }
    if span.from < now.kept_from() {
        return Err(fault::too_early());
    }
    // What is to come has no costs, and is no reason to count its days.
    Ok(Span { to: span.to.min(now.month().to), ..span })
}
