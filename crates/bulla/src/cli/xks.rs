//! The options of custom key stores, and `bulla xks`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

pub(crate) const XKS_HELP: &str = "\
Examples:
  bulla xks credential --prefix team-a > proxy.json
  bulla xks serve --credential proxy.json --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem

The keys are those of the server that AWS_ENDPOINT_URL names, of the spec HMAC_256. The proxy signs by
AWS's usual variables and files, and needs kms:DescribeKey, kms:GenerateMac and kms:GenerateRandom.";

/// How the proxies of external key stores are reached.
#[derive(Args)]
pub(crate) struct KeyStoreOptions {
    /// Where the proxy of external key stores is that has this name; may be repeated. Addresses of
    /// this machine are reached only so.
    #[arg(
        long,
        env = "BULLA_XKS_CONNECT",
        value_name = "HOST=ADDRESS:PORT",
        value_delimiter = ','
    )]
    pub(crate) xks_connect: Vec<String>,
    /// Certificates that proxies may have besides those that the system trusts, PEM.
    #[arg(long, env = "BULLA_XKS_CA", value_name = "FILE")]
    pub(crate) xks_ca: Option<PathBuf>,
}

/// `bulla xks`.
#[derive(Subcommand)]
pub(crate) enum Xks {
    /// Run a proxy, so that AWS KMS or another Bulla can use keys of a Bulla as external keys.
    Serve(XksServeOptions),
    /// Print a new credential, in the form that AWS's console and `bulla xks serve` read.
    Credential(XksCredentialOptions),
}

/// `bulla xks serve`.
#[derive(Args)]
pub(crate) struct XksServeOptions {
    /// The address to listen on; beyond loopback TLS is needed [default: 127.0.0.1:4567].
    #[arg(long, env = "BULLA_XKS_LISTEN", value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// The TLS certificate chain, PEM.
    #[arg(long, env = "BULLA_TLS_CERT", value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The TLS certificate's private key, PEM.
    #[arg(long, env = "BULLA_TLS_KEY", value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// A credential that the proxy takes, as `bulla xks credential` prints it; may be repeated.
    #[arg(
        long,
        env = "BULLA_XKS_CREDENTIAL",
        value_name = "FILE",
        value_delimiter = ',',
        required = true
    )]
    pub(crate) credential: Vec<PathBuf>,
}

/// `bulla xks credential`.
#[derive(Args)]
pub(crate) struct XksCredentialOptions {
    /// What stands before /kms/xks/v1 in the proxy's path.
    #[arg(long)]
    pub(crate) prefix: Option<String>,
}
