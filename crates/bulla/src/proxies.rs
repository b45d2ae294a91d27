//! The way to the proxies of external key stores: HTTPS, bounded in size, time and number.
//!
//! Whoever may make a key store chooses the host. So this program's owner's own network is out of
//! reach: no loopback, no link-local addresses, unless the owner himself names the address of a
//! host. What was checked is what is connected to.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bulla_plane::{BoxFuture, Outgoing, OutgoingError, Post, Reply};
use bytes::Bytes;
use http::header::USER_AGENT;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
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
/// HTTPS's port. AWS knows no other for proxies; an owner who names an address names its port.
const PORT: u16 = 443;
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
    hosts: Mutex<HashMap<String, Arc<Host>>>,
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
        let mut config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Usage(format!("TLS can't be set up: {error}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        let tls = TlsConnector::from(Arc::new(config));
        Ok(Self { places, tls, hosts: Mutex::default() })
    }

    fn host(&self, name: &str) -> Arc<Host> {
        let mut hosts = lock(&self.hosts);
        if let Some(host) = hosts.get(name) {
            return Arc::clone(host);
        }
        if hosts.len() >= MAX_HOSTS {
            // Those that nobody uses at this moment only lose their resting connections.
            hosts.retain(|_, host| Arc::strong_count(host) > 1);
        }
        let host = Arc::new(Host::new());
        if hosts.len() < MAX_HOSTS {
            hosts.insert(name.to_owned(), Arc::clone(&host));
        }
        host
    }

    async fn exchange(&self, post: Post<'_>) -> Result<Reply, OutgoingError> {
        let uri: Uri = post.url.parse().map_err(unreachable)?;
        let name = match (uri.scheme_str(), uri.host()) {
            (Some("https"), Some(name)) => name.to_ascii_lowercase(),
            _ => return Err(unreachable("its address is not one of HTTPS")),
        };
        let host = self.host(&name);
        // The semaphore is never closed.
        let _turn = host.turns.acquire().await.map_err(unreachable)?;
        let path = uri.path();
        if let Some(sender) = host.rested() {
            // A connection may have ended while it rested. What is asked of proxies may be asked
            // twice.
            if let Ok(reply) = ask(sender, path, &post, &host).await {
                return Ok(reply);
            }
        }
        let sender = self.connect(&name).await?;
        ask(sender, path, &post, &host).await
    }

    async fn connect(&self, name: &str) -> Result<SendRequest<Full<Bytes>>, OutgoingError> {
        let stream = self.reach(name).await?;
        let server = ServerName::try_from(name.to_owned())
            .map_err(|error| OutgoingError::Tls(error.to_string()))?;
        let stream = self.tls.connect(server, stream).await.map_err(|error| {
            let of_tls = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
            if of_tls { OutgoingError::Tls(error.to_string()) } else { unreachable(error) }
        })?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
        // It ends when its sender is dropped.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a proxy ended");
            }
        });
        Ok(sender)
    }

    async fn reach(&self, name: &str) -> Result<TcpStream, OutgoingError> {
        if let Some(place) = self.places.get(name) {
            return connected(*place).await;
        }
        let mut last = unreachable("its name resolves to no address that may be asked");
        for place in lookup_host((name, PORT)).await.map_err(unreachable)? {
            if !is_elsewhere(place.ip()) {
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

fn trust(roots: &mut RootCertStore, path: &Path) -> Result<(), Error> {
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
    post: &Post<'_>,
    host: &Host,
) -> Result<Reply, OutgoingError> {
    let mut request =
        Request::post(path).header(USER_AGENT, concat!("bulla/", env!("CARGO_PKG_VERSION")));
    for (name, value) in post.headers {
        request = request.header(name, value);
    }
    let body = Full::new(Bytes::from(post.body.clone()));
    let request = request.body(body).map_err(unreachable)?;
    let answer = sender
        .send_request(request)
        .await
        .map_err(|error| if error.is_parse() { garbled(error) } else { unreachable(error) })?;
    let status = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), post.max_answer_bytes).collect().await;
    let body = body.map_err(|error| {
        if error.is::<LengthLimitError>() { garbled(error) } else { unreachable(error) }
    })?;
    host.rest(sender);
    Ok(Reply { status, body: body.to_bytes().to_vec() })
}

fn garbled(cause: impl std::fmt::Display) -> OutgoingError {
    OutgoingError::Garbled(cause.to_string())
}

/// Whether an address is that of another machine beyond this one's link.
fn is_elsewhere(address: IpAddr) -> bool {
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
    fn post<'a>(&'a self, post: Post<'a>) -> BoxFuture<'a, Result<Reply, OutgoingError>> {
        Box::pin(async move {
            let timeout = post.timeout;
            let outcome = tokio::time::timeout(timeout, self.exchange(post)).await;
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
            .post(Post { url, headers: &headers, body: vec![], timeout, max_answer_bytes: 100 })
            .await
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
