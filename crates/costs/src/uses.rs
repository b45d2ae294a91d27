//! What a record of the journal is a use of.

use bulla_plane::journal::{EventType, RecordRef};
use serde_json::Value;

use crate::prices::{self, Item};

/// A call that AWS would charge for. Calls that failed are not (our choice: AWS doesn't say).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Use<'r> {
    /// Who pays: the caller's account.
    pub(crate) account: &'r str,
    pub(crate) region: &'r str,
    pub(crate) priced: Priced,
    pub(crate) operation: &'r str,
    /// The first resource that was touched; empty where there is none.
    pub(crate) resource: &'r str,
    /// Who called: a user, or the role of a session.
    pub(crate) principal: &'r str,
}

/// What a use is charged as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priced {
    As(&'static Item),
    /// As the key's spec has it.
    ByKey,
}

/// What the rows of uses call what is priced by the key, until it is known.
pub(crate) const BY_KEY: &str = "kms.by-key";

/// What is charged by the spec that is asked for.
const PAIRS: [&str; 2] = ["GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"];

impl Priced {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::As(item) => item.code,
            Self::ByKey => BY_KEY,
        }
    }
}

/// The use that a record is, if AWS charges for it. A record that stands in the trail of the
/// resource's owner too is the caller's alone.
pub(crate) fn of<'r>(record: &RecordRef<'r>) -> Option<Use<'r>> {
    let identity = &record.identity;
    let account = identity.account_id?;
    let is_theirs = account == record.recipient_account_id;
    // What a service does by itself may be recorded as a call of nobody.
    let is_call = record.event_type == EventType::ApiCall && identity.kind.is_some();
    let counts = is_theirs && is_call && record.error_code.is_none();
    let priced = if counts { priced(record)? } else { return None };
    let issuer = identity.session.as_ref().and_then(|session| session.issuer.as_ref());
    let principal = issuer.map(|issuer| issuer.arn).or(identity.arn);
    let resource = resource(record);
    Some(Use {
        account,
        region: record.region,
        priced,
        operation: record.event_name,
        resource,
        principal: principal.unwrap_or_default(),
    })
}

/// The ARN of the first resource, which is borrowed from the record's own bytes.
fn resource<'r>(record: &RecordRef<'r>) -> &'r str {
    record.resources.first().map_or("", |resource| resource.arn)
}

fn priced(record: &RecordRef<'_>) -> Option<Priced> {
    let item = match (record.event_source.strip_suffix(".amazonaws.com")?, record.event_name) {
        ("kms", operation) => return Some(of_kms(record, operation)),
        ("secretsmanager", _) => &prices::SECRET_REQUESTS,
        ("ssm", _) if record.metered.is_some() => &prices::INTERACTIONS,
        ("events", "PutEvents") => &prices::CHUNKS,
        ("lambda", "Invoke") => &prices::INVOCATIONS,
        ("ce", _) => &prices::EXPLORER_REQUESTS,
        _ => return None,
    };
    Some(Priced::As(item))
}

/// Whether what a record is charged as is in its request, which others that are like it don't have.
pub(crate) fn are_in_json(record: &RecordRef<'_>) -> bool {
    PAIRS.contains(&record.event_name)
}

fn of_kms(record: &RecordRef<'_>, operation: &str) -> Priced {
    match operation {
        pair if PAIRS.contains(&pair) => {
            let spec = parameters(record);
            let spec = spec.get("keyPairSpec").and_then(Value::as_str);
            let is_rsa = spec.is_some_and(|spec| spec.starts_with("RSA_"));
            Priced::As(if is_rsa { &prices::RSA_PAIRS } else { &prices::ECC_PAIRS })
        }
        "Encrypt" | "Decrypt" | "ReEncrypt" | "Sign" | "Verify" | "GetPublicKey"
        | "DeriveSharedSecret" => Priced::ByKey,
        _ => Priced::As(&prices::REQUESTS),
    }
}

/// `requestParameters`; null where there are none, or too many to be recorded.
pub(crate) fn parameters(record: &RecordRef<'_>) -> Value {
    record.request_parameters.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// What a use of a key is charged as. AWS managed keys, of which no spec is known, are symmetric.
pub(crate) fn by_spec(spec: Option<&str>) -> &'static Item {
    match spec {
        None | Some("SYMMETRIC_DEFAULT") => &prices::REQUESTS,
        Some("RSA_2048") => &prices::RSA_2048,
        Some(spec) if spec.starts_with("HMAC_") => &prices::REQUESTS,
        Some(_) => &prices::ASYMMETRIC,
    }
}
