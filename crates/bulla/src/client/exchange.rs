//! One request and its answer over HTTP/1.1, in TLS where the endpoint says `https`.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::Error;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// The largest answer that is read.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// The way to one server.
pub(crate) struct Exchange {
    name: String,
    port: u16,
    host: String,
    path: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Exchange {
    pub(crate) fn new(endpoint: &Uri, ca_bundle: Option<&Path>) -> Result<Self, Error> {
        let refused = |why: &str| Error::Usage(format!("AWS_ENDPOINT_URL {endpoint}: {why}"));
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
        })
    }

    /// The `Host` header.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The path that requests are sent to.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Sends a request on a connection of its own, and reads status and body of the answer.
    pub(crate) async fn post(
        &self,
        headers: &[(String, String)],
        body: Vec<u8>,
    ) -> Result<(u16, Bytes), Error> {
        let stream = within(CONNECT_TIMEOUT, TcpStream::connect((&*self.name, self.port))).await;
        let stream = stream.map_err(|cause| {
            Error::io(
                format!("reach {}; is `bulla dev` or `bulla serve` running?", self.host),
                cause,
            )
        })?;
        let answer = async {
            match &self.tls {
                Some((tls, server)) => {
                    let stream = tls.connect(server.clone(), stream).await?;
                    self.ask(stream, headers, body).await
                }
                None => self.ask(stream, headers, body).await,
            }
        };
        let answer = within(ANSWER_TIMEOUT, answer).await;
        answer.map_err(|cause| Error::io(format!("call {}", self.host), cause))
    }

    async fn ask<S>(
        &self,
        stream: S,
        headers: &[(String, String)],
        body: Vec<u8>,
    ) -> io::Result<(u16, Bytes)>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut request = Request::post(&self.path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(io::Error::other)?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let driven = tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
        driven.abort();
        Ok((status, body.map_err(io::Error::other)?.to_bytes()))
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// TLS by the certificates of a bundle, else by the system's.
fn connector(ca_bundle: Option<&Path>) -> Result<TlsConnector, Error> {
    let mut roots = RootCertStore::empty();
    match ca_bundle {
        Some(path) => {
            let refused =
                |cause: &dyn std::fmt::Display| Error::Tls(path.into(), cause.to_string());
            let all = CertificateDer::pem_file_iter(path).map_err(|error| refused(&error))?;
            for certificate in all {
                let certificate = certificate.map_err(|error| refused(&error))?;
                roots.add(certificate).map_err(|error| refused(&error))?;
            }
        }
        None => {
            // What can't be read of the system's is left out; with none left no server is trusted.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Usage(format!("TLS can't be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
