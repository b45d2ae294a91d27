//! Which events a trail delivers.

use bulla_plane::journal::{Category, RecordRef};

use crate::index::terms::{is_service_event, truth};
use crate::records::{Advanced, Basic, Field, Selectors, TrailRecord};

impl TrailRecord {
    /// Whether an event belongs in this trail.
    pub(crate) fn takes(&self, event: &RecordRef<'_>) -> bool {
        event.category == Category::Management
            && event.recipient_account_id == self.account
            && self.reaches(event)
            && self.selectors.as_ref().is_none_or(|selectors| selectors.take(event))
    }

    /// Whether an event's region is this trail's.
    fn reaches(&self, event: &RecordRef<'_>) -> bool {
        let is_global =
            matches!(event.event_source, "iam.amazonaws.com" | "organizations.amazonaws.com");
        if is_global { self.global } else { self.multi_region || event.region == self.home }
    }
}

impl Selectors {
    fn take(&self, event: &RecordRef<'_>) -> bool {
        match self {
            Self::Basic(all) => all.iter().any(|selector| selector.takes(event)),
            Self::Advanced(all) => all.iter().any(|selector| selector.takes(event)),
        }
    }
}

impl Basic {
    fn takes(&self, event: &RecordRef<'_>) -> bool {
        let by_kind = match self.kind.as_str() {
            "ReadOnly" => event.read_only,
            "WriteOnly" => !event.read_only,
            _ => true,
        };
        by_kind
            && self.management
            && !self.excluded.iter().any(|source| source == event.event_source)
    }
}

impl Advanced {
    fn takes(&self, event: &RecordRef<'_>) -> bool {
        self.fields.iter().all(|field| field.holds(event))
    }
}

impl Field {
    /// The lists by kind, of whatever length.
    pub(crate) fn lists(&self) -> [(&'static str, &Vec<String>); 6] {
        [
            ("Equals", &self.equals),
            ("StartsWith", &self.starts),
            ("EndsWith", &self.ends),
            ("NotEquals", &self.not_equals),
            ("NotStartsWith", &self.not_starts),
            ("NotEndsWith", &self.not_ends),
        ]
    }

    fn holds(&self, event: &RecordRef<'_>) -> bool {
        let value = match self.field.as_str() {
            "eventCategory" => "Management",
            "eventName" => event.event_name,
            "eventSource" => event.event_source,
            "eventType" if is_service_event(event) => "AwsServiceEvent",
            "eventType" => "AwsApiCall",
            "readOnly" => truth(event.read_only),
            "userIdentity.arn" => event.identity.arn.unwrap_or_default(),
            // No call here comes from a console of AWS's.
            _ => "",
        };
        let wanted = |list: &[String], test: fn(&str, &str) -> bool| {
            list.is_empty() || list.iter().any(|text| test(value, text))
        };
        let unwanted = |list: &[String], test: fn(&str, &str) -> bool| {
            !list.iter().any(|text| test(value, text))
        };
        let is = |value: &str, text: &str| value == text;
        let starts = |value: &str, text: &str| value.starts_with(text);
        let ends = |value: &str, text: &str| value.ends_with(text);
        wanted(&self.equals, is)
            && wanted(&self.starts, starts)
            && wanted(&self.ends, ends)
            && unwanted(&self.not_equals, is)
            && unwanted(&self.not_starts, starts)
            && unwanted(&self.not_ends, ends)
    }
}
