//! One connection: TLS, HTTP/1.1 or HTTP/2, and the limits on what a peer may hold open.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_rustls::TlsAcceptor;

use bulla_plane::wire::TlsSession;
use http::Request;
use hyper::body::Incoming;

use crate::answer::Answer;
use crate::completion::Room;
use crate::tls;

/// How many connections are open at once, at some 20 KiB each, if the system allows so many; more
/// wait in its queue.
pub(crate) const MAX_CONNECTIONS: usize = 12_288;
/// How long the head of a request may take, and how long a connection may rest between two.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection may take to its first whole head, the choice of the protocol included.
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a TLS handshake may take.
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How many headers a request may have.
const MAX_HEADERS: usize = 100;
/// How many bytes a request's head may have.
const MAX_HEAD_BYTES: u32 = 64 * 1024;
/// How many requests an HTTP/2 connection may have under way.
const MAX_STREAMS: u32 = 128;
/// How often an HTTP/2 peer is asked whether it is still there, and how long it may take to answer.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// What answers requests.
pub(crate) trait Site: Send + Sync + 'static {
    /// The answer to a request.
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: Peer,
    ) -> impl Future<Output = Answer> + Send;
}

/// Whose request it is.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    /// What TLS the connection came over, if any.
    pub(crate) tls: Option<TlsSession>,
    /// The connection's room, which a call keeps until it has ended.
    pub(crate) room: Arc<OwnedSemaphorePermit>,
    /// Where its calls lie.
    pub(crate) calls: Room<Answer>,
}

/// What all connections share.
pub(crate) struct Connector<S> {
    http: Builder<TokioExecutor>,
    tls: Option<TlsAcceptor>,
    site: Arc<S>,
    stop: watch::Receiver<bool>,
}

impl<S: Site> Connector<S> {
    pub(crate) fn new(tls: Option<TlsAcceptor>, site: Arc<S>, stop: watch::Receiver<bool>) -> Self {
        let mut http = Builder::new(TokioExecutor::new());
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_READ_TIMEOUT)
            // A call is carried to its end anyway: nothing is read from a peer who waits for it.
            .half_close(true)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD_BYTES as usize);
        http.http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEAD_BYTES);
        Self { http, tls, site, stop }
    }

    /// Serves a connection to its end.
    pub(crate) async fn serve(
        &self,
        stream: TcpStream,
        address: IpAddr,
        room: OwnedSemaphorePermit,
    ) {
        let peer = Peer { address, tls: None, room: Arc::new(room), calls: Room::default() };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection ended at once");
            return;
        }
        match &self.tls {
            None => self.http(stream, peer).await,
            // In a box of its own: a connection without TLS must not hold room for one.
            Some(tls) => Box::pin(self.https(tls, stream, peer)).await,
        }
    }

    async fn https(&self, acceptor: &TlsAcceptor, stream: TcpStream, mut peer: Peer) {
        let address = peer.address;
        match tokio::time::timeout(TLS_HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                peer.tls = Some(tls::session(stream.get_ref().1));
                self.http(stream, peer).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, %address, "a TLS handshake failed"),
            Err(_) => tracing::debug!(%address, "a TLS handshake took too long"),
        }
    }

    async fn http<T>(&self, stream: T, peer: Peer)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let began = Arc::new(AtomicBool::new(false));
        let service = service_fn(|incoming| {
            began.store(true, Ordering::Relaxed);
            let (site, peer) = (Arc::clone(&self.site), peer.clone());
            async move { Ok::<_, Infallible>(site.answer(incoming, peer).await) }
        });
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(stream), service));
        let mut first = pin!(tokio::time::sleep(FIRST_REQUEST_TIMEOUT));
        let mut stop = self.stop.clone();
        let mut stopped = pin!(stop.wait_for(|stop| *stop));
        let (mut is_first, mut is_stopping) = (true, false);
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, address = %peer.address, "a connection failed");
                    }
                    return;
                }
                () = first.as_mut(), if is_first => {
                    is_first = false;
                    if !began.load(Ordering::Relaxed) {
                        return;
                    }
                }
                _ended = stopped.as_mut(), if !is_stopping => {
                    is_stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}
