//! TLS by the certificates of a bundle, else by the system's.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::ClientError;

/// TLS by the certificates of a bundle, else by the system's.
///
/// # Errors
/// [`ClientError::Settings`] for a bundle that can't be used.
pub(super) fn connector(ca_bundle: Option<&Path>) -> Result<TlsConnector, ClientError> {
    let mut roots = RootCertStore::empty();
    match ca_bundle {
        Some(path) => {
            let refused = |cause: &dyn std::fmt::Display| {
                let path = path.display();
                ClientError::Settings(format!(
                    "{path} can't be used for TLS: {cause}; give a PEM file of certificates"
                ))
            };
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
        .map_err(|error| ClientError::Settings(format!("TLS can't be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
