//! Sessions that services make of roles by themselves. Each is in the record, as a call of the
//! service's to STS.

use std::sync::Arc;

use bulla_crypto::Crypto;
use bulla_iam::{Assumption, ServiceCredentials, Sessions};
use bulla_plane::journal::{Identity, RecordRef, Resource};
use bulla_plane::pipeline::event_id;
use bulla_plane::{Clock, Neighbours, stop};
use bulla_shapes::{Fault, Service};
use serde_json::json;

/// How long a session lasts, in seconds. What it is made for ends before.
const SESSION_SECONDS: i64 = 3_600;

/// What makes sessions of roles.
#[derive(Clone)]
pub(crate) struct ServiceSessions {
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) neighbours: Arc<Neighbours>,
    pub(crate) crypto: Crypto,
    pub(crate) clock: Arc<Clock>,
}

impl ServiceSessions {
    /// Makes a session of a role; none if the service can't assume it. Errors are those of `model`.
    pub(crate) async fn assume(
        &self,
        model: &'static Service,
        asked: Assumption<'_>,
        session: &str,
    ) -> Result<Option<ServiceCredentials>, Fault> {
        let issued = self.sessions.for_service(asked, session, SESSION_SECONDS).await?;
        let Some(issued) = issued else { return Ok(None) };
        self.record(model, asked, session, &issued).await?;
        Ok(Some(issued))
    }

    async fn record(
        &self,
        model: &'static Service,
        asked: Assumption<'_>,
        session: &str,
        issued: &ServiceCredentials,
    ) -> Result<(), Fault> {
        let unrecorded = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, role = asked.role, "a session of a role is unrecorded");
            stop::internal(model)
        };
        let id = || event_id(&self.crypto).map_err(|error| unrecorded(&error));
        let parameters = json!({ "roleArn": asked.role, "roleSessionName": session }).to_string();
        let expires = jiff::Timestamp::from_millisecond(issued.expires_ms).unwrap_or_default();
        let answer = json!({ "credentials": {
            "accessKeyId": issued.access_key_id,
            "sessionToken": issued.token,
            "expiration": expires.to_string(),
        }});
        let answer = answer.to_string();
        let record = RecordRef {
            time_ms: self.clock.now_ms(),
            event_id: id()?,
            shared_event_id: Some(id()?),
            event_source: "sts.amazonaws.com",
            event_name: "AssumeRole",
            region: asked.source_arn.split(':').nth(3).unwrap_or_default(),
            recipient_account_id: asked.source_account,
            identity: Identity {
                kind: Some("AWSService"),
                invoked_by: Some(asked.service),
                ..Identity::default()
            },
            source_ip: asked.service,
            user_agent: Some(asked.service),
            read_only: true,
            request_parameters: Some(&parameters),
            response_elements: Some(&answer),
            resources: vec![Resource {
                account_id: asked.source_account,
                kind: Some("AWS::IAM::Role"),
                arn: asked.role,
            }]
            .into(),
            ..RecordRef::default()
        };
        self.neighbours.happened(&record).await.map_err(|error| unrecorded(&error))
    }
}
