//! Who holds an access key: looked up in the store once, then answered from bounded caches.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use bulla_plane::identity::Scope;
use bulla_plane::{Authenticator, BoxFuture, Credential, CredentialError};
use bulla_sigv4::{AuthError, SigningKey};
use bulla_store::Opened;

use crate::access_key::{self, AccessKeyRow, AccessKeys, is_account};
use crate::ids::{KEY_ID_LEN, LONG_TERM};
use crate::principals::Issued;
use crate::sts::TEMPORARY;

/// The account of an id that names none (`bulla dev`).
const DEFAULT_ACCOUNT: &str = "000000000000";

impl Authenticator for AccessKeys {
    fn credential<'a>(
        &'a self,
        access_key_id: &'a str,
        session_token: Option<&'a str>,
        scope: Scope<'a>,
    ) -> BoxFuture<'a, Result<Credential, CredentialError>> {
        if access_key_id.starts_with(TEMPORARY) {
            return Box::pin(self.sessions.credential(access_key_id, session_token, scope));
        }
        if self.dev && !access_key_id.starts_with(LONG_TERM) {
            return Box::pin(self.anyone(access_key_id));
        }
        // Most keys are in memory, and a future that looks into the store is some KiB large.
        match self.principals.cache.signing(access_key_id, scope) {
            Some(issued) => Box::pin(ready(long_term(issued, session_token))),
            None => Box::pin(async move {
                long_term(self.look_up(access_key_id, scope).await?, session_token)
            }),
        }
    }

    fn used(&self, access_key_id: &str, session_token: Option<&str>, scope: Scope<'_>) {
        if let Some(token) = session_token {
            self.sessions.used(access_key_id, token, scope);
        } else if let Some(issued) = self.principals.cache.signing(access_key_id, scope) {
            self.principals.note_use(access_key_id, scope, &issued.noted_ms);
        }
    }
}

impl AccessKeys {
    async fn anyone(&self, id: &str) -> Result<Credential, CredentialError> {
        let account = if is_account(id) { id } else { DEFAULT_ACCOUNT };
        let authority = self.principals.root(account).await.map_err(|_| unreadable(id))?;
        let authority = authority.ok_or(AuthError::UnknownKey)?;
        Ok(Credential::Anyone(authority))
    }

    /// Looks a key up in the store. One that is not active is as good as unknown.
    async fn look_up(&self, id: &str, scope: Scope<'_>) -> Result<Issued, CredentialError> {
        if !may_be_issued(id) {
            return Err(AuthError::UnknownKey.into());
        }
        let principals = &self.principals;
        let read = |opened: &Opened| {
            let row = AccessKeyRow::read(opened.value.expose()).map_err(|_| unreadable(id))?;
            Ok::<_, CredentialError>((row.account.to_owned(), row.user.map(str::to_owned)))
        };
        let found = access_key::find(&principals.barrier.view().await?, id).await?;
        let (account, _) = read(&found.ok_or(AuthError::UnknownKey)?)?;
        // The generation is asked for first, so the row is read again after it.
        let read_at = principals.cache.generation(&account);
        let found = access_key::find(&principals.barrier.view().await?, id).await?;
        let opened = found.ok_or(AuthError::UnknownKey)?;
        let (account, user) = read(&opened)?;
        let authority = match user {
            None => principals.root(&account).await,
            Some(user) => principals.by_id(&user).await,
        };
        // The log has said by now what of the owner's records can't be read.
        let authority = authority.map_err(|_| unreadable(id))?.ok_or(AuthError::UnknownKey)?;
        let row = AccessKeyRow::read(opened.value.expose()).map_err(|_| unreadable(id))?;
        if row.inactive {
            return Err(AuthError::UnknownKey.into());
        }
        let Scope { date, region, service } = scope;
        let key = SigningKey::derive(row.secret.as_bytes(), date, region, service);
        let noted_ms = Arc::new(AtomicI64::new(i64::MIN));
        let issued = Issued { key: Arc::new(key), authority, noted_ms };
        principals.cache.keep_signing(read_at, id, scope, &issued);
        Ok(issued)
    }
}

/// Long-term keys have no session.
fn long_term(issued: Issued, session_token: Option<&str>) -> Result<Credential, CredentialError> {
    let Issued { key, authority, .. } = issued;
    match session_token {
        Some(_) => Err(AuthError::BadToken.into()),
        None => Ok(Credential::Issued { key, authority }),
    }
}

fn unreadable(id: &str) -> CredentialError {
    CredentialError::Unreadable { id: id.to_owned() }
}

/// Whether an id has the form of those that are issued; others need no look at the store.
fn may_be_issued(id: &str) -> bool {
    id.len() == KEY_ID_LEN
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
    use crate::principals::Principals;
    use crate::sts::Sessions;

    const SCOPE: Scope<'static> =
        Scope { date: "20260101", region: "eu-central-1", service: "kms" };

    async fn keys(dev: bool) -> AccessKeys {
        let crypto = Crypto::standard();
        let root = crypto.generate_key().unwrap();
        let barrier = Barrier::create(Arc::new(Memory::new()), crypto.clone(), root).await;
        open(Arc::new(barrier.unwrap()), crypto, dev)
    }

    fn open(barrier: Arc<Barrier>, crypto: Crypto, dev: bool) -> AccessKeys {
        let principals = Principals::new(barrier, crypto, Arc::new(Clock::default()));
        AccessKeys::new(Arc::new(Sessions::new(Arc::new(principals))), dev)
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
        let keys = open(barrier, crypto, false);
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
        assert_eq!(keys.principals.cache.signing_keys(), 2);
        keys.principals.changed_everywhere();
        assert_eq!(keys.principals.cache.signing_keys(), 0);
    }

    #[tokio::test]
    async fn an_account_has_twelve_digits() {
        let keys = keys(false).await;
        for wrong in ["", "12345678901", "12345678901a", "1234567890123"] {
            assert!(keys.create_root_key(wrong).await.is_err(), "{wrong}");
        }
    }
}
