//! Lambda: functions, their versions, aliases and policies, and running them.
//!
//! A function is one row (`lambda.function`), each of its published versions another
//! (`lambda.version`), its code rows of its own (`lambda.code`). To run, code is unpacked into a
//! folder of this process and runs as a local process behind Lambda's Runtime API, behind the
//! walls of [`host`] and [`cell`], with a session of the function's role.

mod answer;
mod checks;
mod code;
mod due;
mod environment;
mod execute;
mod fault;
mod functions;
mod host;
mod identifier;
mod ops;
mod policies;
mod record;
mod rows;
mod run;
mod services;

use std::sync::Arc;

use bulla_crypto::Crypto;
use bulla_plane::key_service::KeyService;
use bulla_plane::{BoxFuture, Clock, Directory, Neighbours, Via};
use bulla_shapes::Fault;
use bulla_store::{Barrier, Space};

pub use host::{CELL, HOST, cell, host};
pub use run::{Credentials, Settings};
pub use services::{Invoked, Service};

use run::Runner;

/// One row a function: `<account>/<region>/<name>`.
pub(crate) const FUNCTIONS: Space = Space::new("lambda.function");
/// One row a published version: `<function>:<number, 20 digits>`.
pub(crate) const VERSIONS: Space = Space::new("lambda.version");
/// Rows of archives: `<function>/<id>/<number>`.
pub(crate) const CODES: Space = Space::new("lambda.code");
/// One row a call that waits to be carried out: `<id>`.
pub(crate) const CALLS: Space = Space::new("lambda.call");

/// The spaces that a reset empties.
pub const SPACES: &[Space] = &[FUNCTIONS, VERSIONS, CODES, CALLS];

/// How Lambda calls KMS.
pub(crate) const VIA: Via = Via { service: "lambda", recorded: "lambda.amazonaws.com" };

/// A function, and a role that it is to have.
#[derive(Clone, Copy, Debug)]
pub struct Assuming<'a> {
    /// The role's ARN.
    pub role: &'a str,
    /// The function's ARN, for conditions in the role's trust policy.
    pub function: &'a str,
    /// The function's account.
    pub account: &'a str,
}

/// Roles as Lambda needs them. The program joins this to whoever keeps them.
pub trait Roles: Send + Sync {
    /// Whether the role is there and trusts `lambda.amazonaws.com`.
    ///
    /// # Errors
    /// Our own, when the store can't be read.
    fn assumable<'a>(&'a self, asked: Assuming<'a>) -> BoxFuture<'a, Result<bool, Fault>>;

    /// Credentials of a session of the role, for an hour; none when it can't be assumed.
    ///
    /// # Errors
    /// Our own, when the store can't be read or the random source fails.
    fn credentials<'a>(
        &'a self,
        asked: Assuming<'a>,
        session: &'a str,
    ) -> BoxFuture<'a, Result<Option<Credentials>, Fault>>;
}

/// The service. A copy is the same service.
#[derive(Clone)]
pub struct Lambda {
    barrier: Arc<Barrier>,
    crypto: Crypto,
    clock: Arc<Clock>,
    directory: Arc<dyn Directory>,
    roles: Arc<dyn Roles>,
    neighbours: Arc<Neighbours>,
    keys: KeyService,
    /// None where the settings let no function run.
    runner: Option<Arc<Runner>>,
    /// The calls without a waiting caller that are under way.
    under_way: due::UnderWay,
}

/// What the service stands on.
pub struct Foundation {
    /// The store.
    pub barrier: Arc<Barrier>,
    /// The primitives.
    pub crypto: Crypto,
    /// The time.
    pub clock: Arc<Clock>,
    /// Knows the principals that policies name.
    pub directory: Arc<dyn Directory>,
    /// Knows the roles of functions.
    pub roles: Arc<dyn Roles>,
    /// KMS is among them.
    pub neighbours: Arc<Neighbours>,
}

impl Lambda {
    /// The service. Without settings it runs no function, and says so.
    #[must_use]
    pub fn new(foundation: Foundation, settings: Option<Settings>) -> Self {
        let Foundation { barrier, crypto, clock, directory, roles, neighbours } = foundation;
        let keys = KeyService::new(Arc::clone(&neighbours), VIA);
        let runner = settings.map(|settings| Arc::new(Runner::new(settings, Arc::clone(&clock))));
        let under_way = due::UnderWay::default();
        Self { barrier, crypto, clock, directory, roles, neighbours, keys, runner, under_way }
    }

    /// What runs functions.
    pub(crate) fn runner(&self) -> Result<&Arc<Runner>, Fault> {
        self.runner.as_ref().ok_or_else(fault::not_allowed)
    }
}
