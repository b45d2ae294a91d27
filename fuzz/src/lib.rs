//! What fuzz targets share: services in this process, and how inputs are altered.

pub mod databases;
pub mod edits;
pub mod iam;
pub mod kms;
pub mod ssm;
#[path = "../../crates/kms/tests/it/token.rs"]
#[expect(dead_code, reason = "the tests of KMS use the rest of it")]
mod token;
