//! What is kept in memory of principals, and how it is dropped when an account changes.
//!
//! INVARIANT: once a change was acknowledged, no call that begins later sees what was before. A
//! loader notes its account's generation before it reads and keeps what it read only if no change
//! came in between; a change raises the generation and drops what was kept before it is
//! acknowledged.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_plane::identity::{Authority, Scope};
use bulla_policy::Policy;
use bulla_sigv4::SigningKey;
use quick_cache::{Equivalent, sync::Cache as Lru};

/// How many signing keys are kept: one for each key id, date, region and service.
pub const MAX_CACHED_SIGNING_KEYS: usize = 4096;
/// How many users', roles' and accounts' authorities are kept.
pub const MAX_CACHED_AUTHORITIES: usize = 4096;
/// How many managed policies are kept compiled.
const MAX_CACHED_POLICIES: usize = 1024;
/// How many histories there are; accounts share them by their hash.
const HISTORIES: usize = 64;

/// What was looked up before.
pub(crate) struct Cache {
    histories: [Mutex<History>; HISTORIES],
    hasher: BuildHasherDefault<DefaultHasher>,
    signing: Lru<Place, Issued>,
    /// By unique id; root users by their account.
    authorities: Lru<Box<str>, Arc<Authority>>,
    /// By ARN, with the account.
    policies: Lru<Box<str>, (Box<str>, Arc<Policy>)>,
}

/// A signing key, and whom it signs for.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) key: Arc<SigningKey>,
    pub(crate) authority: Arc<Authority>,
    /// When its last use was noted, in milliseconds since 1970.
    pub(crate) noted_ms: Arc<AtomicI64>,
}

/// What is known of some accounts' changes.
#[derive(Default)]
struct History {
    /// Counts the changes.
    generation: u64,
    /// Whether a change was given up before its commit ended, so that nothing may be kept any more.
    unsure: bool,
}

/// A moment in the history of an account.
#[derive(Clone, Copy)]
pub(crate) struct Generation(u64);

/// What a signing key is derived for. Hashes as [`PlaceRef`] does: the same parts in the same
/// order.
#[derive(PartialEq, Eq, Hash)]
struct Place {
    id: Box<str>,
    date: Box<str>,
    region: Box<str>,
    service: Box<str>,
}

/// The same, borrowed from a request.
#[derive(Clone, Copy, Hash)]
struct PlaceRef<'a> {
    id: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
}

impl Equivalent<Place> for PlaceRef<'_> {
    fn equivalent(&self, place: &Place) -> bool {
        *self.id == *place.id
            && *self.date == *place.date
            && *self.region == *place.region
            && *self.service == *place.service
    }
}

impl Cache {
    pub(crate) fn new() -> Self {
        Self {
            histories: std::array::from_fn(|_| Mutex::default()),
            hasher: BuildHasherDefault::default(),
            signing: Lru::new(MAX_CACHED_SIGNING_KEYS),
            authorities: Lru::new(MAX_CACHED_AUTHORITIES),
            policies: Lru::new(MAX_CACHED_POLICIES),
        }
    }

    /// The account's generation, held still.
    fn lock(&self, account: &str) -> MutexGuard<'_, History> {
        let at = self.hasher.hash_one(account) % HISTORIES as u64;
        let at = usize::try_from(at).unwrap_or(0);
        let [first, ..] = &self.histories;
        self.histories.get(at).unwrap_or(first).lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account's generation; to be asked for before anything of the account is read.
    pub(crate) fn generation(&self, account: &str) -> Generation {
        Generation(self.lock(account).generation)
    }

    /// Keeps something, unless the account has changed since.
    fn keep(&self, account: &str, read_at: Generation, keep: impl FnOnce()) {
        let history = self.lock(account);
        if history.generation == read_at.0 && !history.unsure {
            keep();
        }
    }

    pub(crate) fn signing(&self, id: &str, scope: Scope<'_>) -> Option<Issued> {
        let Scope { date, region, service } = scope;
        self.signing.get(&PlaceRef { id, date, region, service })
    }

    pub(crate) fn keep_signing(
        &self,
        read_at: Generation,
        id: &str,
        scope: Scope<'_>,
        issued: &Issued,
    ) {
        let place = Place {
            id: id.into(),
            date: scope.date.into(),
            region: scope.region.into(),
            service: scope.service.into(),
        };
        self.keep(&issued.authority.principal.account, read_at, || {
            self.signing.insert(place, issued.clone());
        });
    }

    pub(crate) fn authority(&self, id: &str) -> Option<Arc<Authority>> {
        self.authorities.get(id)
    }

    pub(crate) fn keep_authority(&self, read_at: Generation, id: &str, authority: &Arc<Authority>) {
        self.keep(&authority.principal.account, read_at, || {
            self.authorities.insert(id.into(), Arc::clone(authority));
        });
    }

    pub(crate) fn policy(&self, arn: &str) -> Option<Arc<Policy>> {
        self.policies.get(arn).map(|(_, policy)| policy)
    }

    pub(crate) fn keep_policy(
        &self,
        read_at: Generation,
        account: &str,
        arn: &str,
        policy: &Arc<Policy>,
    ) {
        self.keep(account, read_at, || {
            self.policies.insert(arn.into(), (account.into(), Arc::clone(policy)));
        });
    }

    /// Drops all that is kept of an account.
    fn changed(&self, account: &str) {
        let mut history = self.lock(account);
        history.generation = history.generation.wrapping_add(1);
        self.signing.retain(|_, issued| issued.authority.principal.account != account);
        self.authorities.retain(|_, authority| authority.principal.account != account);
        self.policies.retain(|_, (owner, _)| **owner != *account);
    }

    /// To be held while a change of an account is committed, and ended after it.
    pub(crate) fn changing<'c>(&'c self, account: &'c str) -> Changing<'c> {
        Changing { cache: self, account, ended: false }
    }

    /// Drops all that is kept.
    pub(crate) fn clear(&self) {
        for history in &self.histories {
            let mut history = history.lock().unwrap_or_else(PoisonError::into_inner);
            history.generation = history.generation.wrapping_add(1);
            self.signing.clear();
            self.authorities.clear();
            self.policies.clear();
        }
    }

    #[cfg(test)]
    pub(crate) fn signing_keys(&self) -> usize {
        self.signing.len()
    }
}

/// A change of an account that is under way. When it goes, in whatever way the commit ended, all
/// that is kept of the account goes too.
pub(crate) struct Changing<'c> {
    cache: &'c Cache,
    account: &'c str,
    ended: bool,
}

impl Changing<'_> {
    /// The change was committed or refused.
    pub(crate) fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // The store may carry the change out at any time from now on.
            self.cache.lock(self.account).unsure = true;
        }
        self.cache.changed(self.account);
    }
}

#[cfg(test)]
mod tests {
    use bulla_policy::Principal;

    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_kept() {
        let cache = Cache::new();
        let authority = |account| Arc::new(Authority::bare(Principal::root("aws", account)));
        let read_at = cache.generation("111122223333");
        let elsewhere = cache.generation("444455556666");
        cache.changed("111122223333");
        cache.keep_authority(read_at, "AIDAEARLY", &authority("111122223333"));
        assert!(cache.authority("AIDAEARLY").is_none());
        let read_at = cache.generation("111122223333");
        cache.keep_authority(read_at, "AIDALATE", &authority("111122223333"));
        cache.keep_authority(elsewhere, "AIDAELSEWHERE", &authority("444455556666"));
        assert!(cache.authority("AIDALATE").is_some());
        cache.changed("111122223333");
        assert!(cache.authority("AIDALATE").is_none());
        assert!(cache.authority("AIDAELSEWHERE").is_some(), "another account's stays");
        cache.clear();
        assert!(cache.authority("AIDAELSEWHERE").is_none());
    }

    #[test]
    fn a_change_that_was_given_up_leaves_nothing_to_be_kept() {
        let cache = Cache::new();
        let authority = Arc::new(Authority::bare(Principal::root("aws", "111122223333")));
        cache.changing("111122223333").end();
        cache.keep_authority(cache.generation("111122223333"), "AIDA", &authority);
        assert!(cache.authority("AIDA").is_some());
        drop(cache.changing("111122223333"));
        assert!(cache.authority("AIDA").is_none());
        cache.keep_authority(cache.generation("111122223333"), "AIDA", &authority);
        assert!(cache.authority("AIDA").is_none());
    }
}
