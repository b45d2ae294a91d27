//! What sessions without a role may not ask STS for ("Comparing AWS STS credentials", IAM User
//! Guide): `GetSessionToken`'s credentials may assume roles and ask who they are, those of
//! `GetFederationToken` only the latter.

use bulla_plane::Call;
use bulla_policy::PrincipalKind;
use bulla_shapes::Fault;

use super::fault;

/// Refuses an operation to sessions that are not a role's.
pub(super) fn check(call: &Call, operation: &str) -> Result<(), Fault> {
    let role = matches!(call.principal().kind, PrincipalKind::AssumedRole { .. });
    if call.authority.session.is_some() && !role {
        return Err(fault::with_session_credentials(operation));
    }
    Ok(())
}
