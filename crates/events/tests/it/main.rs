//! EventBridge in process, through the pipeline: a store and a journal in memory, targets of the
//! test.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod authorization;
mod buses;
mod connections;
mod delivery;
mod house;
mod keys;
mod people;
mod rules;
mod schedules;
mod targets;
mod telling;
