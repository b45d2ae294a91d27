//! Service-linked roles of KMS, made in IAM on the caller's behalf when they are first needed.
//!
//! Nothing here acts as such a role: regions share a key's record, and a token is the server's own.
//! But clients look for the roles, and policies speak of `iam:CreateServiceLinkedRole`.

use bulla_plane::{Call, Stop, Via};
use bulla_shapes::iam::{self, CreateServiceLinkedRoleRequest};
use bulla_shapes::{Fault, View};

use crate::{Kms, fault};

/// KMS, as IAM hears of it.
const VIA: Via = Via { service: "kms", recorded: "kms.amazonaws.com" };

/// A role that KMS has in an account.
pub(crate) struct Linked {
    name: &'static str,
    service: &'static str,
}

/// For multi-Region keys (KMS guide, "Authorizing AWS KMS to synchronize multi-Region keys").
pub(crate) const MULTI_REGION: Linked = Linked {
    name: "AWSServiceRoleForKeyManagementServiceMultiRegionKeys",
    service: "mrk.kms.amazonaws.com",
};

/// For CloudHSM key stores (KMS guide, "Authorizing AWS KMS to manage AWS CloudHSM and Amazon EC2
/// resources").
pub(crate) const CUSTOM_STORES: Linked = Linked {
    name: "AWSServiceRoleForKeyManagementServiceCustomKeyStores",
    service: "cks.kms.amazonaws.com",
};

impl Kms {
    /// Makes a role that the caller's account lacks, which the caller needs permission for. A house
    /// without IAM has no roles.
    pub(crate) async fn must_have_role(&self, call: &mut Call, role: &Linked) -> Result<(), Stop> {
        let Some(neighbours) = &self.neighbours else { return Ok(()) };
        if self.has_role(call, role).await? {
            return Ok(());
        }
        let request = CreateServiceLinkedRoleRequest::new().with_aws_service_name(role.service);
        let operation = "CreateServiceLinkedRole";
        let made = neighbours.call(call, VIA, &iam::SERVICE, operation, request.into_record());
        match made.await {
            Ok(_) => Ok(()),
            // Of two first calls the other made it.
            Err(_) if self.has_role(call, role).await? => Ok(()),
            Err(refused) => Err(told(refused).into()),
        }
    }

    async fn has_role(&self, call: &Call, role: &Linked) -> Result<bool, Stop> {
        Ok(self.directory.role(call.account(), role.name).await?.is_some())
    }
}

/// A denial of IAM's in KMS's form, with IAM's words; all else is our own fault.
fn told(refused: Fault) -> Fault {
    match (&*refused.code, refused.message) {
        ("AccessDenied", Some(message)) => fault::named("AccessDeniedException", message),
        (code, message) => {
            tracing::error!(code, ?message, "IAM made no service-linked role");
            fault::internal()
        }
    }
}
