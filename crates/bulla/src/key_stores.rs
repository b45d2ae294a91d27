//! What services need of the world outside: the way to the proxies of key stores, to EventBridge's
//! targets and to databases, and tokens.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use bulla_kms::hsm::{NoTokens, Tokens};
use bulla_plane::Outgoing;
use bulla_plane::outgoing::Nowhere;
use bulla_rotators::Reach;
use rustls::RootCertStore;

use crate::error::Error;
use crate::outgoing::system_roots;
use crate::pkcs11::{Pkcs11Tokens, TokenSettings};
use crate::proxies::{Proxies, is_elsewhere, tls_of, trust};

/// The settings of custom key stores and of the way to databases, all sources considered.
#[derive(Default)]
pub(crate) struct KeyStoreSettings {
    /// `HOST=ADDRESS:PORT`.
    pub(crate) places: Vec<String>,
    /// A PEM file.
    pub(crate) authorities: Option<PathBuf>,
    /// What stands behind CloudHSM key stores.
    pub(crate) tokens: Vec<TokenSettings>,
    /// A PEM file for databases.
    pub(crate) database_authorities: Option<PathBuf>,
    /// Whether databases on this machine may be reached.
    pub(crate) databases_here: bool,
}

/// What custom key stores reach.
pub(crate) struct KeyStores {
    pub(crate) outgoing: Arc<dyn Outgoing>,
    /// The way to EventBridge's targets.
    pub(crate) targets: Arc<dyn Outgoing>,
    pub(crate) tokens: Arc<dyn Tokens>,
    /// The way to databases whose secrets are rotated.
    pub(crate) databases: Reach,
}

impl KeyStores {
    /// For a server that has none.
    pub(crate) fn none() -> Result<Self, Error> {
        let (outgoing, targets) = (Arc::new(Nowhere), Arc::new(Nowhere));
        let databases = Reach::new(tls_of(RootCertStore::empty())?.into(), |_| false);
        Ok(Self { outgoing, targets, tokens: Arc::new(NoTokens), databases })
    }

    /// `dev` lets EventBridge's targets be on this machine, also without TLS.
    pub(crate) fn new(settings: &KeyStoreSettings, dev: bool) -> Result<Self, Error> {
        let places = settings.places.iter().map(|text| place(text));
        let places = places.collect::<Result<HashMap<_, _>, _>>()?;
        let authorities = settings.authorities.as_deref();
        let targets = Proxies::new(HashMap::new(), authorities)?.reaching_here(dev);
        let outgoing = Proxies::new(places, authorities)?;
        let tokens = Pkcs11Tokens::new(&settings.tokens)?;
        let (outgoing, targets) = (Arc::new(outgoing), Arc::new(targets));
        let mut roots = system_roots();
        if let Some(path) = &settings.database_authorities {
            trust(&mut roots, path)?;
        }
        let here = dev || settings.databases_here;
        let may = move |address: IpAddr| is_elsewhere(address) || here && address.is_loopback();
        let databases = Reach::new(tls_of(roots)?.into(), may);
        Ok(Self { outgoing, targets, tokens: Arc::new(tokens), databases })
    }
}

fn place(text: &str) -> Result<(String, SocketAddr), Error> {
    let parts = text.split_once('=').filter(|(host, _)| !host.is_empty());
    let place = parts.and_then(|(host, at)| Some((host.to_ascii_lowercase(), at.parse().ok()?)));
    place.ok_or_else(|| {
        Error::Usage(format!(
            "{text:?} does not say where a proxy is: give HOST=ADDRESS:PORT, such as \
             proxy.example=10.0.0.7:8443"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_strictly() {
        let (host, at) = place("Proxy.Example=10.0.0.7:8443").unwrap();
        assert_eq!((host.as_str(), at.port()), ("proxy.example", 8443));
        assert!(place("p=[::1]:443").is_ok());
        for wrong in ["", "p", "=1.2.3.4:5", "p=1.2.3.4", "p=q:443", "p=1.2.3.4:70000"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
