//! What records of the journal say about keys, secrets and advanced parameters.

use bulla_plane::journal::{EventType, RecordRef};
use serde_json::Value;

use crate::lives::{Change, What};
use crate::prices;
use crate::uses::parameters;

/// The calls, and what services do by themselves, that say something about lives.
const CALLS: [(&str, &[&str]); 3] = [
    (
        "kms.amazonaws.com",
        &["CreateKey", "ReplicateKey", "ScheduleKeyDeletion", "CancelKeyDeletion", "RotateKey"],
    ),
    (
        "secretsmanager.amazonaws.com",
        &[
            "CreateSecret",
            "ReplicateSecretToRegions",
            "RemoveRegionsFromReplication",
            "DeleteSecret",
            "RestoreSecret",
        ],
    ),
    ("ssm.amazonaws.com", &["PutParameter", "DeleteParameter", "DeleteParameters"]),
];

/// Whether records such as this one say something about lives.
pub(crate) fn concern(record: &RecordRef<'_>) -> bool {
    let names = CALLS.iter().find(|(source, _)| *source == record.event_source);
    names.is_some_and(|(_, names)| names.contains(&record.event_name))
}

/// What a record says about lives; nothing if the call failed, or is a copy of the caller's record.
pub(crate) fn of(record: &RecordRef<'_>) -> Vec<Change> {
    let is_copy = record.identity.account_id.is_some_and(|account| {
        account != record.recipient_account_id && record.event_type == EventType::ApiCall
    });
    if record.error_code.is_some() || is_copy || !concern(record) {
        return Vec::new();
    }
    match record.event_source {
        "kms.amazonaws.com" => of_key(record),
        "secretsmanager.amazonaws.com" => of_secret(record),
        "ssm.amazonaws.com" => of_parameter(record),
        _ => Vec::new(),
    }
}

fn change(record: &RecordRef<'_>, arn: &str, what: What) -> Change {
    Change { arn: arn.to_owned(), at_ms: record.time_ms, what }
}

fn begins(item: &'static str) -> What {
    What::Begins { item, until_ms: None, spec: None }
}

fn first(record: &RecordRef<'_>, what: What) -> Vec<Change> {
    let arn = record.resources.first().map(|resource| resource.arn);
    arn.map(|arn| change(record, arn, what)).into_iter().collect()
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

fn of_key(record: &RecordRef<'_>) -> Vec<Change> {
    match record.event_name {
        "CreateKey" => {
            let spec = text(&parameters(record), "keySpec").map(str::to_owned);
            first(record, What::Begins { item: prices::KEY.code, until_ms: None, spec })
        }
        "ReplicateKey" => {
            let parameters = parameters(record);
            let replica = record.resources.first().zip(text(&parameters, "replicaRegion"));
            let arn = replica.map(|(primary, region)| in_region(primary.arn, region));
            let answer = record.response_elements.map(serde_json::from_str::<Value>);
            let answer = answer.and_then(Result::ok).unwrap_or_default();
            let spec = answer.pointer("/replicaKeyMetadata/keySpec").and_then(Value::as_str);
            let (item, spec) = (prices::KEY.code, spec.map(str::to_owned));
            let what = What::Begins { item, until_ms: None, spec };
            arn.map(|arn| change(record, &arn, what)).into_iter().collect()
        }
        "ScheduleKeyDeletion" => first(record, What::Ends),
        "CancelKeyDeletion" => first(record, What::Reopens),
        "RotateKey" if record.event_type == EventType::ServiceEvent => first(record, What::Rotates),
        _ => Vec::new(),
    }
}

/// The ARN of a replica.
fn in_region(arn: &str, region: &str) -> String {
    let mut parts: Vec<_> = arn.splitn(6, ':').collect();
    if let Some(part) = parts.get_mut(3) {
        *part = region;
    }
    parts.join(":")
}

/// A secret, and its replicas, which are as many secrets (Secrets Manager's price page). While one
/// is scheduled to be deleted it costs nothing.
fn of_secret(record: &RecordRef<'_>) -> Vec<Change> {
    let replicas = |what: &What, regions: Vec<String>| -> Vec<Change> {
        let Some(secret) = record.resources.first() else { return Vec::new() };
        let arns = regions.iter().map(|region| in_region(secret.arn, region));
        arns.map(|arn| change(record, &arn, what.clone())).collect()
    };
    let added = || {
        let parameters = parameters(record);
        let all = parameters.get("addReplicaRegions").and_then(Value::as_array);
        let named = all.into_iter().flatten().filter_map(|one| text(one, "region"));
        named.map(str::to_owned).collect()
    };
    let here = begins(prices::SECRET.code);
    match record.event_name {
        "CreateSecret" => [first(record, here.clone()), replicas(&here, added())].concat(),
        "ReplicateSecretToRegions" => replicas(&here, added()),
        "RemoveRegionsFromReplication" => {
            let parameters = parameters(record);
            let all = parameters.get("removeReplicaRegions").and_then(Value::as_array);
            let named = all.into_iter().flatten().filter_map(Value::as_str);
            replicas(&What::Ends, named.map(str::to_owned).collect())
        }
        "DeleteSecret" if record.event_type == EventType::ApiCall => first(record, What::Ends),
        "RestoreSecret" => first(record, here),
        _ => Vec::new(),
    }
}

fn of_parameter(record: &RecordRef<'_>) -> Vec<Change> {
    match record.event_name {
        "PutParameter" => {
            // Only what an advanced parameter takes part in is metered.
            if record.metered.is_none() {
                return first(record, What::Ends);
            }
            let (parameters, item) = (parameters(record), prices::PARAMETER.code);
            let until_ms = expires(&parameters);
            // What an overwrite does not name it keeps.
            if until_ms.is_none() && parameters.get("policies").is_some() {
                return first(record, What::BeginsAnew { item });
            }
            first(record, What::Begins { item, until_ms, spec: None })
        }
        "DeleteParameter" | "DeleteParameters" => {
            let arns = record.resources.iter().map(|resource| resource.arn);
            arns.map(|arn| change(record, arn, What::Ends)).collect()
        }
        _ => Vec::new(),
    }
}

/// When a parameter's policies have it expire, in milliseconds since 1970.
fn expires(parameters: &Value) -> Option<i64> {
    let policies: Value = serde_json::from_str(text(parameters, "policies")?).ok()?;
    let expires = |policy: &&Value| text(policy, "Type") == Some("Expiration");
    let policy = policies.as_array()?.iter().find(expires)?;
    let time = text(policy.get("Attributes")?, "Timestamp")?;
    time.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use bulla_plane::journal::Resource;

    use super::*;

    fn record<'r>(source: &'r str, name: &'r str, arn: &'r str) -> RecordRef<'r> {
        let resource = Resource { account_id: "111122223333", kind: None, arn };
        RecordRef {
            time_ms: 7,
            event_source: source,
            event_name: name,
            resources: vec![resource].into(),
            ..RecordRef::default()
        }
    }

    #[test]
    fn a_secret_and_its_replicas_begin_and_end() {
        let arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a:b";
        let made = RecordRef {
            request_parameters: Some(r#"{"addReplicaRegions":[{"region":"eu-west-2"}]}"#),
            ..record("secretsmanager.amazonaws.com", "CreateSecret", arn)
        };
        let arns = |record: &RecordRef<'_>| -> Vec<_> {
            of(record).into_iter().map(|change| (change.arn, change.what)).collect()
        };
        let replica = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:a:b".to_owned();
        let begins = begins(prices::SECRET.code);
        assert_eq!(arns(&made), [(arn.to_owned(), begins.clone()), (replica.clone(), begins)]);
        let removed = RecordRef {
            request_parameters: Some(r#"{"removeReplicaRegions":["eu-west-2"]}"#),
            ..record("secretsmanager.amazonaws.com", "RemoveRegionsFromReplication", arn)
        };
        assert_eq!(arns(&removed), [(replica, What::Ends)]);
        assert_eq!(arns(&RecordRef { error_code: Some("AccessDenied"), ..removed }), []);
    }

    #[test]
    fn a_parameter_that_expires_says_when() {
        let arn = "arn:aws:ssm:eu-west-1:111122223333:parameter/a";
        let policies = serde_json::json!([{
            "Type": "Expiration",
            "Version": "1.0",
            "Attributes": { "Timestamp": "1970-01-02T00:00:00.000Z" },
        }]);
        let parameters = serde_json::json!({ "policies": policies.to_string() }).to_string();
        let put = RecordRef {
            request_parameters: Some(&parameters),
            metered: Some(1),
            ..record("ssm.amazonaws.com", "PutParameter", arn)
        };
        let [Change { what: What::Begins { until_ms, .. }, .. }] = &of(&put)[..] else {
            panic!("it begins")
        };
        assert_eq!(*until_ms, Some(86_400_000));
    }
}
