//! What Secrets Manager tells of what happens by itself: CloudTrail's service events, in the record
//! and, as EventBridge passes them on, on the bus of the secret's region.

use bulla_plane::Stop;
use bulla_plane::bus::{self, Event};
use bulla_plane::journal::{EventType, Identity, RecordRef, Resource};
use bulla_plane::pipeline::{event_id, id_text};
use bulla_store::SealedBatch;
use serde_json::{Value, json};

use crate::Secrets;
use crate::record::SecretRecord;
use crate::secrets::SECRET_TYPE;

/// The service's name in records.
const SOURCE: &str = "secretsmanager.amazonaws.com";
const MINUTE_SECONDS: i64 = 60;

/// Something that happens to a secret by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    DeletionStarted,
    DeletionCancelled,
    Deleted,
    RotationStarted,
    RotationSucceeded,
    RotationFailed,
    RotationAbandoned,
    TestRotationStarted,
    TestRotationSucceeded,
    TestRotationFailed,
    ReplicationStarted,
    ReplicationSucceeded,
    ReplicationFailed,
}

impl Happening {
    fn name(self) -> &'static str {
        match self {
            Self::DeletionStarted => "StartSecretVersionDelete",
            Self::DeletionCancelled => "CancelSecretVersionDelete",
            Self::Deleted => "EndSecretVersionDelete",
            Self::RotationStarted => "RotationStarted",
            Self::RotationSucceeded => "RotationSucceeded",
            Self::RotationFailed => "RotationFailed",
            Self::RotationAbandoned => "RotationAbandoned",
            Self::TestRotationStarted => "TestRotationStarted",
            Self::TestRotationSucceeded => "TestRotationSucceeded",
            Self::TestRotationFailed => "TestRotationFailed",
            Self::ReplicationStarted => "ReplicationStarted",
            Self::ReplicationSucceeded => "ReplicationSucceeded",
            Self::ReplicationFailed => "ReplicationFailed",
        }
    }
}

/// What was put on the bus, to be recorded once it has happened.
#[must_use]
pub(crate) struct Told {
    happening: Happening,
    id: [u8; 16],
    account: String,
    region: String,
    arn: String,
    about: Value,
    why: Option<String>,
    time_ms: i64,
}

impl Secrets {
    /// Tells of the deletion of a secret, on the bus of its region.
    pub(crate) fn tell(
        &self,
        batch: SealedBatch,
        record: &SecretRecord,
        happening: Happening,
        time_ms: i64,
    ) -> Result<(SealedBatch, Told), Stop> {
        let arn = record.arn();
        let minute = time_ms.div_euclid(1000);
        let minute = minute.saturating_sub(minute.rem_euclid(MINUTE_SECONDS));
        let minute = jiff::Timestamp::from_second(minute).unwrap_or_default();
        let request = format!("SecretDeleteMessage:{arn}:{minute}");
        let about = json!({ "ARN": arn, "Name": record.name });
        self.tell_about(batch, record, happening, (request, about, None), time_ms)
    }

    /// Tells of a rotation: of which version, and why it failed, without anything secret.
    pub(crate) fn tell_of_rotation(
        &self,
        batch: SealedBatch,
        record: &SecretRecord,
        happening: Happening,
        (version, why): (&str, Option<&str>),
        time_ms: i64,
    ) -> Result<(SealedBatch, Told), Stop> {
        let request = format!("Rotation-{}-{version}", record.arn());
        let about = json!({ "SecretId": record.arn() });
        self.tell_about(batch, record, happening, (request, about, why), time_ms)
    }

    /// Tells one side of a replication that it has begun, and how it went; `why` tells a failure,
    /// without anything secret. AWS names these events; what more they hold is ours.
    pub(crate) fn tell_of_replication(
        &self,
        mut batch: SealedBatch,
        side: &SecretRecord,
        (replica, why): (&str, Option<&str>),
        time_ms: i64,
    ) -> Result<(SealedBatch, Vec<Told>), Stop> {
        let mut all = Vec::new();
        let end = match why {
            None => Happening::ReplicationSucceeded,
            Some(_) => Happening::ReplicationFailed,
        };
        for (happening, why) in [(Happening::ReplicationStarted, None), (end, why)] {
            let request = format!("Replication-{replica}");
            let about = json!({ "SecretId": side.arn(), "ReplicaId": replica });
            let told;
            (batch, told) =
                self.tell_about(batch, side, happening, (request, about, why), time_ms)?;
            all.push(told);
        }
        Ok((batch, all))
    }

    fn tell_about(
        &self,
        batch: SealedBatch,
        record: &SecretRecord,
        happening: Happening,
        (request, about, why): (String, Value, Option<&str>),
        time_ms: i64,
    ) -> Result<(SealedBatch, Told), Stop> {
        let id = event_id(&self.crypto)?;
        let id_text = id_text(id);
        let time = jiff::Timestamp::from_second(time_ms.div_euclid(1000)).unwrap_or_default();
        let mut detail = json!({
            "eventVersion": "1.08",
            "userIdentity": { "accountId": record.account, "invokedBy": SOURCE },
            "eventTime": time.to_string(),
            "eventSource": SOURCE,
            "eventName": happening.name(),
            "awsRegion": record.region,
            "sourceIPAddress": SOURCE,
            "userAgent": SOURCE,
            "requestParameters": null,
            "responseElements": null,
            "additionalEventData": about,
            "requestID": request,
            "eventID": id_text,
            "readOnly": false,
            "eventType": "AwsServiceEvent",
            "managementEvent": true,
            "recipientAccountId": record.account,
            "eventCategory": "Management",
        });
        if let (Some(why), Some(members)) = (why, detail.as_object_mut()) {
            members.insert("errorMessage".to_owned(), why.into());
        }
        let event = Event {
            id: &id_text,
            source: "aws.secretsmanager",
            detail_type: "AWS Service Event via CloudTrail",
            account: &record.account,
            region: &record.region,
            time_ms,
            resources: &[],
            detail,
        };
        let told = Told {
            happening,
            id,
            account: record.account.clone(),
            region: record.region.clone(),
            arn: record.arn(),
            about,
            why: why.map(str::to_owned),
            time_ms,
        };
        Ok((bus::tell(batch, &event), told))
    }

    /// Records each of these.
    pub(crate) async fn record_all(&self, all: Vec<Told>) {
        for told in all {
            self.record(told).await;
        }
    }

    /// Records what has happened, under the id of its event on the bus. It has happened already:
    /// what can't be recorded is told in the log.
    pub(crate) async fn record(&self, told: Told) {
        let about = told.about.to_string();
        let record = RecordRef {
            time_ms: told.time_ms,
            event_id: told.id,
            event_source: SOURCE,
            event_name: told.happening.name(),
            region: &told.region,
            recipient_account_id: &told.account,
            identity: Identity {
                account_id: Some(&told.account),
                invoked_by: Some(SOURCE),
                ..Identity::default()
            },
            source_ip: SOURCE,
            user_agent: Some(SOURCE),
            event_type: EventType::ServiceEvent,
            error_message: told.why.as_deref(),
            additional_event_data: Some(&about),
            resources: vec![Resource {
                account_id: &told.account,
                kind: Some(SECRET_TYPE),
                arn: &told.arn,
            }]
            .into(),
            ..RecordRef::default()
        };
        if let Err(error) = self.neighbours.happened(&record).await {
            let (name, secret) = (told.happening.name(), told.arn);
            tracing::error!(name, secret, %error, "what happened to a secret is unrecorded");
        }
    }
}
