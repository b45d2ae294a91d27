//! The collector, over HTTP as all servers outside are reached: bounded in size and time, with
//! TLS, or on this machine.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bulla_plane::{Message, Outgoing as _};
use bytes::Bytes;
use http::header::{HOST, RETRY_AFTER};
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;

use crate::proxies::Proxies;

/// The longest answer of a collector that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// What a collector told that its client doesn't pass on.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<(u64, Option<String>)>);

impl Told {
    /// How many spans it refused since this was asked last, and why it took none or not all.
    pub(super) fn take(&self) -> (u64, Option<String>) {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, refused: u64, cause: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (refused, Some(cause));
    }
}

/// The way to a collector.
pub(super) struct Collector {
    pub(super) proxies: Proxies,
    /// How long one try may take.
    pub(super) timeout: Duration,
    pub(super) told: Arc<Told>,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

impl HttpClient for Collector {
    fn send_bytes<'s, 'f>(
        &'s self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(self.exchange(request))
    }
}

impl Collector {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let url = parts.uri.to_string();
        let mut headers = Vec::with_capacity(parts.headers.len().saturating_add(1));
        for (name, value) in &parts.headers {
            headers.push((name.as_str().to_owned(), value.to_str()?.to_owned()));
        }
        if let Some(authority) = parts.uri.authority() {
            headers.push((HOST.as_str().to_owned(), authority.as_str().to_owned()));
        }
        let message = Message {
            method: parts.method.as_str(),
            url: &url,
            headers: &headers,
            body: body.to_vec(),
            timeout: self.timeout,
            max_answer_bytes: MAX_ANSWER_BYTES,
        };
        let reply = self.proxies.send(message).await;
        let reply = reply.inspect_err(|error| self.told.put(0, error.to_string()))?;
        if (200..300).contains(&reply.status) {
            self.look_at(&reply.body);
        }
        let mut response = Response::builder().status(reply.status);
        if let Some(after) = reply.retry_after {
            response = response.header(RETRY_AFTER, after);
        }
        Ok(response.body(Bytes::from(reply.body))?)
    }

    /// Notes what a collector didn't take of what it answers with success (OTLP specification,
    /// "Partial Success"). What is no such answer says nothing.
    fn look_at(&self, answer: &[u8]) {
        let answer = ExportTraceServiceResponse::decode(answer);
        let Some(partial) = answer.ok().and_then(|answer| answer.partial_success) else { return };
        let refused = u64::try_from(partial.rejected_spans).unwrap_or_default();
        if refused > 0 {
            self.told.put(refused, format!("the collector refused {refused} spans"));
        }
    }
}
