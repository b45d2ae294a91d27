//! A PKCS #11 module: a library of a token's maker, its sessions, and its renewal when it fails.
//!
//! PKCS #11 forbids to end a module while somebody calls it. So each call holds the module shared,
//! and a renewal holds it alone.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bulla_crypto::SecretBytes;
use bulla_kms::hsm::TokenError;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::types::RawAuthPin;

/// The shortest time between two renewals of a module.
const LEAST_PAUSE: Duration = Duration::from_secs(1);
/// How many sessions of a token rest at once.
const MAX_RESTING: usize = 16;

/// Why a call did not do what it was made for.
pub(super) enum Failure {
    /// The token or the module is not as it should be: a renewal may help.
    Lost(String),
    /// It is as it should be, and this is its answer.
    Answer(TokenError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Pkcs11(RvError::PinIncorrect | RvError::PinLocked, _) => {
                Self::Answer(TokenError::Password)
            }
            other => Self::Lost(other.to_string()),
        }
    }
}

/// A module in use.
struct Loaded {
    context: Pkcs11,
    /// Sessions that nobody uses, by their token's label.
    resting: Mutex<HashMap<String, Vec<Session>>>,
}

/// A module, and whether it is in use.
pub(super) struct Module {
    path: PathBuf,
    loaded: RwLock<Option<Loaded>>,
    renewed: Mutex<Option<Instant>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic half-way through a change runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Module {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, loaded: RwLock::default(), renewed: Mutex::default() }
    }

    /// Does some work in a session with a token, once more after a renewal if need be. It blocks.
    pub(super) fn with_session<T>(
        &self,
        label: &str,
        pin: &SecretBytes,
        work: impl Fn(&Session) -> Result<T, Failure>,
    ) -> Result<T, TokenError> {
        let lost = match self.attempt(label, pin, &work) {
            Ok(done) => return Ok(done),
            Err(Failure::Answer(answer)) if answer != TokenError::NoKey => return Err(answer),
            Err(lost) => lost,
        };
        let again = if self.renew() { self.attempt(label, pin, &work) } else { Err(lost) };
        again.map_err(|failure| match failure {
            Failure::Answer(answer) => answer,
            Failure::Lost(cause) => TokenError::Gone(cause),
        })
    }

    fn attempt<T>(
        &self,
        label: &str,
        pin: &SecretBytes,
        work: &impl Fn(&Session) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        let loaded = loaded.as_ref().ok_or_else(|| Failure::Lost("it is not loaded".to_owned()))?;
        let rested = lock(&loaded.resting).get_mut(label).and_then(Vec::pop);
        let session = match rested {
            Some(session) => session,
            None => open(&loaded.context, label, pin)?,
        };
        // A session in which something failed is closed.
        let done = work(&session)?;
        let mut resting = lock(&loaded.resting);
        let ours = resting.entry(label.to_owned()).or_default();
        if ours.len() < MAX_RESTING {
            ours.push(session);
        }
        Ok(done)
    }

    /// Ends the module and begins it anew, unless that was done just now.
    fn renew(&self) -> bool {
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        let mut renewed = lock(&self.renewed);
        if renewed.is_some_and(|at| at.elapsed() < LEAST_PAUSE) {
            // Another call may have done it while this one waited.
            return loaded.is_some();
        }
        *renewed = Some(Instant::now());
        if let Some(Loaded { context, resting }) = loaded.take() {
            drop(resting);
            if let Err(error) = context.finalize() {
                tracing::warn!(%error, module = %self.path.display(), "a module did not end well");
            }
        }
        match self.load() {
            Ok(context) => {
                *loaded = Some(Loaded { context, resting: Mutex::default() });
                true
            }
            Err(error) => {
                tracing::error!(%error, module = %self.path.display(), "a module does not load");
                false
            }
        }
    }

    fn load(&self) -> Result<Pkcs11, Error> {
        let context = Pkcs11::new(&self.path)?;
        context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
        Ok(context)
    }
}

/// A new session with a token, logged in.
fn open(context: &Pkcs11, label: &str, pin: &SecretBytes) -> Result<Session, Failure> {
    for slot in context.get_slots_with_token()? {
        if context.get_token_info(slot)?.label() != label {
            continue;
        }
        let session = context.open_rw_session(slot)?;
        let pin = RawAuthPin::new(Box::new(pin.expose().to_vec()));
        return match session.login_with_raw(UserType::User, &pin) {
            // Whoever logs in, logs in all sessions of this program.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(error) => Err(error.into()),
        };
    }
    Err(Failure::Lost(format!("there is no token {label:?}")))
}
