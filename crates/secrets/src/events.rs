//! What Secrets Manager tells of what happens by itself: CloudTrail's service events, in the record
//! and, as EventBridge passes them on, on the bus of the secret's region. Both are in the commit of
//! what they tell of.

use bulla_plane::Stop;
use bulla_plane::bus::{self, Event};
use bulla_plane::pipeline::{event_id, id_text};
use bulla_plane::trail::ServiceEvent;
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

impl Secrets {
    /// Tells of the deletion of a secret, on the bus of its region.
    pub(crate) fn tell(
        &self,
        batch: SealedBatch,
        record: &SecretRecord,
        happening: Happening,
        time_ms: i64,
    ) -> Result<SealedBatch, Stop> {
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
    ) -> Result<SealedBatch, Stop> {
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
    ) -> Result<SealedBatch, Stop> {
        let end = match why {
            None => Happening::ReplicationSucceeded,
            Some(_) => Happening::ReplicationFailed,
        };
        for (happening, why) in [(Happening::ReplicationStarted, None), (end, why)] {
            let request = format!("Replication-{replica}");
            let about = json!({ "SecretId": side.arn(), "ReplicaId": replica });
            batch = self.tell_about(batch, side, happening, (request, about, why), time_ms)?;
        }
        Ok(batch)
    }

    fn tell_about(
        &self,
        batch: SealedBatch,
        record: &SecretRecord,
        happening: Happening,
        (request, about, why): (String, Value, Option<&str>),
        time_ms: i64,
    ) -> Result<SealedBatch, Stop> {
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
        let batch = bus::tell(batch, &event);
        let (arn, about) = (record.arn(), about.to_string());
        let event = ServiceEvent {
            id,
            source: SOURCE,
            name: happening.name(),
            invoked_by: SOURCE,
            account: &record.account,
            region: &record.region,
            time_ms,
            request_id: Some(&request),
            error_message: why,
            additional: Some(&about),
            resources: &[(&arn, SECRET_TYPE)],
            ..ServiceEvent::default()
        };
        Ok(event.tell(batch))
    }
}
