//! The way to databases: what may be reached, in which time, and under which TLS.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::trouble::{Trouble, broken};

/// How long it may take until a connection is there, TLS apart.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long each exchange with a database may take.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a session with a database may take in all, however many exchanges it has.
const SESSION_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest message that is read, in bytes.
pub(crate) const MAX_MESSAGE_BYTES: usize = 1 << 20;
/// How much is read in a session in all, in bytes, however many messages it comes in.
const MAX_SESSION_BYTES: usize = 16 << 20;

/// The addresses that may be reached.
type May = dyn Fn(IpAddr) -> bool + Send + Sync;

/// How databases are reached.
pub struct Reach {
    tls: TlsConnector,
    may: Box<May>,
}

impl Reach {
    /// By TLS as `tls` trusts, at the addresses that `may` allows. What was checked is what is
    /// connected to.
    #[must_use]
    pub fn new(
        tls: Arc<ClientConfig>,
        may: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { tls: TlsConnector::from(tls), may: Box::new(may) }
    }

    /// Connects to a database's server.
    pub(crate) async fn connect(&self, host: &str, port: u16) -> Result<Line, Trouble> {
        let connecting = self.connect_somewhere(host, port);
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await;
        let stream = stream.map_err(|_| Trouble::Late)??;
        let here = stream.peer_addr().map_err(|error| broken(&error))?.ip().is_loopback();
        stream.set_nodelay(true).map_err(|error| broken(&error))?;
        Ok(Line::new(stream, here))
    }

    async fn connect_somewhere(&self, host: &str, port: u16) -> Result<TcpStream, Trouble> {
        let none = "its name resolves to no address that may be reached";
        let mut last = Trouble::Unreachable(none.to_owned());
        for place in lookup_host((host, port)).await.map_err(|error| broken(&error))? {
            if !(self.may)(place.ip().to_canonical()) {
                continue;
            }
            match TcpStream::connect(place).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = broken(&error),
            }
        }
        Err(last)
    }

    /// Goes on within TLS. The certificate must be for the host's name.
    pub(crate) async fn secure(&self, line: Line, host: &str) -> Result<Line, Trouble> {
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|error| Trouble::Tls(error.to_string()))?;
        let limit = line.limit();
        let Line { stream, here, until, left, .. } = line;
        let stream = timeout_at(limit, self.tls.connect(name, stream)).await;
        let stream = stream.map_err(|_| Trouble::Late)?.map_err(|error| {
            let of_tls = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
            if of_tls { Trouble::Tls(error.to_string()) } else { broken(&error) }
        })?;
        Ok(Line { stream: Box::new(stream), here, secure: true, until, left })
    }
}

/// What can be read and written.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection.
pub(crate) struct Line {
    stream: Box<dyn Stream>,
    /// Whether it ends on this machine.
    here: bool,
    secure: bool,
    /// When the session has to be over.
    until: Instant,
    /// How many bytes may still come.
    left: usize,
}

impl Line {
    fn new(stream: impl Stream + 'static, here: bool) -> Self {
        let until = Instant::now() + SESSION_TIMEOUT;
        Self { stream: Box::new(stream), here, secure: false, until, left: MAX_SESSION_BYTES }
    }

    /// Until when an exchange that begins now may take.
    fn limit(&self) -> Instant {
        self.until.min(Instant::now() + EXCHANGE_TIMEOUT)
    }

    /// Whether TLS is needed: the secret says so, or waives it, or else it is needed for every
    /// machine but this one.
    pub(crate) fn needs_tls(&self, asked: Option<bool>) -> bool {
        asked.unwrap_or(!self.here)
    }

    /// Whether nobody on the way can listen.
    pub(crate) fn is_private(&self) -> bool {
        self.secure || self.here
    }

    /// Sends bytes.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let limit = self.limit();
        let sending = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        let sent = timeout_at(limit, sending).await;
        sent.map_err(|_| Trouble::Late)?.map_err(|error| broken(&error))
    }

    /// Fills a buffer.
    pub(crate) async fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Trouble> {
        let too_much = Trouble::Garbled("the session is too long");
        self.left = self.left.checked_sub(buffer.len()).ok_or(too_much)?;
        let read = timeout_at(self.limit(), self.stream.read_exact(buffer)).await;
        read.map_err(|_| Trouble::Late)?.map_err(|error| broken(&error))?;
        Ok(())
    }

    /// As many bytes as were announced.
    pub(crate) async fn take(&mut self, length: usize) -> Result<Vec<u8>, Trouble> {
        if length > MAX_MESSAGE_BYTES {
            return Err(Trouble::Garbled("a message is too long"));
        }
        let mut bytes = vec![0; length];
        self.fill(&mut bytes).await?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    #[tokio::test]
    async fn a_peer_that_never_stops_is_left() {
        let (near, mut far) = duplex(1 << 16);
        let peer = tokio::spawn(async move {
            let mut sent = 0;
            while far.write_all(&[7; 4096]).await.is_ok() {
                sent += 4096;
            }
            sent
        });
        let mut line = Line::new(near, false);
        let mut taken = 0;
        let trouble = loop {
            match line.take(4096).await {
                Ok(bytes) => taken += bytes.len(),
                Err(trouble) => break trouble,
            }
        };
        assert!(matches!(trouble, Trouble::Garbled(_)), "{trouble}");
        assert_eq!(taken, MAX_SESSION_BYTES);
        drop(line);
        assert!(peer.await.unwrap() >= MAX_SESSION_BYTES);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_is_always_just_in_time_is_left() {
        let (near, mut far) = duplex(64);
        let peer = tokio::spawn(async move {
            while far.write_all(&[7]).await.is_ok() {
                tokio::time::sleep(EXCHANGE_TIMEOUT * 9 / 10).await;
            }
        });
        let (mut line, begun) = (Line::new(near, false), Instant::now());
        let trouble = loop {
            if let Err(trouble) = line.take(1).await {
                break trouble;
            }
        };
        assert!(matches!(trouble, Trouble::Late), "{trouble}");
        assert_eq!(begun.elapsed(), SESSION_TIMEOUT);
        drop(line);
        peer.await.unwrap();
    }
}
