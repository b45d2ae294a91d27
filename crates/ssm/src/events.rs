//! What Parameter Store tells on the bus (EventBridge user guide; recorded events).

use bulla_plane::Stop;
use bulla_plane::bus::{self, Event};
use bulla_plane::pipeline;
use bulla_store::SealedBatch;
use serde_json::{Map, Value, json};

use crate::Ssm;
use crate::record::{ParameterRecord, Plan, PlanKind};

const SOURCE: &str = "aws.ssm";
const CHANGE: &str = "Parameter Store Change";
const POLICY_ACTION: &str = "Parameter Store Policy Action";

/// A change of a parameter.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    Create,
    Update,
    Delete,
}

impl Change {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Delete => "Delete",
        }
    }
}

impl Ssm {
    /// Tells of a change.
    pub(crate) fn tell_change(
        &self,
        batch: SealedBatch,
        record: &ParameterRecord,
        change: Change,
        time_ms: i64,
    ) -> Result<SealedBatch, Stop> {
        let detail = about(record, change.name());
        self.tell(batch, record, CHANGE, time_ms, Value::Object(detail))
    }

    /// Tells of a label that is on a version now.
    pub(crate) fn tell_label(
        &self,
        batch: SealedBatch,
        record: &ParameterRecord,
        (label, from, to): (&str, Option<u64>, u64),
        time_ms: i64,
    ) -> Result<SealedBatch, Stop> {
        let mut detail = about(record, "LabelParameterVersion");
        let from = from.map(|version| version.to_string()).unwrap_or_default();
        detail.insert("fromVersion".to_owned(), from.into());
        detail.insert("toVersion".to_owned(), to.to_string().into());
        detail.insert("label".to_owned(), label.into());
        self.tell(batch, record, CHANGE, time_ms, Value::Object(detail))
    }

    /// Tells of a policy that was carried out. The reason is AWS's example for an expiration; for
    /// notifications there is none.
    pub(crate) fn tell_policy(
        &self,
        batch: SealedBatch,
        record: &ParameterRecord,
        plan: &Plan,
        time_ms: i64,
    ) -> Result<SealedBatch, Stop> {
        let mut detail = json!({
            "policy-type": plan.kind.name(),
            "parameter-name": record.name,
            "parameter-type": record.newest.kind.name(),
            "policy-content": plan.text,
            "action-status": "SUCCESS",
        });
        if plan.kind == PlanKind::Expiration
            && let Some(members) = detail.as_object_mut()
        {
            members.insert("action-reason".to_owned(), "Parameter expired and was deleted".into());
        }
        self.tell(batch, record, POLICY_ACTION, time_ms, detail)
    }

    fn tell(
        &self,
        batch: SealedBatch,
        record: &ParameterRecord,
        detail_type: &str,
        time_ms: i64,
        detail: Value,
    ) -> Result<SealedBatch, Stop> {
        let event = Event {
            id: &pipeline::new_uuid(&self.crypto)?,
            source: SOURCE,
            detail_type,
            account: &record.account,
            region: &record.region,
            time_ms,
            resources: &[&record.arn()],
            detail,
        };
        Ok(bus::tell(batch, &event))
    }
}

/// What every change tells of a parameter; a description only where there is one.
fn about(record: &ParameterRecord, operation: &str) -> Map<String, Value> {
    let mut detail = Map::new();
    detail.insert("name".to_owned(), record.name.as_str().into());
    detail.insert("type".to_owned(), record.newest.kind.name().into());
    detail.insert("operation".to_owned(), operation.into());
    if let Some(description) = &record.newest.description {
        detail.insert("description".to_owned(), description.as_str().into());
    }
    detail
}
