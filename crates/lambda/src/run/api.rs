//! Lambda's Runtime API, version 2018-06-01: how a function's program takes calls and answers them.
//!
//! Each environment has a port of its own on 127.0.0.1, and any process of this machine can
//! connect to it. So each connection is looked at: its other end must be a socket that one of the
//! environment's own processes holds, as the kernel tells it. Others are closed unread. That needs
//! nothing of the function's program, which may be anybody's.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, oneshot, watch};

use super::{Invocation, MAX_ANSWER_BYTES};
use crate::host::{descendants, owns_socket};

/// What all paths begin with.
const PREFIX: &str = "/2018-06-01/runtime/";
/// The largest description of an error, in bytes: as much as an answer may have.
const MAX_ERROR_BYTES: usize = MAX_ANSWER_BYTES;
/// How many connections a program may have at once.
const MAX_CONNECTIONS: usize = 8;
/// How long the head of a request may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How far a program has come.
pub(super) enum Phase {
    /// It has not asked for a call yet.
    Starting,
    /// It has.
    Ready,
    /// It said that it can't begin, and why.
    NotBegun(Vec<u8>),
}

/// What a program answered.
pub(super) enum Answer {
    Answered(Vec<u8>),
    Failed(Vec<u8>),
    TooLarge,
}

/// A call that waits for the program, or for which the program has asked.
struct Open {
    invocation: Option<Invocation>,
    id: String,
    deadline_ms: u128,
    answer: Option<oneshot::Sender<Answer>>,
    taken: bool,
}

/// The state of an environment's API.
pub(super) struct Api {
    phase: watch::Sender<Phase>,
    open: Mutex<Option<Open>>,
    waiting: Notify,
}

impl Api {
    pub(super) fn new() -> Self {
        Self {
            phase: watch::channel(Phase::Starting).0,
            open: Mutex::new(None),
            waiting: Notify::new(),
        }
    }

    pub(super) fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        // Nothing that can panic half-way through a change runs under this lock.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the program take a call, which must end within a time.
    pub(super) fn hand_over(
        &self,
        invocation: Invocation,
        limit: Duration,
        answer: oneshot::Sender<Answer>,
    ) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        *self.open() = Some(Open {
            id: invocation.id.clone(),
            invocation: Some(invocation),
            deadline_ms: now.saturating_add(limit).as_millis(),
            answer: Some(answer),
            taken: false,
        });
        self.waiting.notify_one();
    }

    /// Whether the program has taken the call that is open.
    pub(super) fn was_taken(&self) -> bool {
        self.open().as_ref().is_some_and(|open| open.taken)
    }

    /// Ends the call that is open: no answer to it is taken any more.
    pub(super) fn withdraw(&self) {
        *self.open() = None;
    }

    /// The next call. Waits for it as long as the program does.
    async fn next(&self) -> Response<Full<Bytes>> {
        if matches!(*self.phase.borrow(), Phase::Starting) {
            self.phase.send_replace(Phase::Ready);
        }
        loop {
            let waiting = self.waiting.notified();
            if let Some(response) = self.take() {
                return response;
            }
            waiting.await;
        }
    }

    fn take(&self) -> Option<Response<Full<Bytes>>> {
        let mut open = self.open();
        let open = open.as_mut()?;
        let invocation = open.invocation.take()?;
        open.taken = true;
        let mut response = Response::builder()
            .header("Content-Type", "application/json")
            .header("Lambda-Runtime-Aws-Request-Id", &invocation.id)
            .header("Lambda-Runtime-Deadline-Ms", open.deadline_ms.to_string())
            .header("Lambda-Runtime-Invoked-Function-Arn", &invocation.arn);
        if let Some(context) = &invocation.client_context {
            response = response.header("Lambda-Runtime-Client-Context", context);
        }
        let body = Full::new(invocation.payload);
        // Only a client context can be no header, and callers sent it as one.
        Some(response.body(body).unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR)))
    }

    /// Takes the answer to the call of an id, if that is open.
    fn answered(&self, id: &str, answer: Answer) -> StatusCode {
        let mut open = self.open();
        let Some(open) = open.as_mut().filter(|open| open.id == id && open.taken) else {
            return StatusCode::BAD_REQUEST;
        };
        let Some(waiting) = open.answer.take() else { return StatusCode::BAD_REQUEST };
        let too_large = matches!(answer, Answer::TooLarge);
        // Whoever waited may have given up at this moment.
        let _given_up = waiting.send(answer);
        if too_large { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::ACCEPTED }
    }

    async fn route(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default().to_owned();
        if (parts.method, path.as_str()) == (Method::GET, "invocation/next") {
            return self.next().await;
        }
        if path == "init/error" {
            return match read(body, MAX_ERROR_BYTES).await {
                Ok(why) => {
                    self.phase.send_replace(Phase::NotBegun(why));
                    status(StatusCode::ACCEPTED)
                }
                Err(refused) => plain(refused),
            };
        }
        let call = path.strip_prefix("invocation/").and_then(|rest| rest.split_once('/'));
        match call {
            Some((id, "response")) => {
                let answer = match read(body, MAX_ANSWER_BYTES).await {
                    Ok(bytes) => Answer::Answered(bytes),
                    Err(StatusCode::PAYLOAD_TOO_LARGE) => Answer::TooLarge,
                    Err(refused) => return plain(refused),
                };
                status(self.answered(id, answer))
            }
            Some((id, "error")) => match read(body, MAX_ERROR_BYTES).await {
                Ok(bytes) => status(self.answered(id, Answer::Failed(bytes))),
                Err(refused) => plain(refused),
            },
            _ => plain(StatusCode::NOT_FOUND),
        }
    }
}

/// Reads a body. One without a length, or that ends early, is refused like any other broken one.
async fn read(body: Incoming, limit: usize) -> Result<Vec<u8>, StatusCode> {
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::BAD_REQUEST),
    }
}

fn plain(code: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = code;
    response
}

/// A status with the body that Lambda's own runtimes are used to.
fn status(code: StatusCode) -> Response<Full<Bytes>> {
    let text: &[u8] = match code {
        StatusCode::ACCEPTED => br#"{"status":"OK"}"#,
        StatusCode::PAYLOAD_TOO_LARGE => {
            br#"{"errorMessage":"Payload Too Large","errorType":"RequestEntityTooLarge"}"#
        }
        _ => br#"{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}"#,
    };
    let mut response = plain(code);
    *response.body_mut() = Full::new(Bytes::from_static(text));
    response
}

/// Serves an environment's API to the processes that come from its host.
pub(super) async fn serve(api: Arc<Api>, listener: TcpListener, host: i32) {
    let Ok(own) = listener.local_addr() else { return };
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a function's program can't connect");
                tokio::task::yield_now().await;
                continue;
            }
        };
        let api = Arc::clone(&api);
        tokio::spawn(async move {
            if is_ours(host, peer, own).await {
                connection(api, stream).await;
            } else {
                tracing::warn!(%peer, "a stranger connected to a function's runtime API");
            }
            drop(place);
        });
    }
}

/// Whether the other end is held by a process of the environment.
async fn is_ours(host: i32, peer: SocketAddr, own: SocketAddr) -> bool {
    let look = move || owns_socket(&descendants(host), peer, own);
    tokio::task::spawn_blocking(look).await.unwrap_or(false)
}

async fn connection(api: Arc<Api>, stream: TcpStream) {
    let service = service_fn(move |request| {
        let api = Arc::clone(&api);
        async move { Ok::<_, Infallible>(api.route(request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a function's connection ended");
    }
}
