//! KMS in process, through the pipeline: a store and a journal in memory, principals of the test.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod abroad;
mod aliases;
mod condition_keys;
mod events;
mod grant_authorization;
mod grant_lists;
mod grants;
mod house;
mod key_policies;
mod key_stores;
mod kinds;
mod people;
mod proxy;
mod quotas;
mod reads;
#[cfg(feature = "sm2")]
mod sm2;
mod token;
mod tokens;
