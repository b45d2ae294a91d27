//! Who there is: the seam between services that name principals, and the one that keeps them.

use std::sync::Arc;

use bulla_shapes::Fault;

use crate::{Authority, BoxFuture};

/// How many principals one page of [`Directory::list`] has at most.
pub const MAX_LISTED: usize = 1000;

/// One who exists and can be named as a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The ARN: of an account's root, of a user, or of a role with its path.
    pub arn: String,
    /// `AIDA…` of a user, `AROA…` of a role, the account number of a root. It is not given again
    /// when somebody of the same name follows one who was deleted.
    pub unique_id: String,
    /// The account.
    pub account: String,
}

/// Finds principals.
pub trait Directory: Send + Sync {
    /// Whom a text names: an account number, the ARN of a root, user or role, a unique id, the
    /// id of a long-term access key (its owner), or the ARN of a role's session (the role).
    /// None when nobody of that name exists.
    ///
    /// # Errors
    /// Our own, when the store can't be read.
    fn find<'a>(&'a self, named: &'a str) -> BoxFuture<'a, Result<Option<Known>, Fault>>;

    /// The role of a name, whatever its path: a session's ARN tells no more of its role.
    ///
    /// # Errors
    /// Our own, when the store can't be read.
    fn role<'a>(
        &'a self,
        account: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Known>, Fault>>;

    /// What a principal's own side lets it do, by the ARN that [`find`](Self::find) gave. A role
    /// stands for a session of it without session policies.
    ///
    /// # Errors
    /// Our own, when the store can't be read.
    fn authority<'a>(
        &'a self,
        arn: &'a str,
    ) -> BoxFuture<'a, Result<Option<Arc<Authority>>, Fault>>;

    /// All principals of all accounts in the order of their ARNs, those after `after`; at most
    /// [`MAX_LISTED`]. An empty page is the last.
    ///
    /// # Errors
    /// Our own, when the store can't be read.
    fn list<'a>(&'a self, after: Option<&'a str>) -> BoxFuture<'a, Result<Vec<Known>, Fault>>;
}
