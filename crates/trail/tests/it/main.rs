//! CloudTrail in process, through the pipeline: a store and a journal in memory, and the root users
//! of any account.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod delivery;
mod house;
mod lookup;
mod retention;
#[cfg(feature = "s3")]
mod s3;
mod trails;
