//! The meter over a journal.

mod month;
mod script;
