//! TLS for the listener: certificate and key from PEM files, the protocols offered.

use std::path::Path;
use std::sync::Arc;

use bulla_plane::wire::TlsSession;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CipherSuite, NamedGroup, ProtocolVersion, ServerConfig, ServerConnection};
use tokio_rustls::TlsAcceptor;

use crate::error::Error;

/// What is spoken within TLS, the preferred first (RFC 7301 names).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Reads the certificate chain and its key.
pub(crate) fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, Error> {
    let refused =
        |path: &Path, cause: &dyn std::fmt::Display| Error::Tls(path.into(), cause.to_string());
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| refused(cert, &error))?;
    if chain.is_empty() {
        return Err(refused(cert, &"it holds no certificate"));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| refused(key, &error))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(cert, &error))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| refused(key, &error))?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// What was agreed on for a connection, in the words of CloudTrail's records.
pub(crate) fn session(connection: &ServerConnection) -> TlsSession {
    let suite = connection.negotiated_cipher_suite().map(|suite| suite.suite());
    TlsSession {
        version: match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLSv1.3",
        },
        cipher_suite: suite.map_or("", cipher_suite),
        key_exchange: connection
            .negotiated_key_exchange_group()
            .and_then(|group| key_exchange(group.name())),
    }
}

/// OpenSSL's names before TLS 1.3, the standard's since.
fn cipher_suite(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => {
            "ECDHE-ECDSA-CHACHA20-POLY1305"
        }
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-RSA-CHACHA20-POLY1305",
        // No other is offered.
        _ => "",
    }
}

fn key_exchange(group: NamedGroup) -> Option<&'static str> {
    match group {
        NamedGroup::X25519MLKEM768 => Some("X25519MLKEM768"),
        NamedGroup::X25519 => Some("x25519"),
        NamedGroup::secp256r1 => Some("secp256r1"),
        NamedGroup::secp384r1 => Some("secp384r1"),
        NamedGroup::secp521r1 => Some("secp521r1"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rustls::{ClientConfig, RootCertStore};
    use tokio_rustls::TlsConnector;

    use super::*;

    #[tokio::test]
    async fn a_client_that_trusts_the_certificate_gets_http_2() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let home = tempfile::tempdir().unwrap();
        let [cert, key] = ["cert.pem", "key.pem"].map(|name| home.path().join(name));
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let server = acceptor(&cert, &key).unwrap();
        let mut trusted = RootCertStore::empty();
        trusted.add(made.cert.der().clone()).unwrap();
        let mut client = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(trusted)
            .with_no_client_auth();
        client.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        let (near, far) = tokio::io::duplex(1 << 16);
        let name = "localhost".try_into().unwrap();
        let connector = TlsConnector::from(Arc::new(client));
        let (served, connected) = tokio::join!(server.accept(far), connector.connect(name, near));
        served.unwrap();
        assert_eq!(connected.unwrap().get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    }

    #[test]
    fn what_is_no_certificate_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = acceptor(file.path(), file.path()).err().unwrap().to_string();
        assert!(refused.contains(file.path().to_str().unwrap()), "{refused}");
    }
}
