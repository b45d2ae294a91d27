//! A record as CloudTrail writes it: one JSON object, members in CloudTrail's order.
//!
//! The shape is that of event version 1.11, see the page "CloudTrail record contents".

use serde::de::IgnoredAny;

use super::record::{Category, EventType, Identity, RecordRef, Resource, Session, Tls};

/// The version of CloudTrail's record shape that is written.
const EVENT_VERSION: &str = "1.11";

impl RecordRef<'_> {
    /// The record as CloudTrail writes it, on one line.
    #[must_use]
    pub fn to_cloudtrail_json(&self) -> String {
        let mut out = Object::open(String::with_capacity(1024));
        out.text("eventVersion", EVENT_VERSION);
        out.raw("userIdentity", &identity(&self.identity));
        out.text("eventTime", &time(self.time_ms));
        out.text("eventSource", self.event_source);
        out.text("eventName", self.event_name);
        out.text("awsRegion", self.region);
        out.text("sourceIPAddress", self.source_ip);
        out.optional("userAgent", self.user_agent);
        out.optional("errorCode", self.error_code);
        out.optional("errorMessage", self.error_message);
        out.json("requestParameters", Some(self.request_parameters.unwrap_or("null")));
        out.json("responseElements", Some(self.response_elements.unwrap_or("null")));
        out.json("additionalEventData", self.additional_event_data);
        let request_id = self.request_id.map(uuid);
        out.optional("requestID", request_id.as_deref().or(self.request_text));
        out.text("eventID", &uuid(self.event_id));
        out.raw("readOnly", boolean(self.read_only));
        if !self.resources.is_empty() {
            out.raw("resources", &array(self.resources.iter().map(resource)));
        }
        out.text(
            "eventType",
            match self.event_type {
                EventType::ApiCall => "AwsApiCall",
                EventType::ServiceEvent => "AwsServiceEvent",
            },
        );
        if self.event_type == EventType::ApiCall {
            out.optional("apiVersion", api_version(self.event_source));
        }
        out.raw("managementEvent", boolean(self.category == Category::Management));
        out.text("recipientAccountId", self.recipient_account_id);
        out.optional("sharedEventID", self.shared_event_id.map(uuid).as_deref());
        out.json("serviceEventDetails", self.service_event_details);
        out.text(
            "eventCategory",
            match self.category {
                Category::Management => "Management",
                Category::Data => "Data",
            },
        );
        if let Some(details) = &self.tls {
            out.raw("tlsDetails", &tls(details));
        }
        out.close()
    }
}

/// The version of a service's interface, of those services whose records have it (recorded).
fn api_version(event_source: &str) -> Option<&'static str> {
    (event_source == "events.amazonaws.com").then_some("2015-10-07")
}

fn identity(identity: &Identity<'_>) -> String {
    let mut out = Object::open(String::new());
    out.optional("type", identity.kind);
    out.optional("principalId", identity.principal_id);
    out.optional("arn", identity.arn);
    out.optional("accountId", identity.account_id);
    out.optional("accessKeyId", identity.access_key_id);
    out.optional("userName", identity.user_name);
    if let Some(context) = &identity.session {
        out.raw("sessionContext", &session(context));
    }
    out.optional("invokedBy", identity.invoked_by);
    out.optional("identityProvider", identity.identity_provider);
    out.close()
}

fn session(session: &Session<'_>) -> String {
    let mut out = Object::open(String::new());
    if let Some(from) = &session.issuer {
        let mut issuer = Object::open(String::new());
        issuer.text("type", from.kind);
        issuer.text("principalId", from.principal_id);
        issuer.text("arn", from.arn);
        issuer.text("accountId", from.account_id);
        issuer.optional("userName", Some(from.user_name).filter(|name| !name.is_empty()));
        out.raw("sessionIssuer", &issuer.close());
    }
    if let Some(provider) = session.federated_provider {
        let mut data = Object::open(String::new());
        data.text("federatedProvider", provider);
        data.raw("attributes", "{}");
        out.raw("webIdFederationData", &data.close());
    }
    let mut attributes = Object::open(String::new());
    attributes.text("creationDate", &time(session.created_ms));
    // A string, not a boolean: so it is in every record of CloudTrail.
    attributes.text("mfaAuthenticated", boolean(session.mfa_authenticated));
    out.raw("attributes", &attributes.close());
    out.optional("sourceIdentity", session.source_identity);
    out.close()
}

fn resource(resource: &Resource<'_>) -> String {
    let mut out = Object::open(String::new());
    out.text("accountId", resource.account_id);
    out.optional("type", resource.kind);
    out.text("ARN", resource.arn);
    out.close()
}

fn tls(tls: &Tls<'_>) -> String {
    let mut out = Object::open(String::new());
    out.text("tlsVersion", tls.version);
    out.text("cipherSuite", tls.cipher_suite);
    out.text("clientProvidedHostHeader", tls.host);
    out.optional("keyExchange", tls.key_exchange);
    out.close()
}

fn boolean(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

fn array(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

/// Whole seconds in UTC. A time outside the years that can be written is clamped to them.
fn time(ms: i64) -> String {
    let instant = jiff::Timestamp::from_second(ms.div_euclid(1000)).unwrap_or(if ms < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    });
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn uuid(id: [u8; 16]) -> String {
    let value = u128::from_be_bytes(id);
    let hex = format!("{value:032x}");
    let mut out = String::with_capacity(36);
    for (index, digit) in hex.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            out.push('-');
        }
        out.push(digit);
    }
    out
}

/// A JSON object that is being written.
struct Object(String);

impl Object {
    fn open(mut out: String) -> Self {
        out.push('{');
        Self(out)
    }

    fn name(&mut self, name: &str) {
        if !self.0.ends_with('{') {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    fn raw(&mut self, name: &str, json: &str) {
        self.name(name);
        self.0.push_str(json);
    }

    fn text(&mut self, name: &str, text: &str) {
        self.raw(name, &serde_json::Value::from(text).to_string());
    }

    fn optional(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// A member that was given as JSON. If it is none, it becomes a string: one bad member never
    /// makes the whole record unreadable.
    fn json(&mut self, name: &str, json: Option<&str>) {
        let Some(json) = json else { return };
        match serde_json::from_str::<IgnoredAny>(json) {
            Ok(IgnoredAny) => self.raw(name, json),
            Err(_) => self.text(name, json),
        }
    }

    fn close(mut self) -> String {
        self.0.push('}');
        self.0
    }
}
