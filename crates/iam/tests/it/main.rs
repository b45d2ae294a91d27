//! IAM in process: requests through the whole pipeline, on a store in memory.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod denials;
mod groups;
mod house;
mod policies;
mod roles;
mod simulation;
mod users;
