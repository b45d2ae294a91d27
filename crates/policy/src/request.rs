//! What is asked: one request, and the grant that may cover it.

use crate::context::Conditions;
use crate::principal::Principal;

/// One request to decide.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The caller.
    pub principal: &'a Principal,
    /// `service:Operation`; letter case does not matter.
    pub action: &'a str,
    /// The resource's ARN, or `*` for an action without one.
    pub resource: &'a str,
    /// The account that owns the resource; the caller's own for an action without one.
    pub resource_account: &'a str,
    /// The request context.
    pub conditions: &'a dyn Conditions,
}

/// A grant, already found to cover the request (operation, constraints, grantee).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantRef<'a> {
    /// The grant's id.
    pub grant_id: &'a str,
    /// Whom the grant names.
    pub grantee: Grantee,
}

/// How a grant names the caller, which decides whether boundary and session policies limit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grantee {
    /// The caller itself: user, role session, federated user, service or root user. Implicit
    /// denials of boundary and session policies do not limit it.
    Caller,
    /// The role of the caller's session, or the user of its federated session: its boundary and
    /// session policies must allow.
    Role,
    /// The caller's account, which delegates to its identity policies.
    Account,
}
