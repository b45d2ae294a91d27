//! How other services of the house use functions: may they, and what came of it. There is no
//! caller with a signature here; the function's resource policy alone decides.

use bulla_plane::gate::Named;
use bulla_plane::pipeline::new_uuid;
use bulla_plane::{Call, Stop};
use bulla_policy::{Context, Inputs, Principal, Request, authorize};
use bulla_shapes::Fault;
use bytes::Bytes;

use crate::due::Waiting;
use crate::execute::Wanted;
use crate::functions::Stored;
use crate::identifier::Identifier;
use crate::run::Target;
use crate::{Lambda, fault, policies};

/// The action that a function's policy must allow.
const INVOKE: &str = "lambda:InvokeFunction";

/// A service that wants a function called.
#[derive(Clone, Copy, Debug)]
pub struct Service<'a> {
    /// Its principal, such as `secretsmanager.amazonaws.com`.
    pub principal: &'a str,
    /// What it acts for (`aws:SourceArn`): a secret, a rule.
    pub source_arn: &'a str,
    /// The account of that (`aws:SourceAccount`).
    pub source_account: &'a str,
}

/// What a function answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Invoked {
    /// `Unhandled` where the function failed; the payload then says how, as JSON with
    /// `errorType` and `errorMessage`.
    pub function_error: Option<&'static str>,
    /// What it answered, as JSON.
    pub payload: Vec<u8>,
}

impl Lambda {
    /// Whether the resource policy of a function (of the version or alias, where the ARN names
    /// one) lets a service call it. A function that is not there lets nobody.
    ///
    /// # Errors
    /// Our own, when the store can't be read.
    pub async fn may_be_invoked_by(
        &self,
        function_arn: &str,
        service: Service<'_>,
    ) -> Result<bool, Fault> {
        let found = self.admitted(function_arn, service).await.map_err(own)?;
        Ok(found.is_some())
    }

    /// Whether a caller of that service may call the function too, as it would have to for itself.
    ///
    /// # Errors
    /// The denial, in the form of the service that was called; our own, when the store can't be
    /// read.
    pub async fn permit_caller(&self, call: &Call, function_arn: &str) -> Result<(), Fault> {
        let Some(named) = Identifier::of_arn(function_arn) else { return Ok(()) };
        let held = self.find(named).await.map_err(own)?;
        held.permit(call, INVOKE, &Context::new(), Named::Arn)?;
        Ok(())
    }

    /// Calls a function for a service, and waits for its answer, as long as the function's time
    /// limit lets it.
    ///
    /// # Errors
    /// `AccessDeniedException` when the policy does not let the service (or there is no such
    /// function), `TooManyRequestsException` when there is no room for it, and whatever else keeps
    /// a function from being run: in Lambda's words. That the function itself failed is no error
    /// here, but told in [`Invoked`].
    pub async fn invoke_for_service(
        &self,
        function_arn: &str,
        service: Service<'_>,
        payload: Vec<u8>,
    ) -> Result<Invoked, Fault> {
        let run = async {
            let (named, stored) = self
                .admitted(function_arn, service)
                .await?
                .ok_or_else(|| refused(function_arn, service))?;
            let version = self.drawn_version(&stored, named.qualifier.as_deref()).await?;
            let wanted = Wanted {
                target: Target::of(&stored, version),
                id: new_uuid(&self.crypto)?,
                arn: function_arn.to_owned(),
                payload: Bytes::from(payload),
                client_context: None,
            };
            self.execute(wanted).await
        };
        let done = run.await.map_err(own)?;
        Ok(Invoked { function_error: done.error, payload: done.payload })
    }

    /// Has a function called for a service, without waiting for its answer. Once this answers, the
    /// call is not lost any more; a function that fails is called twice more.
    ///
    /// # Errors
    /// `AccessDeniedException` as above; our own, when the store can't be written.
    pub async fn accept_for_service(
        &self,
        function_arn: &str,
        service: Service<'_>,
        payload: &[u8],
    ) -> Result<(), Fault> {
        let accept = async {
            self.runner()?;
            let admitted = self.admitted(function_arn, service).await?;
            admitted.ok_or_else(|| refused(function_arn, service))?;
            let now_ms = self.clock.now_ms();
            let waiting = Waiting {
                id: new_uuid(&self.crypto)?,
                arn: function_arn.to_owned(),
                client_context: None,
                accepted_ms: now_ms,
                due_ms: now_ms,
                failed: 0,
                waited: 0,
            };
            self.accept(&waiting, payload).await
        };
        accept.await.map_err(own)
    }

    /// The function, if its policy lets the service call it.
    async fn admitted(
        &self,
        arn: &str,
        service: Service<'_>,
    ) -> Result<Option<(Identifier, Stored)>, Stop> {
        let Some(named) = Identifier::of_arn(arn) else { return Ok(None) };
        let Some(stored) = self.stored(&named.path()).await? else { return Ok(None) };
        let on = named.qualifier.as_deref().unwrap_or_default();
        let Some(policy) = policies::compiled(&stored.record, on)? else { return Ok(None) };
        let conditions = Context::new()
            .with("aws:SourceArn", service.source_arn)
            .with("aws:SourceAccount", service.source_account)
            .with("aws:PrincipalServiceName", service.principal)
            .with("aws:PrincipalIsAWSService", "true")
            .with("aws:SecureTransport", "true");
        let principal = Principal::service(service.principal);
        let request = Request {
            principal: &principal,
            action: INVOKE,
            resource: arn,
            resource_account: &named.account,
            conditions: &conditions,
        };
        let inputs = Inputs {
            resource_policy: Some(&policy),
            resource_policy_mandatory: true,
            ..Inputs::default()
        };
        let allowed = authorize(&inputs, &request).allowed();
        Ok(allowed.then_some((named, stored)))
    }
}

fn refused(arn: &str, service: Service<'_>) -> Fault {
    let principal = service.principal;
    Fault::new("AccessDeniedException", 403).with_message(format!(
        "User: {principal} is not authorized to perform: {INVOKE} on resource: {arn} because no \
         resource-based policy allows the {INVOKE} action"
    ))
}

fn own(stop: Stop) -> Fault {
    match stop {
        Stop::Fault(fault) => fault,
        Stop::Again | Stop::Internal => fault::internal(),
    }
}
