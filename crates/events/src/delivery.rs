//! An event on its way to one target, as it stands in the store until the target has it.

use bulla_shapes::events::Target;
use serde::{Deserialize, Serialize};

/// How often a delivery is tried again unless its target says so (EventBridge user guide, "How
/// EventBridge retries delivering events").
const RETRIES: u32 = 185;
/// How old an event may become on its way, in seconds (same page).
const AGE_S: i64 = 86_400;

/// What a target asks for, the event apart.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) arn: String,
    pub(crate) rule_arn: String,
    /// The ARN of the queue for what can't be delivered.
    pub(crate) dead_letter: Option<String>,
    pub(crate) retries: u32,
    pub(crate) age_s: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) http: Option<Http>,
}

/// What goes into a request beside the event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Http {
    /// What stands for each `*` of the path.
    pub(crate) path: Vec<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) query: Vec<(String, String)>,
}

impl Order {
    pub(crate) fn of(target: &Target<'_>, rule_arn: &str) -> Self {
        let retry = target.retry_policy();
        let retries = retry.as_ref().and_then(|retry| retry.maximum_retry_attempts());
        let age = retry.as_ref().and_then(|retry| retry.maximum_event_age_in_seconds());
        let http = target.http_parameters().map(|http| Http {
            path: http.path_parameter_values().into_iter().flatten().map(str::to_owned).collect(),
            headers: pairs(http.header_parameters()),
            query: pairs(http.query_string_parameters()),
        });
        Self {
            arn: target.arn().to_owned(),
            rule_arn: rule_arn.to_owned(),
            dead_letter: target.dead_letter_config().and_then(|it| it.arn().map(str::to_owned)),
            retries: retries.and_then(|count| u32::try_from(count).ok()).unwrap_or(RETRIES),
            age_s: age.unwrap_or(AGE_S),
            http,
        }
    }
}

fn pairs(map: Option<bulla_shapes::StringMap<'_>>) -> Vec<(String, String)> {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    map.map(|map| map.iter().map(owned).collect()).unwrap_or_default()
}

/// A delivery.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) order: Order,
    /// What the target is sent.
    pub(crate) payload: String,
    /// Why it can't be sent, where the event makes nothing that its target could be sent: then the
    /// payload is the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) flaw: Option<String>,
    /// When the event was matched, in milliseconds since 1970.
    pub(crate) created_ms: i64,
    /// How often it was tried in vain.
    pub(crate) tried: u32,
}

/// The row of a delivery: those of one lane in the order in which they are due.
pub(crate) fn row(lane: &str, due_ms: i64, number: u64) -> String {
    format!("{lane}/{:020}/{number:020}", due_ms.max(0))
}

/// When a delivery is due, by its row.
pub(crate) fn due_ms(lane: &str, row: &[u8]) -> Option<i64> {
    let rest = row.strip_prefix(lane.as_bytes())?.strip_prefix(b"/")?;
    std::str::from_utf8(rest.get(..20)?).ok()?.parse().ok()
}
