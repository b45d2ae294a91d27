//! Resource policies of functions: made of statements, one an AddPermission.

use bulla_plane::{Directory, Stop};
use bulla_policy::{Policy, PolicyKind};
use bulla_shapes::Fault;
use bulla_shapes::lambda::AddPermissionRequest;
use serde_json::{Value, json};

use crate::fault;
use crate::identifier::LATEST;
use crate::record::{FunctionRecord, PolicyRecord, StatementRecord};

/// The longest policy, in bytes (user guide, "Quotas").
pub(crate) const MAX_POLICY_BYTES: usize = 20 * 1_024;

/// The name of the policy that a qualifier stands under.
pub(crate) fn name_of(qualifier: Option<&str>) -> &str {
    qualifier.filter(|qualifier| *qualifier != LATEST).unwrap_or_default()
}

/// A policy as a document.
pub(crate) fn document(policy: &PolicyRecord) -> Result<String, Stop> {
    let statements: Result<Vec<Value>, _> =
        policy.statements.iter().map(|statement| serde_json::from_str(&statement.text)).collect();
    let statements = statements.map_err(|error| {
        tracing::error!(%error, "a stored statement does not parse");
        Stop::Internal
    })?;
    let document = json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements });
    Ok(document.to_string())
}

/// The policy that decides for a qualifier, compiled.
pub(crate) fn compiled(record: &FunctionRecord, on: &str) -> Result<Option<Policy>, Stop> {
    let Some(stored) = record.policy(name_of(Some(on))) else { return Ok(None) };
    let mut policy = Policy::parse(&document(stored)?, PolicyKind::Resource).map_err(|error| {
        tracing::error!(%error, "a stored function policy does not parse");
        Stop::Internal
    })?;
    policy.bind_principals(|text| {
        let mut bound = stored.statements.iter().filter_map(|one| one.bound.as_ref());
        bound.find(|(arn, _)| arn == text).map(|(_, id)| id.clone())
    });
    Ok(Some(policy))
}

/// The statement that a request asks for, on a function's or version's ARN.
pub(crate) async fn statement(
    directory: &dyn Directory,
    input: &AddPermissionRequest<'_>,
    arn: &str,
) -> Result<StatementRecord, Stop> {
    let named = input.principal();
    let mut bound = None;
    let principal = if named == "*" {
        json!("*")
    } else if named.ends_with(".amazonaws.com") || named.ends_with(".amazonaws.com.cn") {
        json!({ "Service": named })
    } else {
        let known = directory.find(named).await?.ok_or_else(invalid_principal)?;
        if known.arn.contains(":user/") || known.arn.contains(":role/") {
            bound = Some((known.arn.clone(), known.unique_id));
        }
        json!({ "AWS": known.arn })
    };
    let mut statement = json!({
        "Sid": input.statement_id(),
        "Effect": "Allow",
        "Principal": principal,
        "Action": input.action(),
        "Resource": arn,
    });
    let conditions = conditions(input);
    if let (Some(members), Some(conditions)) = (statement.as_object_mut(), conditions) {
        members.insert("Condition".to_owned(), conditions);
    }
    let record =
        StatementRecord { id: input.statement_id().to_owned(), text: statement.to_string(), bound };
    let alone = PolicyRecord { statements: vec![record], revision: String::new() };
    Policy::parse(&document(&alone)?, PolicyKind::Resource).map_err(|_| invalid_principal())?;
    let mut statements = alone.statements;
    statements.pop().ok_or(Stop::Internal)
}

/// The conditions of a statement, as recorded of AWS.
fn conditions(input: &AddPermissionRequest<'_>) -> Option<Value> {
    let mut equals = serde_json::Map::new();
    let texts = [
        ("AWS:SourceAccount", input.source_account()),
        ("lambda:EventSourceToken", input.event_source_token()),
        ("lambda:FunctionUrlAuthType", input.function_url_auth_type()),
        ("aws:PrincipalOrgID", input.principal_org_id()),
    ];
    for (key, value) in texts {
        equals.extend(value.map(|value| (key.to_owned(), json!(value))));
    }
    let mut all = serde_json::Map::new();
    if !equals.is_empty() {
        all.insert("StringEquals".to_owned(), Value::Object(equals));
    }
    if let Some(arn) = input.source_arn() {
        all.insert("ArnLike".to_owned(), json!({ "AWS:SourceArn": arn }));
    }
    if let Some(flag) = input.invoked_via_function_url() {
        all.insert("Bool".to_owned(), json!({ "lambda:InvokedViaFunctionUrl": flag.to_string() }));
    }
    (!all.is_empty()).then_some(Value::Object(all))
}

fn invalid_principal() -> Fault {
    fault::invalid("The provided principal was invalid. Please check the principal and try again.")
}
