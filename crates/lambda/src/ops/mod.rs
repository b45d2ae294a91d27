//! The operations, a file a family.

pub(crate) mod aliases;
pub(crate) mod concurrency;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod invoke;
pub(crate) mod list;
pub(crate) mod permissions;
pub(crate) mod read;
pub(crate) mod tags;
pub(crate) mod update;
pub(crate) mod versions;

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_shapes::{Fault, Record};

use crate::{Assuming, Lambda, fault};

/// What a handler answers.
pub(crate) type Answer = Result<Option<Record<'static>>, Stop>;

/// No condition keys of a request.
pub(crate) fn no_keys() -> Context {
    Context::new()
}

impl Lambda {
    /// Whether a function may have a role: the caller must be allowed to pass it, and it must
    /// trust Lambda.
    pub(crate) async fn pass_role(
        &self,
        call: &Call,
        role: &str,
        function: &str,
    ) -> Result<(), Stop> {
        let keys = Context::new()
            .with("iam:PassedToService", "lambda.amazonaws.com")
            .with("iam:AssociatedResourceArn", function);
        if role.split(':').nth(4) != Some(call.account()) {
            let text = "Cross-account pass role is not allowed.";
            return Err(Fault::new("AccessDeniedException", 403).with_message(text).into());
        }
        permit_account(call, "iam:PassRole", role, &keys)?;
        let asked = Assuming { role, function, account: call.account() };
        if self.roles.assumable(asked).await? {
            Ok(())
        } else {
            Err(fault::role_not_assumable().into())
        }
    }
}

/// Refuses a change that was meant for another revision.
pub(crate) fn check_revision(given: Option<&str>, is: &str) -> Result<(), Fault> {
    match given {
        Some(given) if given != is => Err(fault::stale_revision()),
        _ => Ok(()),
    }
}
