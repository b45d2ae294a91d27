//! The meter over a journal.

#![expect(clippy::unwrap_used, reason = "tests")]

mod month;
mod script;
