//! A custom key store's record, as it stands in the store.

use bulla_plane::SecretText;
use serde::{Deserialize, Serialize};

/// All custom key stores of an account in a region, oldest first. They are one row, so that names
/// and addresses stay unique and their number bounded whoever writes.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct StoreList {
    pub(crate) stores: Vec<StoreRecord>,
}

/// One custom key store.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoreRecord {
    /// `cks-` and 17 hexadecimal digits.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created_ms: i64,
    pub(crate) connection: Connection,
    pub(crate) behind: Behind,
}

/// How far a store is connected to what stands behind it.
///
/// AWS has one more state, `DISCONNECTING`. Here every use of a key asks for the state anew, so
/// that a store is disconnected at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Connection {
    Disconnected,
    /// Somebody tries. A server that ends meanwhile leaves it so; it may be tried again.
    Connecting,
    Connected,
    /// It was tried in vain, for this of AWS's reasons (`ConnectionErrorCode`).
    Failed(String),
}

impl Connection {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Disconnected => "DISCONNECTED",
            Self::Connecting => "CONNECTING",
            Self::Connected => "CONNECTED",
            Self::Failed(_) => "FAILED",
        }
    }

    pub(crate) fn error(&self) -> Option<&str> {
        match self {
            Self::Failed(code) => Some(code),
            _ => None,
        }
    }
}

/// What keeps the keys of a store.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Behind {
    /// A key manager of its owner, reached through a proxy.
    Proxy(Proxy),
    /// A cluster of hardware security modules: here, a PKCS #11 token.
    Cluster(Cluster),
}

impl Behind {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Proxy(_) => "EXTERNAL_KEY_STORE",
            Self::Cluster(_) => "AWS_CLOUDHSM",
        }
    }
}

/// The proxy of an external key store.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Proxy {
    /// `https://` and a host.
    pub(crate) endpoint: String,
    /// Ends in `/kms/xks/v1`.
    pub(crate) path: String,
    pub(crate) access_key_id: String,
    pub(crate) secret: SecretText,
}

impl Proxy {
    /// Whether both are one and the same: hosts are compared without case.
    pub(crate) fn is_at(&self, endpoint: &str, path: &str) -> bool {
        self.endpoint.eq_ignore_ascii_case(endpoint) && self.path == path
    }

    /// The host that requests name.
    pub(crate) fn host(&self) -> &str {
        self.endpoint.strip_prefix("https://").unwrap_or_default()
    }
}

/// The token of a CloudHSM key store.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Cluster {
    /// The name that the server's settings give the token.
    pub(crate) id: String,
    pub(crate) trust_anchor: String,
    pub(crate) password: SecretText,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_keeps_its_secret_through_the_store() {
        let proxy = Proxy {
            endpoint: "https://Proxy.example".into(),
            path: "/kms/xks/v1".into(),
            access_key_id: "ABCDEFGHIJKLMNOPQRST".into(),
            secret: SecretText::from("a/b+c=\"quoted\""),
        };
        let text = serde_json::to_vec(&Behind::Proxy(proxy)).unwrap();
        let Behind::Proxy(read) = serde_json::from_slice(&text).unwrap() else { panic!() };
        assert_eq!(read.secret.expose(), "a/b+c=\"quoted\"");
        assert!(read.is_at("https://proxy.EXAMPLE", "/kms/xks/v1"));
        assert!(!read.is_at("https://proxy.example", "/KMS/xks/v1"));
        assert_eq!(read.host(), "Proxy.example");
    }
}
