//! Organizations: accounts, the tree they are in, and the policies that bind them.
//!
//! JSON 1.1. One account manages an organization and is bound by none of its policies. A policy of
//! the type SERVICE_CONTROL_POLICY takes part in every decision on a call of an account below it:
//! each level from the root to the account must allow (`guard`).

mod content;
mod fault;
mod guard;
mod ids;
mod load;
mod ops;
mod page;
mod records;
mod role;
mod rows;
mod tree;
mod view;

use std::sync::Arc;

use bulla_store::Space;

use crate::iam::Iam;
use crate::principals::Principals;
use guard::Guard;
pub use ids::draw_account;
pub use load::record_account;
#[cfg(test)]
pub(crate) use role::put as put_role;

/// The spaces that a reset empties.
pub const SPACES: &[Space] = &[
    records::ACCOUNTS,
    records::ORGANIZATIONS,
    records::DOCUMENTS,
    records::REQUESTS,
    records::EMAILS,
];

/// The service, and what it says of accounts.
pub struct Organizations {
    iam: Arc<Iam>,
    principals: Arc<Principals>,
    guard: Arc<Guard>,
}

impl Organizations {
    /// The service over IAM's principals, whom it binds from now on. In `dev` every account exists
    /// that nobody closed.
    #[must_use]
    pub fn new(iam: Arc<Iam>, dev: bool) -> Self {
        let principals = Arc::clone(&iam.principals);
        let guard = Arc::new(Guard::new(Arc::clone(&principals.barrier), dev));
        principals.guard(Arc::clone(&guard) as _);
        Self { iam, principals, guard }
    }
}
