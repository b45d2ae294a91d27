//! What KMS tells of its own doings: on the bus (EventBridge user guide, "AWS KMS events"), and to
//! the record (KMS guide, "Logging AWS KMS API calls").

use bulla_plane::Stop;
use bulla_plane::bus::{self, Event};
use bulla_plane::pipeline::event_id;
use bulla_plane::trail::ServiceEvent;
use bulla_store::SealedBatch;
use serde_json::json;

use crate::Kms;
use crate::key::KeyRecord;
use crate::ops::KEY_TYPE;

/// Something that happens to a key by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Happening {
    Rotation,
    Deletion,
    MaterialExpiration,
}

impl Happening {
    fn name(self) -> &'static str {
        match self {
            Self::Rotation => "KMS CMK Rotation",
            Self::Deletion => "KMS CMK Deletion",
            Self::MaterialExpiration => "KMS Imported Key Material Expiration",
        }
    }

    /// The name of the event in the record.
    fn recorded(self) -> &'static str {
        match self {
            Self::Rotation => "RotateKey",
            Self::Deletion => "DeleteKey",
            Self::MaterialExpiration => "DeleteExpiredKeyMaterial",
        }
    }

    /// `serviceEventDetails`
    fn details(self, record: &KeyRecord) -> Option<String> {
        match self {
            Self::Rotation => {
                let mut newest = record.materials.iter().rev();
                let (current, previous) = (newest.next(), newest.next());
                let details = json!({
                    "rotationType": current.and_then(|material| material.rotated_by.as_deref()),
                    "keyOrigin": record.origin.name(),
                    "previousKeyMaterialId": previous.map(|material| &material.id),
                    "currentKeyMaterialId": current.map(|material| &material.id),
                    "keyId": record.id,
                });
                Some(details.to_string())
            }
            Self::Deletion => None,
            Self::MaterialExpiration => Some(json!({ "keyId": record.id }).to_string()),
        }
    }
}

impl Kms {
    /// Tells of what happens to a key, on the bus of its region and to the record; of a rotation in
    /// every region that the key stands in, as it happens in all of them.
    pub(crate) fn tell(
        &self,
        mut batch: SealedBatch,
        record: &KeyRecord,
        happening: Happening,
        time_ms: i64,
    ) -> Result<SealedBatch, Stop> {
        let elsewhere = record.elsewhere().filter(|_| matches!(happening, Happening::Rotation));
        for region in std::iter::once(record.region.as_str()).chain(elsewhere) {
            let arn = record.arn_in(region);
            let event = Event {
                id: &self.new_uuid()?,
                source: "aws.kms",
                detail_type: happening.name(),
                account: &record.account,
                region,
                time_ms,
                resources: &[&arn],
                detail: json!({ "key-id": record.id }),
            };
            batch = bus::tell(batch, &event);
            let details = happening.details(record);
            let event = ServiceEvent {
                id: event_id(&self.crypto)?,
                source: "kms.amazonaws.com",
                name: happening.recorded(),
                invoked_by: "AWS Internal",
                account: &record.account,
                region,
                time_ms,
                details: details.as_deref(),
                resources: &[(&arn, KEY_TYPE)],
                ..ServiceEvent::default()
            };
            batch = event.tell(batch);
        }
        Ok(batch)
    }

    /// Tells the record that replicas have what their primary shares. AWS records it as a call, in
    /// the primary's region (KMS guide, "SynchronizeMultiRegionKey"), and says that it happens now
    /// and then; here it happens in the commit of each change, which is our choice.
    pub(crate) fn tell_synchronized(
        &self,
        batch: SealedBatch,
        primary: &KeyRecord,
        time_ms: i64,
    ) -> Result<SealedBatch, Stop> {
        let arn = primary.arn();
        let event = ServiceEvent {
            id: event_id(&self.crypto)?,
            source: "kms.amazonaws.com",
            name: "SynchronizeMultiRegionKey",
            invoked_by: "AWS Internal",
            account: &primary.account,
            region: &primary.region,
            time_ms,
            request_id: Some(&self.new_uuid()?),
            answer: Some(&json!({ "keyId": arn }).to_string()),
            resources: &[(&arn, KEY_TYPE)],
            ..ServiceEvent::default()
        };
        Ok(event.tell(batch))
    }
}
