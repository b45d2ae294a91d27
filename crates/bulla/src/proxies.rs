//! The way to the proxies of external key stores and to EventBridge's targets: HTTPS, bounded in
//! size, time and number.
//!
//! Whoever may make a key store or an API destination chooses the host. So this program's owner's
//! own machine is out of reach: no loopback, no link-local addresses, unless the owner himself
//! names the address of a host; `bulla dev` lets targets be on this machine, also without TLS. What
//! was checked is what is connected to.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bulla_plane::{BoxFuture, Message, Outgoing, OutgoingError, Reply};
use bytes::Bytes;
use http::header::{RETRY_AFTER, USER_AGENT};
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;

use crate::error::Error;
use crate::outgoing::system_roots;

/// How many requests to one host are under way at once; more wait, and their time runs.
const MAX_PER_HOST: usize = 64;
/// How many hosts' connections are kept.
const MAX_HOSTS: usize = 256;
/// How many connections to one host rest at once.
const MAX_RESTING: usize = 8;
/// How long a connection may rest: less than servers wait for the next request.
const MAX_REST: Duration = Duration::from_secs(10);
/// The ports of HTTPS and HTTP, where an address names none.
const PORT: u16 = 443;
const PLAIN_PORT: u16 = 80;
/// What is spoken within TLS (RFC 7301 name).
const PROTOCOL: &[u8] = b"http/1.1";

/// A connection that waits for its next request.
struct Resting {
    sender: SendRequest<Full<Bytes>>,
    since: Instant,
}

/// What is kept of one host.
struct Host {
    turns: Semaphore,
    resting: Mutex<Vec<Resting>>,
}

impl Host {
    fn new() -> Self {
        Self { turns: Semaphore::new(MAX_PER_HOST), resting: Mutex::default() }
    }

    fn rested(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut resting = lock(&self.resting);
        resting.retain(|one| one.since.elapsed() < MAX_REST && one.sender.is_ready());
        resting.pop().map(|one| one.sender)
    }

    fn rest(&self, sender: SendRequest<Full<Bytes>>) {
        let mut resting = lock(&self.resting);
        if resting.len() < MAX_RESTING && !sender.is_closed() {
            resting.push(Resting { sender, since: Instant::now() });
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic half-way through a change runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends requests to proxies.
pub(crate) struct Proxies {
    /// Where hosts are that the program's owner named.
    places: HashMap<String, SocketAddr>,
    tls: TlsConnector,
    /// Whether this machine itself may be asked, also without TLS.
    here: bool,
    hosts: Mutex<HashMap<Server, Arc<Host>>>,
}

/// Whom a request goes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Server {
    secure: bool,
    name: String,
    port: u16,
}

impl Server {
    /// The server of an address. Without TLS only this machine itself, and only where it may be
    /// asked.
    fn of(uri: &Uri, here: bool) -> Option<Self> {
        let secure = match uri.scheme_str()? {
            "https" => true,
            "http" if here => false,
            _ => return None,
        };
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if secure { PORT } else { PLAIN_PORT });
        Some(Self { secure, name: host.to_ascii_lowercase(), port })
    }
}

impl Proxies {
    /// `places` says where some hosts are, in place of what their names resolve to; `authorities`
    /// is a PEM file of certificates to trust besides the system's.
    pub(crate) fn new(
        places: HashMap<String, SocketAddr>,
        authorities: Option<&Path>,
    ) -> Result<Self, Error> {
        let mut roots = system_roots();
        if let Some(path) = authorities {
            trust(&mut roots, path)?;
        }
        let mut config = tls_of(roots)?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        let tls = TlsConnector::from(Arc::new(config));
        Ok(Self { places, tls, here: false, hosts: Mutex::default() })
    }

    /// The same, and whether this machine itself may be asked, also without TLS.
    pub(crate) fn reaching_here(self, here: bool) -> Self {
        Self { here, ..self }
    }

    fn host(&self, server: &Server) -> Arc<Host> {
        let mut hosts = lock(&self.hosts);
        if let Some(host) = hosts.get(server) {
            return Arc::clone(host);
        }
        if hosts.len() >= MAX_HOSTS {
            // Those that nobody uses at this moment only lose their resting connections.
            hosts.retain(|_, host| Arc::strong_count(host) > 1);
        }
        let host = Arc::new(Host::new());
        if hosts.len() < MAX_HOSTS {
            hosts.insert(server.clone(), Arc::clone(&host));
        }
        host
    }

    async fn exchange(&self, message: Message<'_>) -> Result<Reply, OutgoingError> {
        let uri: Uri = message.url.parse().map_err(unreachable)?;
        let server = Server::of(&uri, self.here);
        let server = server.ok_or_else(|| unreachable("its address is not one of HTTPS"))?;
        let host = self.host(&server);
        // The semaphore is never closed.
        let _turn = host.turns.acquire().await.map_err(unreachable)?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        if let Some(sender) = host.rested() {
            // A connection may have ended while it rested. What is asked of proxies and targets
            // may be asked twice.
            if let Ok(reply) = ask(sender, path, &message, &host).await {
                return Ok(reply);
            }
        }
        let sender = self.connect(&server).await?;
        ask(sender, path, &message, &host).await
    }

    async fn connect(&self, server: &Server) -> Result<SendRequest<Full<Bytes>>, OutgoingError> {
        let stream = self.reach(server).await?;
        if !server.secure {
            return speak(stream).await;
        }
        let name = ServerName::try_from(server.name.clone())
            .map_err(|error| OutgoingError::Tls(error.to_string()))?;
        let stream = self.tls.connect(name, stream).await.map_err(|error| {
            let of_tls = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
            if of_tls { OutgoingError::Tls(error.to_string()) } else { unreachable(error) }
        })?;
        speak(stream).await
    }

    async fn reach(&self, server: &Server) -> Result<TcpStream, OutgoingError> {
        if let Some(place) = self.places.get(&server.name) {
            return connected(*place).await;
        }
        let mut last = unreachable("its name resolves to no address that may be asked");
        let places = lookup_host((server.name.as_str(), server.port)).await;
        for place in places.map_err(unreachable)? {
            let address = place.ip().to_canonical();
            let allowed = if server.secure {
                is_elsewhere(address) || self.here && address.is_loopback()
            } else {
                self.here && address.is_loopback()
            };
            if !allowed {
                continue;
            }
            match connected(place).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// Begins to speak HTTP.
async fn speak<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, OutgoingError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
    // It ends when its sender is dropped.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection that went out ended");
        }
    });
    Ok(sender)
}

/// TLS that trusts these certificates.
pub(crate) fn tls_of(roots: RootCertStore) -> Result<ClientConfig, Error> {
    let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Usage(format!("TLS can't be set up: {error}")))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Trusts the certificates of a PEM file, too.
pub(crate) fn trust(roots: &mut RootCertStore, path: &Path) -> Result<(), Error> {
    let refused = |cause: &dyn std::fmt::Display| Error::Tls(path.into(), cause.to_string());
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| refused(&error))? {
        let certificate = certificate.map_err(|error| refused(&error))?;
        roots.add(certificate).map_err(|error| refused(&error))?;
    }
    Ok(())
}

fn unreachable(cause: impl std::fmt::Display) -> OutgoingError {
    OutgoingError::Unreachable(cause.to_string())
}

async fn connected(place: SocketAddr) -> Result<TcpStream, OutgoingError> {
    let stream = TcpStream::connect(place).await.map_err(unreachable)?;
    stream.set_nodelay(true).map_err(unreachable)?;
    Ok(stream)
}

/// One request and its answer; the connection rests afterwards.
async fn ask(
    mut sender: SendRequest<Full<Bytes>>,
    path: &str,
    message: &Message<'_>,
    host: &Host,
) -> Result<Reply, OutgoingError> {
    let mut request = Request::builder()
        .method(message.method)
        .uri(path)
        .header(USER_AGENT, concat!("bulla/", env!("CARGO_PKG_VERSION")));
    for (name, value) in message.headers {
        request = request.header(name, value);
    }
    let body = Full::new(Bytes::from(message.body.clone()));
    let request = request.body(body).map_err(unreachable)?;
    let answer = sender
        .send_request(request)
        .await
        .map_err(|error| if error.is_parse() { garbled(error) } else { unreachable(error) })?;
    let status = answer.status().as_u16();
    let retry_after = answer.headers().get(RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = Limited::new(answer.into_body(), message.max_answer_bytes).collect().await;
    let body = body.map_err(|error| {
        if error.is::<LengthLimitError>() { garbled(error) } else { unreachable(error) }
    })?;
    host.rest(sender);
    Ok(Reply { status, retry_after, body: body.to_bytes().to_vec() })
}

fn garbled(cause: impl std::fmt::Display) -> OutgoingError {
    OutgoingError::Garbled(cause.to_string())
}

/// Whether an address is that of another machine beyond this one's link.
pub(crate) fn is_elsewhere(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_elsewhere_v4(address),
        IpAddr::V6(address) => is_elsewhere_v6(address),
    }
}

fn is_elsewhere_v4(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    let here = first == 0 || address.is_loopback() || address.is_link_local();
    !(here || address.is_multicast() || address.is_broadcast())
}

fn is_elsewhere_v6(address: Ipv6Addr) -> bool {
    /// Where machines of AWS find their own credentials.
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    // RFC 6052: an IPv4 address behind a translator.
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        return is_elsewhere_v4(Ipv4Addr::new(a, b, c, d));
    }
    let here = address.is_loopback() || address.is_unspecified();
    !(here || address.is_unicast_link_local() || address.is_multicast() || address == METADATA)
}

impl Outgoing for Proxies {
    fn send<'a>(&'a self, message: Message<'a>) -> BoxFuture<'a, Result<Reply, OutgoingError>> {
        Box::pin(async move {
            let timeout = message.timeout;
            let outcome = tokio::time::timeout(timeout, self.exchange(message)).await;
            outcome.unwrap_or(Err(OutgoingError::Late))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_its_link_are_not_elsewhere() {
        for here in [
            "127.0.0.1",
            "127.255.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "fd00:ec2::254",
        ] {
            assert!(!is_elsewhere(here.parse().unwrap()), "{here}");
        }
        for elsewhere in ["10.0.0.7", "192.168.1.1", "203.0.113.9", "2001:db8::1", "fd12::1"] {
            assert!(is_elsewhere(elsewhere.parse().unwrap()), "{elsewhere}");
        }
    }

    async fn post(proxies: &Proxies, url: &str) -> Result<Reply, OutgoingError> {
        let headers = [("host".to_owned(), "x".to_owned())];
        let timeout = Duration::from_secs(5);
        proxies
            .send(Message {
                method: "POST",
                url,
                headers: &headers,
                body: vec![],
                timeout,
                max_answer_bytes: 100,
            })
            .await
    }

    #[test]
    fn without_tls_only_this_machine_is_asked_and_only_where_it_may_be() {
        let server = |address: &str, here| Server::of(&address.parse().unwrap(), here);
        assert!(server("http://127.0.0.1:8080/x", false).is_none());
        assert!(server("ftp://127.0.0.1/", true).is_none());
        let plain = server("http://127.0.0.1:8080/x", true).unwrap();
        assert_eq!((plain.secure, plain.port), (false, 8080));
        let secure = server("https://Hooks.Example/x?y", false).unwrap();
        assert_eq!((secure.name.as_str(), secure.port), ("hooks.example", PORT));
        assert_eq!(server("https://[2001:db8::1]:8443/", false).unwrap().name, "2001:db8::1");
    }

    #[tokio::test]
    async fn where_this_machine_may_be_asked_no_other_is_without_tls() {
        let proxies = Proxies::new(HashMap::new(), None).unwrap().reaching_here(true);
        for url in ["http://10.0.0.7/", "http://169.254.169.254/", "https://169.254.169.254/"] {
            let refused = post(&proxies, url).await;
            let expected = "its name resolves to no address that may be asked".to_owned();
            assert_eq!(refused, Err(OutgoingError::Unreachable(expected)), "{url}");
        }
    }

    #[tokio::test]
    async fn what_is_not_elsewhere_is_not_asked_unless_it_is_named() {
        let proxies = Proxies::new(HashMap::new(), None).unwrap();
        for url in ["https://127.0.0.1/", "https://localhost/", "http://example.com/", "x", ""] {
            let refused = post(&proxies, url).await;
            assert!(matches!(refused, Err(OutgoingError::Unreachable(_))), "{url}: {refused:?}");
        }
    }
}
