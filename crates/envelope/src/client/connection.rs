//! Requests and answers over HTTP/1.1, in TLS where the endpoint says `https`. Connections are
//! kept and used again.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::HOST;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::ClientError;
use super::tls::connector;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// The largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 16 << 20;
/// How many idle connections are kept.
const MAX_IDLE: usize = 16;
/// How long an idle connection is kept: shorter than servers and balancers commonly do.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Where AWS's services say how many milliseconds to wait.
const RETRY_AFTER: &str = "x-amz-retry-after";

/// An answer.
pub(super) struct Reply {
    /// The status of HTTP.
    pub(super) status: u16,
    /// How long the service wants to be left alone.
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Bytes,
}

type Sender = SendRequest<Full<Bytes>>;

/// The way to one server.
pub(super) struct Exchange {
    name: String,
    port: u16,
    host: String,
    path: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    idle: Mutex<Vec<(Sender, Instant)>>,
}

impl Exchange {
    pub(super) fn new(endpoint: &Uri, ca_bundle: Option<&Path>) -> Result<Self, ClientError> {
        let refused =
            |why: &str| ClientError::Settings(format!("AWS_ENDPOINT_URL {endpoint}: {why}"));
        let (secure, default_port) = match endpoint.scheme_str() {
            Some("https") => (true, 443),
            Some("http") => (false, 80),
            _ => return Err(refused("it must begin with http:// or https://")),
        };
        let authority = endpoint.authority().ok_or_else(|| refused("it names no host"))?;
        let name = endpoint.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let tls = if secure {
            let server = ServerName::try_from(name.clone())
                .map_err(|_| refused("TLS knows no such server name"))?;
            Some((connector(ca_bundle)?, server))
        } else {
            None
        };
        Ok(Self {
            port: authority.port_u16().unwrap_or(default_port),
            host: authority.as_str().to_owned(),
            path: endpoint.path().to_owned(),
            name,
            tls,
            idle: Mutex::new(Vec::new()),
        })
    }

    /// The `Host` header.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The path that requests are sent to.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Sends a request, and reads the answer.
    pub(super) async fn post(
        &self,
        headers: &[(String, String)],
        body: Bytes,
    ) -> Result<Reply, ClientError> {
        let mut request = Request::post(&self.path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        self.send(request.body(Full::new(body)).map_err(io::Error::other)).await
    }

    /// Asks for what stands at a path, without a body.
    pub(super) async fn get(&self, path: &str) -> Result<Reply, ClientError> {
        let request = Request::get(path).header(HOST, &self.host);
        self.send(request.body(Full::default()).map_err(io::Error::other)).await
    }

    async fn send(&self, request: io::Result<Request<Full<Bytes>>>) -> Result<Reply, ClientError> {
        let failed = |cause| ClientError::io(format!("call {}", self.host), cause);
        let request = request.map_err(failed)?;
        // A server may have closed a kept connection just now: then the request was not sent.
        if let Some(mut sender) = self.kept() {
            match within(ANSWER_TIMEOUT, self.ask(&mut sender, request.clone())).await {
                Ok(answer) => {
                    self.keep(sender);
                    return Ok(answer);
                }
                Err(cause) if !sender.is_closed() => return Err(failed(cause)),
                Err(_) => {}
            }
        }
        let mut sender = self.connect().await.map_err(|cause| {
            let attempt = format!("reach {}; is `bulla dev` or `bulla serve` running?", self.host);
            ClientError::io(attempt, cause)
        })?;
        let answer = within(ANSWER_TIMEOUT, self.ask(&mut sender, request)).await;
        let answer = answer.map_err(failed)?;
        self.keep(sender);
        Ok(answer)
    }

    async fn connect(&self) -> io::Result<Sender> {
        let connected = async {
            let stream = TcpStream::connect((&*self.name, self.port)).await?;
            stream.set_nodelay(true)?;
            match &self.tls {
                Some((tls, server)) => speak(tls.connect(server.clone(), stream).await?).await,
                None => speak(stream).await,
            }
        };
        within(CONNECT_TIMEOUT, connected).await
    }

    async fn ask(&self, sender: &mut Sender, request: Request<Full<Bytes>>) -> io::Result<Reply> {
        sender.ready().await.map_err(io::Error::other)?;
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
        let retry_after = retry_after.map(Duration::from_millis);
        let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(io::Error::other)?.to_bytes();
        Ok(Reply { status, retry_after, body })
    }

    /// The idle connection that was used last.
    fn kept(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(sender, since)| !sender.is_closed() && since.elapsed() < IDLE_TIMEOUT);
        idle.pop().map(|(sender, _)| sender)
    }

    fn keep(&self, sender: Sender) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if !sender.is_closed() && idle.len() < MAX_IDLE {
            idle.push((sender, Instant::now()));
        }
    }
}

/// HTTP over a connection, driven by a task of its own until either side closes it.
async fn speak<S>(stream: S) -> io::Result<Sender>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // Its failure shows in the sender.
    tokio::spawn(async move { connection.await.is_ok() });
    Ok(sender)
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}
