//! What fuzz targets share: services in this process, and how inputs are altered.

pub mod edits;
pub mod iam;
pub mod kms;
#[path = "../../crates/kms/tests/it/token.rs"]
pub mod token;
