//! Service settings of Parameter Store: which there are, and what they are set to.

use std::sync::Arc;

use bulla_plane::cache::Weighs;
use bulla_plane::{Call, Stop, service};
use bulla_store::{SealedBatch, Space};
use serde::{Deserialize, Serialize};

use crate::{Ssm, fault, place};

/// One row a setting that is not as it was at first: `<account>/<region>/<setting>`.
pub(crate) const SETTINGS: Space = Space::new("ssm.setting");

/// The tier of parameters whose requests name none.
pub(crate) const DEFAULT_TIER: &str = "/ssm/parameter-store/default-parameter-tier";
/// Whether more calls a second are let through.
const HIGH_THROUGHPUT: &str = "/ssm/parameter-store/high-throughput-enabled";
/// Its value that has it so.
const ENABLED: &str = "true";
/// The requests a second that are then let through (AWS General Reference, "Systems Manager
/// endpoints and quotas").
const RAISED: [(&str, f64); 3] =
    [("GetParameter", 10_000.0), ("GetParameters", 1_000.0), ("GetParametersByPath", 100.0)];
/// The tier that chooses one of the others.
pub(crate) const INTELLIGENT: &str = "Intelligent-Tiering";

/// A setting that there is.
pub(crate) struct Known {
    pub(crate) id: &'static str,
    /// What it can be set to; what it is at first comes first.
    pub(crate) values: &'static [&'static str],
}

static KNOWN: [Known; 2] = [
    Known { id: DEFAULT_TIER, values: &["Standard", "Advanced", INTELLIGENT] },
    Known { id: HIGH_THROUGHPUT, values: &["false", ENABLED] },
];

/// What a setting was set to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SettingRecord {
    pub(crate) value: String,
    pub(crate) modified_ms: i64,
    pub(crate) modified_by: String,
}

impl Known {
    /// The setting of an id, or of its ARN.
    pub(crate) fn find(call: &Call, text: &str) -> Option<&'static Self> {
        KNOWN.iter().find(|known| known.id == text || known.arn(call) == text)
    }

    pub(crate) fn arn(&self, call: &Call) -> String {
        let (partition, region, account) = (call.partition, &call.region, call.account());
        format!("arn:{partition}:ssm:{region}:{account}:servicesetting{}", self.id)
    }

    /// What it is at first.
    pub(crate) fn default(&self) -> &'static str {
        self.values.first().copied().unwrap_or_default()
    }

    /// Its row.
    pub(crate) fn row(&self, call: &Call) -> String {
        format!("{}{}", place::home(call.account(), &call.region), self.id)
    }
}

impl SettingRecord {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Stop> {
        serde_json::from_slice(bytes).map_err(|error| unreadable(&error))
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Stop> {
        serde_json::to_vec(self).map_err(|error| unreadable(&error))
    }
}

fn unreadable(error: &serde_json::Error) -> Stop {
    tracing::error!(%error, "a stored setting does not read");
    fault::internal().into()
}

/// What a setting is set to, as it is kept in memory: one of its values.
pub(crate) struct Setting(&'static str);

impl Weighs for Setting {}

impl Ssm {
    /// What a setting of the caller's account is set to.
    pub(crate) async fn setting(&self, call: &Call, id: &str) -> Result<&'static str, Stop> {
        let Some(known) = Known::find(call, id) else { return Err(fault::internal().into()) };
        let row = known.row(call);
        if let Some(setting) = self.settings.get(&row) {
            return Ok(setting.0);
        }
        let read_at = self.settings.generation();
        let opened = self.barrier.get(SETTINGS, row.as_bytes()).await?;
        let record = opened.map(|opened| SettingRecord::read(opened.value.expose())).transpose()?;
        let value = match &record {
            Some(record) => known.values.iter().find(|value| **value == record.value).copied(),
            None => Some(known.default()),
        };
        let value = value.ok_or_else(|| {
            tracing::error!(row, "a stored setting has a value that there is not");
            fault::internal()
        })?;
        self.settings.keep(&row, &Arc::new(Setting(value)), read_at);
        Ok(value)
    }

    /// The rate that the caller's account has by high throughput, for a request quota that this
    /// raises.
    pub(crate) fn raised_rate<'c>(
        &'c self,
        call: &'c Call,
        quota: &str,
    ) -> Option<service::Raised<'c>> {
        let (_, rate) = RAISED.into_iter().find(|(name, _)| *name == quota)?;
        Some(Box::pin(async move {
            match self.setting(call, HIGH_THROUGHPUT).await {
                Ok(setting) => Ok((setting == ENABLED).then_some(rate)),
                Err(Stop::Fault(fault)) => Err(fault),
                Err(Stop::Again | Stop::Internal) => Err(fault::internal()),
            }
        }))
    }

    /// Commits a change of a setting, and drops it from memory before anybody is told.
    pub(crate) async fn change_setting(&self, row: &str, batch: SealedBatch) -> Result<(), Stop> {
        let rows = [row];
        let change = self.settings.begin_change(&rows);
        let outcome = self.barrier.commit(batch).await;
        change.end();
        outcome?;
        Ok(())
    }
}
