//! What an organization says of an account's principals: the seam to service control policies.

use std::sync::Arc;

use bulla_plane::{BoxFuture, ConditionValue, Stop};
use bulla_policy::Policy;

/// What binds every principal of an account.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    /// Service control policies by level (root, organizational units, account); none where the
    /// account is in no organization, or manages it.
    pub levels: Vec<Vec<Arc<Policy>>>,
    /// Condition keys such as `aws:principalorgid`, in lower case.
    pub conditions: Vec<(String, ConditionValue)>,
    /// Whether the account is closed: nobody gets in.
    pub closed: bool,
}

/// Knows what binds accounts. Whoever implements it tells [`Principals::changed_everywhere`] of
/// each change, after it is committed and before it is acknowledged.
///
/// [`Principals::changed_everywhere`]: super::Principals::changed_everywhere
pub trait Guardrails: Send + Sync {
    /// What binds the principals of an account.
    ///
    /// # Errors
    /// Our own, when the store can't be read.
    fn of<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Bounds, Stop>>;

    /// Whether there is such an account, and it is open.
    ///
    /// # Errors
    /// Our own, when the store can't be read.
    fn exists<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<bool, Stop>>;
}
