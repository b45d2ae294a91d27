//! What carries out rotations of secrets: functions, and the rotators of the house.
//!
//! A rotator of the house acts as a service-linked role of the secret's account. So policies, the
//! secret's own and those of KMS keys among them, decide what it may, and each of its calls is in
//! the record.

pub(crate) mod command;
mod desk;
mod function;

use std::sync::{Arc, OnceLock, Weak};

use bulla_crypto::Crypto;
use bulla_lambda::Lambda;
use bulla_plane::{Authority, BoxFuture, Call, Directory, Neighbours, Plane};
use bulla_rotators::{Reach, Rotating, Rotator, Step as Does};
use bulla_secrets::{Failure, Rotators, Step, StepOf};
use bulla_shapes::iam::{self, CreateServiceLinkedRoleRequest};
use bulla_shapes::{Fault, View, secretsmanager};

use desk::{RoleDesk, VIA, place};

/// The role that rotators act as, and the service that it is of. AWS has no such role.
const ROLE: &str = "AWSServiceRoleForSecretsManagerRotation";
const ROLE_SERVICE: &str = "rotation.secretsmanager.amazonaws.com";

/// What carries out rotations.
pub(crate) struct Rotation {
    crypto: Crypto,
    directory: Arc<dyn Directory>,
    /// IAM, which makes the role.
    neighbours: Arc<Neighbours>,
    functions: Arc<Lambda>,
    reach: Reach,
    plane: OnceLock<Weak<Plane>>,
}

impl Rotation {
    pub(crate) fn new(
        crypto: Crypto,
        directory: Arc<dyn Directory>,
        neighbours: Arc<Neighbours>,
        functions: Arc<Lambda>,
        reach: Reach,
    ) -> Self {
        Self { crypto, directory, neighbours, functions, reach, plane: OnceLock::new() }
    }

    /// Lets the rotators call the services, which are made after them. Once; what is set already
    /// stays.
    pub(crate) fn join(&self, plane: &Arc<Plane>) {
        if self.plane.set(Arc::downgrade(plane)).is_err() {
            tracing::error!("two houses want to share one set of rotators");
        }
    }

    /// Sees to it that the account of a secret has the role that rotators act as. The caller needs
    /// permission to make it, as for every service-linked role.
    async fn must_have_role(&self, call: &mut Call, account: &str) -> Result<bool, Fault> {
        if self.directory.role(account, ROLE).await?.is_some() {
            return Ok(true);
        }
        // Nobody makes roles in the account of another.
        if call.account() != account {
            return Ok(false);
        }
        let request = CreateServiceLinkedRoleRequest::new().with_aws_service_name(ROLE_SERVICE);
        let operation = "CreateServiceLinkedRole";
        let request = request.into_record();
        match self.neighbours.call(call, VIA, &iam::SERVICE, operation, request).await {
            Ok(_) => Ok(true),
            // Of two first calls the other made it.
            Err(_) if self.directory.role(account, ROLE).await?.is_some() => Ok(true),
            Err(refused) => Err(told(refused)),
        }
    }

    /// What the role of an account may.
    async fn authority(&self, account: &str) -> Result<Arc<Authority>, Failure> {
        let unreadable = |fault: Fault| {
            tracing::error!(%fault, "the role of rotators can't be read");
            Failure("the role that rotators act as can't be read".to_owned())
        };
        let role = self.directory.role(account, ROLE).await.map_err(unreadable)?;
        let none = || Failure(format!("the account has no role {ROLE}"));
        let role = role.ok_or_else(none)?;
        self.directory.authority(&role.arn).await.map_err(unreadable)?.ok_or_else(none)
    }

    async fn rotate(&self, rotator: Rotator, of: StepOf<'_>) -> Result<(), Failure> {
        let ended = || Failure("the server is about to end".to_owned());
        let plane = self.plane.get().and_then(Weak::upgrade).ok_or_else(ended)?;
        let (region, account) = place(of.secret).ok_or_else(|| Failure("no secret".to_owned()))?;
        let authority = self.authority(account).await?;
        let desk = RoleDesk { plane, authority, region, secret: of.secret, token: of.token };
        let (reach, crypto) = (&self.reach, &self.crypto);
        let rotating = Rotating { rotator, token: of.token, desk: &desk, reach, crypto };
        let step = match of.step {
            Step::Create => Does::Create,
            Step::Set => Does::Set,
            Step::Test => Does::Test,
            Step::Finish => Does::Finish,
        };
        rotating.carry_out(step).await.map_err(|trouble| Failure(trouble.to_string()))
    }
}

/// A denial of IAM's in Secrets Manager's form, with IAM's words; all else is our own fault.
fn told(refused: Fault) -> Fault {
    match (&*refused.code, refused.message) {
        ("AccessDenied", Some(message)) => {
            Fault::new("AccessDeniedException", 400).with_message(message)
        }
        (code, message) => {
            tracing::error!(code, ?message, "IAM made no role for rotators");
            bulla_plane::stop::internal(&secretsmanager::SERVICE)
        }
    }
}

impl Rotators for Rotation {
    fn may_invoke<'a>(
        &'a self,
        call: &'a mut Call,
        rotator: &'a str,
        secret: &'a str,
    ) -> BoxFuture<'a, Result<bool, Fault>> {
        Box::pin(async move {
            if function::is_one(rotator) {
                return function::may_invoke(&self.functions, call, rotator, secret).await;
            }
            match (Rotator::find(rotator), place(secret)) {
                (Some(_), Some((_, account))) => self.must_have_role(call, account).await,
                _ => Ok(false),
            }
        })
    }

    fn carry_out<'a>(
        &'a self,
        rotator: &'a str,
        step: StepOf<'a>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            if function::is_one(rotator) {
                return function::carry_out(&self.functions, rotator, step).await;
            }
            match Rotator::find(rotator) {
                Some(rotator) => self.rotate(rotator, step).await,
                None => Err(Failure("there is no such rotator here".to_owned())),
            }
        })
    }
}
