//! A bar that counts parameters, where somebody looks.

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressStyle};

const KNOWN: &str = "{bar:30} {pos} of {len} parameters, {per_sec}, {eta} left";
const UNKNOWN: &str = "{spinner} {pos} parameters, {per_sec}";

/// A bar up to `total`, if that is known.
pub(super) fn counting(total: Option<u64>, quiet: bool) -> ProgressBar {
    if quiet || !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), KNOWN),
        None => (ProgressBar::new_spinner(), UNKNOWN),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
