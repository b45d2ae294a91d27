//! What KMS tells on the bus (EventBridge user guide, "AWS KMS events").

use bulla_plane::Stop;
use bulla_plane::bus::{self, Event};
use bulla_store::SealedBatch;
use serde_json::json;

use crate::Kms;
use crate::key::KeyRecord;

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
}

impl Kms {
    /// Tells of what happens to a key, on the bus of its region; of a rotation on the bus of every
    /// region that the key stands in, as it happens in all of them.
    pub(crate) fn tell(
        &self,
        mut batch: SealedBatch,
        record: &KeyRecord,
        happening: Happening,
        time_ms: i64,
    ) -> Result<SealedBatch, Stop> {
        let elsewhere = record.elsewhere().filter(|_| matches!(happening, Happening::Rotation));
        for region in std::iter::once(record.region.as_str()).chain(elsewhere) {
            let event = Event {
                id: &self.new_uuid()?,
                source: "aws.kms",
                detail_type: happening.name(),
                account: &record.account,
                region,
                time_ms,
                resources: &[&record.arn_in(region)],
                detail: json!({ "key-id": record.id }),
            };
            batch = bus::tell(batch, &event);
        }
        Ok(batch)
    }
}
