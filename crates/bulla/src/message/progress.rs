//! A bar for long work, where somebody looks.

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressStyle};

use super::files::{Job, Place};

/// Work of fewer bytes is over before anybody has read the bar.
const SHOWN_FROM: u64 = 64 << 20;

const TEMPLATE: &str = "{bar:30} {bytes} of {total_bytes}, {binary_bytes_per_sec}, {eta} left";

/// The bar of all jobs; one that is not seen for little work, where nobody looks, or where nobody
/// wants it.
pub(super) fn of(jobs: &[Job], quiet: bool) -> ProgressBar {
    let known = jobs.iter().all(|job| matches!(job.input, Place::File(_)));
    let total: u64 = jobs.iter().filter_map(|job| job.len).sum();
    if quiet || !stderr().is_terminal() || (known && total < SHOWN_FROM) {
        return ProgressBar::hidden();
    }
    if !known {
        return ProgressBar::new_spinner();
    }
    let bar = ProgressBar::new(total);
    match ProgressStyle::with_template(TEMPLATE) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
