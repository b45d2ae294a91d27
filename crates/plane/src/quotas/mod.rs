//! Quotas: how many calls a second an account may make in a region, and how much it may have there.
//!
//! Here are the values that hold. How much an account has of what is limited is for its service to
//! know; how fast it calls is counted here.
//!
//! Operations that share a quota are charged to one bucket. Calls that a service makes on its
//! caller's behalf are charged like the caller's own, and a call on another account's resource is
//! charged to the caller's account (KMS guide, "Request quotas").

mod buckets;
mod resource;
#[cfg(test)]
mod tests;
mod throttled;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock, RwLockReadGuard};

use bulla_shapes::{Fault, Protocol, Service};
use foldhash::fast::FixedState;

use self::buckets::Buckets;
pub use self::resource::Resource;
use self::throttled::Throttled;
pub use self::throttled::{MAX_THROTTLED, ThrottledCaller};
use crate::Call;

/// How many values can be set apart from the defaults, over all accounts.
pub const MAX_SET: usize = 100_000;

/// What the models call it when a caller is too fast; most name it not at all.
const TOO_FAST: [&str; 2] = ["ThrottlingException", "TooManyRequestsException"];

/// A quota as AWS has it by default.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The id of the service's model, such as `kms`.
    pub service: &'static str,
    /// What it limits.
    pub limits: Limits,
    /// The default: requests a second, of which fewer than one is one in several seconds, or how
    /// much there may be.
    pub value: f64,
    /// The regions in which it is another.
    pub regions: &'static [(&'static str, f64)],
}

/// What a quota limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limits {
    /// The requests a second of operations, by the names that their rows have for their quota.
    Requests(&'static [&'static str]),
    /// The requests a second of each such name apart.
    RequestsOfEach(&'static [&'static str]),
    /// What an account has, by the service's own name for that.
    Resources(&'static str),
    /// Nothing that this program counts.
    Nothing,
}

impl Known {
    /// The default in a region.
    #[must_use]
    pub fn default_in(&self, region: &str) -> f64 {
        let other = self.regions.iter().find(|(name, _)| *name == region);
        other.map_or(self.value, |(_, value)| *value)
    }
}

/// Where a value can be set: for an account, in a region.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The place of the quota among those that [`Quotas::new`] was given.
    pub quota: usize,
}

/// What became of the calls that a quota was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Those that were let through.
    pub admitted: u64,
    /// Those that were throttled.
    pub throttled: u64,
}

/// More values than [`MAX_SET`] were to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// The quotas that hold, and how far the request rates are used.
pub struct Quotas {
    known: Vec<Known>,
    /// Where a quota stands in `known`, by the service's model and the name of what it limits.
    places: HashMap<(&'static str, &'static str), usize, FixedState>,
    /// Whether AWS's default request rates hold where nothing was set.
    defaults: bool,
    /// Whether any quota of this kind can refuse anybody.
    armed: AtomicBool,
    /// Whether anything was set.
    is_set: AtomicBool,
    set: RwLock<HashMap<Place, f64>>,
    /// What every account may have where nothing was set for it, by the services' names.
    everywhere: HashMap<String, usize>,
    buckets: Buckets,
    counts: Vec<(AtomicU64, AtomicU64)>,
    throttled: Throttled,
}

impl Default for Quotas {
    /// None.
    fn default() -> Self {
        Self::new(Vec::new(), false)
    }
}

impl Quotas {
    /// These quotas. AWS's default request rates hold from the beginning (`defaults`), or each once
    /// it is set. What limits resources always does, in the service that has them.
    #[must_use]
    pub fn new(known: Vec<Known>, defaults: bool) -> Self {
        let mut places = HashMap::default();
        for (at, quota) in known.iter().enumerate() {
            let names = match &quota.limits {
                Limits::Requests(groups) | Limits::RequestsOfEach(groups) => *groups,
                Limits::Resources(name) => std::slice::from_ref(name),
                Limits::Nothing => &[],
            };
            places.extend(names.iter().map(|name| ((quota.service, *name), at)));
        }
        let counts = known.iter().map(|_| (AtomicU64::new(0), AtomicU64::new(0))).collect();
        Self {
            places,
            defaults,
            armed: AtomicBool::new(defaults && !known.is_empty()),
            is_set: AtomicBool::new(false),
            set: RwLock::default(),
            everywhere: HashMap::new(),
            buckets: Buckets::new(),
            counts,
            throttled: Throttled::default(),
            known,
        }
    }

    /// The same with other defaults of how much every account may have, by the services' names for
    /// it.
    #[must_use]
    pub fn with_everywhere<N: Into<String>>(
        mut self,
        limits: impl IntoIterator<Item = (N, usize)>,
    ) -> Self {
        let named = limits.into_iter().map(|(name, limit)| (name.into(), limit));
        self.everywhere.extend(named);
        self
    }

    /// Those of what the house does by itself: none.
    #[must_use]
    pub fn none() -> Arc<Self> {
        static NONE: LazyLock<Arc<Quotas>> = LazyLock::new(Arc::default);
        Arc::clone(&NONE)
    }

    /// The quotas, in the order in which they were given.
    #[must_use]
    pub fn known(&self) -> &[Known] {
        &self.known
    }

    /// Sets a value, or takes back what was set.
    ///
    /// # Errors
    /// When more would be set than [`MAX_SET`].
    pub fn set(&self, place: Place, value: Option<f64>) -> Result<(), TooMany> {
        // Nothing that can fail runs under this lock.
        let mut set = self.set.write().unwrap_or_else(PoisonError::into_inner);
        match value {
            Some(_) if set.len() >= MAX_SET && !set.contains_key(&place) => return Err(TooMany),
            Some(value) => {
                set.insert(place, value);
            }
            None => {
                set.remove(&place);
            }
        }
        self.is_set.store(!set.is_empty(), Ordering::Release);
        self.armed.store(self.defaults || !set.is_empty(), Ordering::Release);
        Ok(())
    }

    /// Takes back everything that was set.
    pub fn forget(&self) {
        let mut set = self.set.write().unwrap_or_else(PoisonError::into_inner);
        set.clear();
        self.is_set.store(false, Ordering::Release);
        self.armed.store(self.defaults && !self.known.is_empty(), Ordering::Release);
    }

    /// The value that was set in a place.
    #[must_use]
    pub fn was_set(&self, place: &Place) -> Option<f64> {
        self.read().get(place).copied()
    }

    /// How much of a resource the caller's account may have in the region of the call, as
    /// [`Quotas::limit_in`] has it.
    #[must_use]
    pub fn limit(&self, call: &Call, name: &str) -> Option<usize> {
        self.limit_in(call, &call.region, name)
    }

    /// How much of a resource the caller's account may have in a region: what was set for the
    /// account, or for everybody, or else AWS's default. `name` is that of the call's service; none
    /// is known of names that were not given.
    #[must_use]
    pub fn limit_in(&self, call: &Call, region: &str, name: &str) -> Option<usize> {
        let quota = self.places.get(&(call.service.id, name)).copied();
        let own = quota.filter(|_| self.armed.load(Ordering::Acquire)).and_then(|quota| {
            let (account, region) = (call.account().to_owned(), region.to_owned());
            self.was_set(&Place { account, region, quota })
        });
        if own.is_none()
            && let Some(limit) = self.everywhere.get(name)
        {
            return Some(*limit);
        }
        let default = || Some(self.known.get(quota?)?.default_in(region));
        #[expect(clippy::cast_possible_truncation, reason = "the limits are whole and small")]
        #[expect(clippy::cast_sign_loss, reason = "a negative one becomes zero")]
        own.or_else(default).map(|value| value as usize)
    }

    /// What became of the calls that each quota was asked about, since the start.
    pub fn usage(&self) -> impl Iterator<Item = (&Known, Usage)> {
        self.known.iter().zip(&self.counts).map(|(quota, (admitted, throttled))| {
            let admitted = admitted.load(Ordering::Relaxed);
            (quota, Usage { admitted, throttled: throttled.load(Ordering::Relaxed) })
        })
    }

    /// Whether AWS's default request rates hold where nothing was set.
    #[must_use]
    pub fn has_defaults(&self) -> bool {
        self.defaults
    }

    /// Charges a call to a quota of its service. `raised` is the rate that takes the default's
    /// place, if the account has chosen another; what was set for it comes before both.
    ///
    /// # Errors
    /// The service's fault for callers who are too fast, with the time after which a call would be
    /// let through.
    pub fn charge(
        &self,
        call: &Call,
        group: &'static str,
        raised: Option<f64>,
    ) -> Result<(), Fault> {
        let model = call.service;
        let caller = Caller { account: call.account(), region: &call.region, now_ms: call.now_ms };
        let admitted = self.admit_part(model.id, (group, group), &caller, raised);
        admitted.map_err(|wait_ms| too_fast(model, wait_ms))
    }

    /// Charges a use of one of the things that have a quota each, such as a custom key store, to
    /// whoever owns it.
    ///
    /// # Errors
    /// As [`Quotas::charge`].
    pub fn charge_each(
        &self,
        call: &Call,
        group: &'static str,
        of: (&str, &str),
    ) -> Result<(), Fault> {
        let (model, (account, part)) = (call.service, of);
        let owner = Caller { account, region: &call.region, now_ms: call.now_ms };
        let admitted = self.admit_part(model.id, (group, part), &owner, None);
        admitted.map_err(|wait_ms| too_fast(model, wait_ms))
    }

    /// Charges one call. Calls without an account, which nobody signed, are charged to nobody (our
    /// choice).
    ///
    /// # Errors
    /// After how many milliseconds it would be let through.
    pub fn admit(&self, service: &str, group: &str, asked: &Caller<'_>) -> Result<(), u64> {
        self.admit_part(service, (group, group), asked, None)
    }

    /// Charges one call to a quota that may be one of each part.
    fn admit_part(
        &self,
        service: &str,
        (group, part): (&str, &str),
        asked: &Caller<'_>,
        raised: Option<f64>,
    ) -> Result<(), u64> {
        if !self.armed.load(Ordering::Acquire) || asked.account.is_empty() {
            return Ok(());
        }
        let Some(&quota) = self.places.get(&(service, group)) else { return Ok(()) };
        let Some(limits) = self.known.get(quota).map(|known| known.limits) else { return Ok(()) };
        let Some(rate) = self.rate(quota, asked, raised) else { return Ok(()) };
        let each = matches!(limits, Limits::RequestsOfEach(_));
        let part = if each { part } else { "" };
        let key = self.buckets.key(asked.account, asked.region, (quota, part));
        let outcome = self.buckets.take(key, rate, asked.now_ms);
        if let Some((admitted, throttled)) = self.counts.get(quota) {
            let count = if outcome.is_ok() { admitted } else { throttled };
            count.fetch_add(1, Ordering::Relaxed);
        }
        if outcome.is_err() {
            self.throttled.note(asked, quota);
        }
        outcome
    }

    /// The callers that were throttled last, the latest first: at most [`MAX_THROTTLED`].
    pub fn throttled(&self) -> Vec<ThrottledCaller> {
        self.throttled.all()
    }

    fn rate(&self, quota: usize, asked: &Caller<'_>, raised: Option<f64>) -> Option<f64> {
        // Most houses have set nothing, and need no lock to see that.
        let own = self.is_set.load(Ordering::Acquire).then(|| {
            let (account, region) = (asked.account.to_owned(), asked.region.to_owned());
            self.was_set(&Place { account, region, quota })
        });
        let own = own.flatten();
        let default = || self.known.get(quota).map(|known| known.default_in(asked.region));
        own.or_else(|| raised.or_else(default).filter(|_| self.defaults))
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Place, f64>> {
        self.set.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who calls, where and when.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The account.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
    /// Milliseconds since 1970.
    pub now_ms: i64,
}

/// What callers who are too fast are told. KMS has a sentence of its own (KMS guide, "Throttling
/// AWS KMS requests"); the others say what AWS's front ends say.
pub(crate) fn too_fast(model: &Service, wait_ms: u64) -> Fault {
    let modelled = || TOO_FAST.into_iter().find(|code| model.error(code).is_some());
    let code = match model.protocol {
        Protocol::Query => "Throttling",
        _ => modelled().unwrap_or("ThrottlingException"),
    };
    let text = match model.id {
        "kms" => {
            "You have exceeded the rate at which you may call KMS. Reduce the frequency of your \
             calls."
        }
        _ => "Rate exceeded",
    };
    let fault = match model.error(code) {
        Some(_) => Fault::of(model, code),
        None => Fault::new(code, 400),
    };
    Fault { retry_after_ms: Some(wait_ms), ..fault.with_message(text) }
}
