//! The way to databases: what may be reached, in which time, and under which TLS.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use crate::trouble::{Trouble, broken};

/// How long it may take until a connection is there, TLS apart.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long each exchange with a database may take.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest message that is read, in bytes.
pub(crate) const MAX_MESSAGE_BYTES: usize = 1 << 20;

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
        Ok(Line { stream: Box::new(stream), here, secure: false })
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
        let shaking = self.tls.connect(name, line.stream);
        let stream = tokio::time::timeout(EXCHANGE_TIMEOUT, shaking).await;
        let stream = stream.map_err(|_| Trouble::Late)?.map_err(|error| {
            let of_tls = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
            if of_tls { Trouble::Tls(error.to_string()) } else { broken(&error) }
        })?;
        Ok(Line { stream: Box::new(stream), here: line.here, secure: true })
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
}

impl Line {
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
        let sending = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        let sent = tokio::time::timeout(EXCHANGE_TIMEOUT, sending).await;
        sent.map_err(|_| Trouble::Late)?.map_err(|error| broken(&error))
    }

    /// Fills a buffer.
    pub(crate) async fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Trouble> {
        let read = tokio::time::timeout(EXCHANGE_TIMEOUT, self.stream.read_exact(buffer)).await;
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
