//! IAM: users, groups, roles, policies, and who may do what to them.
//!
//! Records are read in the caller's account only, and go through the Gate like everything else. A
//! change drops what the account's principals have in memory, so that it holds from the next
//! request on.

mod account;
mod answer;
mod attach;
mod boundary;
mod census;
mod details;
mod document;
mod fault;
mod gate;
mod groups;
mod holders;
mod inline;
mod keys;
mod lifetime;
mod linked;
mod page;
mod policies;
mod profiles;
mod providers;
mod roles;
mod rows;
mod simulate;
mod tags;
mod trust;
mod usage;
mod users;
mod versions;

pub(crate) use usage::Use;

use std::sync::Arc;

use bulla_plane::Stop;
use bulla_shapes::Record;

use crate::oidc::Providers;
use crate::principals::Principals;

/// What a handler answers.
pub(crate) type Answer = Result<Option<Record<'static>>, Stop>;

/// The service.
pub struct Iam {
    pub(crate) principals: Arc<Principals>,
    pub(crate) providers: Arc<Providers>,
}

impl Iam {
    /// The service over the principals and the identity providers of all accounts.
    #[must_use]
    pub fn new(providers: Arc<Providers>) -> Self {
        Self { principals: Arc::clone(&providers.principals), providers }
    }
}
