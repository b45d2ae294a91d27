//! Running functions: environments that are started, used one call at a time, kept warm for the
//! next, and ended.

mod api;
mod bootstrap;
mod environment;
mod log;
mod places;
mod pool;
mod start;

use std::path::PathBuf;

use bulla_plane::SecretText;
use bytes::Bytes;

use crate::record::Config;

pub(crate) use environment::Ended;
pub(crate) use pool::{Full, Runner};
pub(crate) use start::StartError;

/// The largest payload of a call that waits for its answer, in bytes (user guide, "Quotas").
pub(crate) const MAX_PAYLOAD_BYTES: usize = 6 << 20;
/// The largest answer, in bytes, as AWS's own text has it.
pub(crate) const MAX_ANSWER_BYTES: usize = 6_291_556;
/// How much of the log of a call comes back with `LogType` `Tail`, in bytes (API reference).
pub(crate) const LOG_TAIL_BYTES: usize = 4 << 10;

/// How functions are run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program that [`host`](crate::host) and [`cell`](crate::cell) are commands of.
    pub program: PathBuf,
    /// Where functions find this server, as an address for SDKs.
    pub endpoint: String,
    /// Certificates that functions are to trust for that, PEM.
    pub authorities: Option<Vec<u8>>,
    /// The Python interpreter; otherwise looked for in `PATH`.
    pub python: Option<PathBuf>,
    /// The Node.js interpreter; otherwise looked for in `PATH`.
    pub node: Option<PathBuf>,
    /// The first of the users that functions run as, one each, where this server is root.
    pub first_uid: u32,
    /// How many environments there may be at once, busy and idle.
    pub environments: u32,
    /// Files and folders that no function may read. Where a function has the server's user, none
    /// may lie where all functions may read.
    pub private: Vec<PathBuf>,
    /// The folder of functions' logs; none where nothing outlives the process.
    pub logs: Option<PathBuf>,
}

/// One version of a function, as it is to be run.
pub(crate) struct Target {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) name: String,
    /// `account/region/name`.
    pub(crate) path: String,
    /// Tells the function from an earlier one of its name.
    pub(crate) id: String,
    /// `$LATEST`, or a number.
    pub(crate) version: String,
    pub(crate) config: Config,
    /// How many may run at once, where the function says.
    pub(crate) reserved: Option<i64>,
}

impl Target {
    /// What environments of it have in common with no other's: a change makes new ones.
    pub(crate) fn key(&self) -> String {
        format!("{}:{}:{}:{}", self.path, self.id, self.version, self.config.revision)
    }
}

/// Credentials of a function's role.
pub struct Credentials {
    /// `ASIA…`
    pub access_key_id: String,
    /// The secret key.
    pub secret: SecretText,
    /// The session token.
    pub token: SecretText,
}

/// What an environment is started with.
pub(crate) struct Material {
    pub(crate) variables: Vec<(String, SecretText)>,
    pub(crate) credentials: Credentials,
    /// The archive; none where it is laid out already.
    pub(crate) archive: Option<Vec<u8>>,
}

/// One call of a function.
pub(crate) struct Invocation {
    /// A UUID, as text.
    pub(crate) id: String,
    pub(crate) payload: Bytes,
    /// The ARN by which the function was called.
    pub(crate) arn: String,
    /// What the caller gave besides, as JSON.
    pub(crate) client_context: Option<String>,
}
