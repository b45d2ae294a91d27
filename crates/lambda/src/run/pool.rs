//! All environments: how many there may be, which are warm, and when they end.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use bulla_plane::Clock;

use super::environment::{Ended, Environment, Report};
use super::places::Places;
use super::{Invocation, Settings, Target};

/// How long an environment stays warm without a call.
const IDLE: Duration = Duration::from_secs(300);
/// How long an environment takes calls after it was started, as the server's clock has it: its
/// credentials last for an hour, and a call for a quarter of one.
const LIFE_MS: i64 = 40 * 60 * 1_000;
/// How often idle environments are looked at.
const TICK: Duration = Duration::from_secs(10);

/// The environments of a server.
pub(crate) struct Runner {
    pub(super) settings: Settings,
    pub(super) clock: Arc<Clock>,
    pub(super) places: OnceLock<Places>,
    /// Where control groups can be made, if anywhere; looked for with the first environment.
    pub(super) groups: OnceLock<Option<PathBuf>>,
    state: Arc<Mutex<State>>,
}

struct State {
    /// Numbers that no environment has.
    free: BTreeSet<u32>,
    idle: Vec<Idle>,
    /// All that live, to be ended with the server.
    all: Vec<Weak<Environment>>,
    /// How many calls each function runs.
    busy: HashMap<String, i64>,
    ending: bool,
    ticking: bool,
}

struct Idle {
    key: String,
    environment: Arc<Environment>,
    since: Instant,
}

/// The number of an environment, which nobody else has until its processes have ended.
pub(super) struct Slot {
    pub(super) number: u32,
    state: Arc<Mutex<State>>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        lock(&self.state).free.insert(self.number);
    }
}

/// No call more can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// All environments are busy.
    Server,
    /// The function has as many as were reserved for it.
    Function,
    /// The server is about to stop.
    Ending,
}

/// A call's place among those of its function.
pub(crate) struct Place {
    path: String,
    state: Arc<Mutex<State>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        if let Some(count) = state.busy.get_mut(&self.path) {
            *count -= 1;
            if *count <= 0 {
                state.busy.remove(&self.path);
            }
        }
    }
}

/// An environment in use: ended unless it is given back.
pub(crate) struct Lease {
    environment: Option<Arc<Environment>>,
}

impl Lease {
    pub(super) fn of(environment: Arc<Environment>) -> Self {
        Self { environment: Some(environment) }
    }

    /// Runs one call.
    pub(crate) async fn invoke(&self, target: &Target, call: Invocation) -> (Ended, Report) {
        match &self.environment {
            Some(environment) => environment.invoke(target, call).await,
            None => (Ended::NotTaken, Report { tail: Vec::new() }),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(environment) = &self.environment {
            environment.end();
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Nothing that can panic half-way through a change runs under this lock.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Runner {
    pub(crate) fn new(settings: Settings, clock: Arc<Clock>) -> Self {
        let state = State {
            free: (0..settings.environments).collect(),
            idle: Vec::new(),
            all: Vec::new(),
            busy: HashMap::new(),
            ending: false,
            ticking: false,
        };
        let state = Arc::new(Mutex::new(state));
        Self { settings, clock, places: OnceLock::new(), groups: OnceLock::new(), state }
    }

    /// How many environments there may be.
    pub(crate) fn environments(&self) -> u32 {
        self.settings.environments
    }

    /// A place for a call.
    pub(crate) fn enter(&self, target: &Target) -> Result<Place, Full> {
        let mut state = lock(&self.state);
        if state.ending {
            return Err(Full::Ending);
        }
        let count = state.busy.get(&target.path).copied().unwrap_or(0);
        if target.reserved.is_some_and(|reserved| count >= reserved) {
            return Err(Full::Function);
        }
        state.busy.insert(target.path.clone(), count + 1);
        Ok(Place { path: target.path.clone(), state: Arc::clone(&self.state) })
    }

    /// A warm environment, where there is one.
    pub(crate) fn warm(&self, target: &Target) -> Option<Lease> {
        let key = target.key();
        let oldest_ms = self.clock.now_ms().saturating_sub(LIFE_MS);
        let mut state = lock(&self.state);
        // Those of other versions of what the function was are of no use any more.
        let (path, id) = (format!("{}:", target.path), format!(":{}:", target.version));
        state.idle.retain(|idle| {
            let young = idle.environment.started_ms > oldest_ms;
            let current =
                idle.key == key || !(idle.key.starts_with(&path) && idle.key.contains(&id));
            let kept = young && current && idle.environment.is_alive();
            if !kept {
                idle.environment.end();
            }
            kept
        });
        let at = state.idle.iter().rposition(|idle| idle.key == key)?;
        Some(Lease::of(state.idle.remove(at).environment))
    }

    /// Keeps an environment warm.
    pub(crate) fn give_back(self: &Arc<Self>, target: &Target, mut lease: Lease) {
        let Some(environment) = lease.environment.take() else { return };
        let mut state = lock(&self.state);
        if state.ending || !environment.is_alive() {
            return environment.end();
        }
        state.idle.push(Idle { key: target.key(), environment, since: Instant::now() });
        if !std::mem::replace(&mut state.ticking, true) {
            tokio::spawn(reap(Arc::downgrade(self)));
        }
    }

    /// A number for a new environment. Where none is free, an idle environment ends for it.
    pub(super) async fn slot(&self) -> Result<Slot, Full> {
        loop {
            let oldest = {
                let mut state = lock(&self.state);
                if state.ending {
                    return Err(Full::Ending);
                }
                if let Some(number) = state.free.pop_first() {
                    return Ok(Slot { number, state: Arc::clone(&self.state) });
                }
                if state.idle.is_empty() {
                    return Err(Full::Server);
                }
                state.idle.remove(0).environment
            };
            oldest.end();
            oldest.ended().await;
        }
    }

    /// Takes a new environment among those that end with the server.
    pub(super) fn register(&self, environment: &Arc<Environment>) {
        let mut state = lock(&self.state);
        state.all.retain(|known| known.strong_count() > 0);
        state.all.push(Arc::downgrade(environment));
        if state.ending {
            environment.end();
        }
    }

    /// Ends the warm environments of a function, or of all.
    pub(crate) fn forget(&self, path: Option<&str>) {
        let prefix = path.map(|path| format!("{path}:"));
        lock(&self.state).idle.retain(|idle| {
            let gone = prefix.as_ref().is_none_or(|prefix| idle.key.starts_with(prefix));
            if gone {
                idle.environment.end();
            }
            !gone
        });
    }

    /// Ends everything, and waits until all processes have.
    pub(crate) async fn wind_up(&self) {
        let all: Vec<_> = {
            let mut state = lock(&self.state);
            state.ending = true;
            state.idle.clear();
            state.all.iter().filter_map(Weak::upgrade).collect()
        };
        for environment in &all {
            environment.end();
        }
        for environment in all {
            environment.ended().await;
        }
    }

    fn reap(&self) {
        let mut state = lock(&self.state);
        state.idle.retain(|idle| {
            let kept = idle.since.elapsed() < IDLE && idle.environment.is_alive();
            if !kept {
                idle.environment.end();
            }
            kept
        });
    }
}

/// Ends environments that had no call for long, as long as there is a server.
async fn reap(runner: Weak<Runner>) {
    loop {
        tokio::time::sleep(TICK).await;
        let Some(runner) = runner.upgrade() else { return };
        runner.reap();
    }
}
