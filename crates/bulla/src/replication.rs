//! The roles that replicate secrets to other accounts, as STS has them.

use bulla_iam::Assumption;
use bulla_plane::BoxFuture;
use bulla_secrets::{Replicating, Roles};
use bulla_shapes::{Fault, secretsmanager};

use crate::assumed::ServiceSessions;

/// The principal of Secrets Manager in their trust policies.
const PRINCIPAL: &str = "secretsmanager.amazonaws.com";
/// The name of their sessions. AWS's is not known; this one is ours.
const SESSION: &str = "SecretsManagerReplication";

/// Replication roles. The role is in the primary's account.
pub(crate) struct ReplicationRoles(pub(crate) ServiceSessions);

impl Roles for ReplicationRoles {
    fn assume<'a>(&'a self, asked: Replicating<'a>) -> BoxFuture<'a, Result<bool, Fault>> {
        let Replicating { role, secret, account } = asked;
        let asked =
            Assumption { service: PRINCIPAL, role, source_arn: secret, source_account: account };
        Box::pin(async move {
            let issued = self.0.assume(&secretsmanager::SERVICE, asked, SESSION).await?;
            Ok(issued.is_some())
        })
    }
}
