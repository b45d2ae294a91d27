//! Who holds an access key: looked up in the store once, then answered from bounded caches.

use std::sync::Arc;

use bulla_plane::identity::{Authority, Scope};
use bulla_plane::{Authenticator, BoxFuture, Credential, CredentialError};
use bulla_policy::Principal;
use bulla_sigv4::{AuthError, SigningKey};
use quick_cache::{Equivalent, sync::Cache};

use crate::access_key::{
    ACCESS_KEYS, AccessKeyRow, AccessKeys, ID_LEN, LONG_TERM, OwnerKind, is_account,
};

/// How many signing keys are kept: one for each key id, date, region and service.
pub const MAX_CACHED_SIGNING_KEYS: usize = 4096;
/// How many ids that name the root user of an account are kept (`bulla dev`).
pub const MAX_CACHED_ANYONE: usize = 1024;

/// What the id of a temporary access key begins with.
const TEMPORARY: &str = "ASIA";
/// The account of an id that names none (`bulla dev`).
const DEFAULT_ACCOUNT: &str = "000000000000";
/// The partition of the accounts' root users.
const PARTITION: &str = "aws";

/// What was looked up before.
pub(crate) struct Caches {
    signing: Cache<Place, Issued>,
    anyone: Cache<Box<str>, Arc<Authority>>,
}

#[derive(Clone)]
struct Issued {
    key: Arc<SigningKey>,
    authority: Arc<Authority>,
}

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

impl PlaceRef<'_> {
    fn to_place(self) -> Place {
        Place {
            id: self.id.into(),
            date: self.date.into(),
            region: self.region.into(),
            service: self.service.into(),
        }
    }
}

impl Caches {
    pub(crate) fn new() -> Self {
        Self { signing: Cache::new(MAX_CACHED_SIGNING_KEYS), anyone: Cache::new(MAX_CACHED_ANYONE) }
    }
}

impl Authenticator for AccessKeys {
    fn credential<'a>(
        &'a self,
        access_key_id: &'a str,
        session_token: Option<&'a str>,
        scope: Scope<'a>,
    ) -> BoxFuture<'a, Result<Credential, CredentialError>> {
        Box::pin(async move {
            if self.dev && !access_key_id.starts_with(LONG_TERM) {
                return Ok(self.anyone(access_key_id)?);
            }
            if !may_be_issued(access_key_id) {
                return Err(AuthError::UnknownKey.into());
            }
            let Issued { key, authority } = self.issued(access_key_id, scope).await?;
            // Long-term keys have no session.
            match session_token {
                Some(_) => Err(AuthError::BadToken.into()),
                None => Ok(Credential::Issued { key, authority }),
            }
        })
    }
}

impl AccessKeys {
    fn anyone(&self, id: &str) -> Result<Credential, AuthError> {
        if id.starts_with(TEMPORARY) {
            return Err(AuthError::UnknownKey);
        }
        if let Some(authority) = self.caches.anyone.get(id) {
            return Ok(Credential::Anyone(authority));
        }
        let account = if is_account(id) { id } else { DEFAULT_ACCOUNT };
        let authority = Arc::new(Authority::bare(Principal::root(PARTITION, account)));
        self.caches.anyone.insert(id.into(), Arc::clone(&authority));
        Ok(Credential::Anyone(authority))
    }

    async fn issued(&self, id: &str, scope: Scope<'_>) -> Result<Issued, CredentialError> {
        let Scope { date, region, service } = scope;
        let place = PlaceRef { id, date, region, service };
        if let Some(issued) = self.caches.signing.get(&place) {
            return Ok(issued);
        }
        let row = self.barrier.get(ACCESS_KEYS, id.as_bytes()).await?;
        let row = row.ok_or(AuthError::UnknownKey)?;
        // The parser's error is left out: it may quote the record.
        let row: AccessKeyRow<'_> = serde_json::from_slice(row.value.expose())
            .map_err(|_| CredentialError::Unreadable { id: id.to_owned() })?;
        let OwnerKind::Root = row.kind;
        let key = SigningKey::derive(row.secret.as_bytes(), date, region, service);
        let authority = Arc::new(Authority::bare(Principal::root(PARTITION, row.account)));
        let issued = Issued { key: Arc::new(key), authority };
        self.caches.signing.insert(place.to_place(), issued.clone());
        Ok(issued)
    }

    /// Forgets all signing keys and principals that were cached.
    pub fn forget(&self) {
        self.caches.signing.clear();
        self.caches.anyone.clear();
    }
}

/// Whether an id has the form of those that are issued; others need no look at the store.
fn may_be_issued(id: &str) -> bool {
    id.len() == ID_LEN
        && id.starts_with(LONG_TERM)
        && id.bytes().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'2'..=b'7'))
}

#[cfg(test)]
mod tests {
    use bulla_crypto::Crypto;
    use bulla_plane::Clock;
    use bulla_store::{
        Barrier, BarrierError, Disk, DiskFault, Faults, Memory, Simulated, StoreError,
    };

    use super::*;

    const SCOPE: Scope<'static> =
        Scope { date: "20260101", region: "eu-central-1", service: "kms" };

    async fn keys(dev: bool) -> AccessKeys {
        let crypto = Crypto::standard();
        let root = crypto.generate_key().unwrap();
        let barrier = Barrier::create(Arc::new(Memory::new()), crypto.clone(), root).await;
        AccessKeys::new(Arc::new(barrier.unwrap()), crypto, Arc::new(Clock::default()), dev)
    }

    fn account(credential: &Credential) -> (&str, bool) {
        match credential {
            Credential::Issued { authority, .. } => (&authority.principal.account, true),
            Credential::Anyone(authority) => (&authority.principal.account, false),
        }
    }

    #[tokio::test]
    async fn an_issued_key_is_found_again_and_by_its_form_alone_nobody_is() {
        for dev in [false, true] {
            let keys = keys(dev).await;
            let issued = keys.create_root_key("123456789012").await.unwrap();
            assert!(may_be_issued(&issued.access_key_id));
            assert_eq!(issued.secret.len(), 40);
            for _ in 0..2 {
                let found = keys.credential(&issued.access_key_id, None, SCOPE).await.unwrap();
                assert_eq!(account(&found), ("123456789012", true));
            }
            let with_token = keys.credential(&issued.access_key_id, Some("x"), SCOPE).await;
            assert_eq!(with_token.err(), Some(AuthError::BadToken.into()));
            for unknown in ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "AKIA"] {
                let answer = keys.credential(unknown, None, SCOPE).await;
                assert_eq!(answer.err(), Some(AuthError::UnknownKey.into()), "{unknown}");
            }
        }
    }

    #[tokio::test]
    async fn a_store_that_fails_does_not_make_a_key_unknown() {
        let disk = Disk::new(1);
        let engine = Arc::new(Simulated::open(disk.clone()).unwrap());
        let crypto = Crypto::standard();
        let root = crypto.generate_key().unwrap();
        let barrier = Arc::new(Barrier::create(engine, crypto.clone(), root).await.unwrap());
        let keys = AccessKeys::new(barrier, crypto, Arc::new(Clock::default()), false);
        let issued = keys.create_root_key("123456789012").await.unwrap();
        disk.set_faults(Faults { fail_at: Some((1, DiskFault::Io)), ..Faults::default() });
        assert!(keys.create_root_key("123456789012").await.is_err());
        for id in [issued.access_key_id.as_str(), "AKIAABCDEFGHIJKLMNOP"] {
            let error = keys.credential(id, None, SCOPE).await.err();
            let Some(CredentialError::Store(BarrierError::Store(error))) = error else {
                panic!("{id}: {error:?}")
            };
            assert!(matches!(error, StoreError::FailStopped { .. }), "{id}: {error}");
        }
    }

    #[tokio::test]
    async fn in_dev_any_other_id_is_a_root_user() {
        let strict = keys(false).await;
        let dev = keys(true).await;
        for (id, expected) in
            [("test", DEFAULT_ACCOUNT), ("123456789012", "123456789012"), ("1234", DEFAULT_ACCOUNT)]
        {
            for _ in 0..2 {
                let found = dev.credential(id, Some("ignored"), SCOPE).await.unwrap();
                assert_eq!(account(&found), (expected, false));
            }
            let refused = strict.credential(id, None, SCOPE).await;
            assert_eq!(refused.err(), Some(AuthError::UnknownKey.into()));
        }
    }

    #[tokio::test]
    async fn each_scope_has_a_signing_key_of_its_own() {
        let keys = keys(false).await;
        let issued = keys.create_root_key("123456789012").await.unwrap();
        for region in ["eu-central-1", "us-east-1", "eu-central-1"] {
            let scope = Scope { region, ..SCOPE };
            assert!(keys.credential(&issued.access_key_id, None, scope).await.is_ok());
        }
        assert_eq!(keys.caches.signing.len(), 2);
        keys.forget();
        assert_eq!(keys.caches.signing.len(), 0);
    }

    #[tokio::test]
    async fn an_account_has_twelve_digits() {
        let keys = keys(false).await;
        for wrong in ["", "12345678901", "12345678901a", "1234567890123"] {
            assert!(keys.create_root_key(wrong).await.is_err(), "{wrong}");
        }
    }
}
