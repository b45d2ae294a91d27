//! What Secrets Manager tells on the bus: the service events of CloudTrail, in the shape in which
//! EventBridge passes them on (user guide, "CloudTrail entries").

use bulla_plane::Stop;
use bulla_plane::bus::{self, Event};
use bulla_plane::pipeline::new_uuid;
use bulla_store::SealedBatch;
use serde_json::{Value, json};

use crate::Secrets;
use crate::record::SecretRecord;

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
        }
    }
}

impl Secrets {
    /// Tells of what happens to a secret, on the bus of its region.
    pub(crate) fn tell(
        &self,
        batch: SealedBatch,
        record: &SecretRecord,
        happening: Happening,
        time_ms: i64,
    ) -> Result<SealedBatch, Stop> {
        let about = json!({ "SecretId": record.arn() });
        self.tell_about(batch, record, happening, (about, None), time_ms)
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
        let about = json!({ "SecretId": record.arn(), "ClientRequestToken": version });
        self.tell_about(batch, record, happening, (about, why), time_ms)
    }

    fn tell_about(
        &self,
        batch: SealedBatch,
        record: &SecretRecord,
        happening: Happening,
        (about, why): (Value, Option<&str>),
        time_ms: i64,
    ) -> Result<SealedBatch, Stop> {
        let id = new_uuid(&self.crypto)?;
        let time = jiff::Timestamp::from_second(time_ms.div_euclid(1000)).unwrap_or_default();
        let detail = json!({
            "eventVersion": "1.08",
            "userIdentity": {
                "accountId": record.account,
                "invokedBy": "secretsmanager.amazonaws.com",
            },
            "eventTime": time.to_string(),
            "eventSource": "secretsmanager.amazonaws.com",
            "eventName": happening.name(),
            "awsRegion": record.region,
            "sourceIPAddress": "secretsmanager.amazonaws.com",
            "userAgent": "secretsmanager.amazonaws.com",
            "requestParameters": null,
            "responseElements": null,
            "errorMessage": why,
            "additionalEventData": about,
            "eventID": id,
            "readOnly": false,
            "eventType": "AwsServiceEvent",
            "managementEvent": true,
            "recipientAccountId": record.account,
            "eventCategory": "Management",
        });
        let event = Event {
            id: &id,
            source: "aws.secretsmanager",
            detail_type: "AWS Service Event via CloudTrail",
            account: &record.account,
            region: &record.region,
            time_ms,
            resources: &[],
            detail,
        };
        Ok(bus::tell(batch, &event))
    }
}
