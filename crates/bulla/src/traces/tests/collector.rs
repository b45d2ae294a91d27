//! A collector of OTLP over HTTP, in the mood that a test wants.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How a collector answers.
#[derive(Clone, Copy)]
pub(super) enum Mood {
    Takes,
    /// It takes all but so many spans.
    Refuses(i64),
    Fails,
    Hangs,
}

/// What was sent together.
pub(super) struct Sent {
    pub(super) bytes: Bytes,
    request: ExportTraceServiceRequest,
}

impl Sent {
    pub(super) fn spans(&self) -> Vec<Span> {
        let scopes = self.request.resource_spans.iter().flat_map(|all| &all.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    pub(super) fn resource(&self) -> Vec<KeyValue> {
        self.request.resource_spans[0].resource.clone().unwrap().attributes
    }
}

/// Attributes by their keys.
pub(super) fn text(attributes: &[KeyValue]) -> Vec<(String, String)> {
    let told = attributes.iter().map(|attribute| {
        let text = match attribute.value.clone().unwrap().value.unwrap() {
            Value::StringValue(text) => text,
            Value::IntValue(number) => number.to_string(),
            other => panic!("{other:?}"),
        };
        (attribute.key.clone(), text)
    });
    let mut told: Vec<_> = told.collect();
    told.sort();
    told
}

pub(super) struct Collector {
    pub(super) address: SocketAddr,
    mood: Arc<Mutex<Mood>>,
    sent: mpsc::UnboundedReceiver<Sent>,
    task: JoinHandle<()>,
}

impl Collector {
    pub(super) async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mood = Arc::new(Mutex::new(mood));
        let (tell, sent) = mpsc::unbounded_channel();
        let own = Arc::clone(&mood);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (mood, tell) = (Arc::clone(&own), tell.clone());
                let service = service_fn(move |request| {
                    let (mood, tell) = (Arc::clone(&mood), tell.clone());
                    async move { Ok::<_, Infallible>(answer(request, &mood, &tell).await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, mood, sent, task }
    }

    pub(super) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// The next that was sent.
    pub(super) async fn next(&mut self) -> Sent {
        self.sent.recv().await.unwrap()
    }

    /// Goes, and says where it was.
    pub(super) async fn close(self) -> SocketAddr {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
        self.address
    }
}

async fn answer(
    request: Request<Incoming>,
    mood: &Mutex<Mood>,
    tell: &mpsc::UnboundedSender<Sent>,
) -> Response<Full<Bytes>> {
    assert_eq!((request.method(), request.uri().path()), (&Method::POST, "/v1/traces"));
    assert_eq!(request.headers()["content-type"], "application/x-protobuf");
    let bytes = request.into_body().collect().await.unwrap().to_bytes();
    let request = ExportTraceServiceRequest::decode(bytes.clone()).unwrap();
    let mood = *mood.lock().unwrap();
    // A test that has ended asks for nothing more.
    let _unheard = tell.send(Sent { bytes, request });
    let (status, rejected_spans) = match mood {
        Mood::Takes => (200, 0),
        Mood::Refuses(spans) => (200, spans),
        Mood::Fails => (500, 0),
        Mood::Hangs => std::future::pending().await,
    };
    let partial = ExportTracePartialSuccess { rejected_spans, error_message: String::new() };
    let answer =
        ExportTraceServiceResponse { partial_success: (rejected_spans > 0).then_some(partial) };
    let body = Full::new(Bytes::from(answer.encode_to_vec()));
    Response::builder().status(status).body(body).unwrap()
}
