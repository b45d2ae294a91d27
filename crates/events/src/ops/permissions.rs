//! PutPermission, RemovePermission: the policy of a bus.

use bulla_plane::{Call, Stop};
use bulla_policy::{Policy, PolicyKind, PrincipalType};
use bulla_shapes::events::{PutPermissionRequest, RemovePermissionRequest};
use serde_json::{Value, json};

use super::{Answer, BUS_TYPE};
use crate::guard::{BusAt, permit};
use crate::records::BusRecord;
use crate::{Events, fault, quotas};

/// The only action that a statement made of a request's parts may have (API reference).
const PUT_EVENTS: &str = "events:PutEvents";

pub(crate) async fn put_permission(
    events: &Events,
    call: &mut Call,
    input: &PutPermissionRequest<'_>,
) -> Answer {
    let found = events.bus(call, input.event_bus_name()).await?;
    let bus = permit(found, call, "events:PutPermission", &())?;
    call.touched(&bus.arn, &bus.place.account, BUS_TYPE);
    let record = bus.must_be_there()?;
    let record = match input.policy() {
        Some(text) => {
            let principals = principals(events, text).await?;
            BusRecord { policy: Some(text.to_owned()), principals, ..record.clone() }
        }
        // It names no more than accounts: who was named before stays who they were.
        None => {
            let text = with_statement(record, input, &bus)?;
            BusRecord { policy: Some(text), ..record.clone() }
        }
    };
    save(events, call, &bus, record).await
}

/// The policy with one more statement, in place of one of the same id.
fn with_statement(
    record: &BusRecord,
    input: &PutPermissionRequest<'_>,
    bus: &BusAt,
) -> Result<String, Stop> {
    let missing = |name: &str| fault::validation(format!("Parameter {name} must be specified."));
    let sid = input.statement_id().ok_or_else(|| missing("StatementId"))?;
    let principal = input.principal().ok_or_else(|| missing("Principal"))?;
    let action = input.action().ok_or_else(|| missing("Action"))?;
    if action != PUT_EVENTS {
        let text = format!(
            "Provided value in parameter 'action' is not supported. Use \
                            {PUT_EVENTS}."
        );
        return Err(fault::validation(text).into());
    }
    let principal = if principal == "*" {
        json!("*")
    } else {
        json!({ "AWS": format!("arn:{}:iam::{principal}:root", bus.place.partition) })
    };
    let mut statement = json!({
        "Sid": sid,
        "Effect": "Allow",
        "Principal": principal,
        "Action": action,
        "Resource": bus.arn,
    });
    if let (Some(condition), Some(members)) = (input.condition(), statement.as_object_mut()) {
        let kind = condition.record().named("Type");
        let Some(bulla_shapes::Value::Str(kind)) = kind else {
            return Err(missing("Condition.Type").into());
        };
        let pair = json!({ condition.key(): condition.value() });
        members.insert("Condition".to_owned(), json!({ kind.as_ref(): pair }));
    }
    let mut statements = statements(record)?;
    statements.retain(|known| known.get("Sid").and_then(Value::as_str) != Some(sid));
    statements.push(statement);
    Ok(json!({ "Version": "2012-10-17", "Statement": statements }).to_string())
}

fn statements(record: &BusRecord) -> Result<Vec<Value>, Stop> {
    let Some(text) = &record.policy else { return Ok(Vec::new()) };
    let policy: Value = serde_json::from_str(text).map_err(|error| {
        tracing::error!(%error, "the stored policy of a bus does not read");
        Stop::Internal
    })?;
    Ok(match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.clone(),
        Some(statement) => vec![statement.clone()],
        None => Vec::new(),
    })
}

/// The users and roles that a policy names, with their unique ids. Whether EventBridge refuses ones
/// that do not exist is not recorded: here they are taken as they are written.
async fn principals(events: &Events, text: &str) -> Result<Vec<(String, String)>, Stop> {
    let Ok(policy) = Policy::parse(text, PolicyKind::Resource) else { return Ok(Vec::new()) };
    let mut principals: Vec<(String, String)> = Vec::new();
    for named in policy.principals() {
        let arn = named.text;
        let is_entity = named.principal_type == PrincipalType::Aws
            && (arn.contains(":user/") || arn.contains(":role/"));
        if !is_entity || principals.iter().any(|(known, _)| known == arn) {
            continue;
        }
        if let Some(known) = events.directory.find(arn).await? {
            principals.push((arn.to_owned(), known.unique_id));
        }
    }
    Ok(principals)
}

async fn save(events: &Events, call: &Call, bus: &BusAt, record: BusRecord) -> Answer {
    if let Some(text) = &record.policy {
        if text.len() > quotas::POLICY_BYTES.limit(call) {
            return Err(fault::policy_too_long().into());
        }
        Policy::parse(text, PolicyKind::Resource).map_err(|error| {
            // The beginning of the text is AWS's.
            let reason = error.aws_message();
            fault::validation(format!("Parameter Policy is not valid. Reason: {reason}"))
        })?;
    }
    let record = BusRecord { modified_ms: Some(call.now_ms), ..record };
    events.save_bus(bus, &record).await?;
    Ok(None)
}

pub(crate) async fn remove_permission(
    events: &Events,
    call: &mut Call,
    input: &RemovePermissionRequest<'_>,
) -> Answer {
    let found = events.bus(call, input.event_bus_name()).await?;
    let bus = permit(found, call, "events:RemovePermission", &())?;
    call.touched(&bus.arn, &bus.place.account, BUS_TYPE);
    let record = bus.must_be_there()?;
    if input.remove_all_permissions() == Some(true) {
        let record = BusRecord { policy: None, principals: Vec::new(), ..record.clone() };
        return save(events, call, &bus, record).await;
    }
    let sid = input.statement_id();
    let mut statements = statements(record)?;
    let before = statements.len();
    statements.retain(|known| sid.is_none() || known.get("Sid").and_then(Value::as_str) != sid);
    if statements.len() == before {
        return Err(fault::no_statement().into());
    }
    let policy = (!statements.is_empty())
        .then(|| json!({ "Version": "2012-10-17", "Statement": statements }).to_string());
    save(events, call, &bus, BusRecord { policy, ..record.clone() }).await
}
