//! Parameter Store in process, through the pipeline and with KMS beside it: a store and a journal
//! in memory, and the root users of any account.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod counts;
mod house;
mod lists;
mod policies;
mod rates;
mod records;
