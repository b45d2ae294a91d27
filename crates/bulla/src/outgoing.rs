//! Requests for the keys of an identity provider that an account registered.
//!
//! HTTPS only, but for this machine itself in `bulla dev`; no redirects, no proxies, no
//! credentials; bounded in size and time.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bulla_crypto::{hex, sha1_thumbprint};
use bulla_iam::{FetchError, Fetcher};
use bulla_plane::BoxFuture;
use bytes::Bytes;
use http::header::{ACCEPT, HOST, USER_AGENT};
use http::uri::{Scheme, Uri};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long a request may take from its start to its end.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer that is read, in bytes. Real key sets have a few thousand.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// Gets documents from identity providers.
pub(crate) struct Outgoing {
    /// Whether this machine itself may be asked without TLS.
    pub(crate) dev: bool,
}

impl Fetcher for Outgoing {
    fn get<'a>(
        &'a self,
        url: &'a str,
        thumbprints: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
        Box::pin(async move {
            let fetched = tokio::time::timeout(TIMEOUT, self.fetch(url, thumbprints)).await;
            fetched.unwrap_or_else(|_| Err(failed("it did not answer in time")))
        })
    }
}

fn failed(what: impl fmt::Display) -> FetchError {
    FetchError::Failed(what.to_string())
}

impl Outgoing {
    async fn fetch(&self, url: &str, thumbprints: &[String]) -> Result<Vec<u8>, FetchError> {
        let uri: Uri = url.parse().map_err(|_| failed("its address is none"))?;
        let host = uri.host().ok_or_else(|| failed("its address has no host"))?;
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let here = self.dev && is_loopback(&name);
        if !(secure || here) {
            return Err(failed("its address is not one of HTTPS"));
        }
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let stream = TcpStream::connect((name.as_str(), port)).await.map_err(failed)?;
        if !secure {
            return exchange(stream, &uri).await;
        }
        let server = ServerName::try_from(name).map_err(failed)?;
        let connector = TlsConnector::from(Arc::new(config(thumbprints)?));
        let stream = connector.connect(server, stream).await.map_err(|error| {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            match inner {
                Some(rustls::Error::InvalidCertificate(_)) => FetchError::Thumbprint,
                _ => failed(error),
            }
        })?;
        exchange(stream, &uri).await
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// One request and its answer.
async fn exchange<S>(stream: S, uri: &Uri) -> Result<Vec<u8>, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let running = tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let request = Request::get(path)
        .header(HOST, authority)
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, concat!("bulla/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(failed)?;
    let answer = sender.send_request(request).await.map_err(failed)?;
    if answer.status() != StatusCode::OK {
        return Err(failed(format_args!("it answered {}", answer.status())));
    }
    let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
    running.abort();
    Ok(body.map_err(failed)?.to_bytes().to_vec())
}

/// TLS that trusts what the system trusts, and chains with a certificate that is pinned.
fn config(thumbprints: &[String]) -> Result<ClientConfig, FetchError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Verifier {
        system: verifier_of(system_roots(), &provider),
        pins: thumbprints.iter().map(|pin| pin.to_lowercase()).collect(),
        provider: Arc::clone(&provider),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

/// The certificates that the system trusts.
pub(crate) fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // What can't be read of the system's is left out; with none left only pins are trusted.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn verifier_of(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Option<Arc<WebPkiServerVerifier>> {
    let builder =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    // Without any root there is none.
    builder.build().ok()
}

/// Checks an identity provider's certificate.
#[derive(Debug)]
struct Verifier {
    system: Option<Arc<WebPkiServerVerifier>>,
    /// SHA-1 thumbprints in small letters.
    pins: Vec<String>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let check = |verifier: &WebPkiServerVerifier| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let trusted = self.system.as_ref().map_or(Err(unknown), |system| check(system));
        let Err(refused) = trusted else { return trusted };
        // A pinned certificate stands for a root; names and times are checked all the same.
        let chain = intermediates.iter().chain([end_entity]);
        let pinned = |certificate: &&CertificateDer<'_>| {
            self.pins.contains(&hex::encode(&sha1_thumbprint(certificate)))
        };
        let mut roots = RootCertStore::empty();
        for certificate in chain.filter(pinned) {
            roots.add(certificate.clone().into_owned())?;
        }
        verifier_of(roots, &self.provider).map_or(Err(refused), |verifier| check(&verifier))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    const FOUND: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    const MOVED: &str = "HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n";

    async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, text: &str) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(text.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        // Until the client has gone: what it does not read is its own choice.
        let _end = stream.read(&mut [0]).await;
    }

    /// A server that answers once, and where it is.
    async fn plain(text: String) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { answer(listener.accept().await.unwrap().0, &text).await });
        format!("http://{address}/keys?a=b")
    }

    /// The same with TLS, and the thumbprint of its certificate.
    async fn secure() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let thumbprint = hex::encode(&sha1_thumbprint(made.cert.der()));
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let stream = listener.accept().await.unwrap().0;
            // A client that doesn't trust the certificate ends the handshake.
            if let Ok(stream) = TlsAcceptor::from(Arc::new(config)).accept(stream).await {
                answer(stream, FOUND).await;
            }
        });
        (format!("https://localhost:{port}/"), thumbprint)
    }

    async fn get(dev: bool, url: &str, pins: &[String]) -> Result<Vec<u8>, FetchError> {
        Outgoing { dev }.get(url, pins).await
    }

    #[tokio::test]
    async fn a_pinned_certificate_is_trusted_and_no_other() {
        let (url, pin) = secure().await;
        assert_eq!(get(false, &url, &[pin.to_uppercase()]).await, Ok(b"{}".to_vec()));
        let (url, _) = secure().await;
        assert_eq!(get(false, &url, &[pin]).await, Err(FetchError::Thumbprint));
        let (url, pin) = secure().await;
        // The pin doesn't stand for another name.
        let elsewhere = url.replace("localhost", "127.0.0.1");
        assert_eq!(get(false, &elsewhere, &[pin]).await, Err(FetchError::Thumbprint));
    }

    #[tokio::test]
    async fn without_tls_only_this_machine_is_asked_and_only_in_dev() {
        let url = plain(FOUND.to_owned()).await;
        assert_eq!(get(true, &url, &[]).await, Ok(b"{}".to_vec()));
        let url = plain(FOUND.to_owned()).await;
        assert!(matches!(get(false, &url, &[]).await, Err(FetchError::Failed(_))));
        for url in ["http://example.com/", "ftp://localhost/", "file:///etc/passwd", "x", ""] {
            assert!(matches!(get(true, url, &[]).await, Err(FetchError::Failed(_))), "{url}");
        }
    }

    #[tokio::test]
    async fn redirects_errors_and_long_answers_are_refused() {
        let long = MAX_ANSWER_BYTES + 1;
        let body = "x".repeat(long);
        for text in [
            MOVED.to_owned(),
            "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n".to_owned(),
            format!("HTTP/1.1 200 OK\r\ncontent-length: {long}\r\n\r\n{body}"),
            "no HTTP at all".to_owned(),
        ] {
            let url = plain(text).await;
            assert!(matches!(get(true, &url, &[]).await, Err(FetchError::Failed(_))));
        }
    }
}
