//! A secret in memory, and what of it goes through the Gate.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use bulla_plane::Protected;
use bulla_plane::cache::Weighs;
use bulla_policy::{Policy, Values};

use crate::record::SecretRecord;
use crate::sealing::Sealed;

/// What of a secret takes room beside its texts, roughly.
const OVERHEAD_BYTES: usize = 1_024;
/// What a version takes, roughly.
const VERSION_BYTES: usize = 256;

/// A secret, ready to be asked for.
pub(crate) struct LiveSecret {
    pub(crate) record: SecretRecord,
    /// The version of the record's row.
    pub(crate) version: u64,
    pub(crate) arn: String,
    /// The row of the record.
    pub(crate) path: String,
    pub(crate) policy: Option<Policy>,
    /// The current version's value, sealed.
    pub(crate) current: Option<Sealed>,
    /// The last day on which a reading of the current version was noted, in milliseconds.
    pub(crate) noted_ms: AtomicI64,
}

impl Weighs for LiveSecret {
    fn weight(&self) -> u64 {
        let record = &self.record;
        let tags = record.tags.iter().map(|(key, value)| key.len().saturating_add(value.len()));
        let texts = [record.description.as_ref(), record.policy.as_ref().map(|p| &p.text)];
        let texts = texts.into_iter().flatten().map(|text| text.len().saturating_mul(3));
        let sealed = self.current.as_ref().map_or(0, Sealed::len);
        let bytes = tags
            .chain(texts)
            .chain([sealed, self.arn.len().saturating_mul(4), OVERHEAD_BYTES])
            .chain([record.versions.len().saturating_mul(VERSION_BYTES)])
            .fold(0, usize::saturating_add);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// What a request names, as the Gate sees it.
pub(crate) struct Held {
    /// The secret, if there is one.
    pub(crate) secret: Option<Arc<LiveSecret>>,
    pub(crate) arn: String,
    pub(crate) account: String,
}

impl Protected for Held {
    fn arn(&self) -> &str {
        &self.arn
    }

    fn account(&self) -> &str {
        &self.account
    }

    fn policy(&self) -> Option<&Policy> {
        self.secret.as_ref()?.policy.as_ref()
    }

    fn policy_is_mandatory(&self) -> bool {
        false
    }

    fn condition(&self, key: &str) -> Option<Values<'_>> {
        if key == "aws:resourceaccount" {
            return Some(Values::One(&self.account));
        }
        let record = &self.secret.as_ref()?.record;
        match key {
            "secretsmanager:secretprimaryregion" => {
                Some(Values::One(record.primary_region.as_deref().unwrap_or(&record.region)))
            }
            "secretsmanager:resource/allowrotationlambdaarn" => {
                record.rotation.as_ref()?.rotator.as_deref().map(Values::One)
            }
            "secretsmanager:resource/type" => record.kind.as_deref().map(Values::One),
            _ => {
                let tag = key.strip_prefix("aws:resourcetag/");
                let tag = tag.or_else(|| key.strip_prefix("secretsmanager:resourcetag/"))?;
                bulla_policy::tag(&record.tags, tag)
            }
        }
    }
}
