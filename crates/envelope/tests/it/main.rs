//! The library from outside: vectors, every suite and keyring, and what was damaged.
#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]
#![expect(clippy::indexing_slicing, reason = "an index out of range fails the test")]

#[cfg(feature = "aws-sdk-kms")]
mod aws_sdk;
mod caching;
mod damage;
mod dependencies;
mod ecdh;
mod examples;
mod hierarchy;
mod hostile;
mod keyrings;
mod kms;
mod published;
mod streams;
mod stub;
mod support;
mod vectors;
