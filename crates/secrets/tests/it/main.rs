//! Secrets Manager in process, through the pipeline: with KMS beside it, a store and a journal in
//! memory, and principals of the test.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod across;
mod deletion;
mod house;
mod keys;
mod lists;
#[expect(dead_code, reason = "written for KMS's tests, which use all of it")]
#[path = "../../../kms/tests/it/people.rs"]
mod people;
mod permission;
mod quotas;
mod replicas;
mod rotation;
mod values;
