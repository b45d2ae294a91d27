//! The meter over a journal.

#![expect(clippy::unwrap_used, reason = "tests")]

mod many;
mod month;
mod prune;
mod script;
