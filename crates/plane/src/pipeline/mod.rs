//! The one way that every call takes: route, authenticate, validate, invoke, record, answer.
//!
//! The order of checks is that of AWS's JSON front ends: the body parses, the target is known,
//! the signature holds, the shapes hold. Every call whose operation is known becomes a record,
//! and none is answered before its record is durable.

mod acting;
mod caller;
mod due;
mod entry;
pub(crate) mod ids;
mod inner;
mod route;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bulla_crypto::Crypto;
use bulla_shapes::protocol::{Codec, Head, codec};
use bulla_shapes::{
    DecodeError, Fault, Protocol, Record, Violations, decode_error, json, query, sts, validate,
};
use bulla_sigv4::{Header, RequestParts};
use bulla_store::{Barrier, Companion, accompanied};
use tracing::Instrument as _;

use self::caller::Caller;
use self::entry::Told;
use self::ids::Ids;
use self::route::{Route, Served};
use crate::journal::{Journal, MAX_TEXT_BYTES};
use crate::outbox::Outbox;
use crate::stop::internal;
use crate::upkeep::Upkeep;
use crate::wire::{MAX_BODY_BYTES, WireRequest, WireResponse};
use crate::{Authenticator, Call, Clock, Quotas, Service, region, stages, traces, trail};

pub use acting::Acting;
pub use due::MAX_JOBS_A_RUN;
pub use ids::{IdStock, event as event_id, new_uuid, text as id_text};
pub(crate) use inner::Inner;
pub use inner::Neighbours;

/// The house at run time.
pub struct Plane {
    /// The primitives.
    pub crypto: Crypto,
    /// The store, sealed.
    pub barrier: Arc<Barrier>,
    /// The time.
    pub clock: Arc<Clock>,
    /// The record of every call.
    pub journal: Arc<Journal>,
    /// Who holds which access key.
    pub authenticator: Arc<dyn Authenticator>,
    /// The services.
    pub services: Vec<Arc<dyn Service>>,
    /// The changes whose records may not be durable yet.
    pub outbox: Outbox,
    /// What the store's upkeep remembers.
    pub upkeep: Upkeep,
    /// Ids for the calls to come.
    pub ids: IdStock,
    /// How many calls there may be.
    pub quotas: Arc<Quotas>,
}

/// The room that an answer's body is given at first. Most answers are smaller; those that are not
/// cost a copy. Blocks of up to 1,032 bytes cost glibc's heap least.
const ANSWER_BYTES: usize = 1024;
/// It is as much as the request's body has and some more where that is larger, up to so many bytes:
/// a plaintext comes back as a ciphertext, and the other way.
const MAX_ECHO_BYTES: usize = 8192;
const ECHO_MORE_BYTES: usize = 256;

/// What a call came to, before it is bytes.
type Outcome = Result<Option<Record<'static>>, Fault>;

impl Plane {
    /// How many bytes the body of a request may have.
    #[must_use]
    pub fn body_limit(&self, method: &str, path: &str) -> usize {
        let large = route::find_path(&self.services, method, path)
            .and_then(|(service, operation)| service.large_body(operation.name));
        large.unwrap_or(MAX_BODY_BYTES)
    }

    /// Answers a request.
    ///
    /// A call must be driven to its end even when its sender has gone: a future dropped between
    /// the effect and the record would leave an effect that nobody recorded. Whoever may be
    /// dropped (a connection) runs it as a task of its own.
    pub async fn call(&self, request: &WireRequest) -> WireResponse {
        let ids = match self.ids.draw(&self.crypto) {
            Ok(ids) => ids,
            Err(error) => {
                tracing::error!(%error, "no random bytes for a request id");
                // Nothing else works without random bytes either.
                let nil = Ids { request: [0; 16], event: [0; 16] };
                let fault = Fault::new("InternalFailure", 500).from_front();
                return lost(Protocol::Json11, &fault, ids::text(nil.request));
            }
        };
        let request_id = ids::text(ids.request);
        let mut headers: Vec<Header<'_>> = Vec::with_capacity(request.headers.len());
        headers
            .extend(request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        let parts = RequestParts {
            method: request.method.as_str(),
            path: &request.path,
            query: &request.query,
            headers: &headers,
            body: &request.body,
        };
        if request.body.len() > self.body_limit(request.method.as_str(), &request.path) {
            let fault = Fault::new("RequestEntityTooLarge", 413).from_front();
            return lost(Protocol::Json11, &fault, request_id);
        }
        match route::route(&self.services, &parts) {
            Ok(route) => {
                let Served { model, operation, .. } = route.served;
                // Costs nothing while nobody wants it in the log.
                let span = tracing::info_span!(
                    "call",
                    request_id,
                    service = model.id,
                    operation = operation.name
                );
                self.serve(request, &parts, &route, ids, request_id).instrument(span).await
            }
            Err(found) => lost(found.protocol, &found.fault, request_id),
        }
    }

    async fn serve(
        &self,
        request: &WireRequest,
        parts: &RequestParts<'_>,
        route: &Route<'_>,
        ids: Ids,
        request_id: String,
    ) -> WireResponse {
        let model = route.served.model;
        let codec = match codec(model.protocol) {
            Ok(codec) => codec,
            Err(error) => {
                tracing::error!(%error, service = model.id, "a service is wired in unservably");
                return lost(model.protocol, &internal(model), request_id);
            }
        };
        let outcome = if self.journal.healthy() {
            self.perform(request, parts, route, codec, ids).await
        } else {
            Err(internal(model))
        };
        let echo = request.body.len().saturating_add(ECHO_MORE_BYTES);
        let mut body = Vec::with_capacity(echo.clamp(ANSWER_BYTES, MAX_ECHO_BYTES));
        let head = match &outcome {
            Ok(output) => {
                let (operation, output) = (route.served.operation, output.as_ref());
                codec.encode(model, operation, output, &request_id, &mut body);
                codec.head(operation, output)
            }
            Err(fault) => {
                codec.encode_fault(model, fault, &request_id, &mut body);
                codec.fault_head(fault)
            }
        };
        let Head { status, content_type, headers } = head;
        tracing::info!(status, bytes = body.len(), "answered");
        WireResponse { status, content_type, headers, request_id, body }
    }

    /// Carries a call out and writes it down.
    async fn perform(
        &self,
        request: &WireRequest,
        parts: &RequestParts<'_>,
        route: &Route<'_>,
        codec: &dyn Codec,
        ids: Ids,
    ) -> Outcome {
        let Served { model, operation, .. } = route.served;
        let protocol = model.protocol;
        let input = {
            let _decoding = traces::part("decode");
            codec.decode(operation, &route.input)
        };
        let identified = match &input {
            // What does not even parse is told before anything else.
            Err(error) if unreadable(error) => Err(error.fault(protocol)),
            _ => {
                let _verifying = stages::VERIFY.begin();
                caller::identify(&*self.authenticator, route, parts, Clock::wall_ms()).await
            }
        };
        let (caller, refusal) = match identified {
            Ok(caller) => (caller, None),
            Err(fault) => (Caller::anonymous(parts), Some(fault)),
        };
        // A stranger does not decide how much is written down.
        let told = input.as_ref().ok().filter(|_| refusal.is_none());
        let model = route.service.model();
        let parameters = told.and_then(|input| trail::parameters(model, operation.name, input));
        let mut call = self.new_call(route, request, caller, ids);
        let outcome = match (refusal, input) {
            (Some(fault), _) => Err(fault),
            (None, Err(error)) => Err(error.fault(protocol)),
            (None, Ok(input)) => match admit(&**route.service, &call, route.served, &input).await {
                Ok(()) => {
                    let parameters = parameters.as_deref();
                    let time_ms = call.now_ms;
                    let told = Told { served: route.served, call: &call, parameters, time_ms };
                    call.trail.intent = entry::intent(&self.journal, told);
                    invoke(&**route.service, route.row, route.served, &mut call, input).await
                }
                Err(fault) => Err(fault),
            },
        };
        let (parameters, time_ms) = (parameters.as_deref(), self.clock.now_ms());
        let told = Told { served: route.served, call: &call, parameters, time_ms };
        let outcome = self.write_down(told, outcome).await;
        traces::answered(&call, operation.name, outcome.as_ref().err());
        outcome
    }

    /// Has a call that has ended recorded, and gives its outcome once it is.
    async fn write_down(&self, told: Told<'_>, outcome: Outcome) -> Outcome {
        let recording = stages::RECORD.begin();
        let recorded = entry::record(&self.journal, told, outcome.as_ref().err()).await;
        drop(recording);
        let is_recorded = recorded.is_ok();
        let end = &mut |intent: &_| {
            self.outbox.end(&self.barrier, &self.journal, intent, is_recorded);
        };
        entry::for_each_intent(told.call, end);
        match recorded {
            Ok(()) => outcome,
            Err(error) => {
                let operation = told.served.operation.name;
                tracing::error!(%error, operation, "a call is unrecorded");
                Err(internal(told.served.model))
            }
        }
    }

    fn new_call(&self, route: &Route<'_>, request: &WireRequest, caller: Caller, ids: Ids) -> Call {
        let Caller { authority, access_key_id, region } = caller;
        let agent = request.headers.get(http::header::USER_AGENT);
        let agent = agent.and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
        let told = |session| {
            let host = request.headers.get(http::header::HOST);
            let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
            (session, host.to_owned())
        };
        let cut =
            |text: &str| text.get(..text.floor_char_boundary(MAX_TEXT_BYTES)).map(str::to_owned);
        Call {
            service: route.served.model,
            authority,
            access_key_id,
            partition: region::partition(&region),
            region,
            now_ms: self.clock.now_ms(),
            request_id: ids.request,
            event_id: ids.event,
            source_ip: request.peer,
            user_agent: agent.and_then(cut).unwrap_or_default(),
            secure: request.tls.is_some(),
            via: None,
            quotas: Arc::clone(&self.quotas),
            trail: crate::call::Trail { tls: request.tls.map(told), ..Default::default() },
        }
    }
}

/// Whether a call may begin: its input holds, and its caller is not too fast.
fn admit<'c>(
    service: &'c dyn Service,
    call: &'c Call,
    served: Served,
    input: &Record<'_>,
) -> impl Future<Output = Result<(), Fault>> + 'c {
    let valid = validate(input).map_err(|violations| invalid(call.service, &violations));
    async move {
        valid?;
        let quota = served.facts.quota;
        let chosen = call.quotas.has_defaults().then(|| service.raised(call, quota)).flatten();
        let raised = match chosen {
            Some(chosen) => chosen.await?,
            None => None,
        };
        call.quotas.charge(call, quota, raised)
    }
}

/// Runs the handler. One that panics has failed by our fault, and is recorded as such.
async fn invoke<'c>(
    service: &'c dyn Service,
    row: usize,
    served: Served,
    call: &'c mut Call,
    input: Record<'c>,
) -> Outcome {
    let operation = served.operation.name;
    let _working = stages::WORK.begin();
    // Within a block, so that a panic before the first poll is caught too.
    let mut running = pin!(async move {
        let companion = call.trail.intent.clone().map(|intent| intent as Arc<dyn Companion>);
        let outcome =
            accompanied(companion, async { service.invoke(row, call, input).await }).await;
        if let Ok(output) = &outcome {
            trail::answered(served.model, operation, &mut call.trail, output.as_ref());
        }
        outcome
    });
    poll_fn(|context| {
        let poll = AssertUnwindSafe(|| running.as_mut().poll(context));
        catch_unwind(poll).unwrap_or_else(|_payload| {
            tracing::error!(operation, "a handler panicked");
            Poll::Ready(Err(internal(served.model)))
        })
    })
    .await
}

/// Whether a body is not of its protocol at all, which AWS tells before it authenticates.
fn unreadable(error: &DecodeError) -> bool {
    use decode_error::DecodeErrorKind::{Malformed, TooDeep};
    matches!(error.kind(), Malformed(_) | TooDeep)
}

/// IAM's texts leave out the values, and it has a sentence of its own for names.
fn invalid(model: &bulla_shapes::Service, violations: &Violations) -> Fault {
    let text = match (model.id, violations.misspelt_name()) {
        ("iam", Some(name)) => format!(
            "The specified value for {name} is invalid. It must contain only alphanumeric \
             characters and/or the following: +=,.@_-"
        ),
        ("iam", None) => violations.without_values().to_string(),
        _ => violations.to_string(),
    };
    Fault::validation(model.protocol, text)
}

/// The answer to a request that reached no operation.
fn lost(protocol: Protocol, fault: &Fault, request_id: String) -> WireResponse {
    let mut body = Vec::new();
    let head = match (protocol, codec(protocol)) {
        (Protocol::Query, Ok(codec)) => {
            // In AWS's fault namespace, so that the service does not matter.
            query::encode_fault(&sts::SERVICE, fault, &request_id, &mut body);
            codec.fault_head(fault)
        }
        (Protocol::RestJson, Ok(codec)) => {
            json::encode_fault(fault, "message", &mut body);
            codec.fault_head(fault)
        }
        _ => {
            json::encode_fault(fault, "message", &mut body);
            let content_type = bulla_shapes::protocol::JSON_1_1;
            Head { status: fault.status, content_type, headers: Vec::new() }
        }
    };
    let Head { status, content_type, headers } = head;
    WireResponse { status, content_type, headers, request_id, body }
}
