//! The domain keys: random, wrapped under the root key, in a space of their own.
//!
//! A wrapped key is laid out as
//! ```text
//! format 1 | nonce, 16 bytes | ciphertext of the 32-byte key | tag, 16 bytes
//! ```
//! under a key derived from the root key and the nonce; the associated data name the purpose and
//! the version. Its row is `domain/<purpose>/<version in ten digits>`.

use std::{collections::BTreeMap, sync::Arc};

use bulla_crypto::{Crypto, CryptoError, HEDGED_NONCE_LEN, SecretKey};

use super::{BarrierError, DOMAIN, seal::ONE_MESSAGE};
use crate::{Batch, Expect, Key, MAX_PAGE_ROWS, Place, Range, Row, Snapshot, Version};

const FORMAT: u8 = 1;
const LABEL: &[u8] = b"bulla/store/domain/v1";

/// What a domain key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// Seals values. The only one that rotates.
    Seal,
    /// Attests the set of all rows.
    Attest,
    /// Keys that services derive for themselves.
    Derive,
}

impl Purpose {
    const ALL: [Self; 3] = [Self::Seal, Self::Attest, Self::Derive];

    fn name(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Attest => "attest",
            Self::Derive => "derive",
        }
    }

    pub(super) fn row(self, version: u32) -> Key {
        format!("{}/{version:010}", self.name()).into()
    }

    fn parse(key: &Key) -> Option<(Self, u32)> {
        let (name, digits) = str::from_utf8(key.as_bytes()).ok()?.split_once('/')?;
        let version = digits.parse().ok().filter(|version| *version > 0)?;
        let purpose = Self::ALL.into_iter().find(|purpose| purpose.name() == name)?;
        (purpose.row(version) == *key).then_some((purpose, version))
    }
}

/// One domain key, unwrapped.
pub(super) struct DomainKey {
    pub(super) key: Arc<SecretKey>,
    /// The version of its row, which every commit under this key expects: whatever touches the
    /// row, as a rotation does, thereby stops all commits that were sealed before it.
    pub(super) row_version: Version,
}

/// All domain keys, unwrapped.
pub(super) struct Ring {
    keys: BTreeMap<(Purpose, u32), DomainKey>,
}

impl Ring {
    /// The newest key of a purpose.
    pub(super) fn current(&self, purpose: Purpose) -> Result<(u32, &DomainKey), BarrierError> {
        let of_purpose = (purpose, 0)..=(purpose, u32::MAX);
        let newest = self.keys.range(of_purpose).next_back();
        newest.map(|((_, version), key)| (*version, key)).ok_or(BarrierError::NotInitialized)
    }

    /// The key that seals values under this version.
    pub(super) fn seal_key(&self, version: u32) -> Option<&SecretKey> {
        self.keys.get(&(Purpose::Seal, version)).map(|domain| &*domain.key)
    }

    /// Versions and row versions of the keys that sealed values before `version`.
    pub(super) fn before(&self, version: u32) -> impl Iterator<Item = (u32, Version)> {
        let older = (Purpose::Seal, 0)..(Purpose::Seal, version);
        self.keys.range(older).map(|((_, version), domain)| (*version, domain.row_version))
    }

    /// Reads and unwraps all domain keys.
    pub(super) async fn load(
        crypto: &Crypto,
        root: &SecretKey,
        snapshot: &dyn Snapshot,
    ) -> Result<Self, BarrierError> {
        let mut keys = BTreeMap::new();
        let mut altered = None;
        let mut range = Range::all();
        loop {
            let page = snapshot.range(DOMAIN, &range, MAX_PAGE_ROWS).await?;
            for (key, row) in page.rows {
                let named = Purpose::parse(&key);
                let place = Place { space: DOMAIN, key };
                let Some((purpose, version)) = named else {
                    altered.get_or_insert(place);
                    continue;
                };
                match unwrap(crypto, root, (purpose, version), &row.value) {
                    Ok(key) => {
                        let domain = DomainKey { key: Arc::new(key), row_version: row.version };
                        keys.insert((purpose, version), domain);
                    }
                    Err(CryptoError::Unauthentic) => {
                        altered.get_or_insert(place);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            match page.next {
                Some(next) => range = range.resume(next),
                None => break,
            }
        }
        match altered {
            // One altered record leaves the others: a key that opens none is the wrong one.
            Some(_) if keys.is_empty() => Err(BarrierError::WrongRootKey),
            Some(place) => Err(BarrierError::Altered { place }),
            None if keys.is_empty() => Err(BarrierError::NotInitialized),
            None => Self { keys }.complete(),
        }
    }

    fn complete(self) -> Result<Self, BarrierError> {
        for purpose in Purpose::ALL {
            if self.current(purpose).is_err() {
                let place = Place { space: DOMAIN, key: purpose.row(1) };
                return Err(BarrierError::Altered { place });
            }
        }
        Ok(self)
    }

    /// Adds the first key of each purpose to `batch`.
    pub(super) fn first(crypto: &Crypto, root: &SecretKey) -> Result<(Self, Batch), BarrierError> {
        let mut keys = BTreeMap::new();
        let mut batch = Batch::new();
        for purpose in Purpose::ALL {
            let key = crypto.generate_key()?;
            let wrapped = wrap(crypto, root, (purpose, 1), &key)?;
            batch = batch.expect(DOMAIN, purpose.row(1), Expect::Absent);
            batch = batch.put(DOMAIN, purpose.row(1), 1, wrapped);
            keys.insert((purpose, 1), DomainKey { key: Arc::new(key), row_version: 1 });
        }
        Ok((Self { keys }, batch))
    }

    /// The batch that makes a new key the current one, and its version.
    pub(super) fn rotation(
        &self,
        crypto: &Crypto,
        root: &SecretKey,
    ) -> Result<(u32, Batch), BarrierError> {
        let (version, retired) = self.current(Purpose::Seal)?;
        let next = version.saturating_add(1);
        let key = crypto.generate_key()?;
        let batch = Batch::new().expect(DOMAIN, Purpose::Seal.row(next), Expect::Absent).put(
            DOMAIN,
            Purpose::Seal.row(next),
            1,
            wrap(crypto, root, (Purpose::Seal, next), &key)?,
        );
        let batch = rewrite(batch, crypto, root, (Purpose::Seal, version), retired)?;
        Ok((next, batch))
    }

    /// The batch that wraps every key under another root key.
    pub(super) fn under(&self, crypto: &Crypto, root: &SecretKey) -> Result<Batch, BarrierError> {
        self.keys.iter().try_fold(Batch::new(), |batch, (name, domain)| {
            rewrite(batch, crypto, root, *name, domain)
        })
    }
}

/// Wraps a domain key anew, which moves its row to the next version.
fn rewrite(
    batch: Batch,
    crypto: &Crypto,
    root: &SecretKey,
    name: (Purpose, u32),
    domain: &DomainKey,
) -> Result<Batch, BarrierError> {
    let row = name.0.row(name.1);
    let wrapped = wrap(crypto, root, name, &domain.key)?;
    Ok(batch.expect(DOMAIN, row.clone(), Expect::Version(domain.row_version)).put(
        DOMAIN,
        row,
        domain.row_version.saturating_add(1),
        wrapped,
    ))
}

fn associated((purpose, version): (Purpose, u32)) -> Vec<u8> {
    let mut aad = vec![FORMAT];
    aad.extend_from_slice(purpose.row(version).as_bytes());
    aad
}

fn wrap(
    crypto: &Crypto,
    root: &SecretKey,
    name: (Purpose, u32),
    key: &SecretKey,
) -> Result<Vec<u8>, CryptoError> {
    let aad = associated(name);
    let nonce = crypto.hedged_nonce(root, &[&aad, key.expose()])?;
    let wrapping = crypto.derive_key(root, LABEL, &nonce)?;
    let mut out = vec![FORMAT];
    out.extend_from_slice(&nonce);
    crypto.seal(&wrapping, &ONE_MESSAGE, &aad, key.expose(), &mut out)?;
    Ok(out)
}

fn unwrap(
    crypto: &Crypto,
    root: &SecretKey,
    name: (Purpose, u32),
    wrapped: &[u8],
) -> Result<SecretKey, CryptoError> {
    let Some((&FORMAT, rest)) = wrapped.split_first() else {
        return Err(CryptoError::Unauthentic);
    };
    let Some((nonce, sealed)) = rest.split_first_chunk::<HEDGED_NONCE_LEN>() else {
        return Err(CryptoError::Unauthentic);
    };
    let wrapping = crypto.derive_key(root, LABEL, nonce)?;
    let key = crypto.open(&wrapping, &ONE_MESSAGE, &associated(name), sealed)?;
    SecretKey::from_slice(key.expose())
}

/// Whether `row` is a domain key's row that this root key opens.
pub(super) fn opens(crypto: &Crypto, root: &SecretKey, key: &Key, row: &Row) -> bool {
    Purpose::parse(key).is_some_and(|name| unwrap(crypto, root, name, &row.value).is_ok())
}
