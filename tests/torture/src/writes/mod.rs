//! Writes to KMS by chance, what the keys must be after each of them, and a look at what they are.
//!
//! A worker owns its keys and aliases, so that it knows to the letter what must be there. All
//! workers tag one key together, so that they meet in the store.

mod model;
mod worker;
mod world;

pub(crate) use model::{Key, Model, Op, State, next};
pub(crate) use worker::{Step, Worker, make_shared};
pub(crate) use world::World;

/// The description of the key that all workers tag.
const SHARED: &str = "shared";

/// The policy number `version` of a key: the account may do everything.
fn policy(account: &str, version: u64) -> String {
    serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": format!("v{version}"),
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
            "Action": "kms:*",
            "Resource": "*"
        }]
    })
    .to_string()
}
