//! The meter over a journal.

#![expect(clippy::unwrap_used, reason = "tests")]

mod gathered;
mod many;
mod month;
mod prune;
mod script;
