//! Roles that a service of the house assumes for itself, as Lambda does for a function.
//!
//! The role's trust policy must let the service's principal call `sts:AssumeRole`. Nobody else is
//! asked: whoever gave the role to the service had to be allowed to pass it.

use bulla_crypto::SecretBytes;
use bulla_plane::{Stop, stop};
use bulla_policy::{Context, Inputs, Principal, Request, authorize};
use bulla_shapes::{Fault, sts};

use super::session::{Actor, Session};
use super::sessions::Sessions;
use crate::principals::Role;

/// The action that a trust policy must allow.
const ASSUME: &str = "sts:AssumeRole";

/// A service that is to assume a role.
#[derive(Clone, Copy, Debug)]
pub struct Assumption<'a> {
    /// The service's principal, such as `lambda.amazonaws.com`.
    pub service: &'a str,
    /// The role's ARN.
    pub role: &'a str,
    /// What the service acts for (`aws:SourceArn`).
    pub source_arn: &'a str,
    /// The account of that (`aws:SourceAccount`).
    pub source_account: &'a str,
}

/// Credentials of a session of a role.
pub struct ServiceCredentials {
    /// `ASIA…`
    pub access_key_id: String,
    /// The secret key, forty characters.
    pub secret: SecretBytes,
    /// The session token.
    pub token: String,
    /// When they expire, in milliseconds since 1970.
    pub expires_ms: i64,
}

impl Sessions {
    /// Whether a service can assume a role.
    ///
    /// # Errors
    /// Our own, when the store can't be read.
    pub async fn can_assume(&self, asked: Assumption<'_>) -> Result<bool, Fault> {
        Ok(self.trusting(asked).await.map_err(own)?.is_some())
    }

    /// Credentials of a new session of a role, for so many seconds; none if the service can't
    /// assume it. The role's own limit on sessions does not count, as for AWS's services.
    ///
    /// # Errors
    /// Our own, when the store can't be read or the random source fails.
    pub async fn for_service(
        &self,
        asked: Assumption<'_>,
        session_name: &str,
        seconds: i64,
    ) -> Result<Option<ServiceCredentials>, Fault> {
        let issued = async {
            let Some(role) = self.trusting(asked).await? else { return Ok(None) };
            let now_ms = self.principals.clock.now_ms();
            let session = Session {
                actor: Actor::Role {
                    arn: role.arn,
                    id: role.unique_id,
                    name: session_name.to_owned(),
                },
                account: role.account,
                issued_ms: now_ms,
                expires_ms: now_ms.saturating_add(seconds.saturating_mul(1_000)),
                mfa: false,
                source_identity: None,
                policy: None,
                policy_arns: Vec::new(),
                tags: Vec::new(),
                web_identity: None,
            };
            Ok(Some((self.issue(&session, 0)?, session.expires_ms)))
        };
        let issued = issued.await.map_err(own)?;
        Ok(issued.map(|(issued, expires_ms)| ServiceCredentials {
            access_key_id: issued.access_key_id,
            secret: issued.secret,
            token: issued.token,
            expires_ms,
        }))
    }

    /// The role, if its trust policy lets the service assume it.
    async fn trusting(&self, asked: Assumption<'_>) -> Result<Option<Role>, Stop> {
        let Some(role) = self.principals.role(asked.role).await? else { return Ok(None) };
        let principal = Principal::service(asked.service);
        let conditions = Context::new()
            .with("aws:SourceArn", asked.source_arn)
            .with("aws:SourceAccount", asked.source_account)
            .with("aws:PrincipalServiceName", asked.service)
            .with("aws:PrincipalIsAWSService", "true")
            .with("aws:SecureTransport", "true");
        let request = Request {
            principal: &principal,
            action: ASSUME,
            resource: &role.arn,
            resource_account: &role.account,
            conditions: &conditions,
        };
        let inputs = Inputs {
            resource_policy: Some(&role.trust),
            resource_policy_mandatory: true,
            ..Inputs::default()
        };
        let allowed = authorize(&inputs, &request).allowed();
        Ok(allowed.then_some(role))
    }
}

fn own(stop: Stop) -> Fault {
    match stop {
        Stop::Fault(fault) => fault,
        Stop::Again | Stop::Internal => stop::internal(&sts::SERVICE),
    }
}
