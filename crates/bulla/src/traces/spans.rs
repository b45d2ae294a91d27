//! What was seen of a request, as spans of OpenTelemetry.
//!
//! Names are those of its conventions for calls to AWS and for servers of HTTP, where it has some.
//! A span tells who called what, when, and what became of it: never anything of a request's or
//! answer's content, and no text of an error, which may quote it.

use std::borrow::Cow;

use bulla_crypto::{Crypto, CryptoError};
use bulla_plane::pipeline::id_text;
use bulla_plane::traces::{Course, Facts, Part, What};
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::parent::Parent;

/// What a span is called whose request reached no operation.
const LOST: &str = "request";
/// The bytes that are drawn for a request: the trace's id, and where its spans' ids begin.
const RANDOM_BYTES: usize = 24;

/// A request that has ended.
pub(super) struct Seen {
    pub(super) course: Course,
    /// What the client says it belongs to.
    pub(super) parent: Option<Parent>,
    pub(super) status: u16,
}

impl Seen {
    /// How many spans it becomes.
    pub(super) fn spans(&self) -> usize {
        self.course.parts.len().saturating_add(1)
    }
}

/// The spans of a request, its own first. A parent that a client named is taken of those alone
/// whose signature held: strangers put nothing into anybody's traces.
///
/// # Errors
/// Those of the random source.
pub(super) fn of(seen: &Seen, crypto: &Crypto) -> Result<Vec<SpanData>, CryptoError> {
    let is_known = seen.course.facts.as_ref().is_some_and(|facts| !facts.account.is_empty());
    let parent = seen.parent.filter(|_| is_known);
    let ids = Ids::draw(crypto, parent)?;
    let course = &seen.course;
    let mut spans = Vec::with_capacity(course.parts.len().saturating_add(1));
    spans.push(SpanData {
        span_context: ids.context(0),
        parent_span_id: SpanId::from(parent.map_or(0, |parent| parent.span_id)),
        parent_span_is_remote: parent.is_some(),
        span_kind: SpanKind::Server,
        name: course.facts.as_ref().map_or(Cow::Borrowed(LOST), name),
        start_time: course.began,
        end_time: course.began + course.took,
        attributes: own_attributes(seen),
        status: if seen.status >= 500 { failed(course.facts.as_ref()) } else { Status::Unset },
        ..blank()
    });
    for (at, part) in course.parts.iter().enumerate() {
        let within = part.within.map_or(0, |within| within.saturating_add(1));
        spans.push(SpanData {
            span_context: ids.context(at.saturating_add(1)),
            parent_span_id: ids.span(within),
            start_time: course.began + part.began,
            end_time: course.began + part.began + part.took,
            ..of_part(part)
        });
    }
    Ok(spans)
}

fn of_part(part: &Part) -> SpanData {
    match &part.what {
        What::Stage(name) => SpanData { name: Cow::Borrowed(name), ..blank() },
        What::Inner(facts) => SpanData {
            name: facts.as_ref().map_or(Cow::Borrowed(LOST), name),
            attributes: facts.as_ref().map(attributes).unwrap_or_default(),
            status: match facts {
                Some(Facts { error: None, .. }) => Status::Unset,
                facts => failed(facts.as_ref()),
            },
            ..blank()
        },
    }
}

/// A span within the program, of which nothing is known.
fn blank() -> SpanData {
    SpanData {
        span_context: SpanContext::empty_context(),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: Cow::Borrowed(""),
        start_time: std::time::UNIX_EPOCH,
        end_time: std::time::UNIX_EPOCH,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("bulla").build(),
    }
}

fn name(facts: &Facts) -> Cow<'static, str> {
    Cow::Owned(format!("{}/{}", facts.service, facts.operation))
}

fn failed(facts: Option<&Facts>) -> Status {
    let code = facts.and_then(|facts| facts.error.clone());
    Status::error(code.unwrap_or_default())
}

fn own_attributes(seen: &Seen) -> Vec<KeyValue> {
    let mut all = seen.course.facts.as_ref().map(attributes).unwrap_or_default();
    all.push(KeyValue::new("http.response.status_code", i64::from(seen.status)));
    if seen.course.left_out > 0 {
        let count = i64::try_from(seen.course.left_out).unwrap_or(i64::MAX);
        all.push(KeyValue::new("bulla.parts_left_out", count));
    }
    all
}

fn attributes(facts: &Facts) -> Vec<KeyValue> {
    let mut all = vec![
        KeyValue::new("rpc.system", "aws-api"),
        KeyValue::new("rpc.service", facts.service),
        KeyValue::new("rpc.method", facts.operation),
        KeyValue::new("aws.request_id", id_text(facts.request_id)),
    ];
    for (key, value) in [("cloud.account.id", &facts.account), ("cloud.region", &facts.region)] {
        if !value.is_empty() {
            all.push(KeyValue::new(key, value.clone()));
        }
    }
    if let Some(code) = &facts.error {
        all.push(KeyValue::new("error.type", code.clone()));
    }
    all
}

/// The ids of a request's spans, which count up from a random one.
struct Ids {
    trace: TraceId,
    first: u64,
}

impl Ids {
    fn draw(crypto: &Crypto, parent: Option<Parent>) -> Result<Self, CryptoError> {
        let random = crypto.random::<RANDOM_BYTES>()?;
        let (trace, first) = random.split_at(16);
        let number = |bytes: &[u8]| {
            bytes.iter().fold(0, |number: u128, byte| number << 8 | u128::from(*byte))
        };
        let trace = parent.map_or(number(trace), |parent| parent.trace_id);
        Ok(Self {
            // None of them is zero, which stands for none.
            trace: TraceId::from(trace.max(1)),
            first: u64::try_from(number(first)).unwrap_or_default().max(1),
        })
    }

    fn span(&self, at: usize) -> SpanId {
        let at = u64::try_from(at).unwrap_or_default();
        let (id, wrapped) = self.first.overflowing_add(at);
        // A count that wraps around leaves zero out.
        SpanId::from(id.wrapping_add(u64::from(wrapped)))
    }

    fn context(&self, at: usize) -> SpanContext {
        let (flags, state) = (TraceFlags::SAMPLED, TraceState::default());
        SpanContext::new(self.trace, self.span(at), flags, false, state)
    }
}
