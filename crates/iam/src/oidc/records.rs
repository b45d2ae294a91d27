//! What is kept of an identity provider.

use bulla_plane::Stop;
use bulla_store::{Space, View};
use serde::{Deserialize, Serialize};

use crate::records::{PARTITION, Stored, load};

/// One row a provider: `<account>/<address without scheme>`.
pub(crate) const PROVIDERS: Space = Space::new("iam.oidc");

/// An OpenID Connect provider that an account trusts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Provider {
    pub(crate) account: String,
    /// The issuer without its scheme, as ARNs and condition keys have it.
    pub(crate) address: String,
    /// Whether it is asked without TLS: on this machine, and in `bulla dev`, only.
    pub(crate) plain: bool,
    /// Whom tokens may be for.
    pub(crate) client_ids: Vec<String>,
    /// SHA-1 thumbprints of certificates, hexadecimal.
    pub(crate) thumbprints: Vec<String>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) created_ms: i64,
}

impl Provider {
    pub(crate) fn arn(&self) -> String {
        arn(&self.account, &self.address)
    }

    pub(crate) fn row(&self) -> String {
        row(&self.account, &self.address)
    }

    /// The issuer as its tokens name it.
    pub(crate) fn issuer(&self) -> String {
        let scheme = if self.plain { "http" } else { "https" };
        format!("{scheme}://{}", self.address)
    }
}

/// The ARN of a provider.
pub(crate) fn arn(account: &str, address: &str) -> String {
    format!("arn:{PARTITION}:iam::{account}:oidc-provider/{address}")
}

pub(crate) fn row(account: &str, address: &str) -> String {
    format!("{account}/{address}")
}

/// Reads a provider.
pub(crate) async fn provider(
    view: &View<'_>,
    account: &str,
    address: &str,
) -> Result<Option<Stored<Provider>>, Stop> {
    load(view, PROVIDERS, &row(account, address)).await
}
