//! The roles that replicate secrets to other accounts, as STS has them.

use std::sync::Arc;

use bulla_iam::{Assumption, Sessions};
use bulla_plane::BoxFuture;
use bulla_secrets::{Replicating, Roles};
use bulla_shapes::Fault;

/// The principal of Secrets Manager in their trust policies.
const PRINCIPAL: &str = "secretsmanager.amazonaws.com";

/// Replication roles.
pub(crate) struct ReplicationRoles(pub(crate) Arc<Sessions>);

impl Roles for ReplicationRoles {
    fn assumable<'a>(&'a self, asked: Replicating<'a>) -> BoxFuture<'a, Result<bool, Fault>> {
        let Replicating { role, secret, account } = asked;
        let asked =
            Assumption { service: PRINCIPAL, role, source_arn: secret, source_account: account };
        Box::pin(self.0.can_assume(asked))
    }
}
