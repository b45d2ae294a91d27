//! A source of materials that keeps them for a while (specification: `framework/caching-cmm.md`).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bulla_crypto::Crypto;

use super::id::{CacheId, IdGeneration, Ids};
use super::{Cached, Limits, LocalCache};
use crate::data_key::EncryptedDataKey;
use crate::materials::{
    BoxFuture, DecryptionMaterials, DecryptionRequest, EncryptionMaterials, EncryptionRequest,
    MaterialsSource,
};
use crate::source::joined;
use crate::{EncryptionContext, Error, Suite};

/// What was asked for last, and its id.
type Last<K> = Mutex<Option<(K, CacheId)>>;

/// The most messages that one data key may protect.
pub const MAX_MESSAGES: u64 = 1 << 32;
/// The most bytes that one data key may protect.
pub const MAX_BYTES: u64 = (1 << 63) - 1;

/// Keeps the materials of `inner` for up to a maximal age.
///
/// What is encrypted with kept materials shares a data key: whoever gets it opens all those
/// messages. Choose `max_age` and [`Self::max_messages`] by what that may cost. When many tasks
/// miss an entry together, one of them asks and the others wait for it.
///
/// Not kept are materials of suites that use the data key itself, those for messages of unknown
/// length, and those for messages of [`Self::max_bytes`] or more.
///
/// ```
/// use std::num::NonZeroUsize;
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use bulla_envelope::cache::{CachingSource, LocalCache};
/// use bulla_envelope::keyring::RawAesKeyring;
/// use bulla_envelope::{DefaultSource, EncryptionContext, Envelope, SecretBytes};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keyring = RawAesKeyring::new("example", "key 1", &SecretBytes::from_slice(&[7; 32]))?;
/// let cache = LocalCache::new(NonZeroUsize::MIN.saturating_add(99));
/// let source = DefaultSource::new(keyring);
/// let source = CachingSource::new(source, Arc::clone(&cache), Duration::from_secs(60))?;
/// let envelope = Envelope::from_source(source.max_messages(100)?);
/// for _ in 0..250 {
///     envelope.encrypt(b"tokens", &EncryptionContext::new()).await?;
/// }
/// // Two data keys were used up, and the third one is there.
/// let metrics = cache.metrics();
/// assert_eq!((metrics.misses, metrics.hits, metrics.evictions), (3, 247, 2));
/// # Ok(())
/// # }
/// ```
pub struct CachingSource<S> {
    inner: S,
    cache: Arc<LocalCache>,
    limits: Limits,
    generation: IdGeneration,
    partition: Vec<u8>,
    ids: Ids,
    /// What was asked for last: mostly it is asked for again, and comparing is cheaper than
    /// hashing.
    last_encryption: Last<(Suite, EncryptionContext)>,
    last_decryption: Last<(Suite, Vec<EncryptedDataKey>, EncryptionContext)>,
}

impl<S: MaterialsSource> CachingSource<S> {
    /// Keeps materials in `cache` for less than `max_age`, in a partition of its own.
    ///
    /// # Errors
    /// [`Error::Setting`] for no age at all, and those of the random source.
    pub fn new(inner: S, cache: Arc<LocalCache>, max_age: Duration) -> Result<Self, Error> {
        if max_age.is_zero() {
            return Err(Error::Setting { name: "max_age", got: 0, min: 1, max: u64::MAX });
        }
        // As good as a random UUID, which is what the specification has.
        let partition = Crypto::standard().random::<16>()?.to_vec();
        let generation = IdGeneration::default();
        let ids = Ids::new(generation, &partition);
        let limits = Limits { max_age, max_messages: MAX_MESSAGES, max_bytes: MAX_BYTES };
        Ok(Self {
            inner,
            cache,
            limits,
            generation,
            partition,
            ids,
            last_encryption: Mutex::default(),
            last_decryption: Mutex::default(),
        })
    }

    /// Uses a data key for at most so many messages; [`MAX_MESSAGES`] unless less is chosen.
    ///
    /// # Errors
    /// [`Error::Setting`] for none, or more than [`MAX_MESSAGES`].
    pub fn max_messages(mut self, max_messages: u64) -> Result<Self, Error> {
        let (min, max) = (1, MAX_MESSAGES);
        if !(min..=max).contains(&max_messages) {
            return Err(Error::Setting { name: "max_messages", got: max_messages, min, max });
        }
        self.limits.max_messages = max_messages;
        Ok(self)
    }

    /// Uses a data key for at most so many bytes of plaintext; [`MAX_BYTES`] unless less is
    /// chosen.
    ///
    /// # Errors
    /// [`Error::Setting`] for more than [`MAX_BYTES`].
    pub fn max_bytes(mut self, max_bytes: u64) -> Result<Self, Error> {
        let max = MAX_BYTES;
        if max_bytes > max {
            return Err(Error::Setting { name: "max_bytes", got: max_bytes, min: 0, max });
        }
        self.limits.max_bytes = max_bytes;
        Ok(self)
    }

    /// Shares entries with those sources of the same cache that have this partition too. They
    /// must have the same wrapping keys: nothing checks that.
    #[must_use]
    pub fn partition(mut self, id: &str) -> Self {
        self.partition = id.as_bytes().to_vec();
        self.ids = Ids::new(self.generation, &self.partition);
        self
    }

    /// Computes ids of this generation.
    #[must_use]
    pub fn id_generation(mut self, generation: IdGeneration) -> Self {
        self.generation = generation;
        self.ids = Ids::new(generation, &self.partition);
        self
    }

    fn encryption_id(&self, request: &EncryptionRequest<'_>) -> CacheId {
        let (suite, context) = (request.suite, request.context);
        if !request.required.is_empty() {
            let required = context.filtered(|key| request.required.contains(key)).serialize();
            return self.ids.encryption(Some(suite), context, &required);
        }
        let mut last = self.last_encryption.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(((same, pairs), id)) if *same == suite && pairs == context => id.clone(),
            _ => {
                let id = self.ids.encryption(Some(suite), context, b"");
                *last = Some(((suite, context.clone()), id.clone()));
                id
            }
        }
    }

    fn decryption_id(
        &self,
        request: &DecryptionRequest<'_>,
        context: &EncryptionContext,
        required: &EncryptionContext,
    ) -> CacheId {
        let DecryptionRequest { suite, keys, .. } = *request;
        if !required.is_empty() {
            return self.ids.decryption(suite, keys, context, &required.serialize());
        }
        let mut last = self.last_decryption.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(((same, of, pairs), id)) if *same == suite && of == keys && pairs == context => {
                id.clone()
            }
            _ => {
                let id = self.ids.decryption(suite, keys, context, b"");
                *last = Some(((suite, keys.to_vec(), context.clone()), id.clone()));
                id
            }
        }
    }

    async fn encrypt(
        &self,
        request: EncryptionRequest<'_>,
    ) -> Result<Arc<EncryptionMaterials>, Error> {
        let len = match request.plaintext_len {
            Some(len) if request.suite.cacheable() && len < self.limits.max_bytes => len,
            _ => return self.inner.encryption(request).await,
        };
        let id = self.encryption_id(&request);
        let found = || self.cache.encryption(&id, len, self.limits);
        let ask = async {
            let materials = self.inner.encryption(request).await?;
            let kept = Arc::clone(&materials);
            let cached = Cached::Encryption { materials: kept, messages: 1, bytes: len };
            Ok((materials, cached))
        };
        self.found_or_asked(&id, found, ask).await
    }

    async fn decrypt(
        &self,
        request: DecryptionRequest<'_>,
    ) -> Result<Arc<DecryptionMaterials>, Error> {
        // What the reader expects is checked each time, whether the materials are there or not.
        let (context, required) = joined(request.stored, request.expected)?;
        if !request.suite.cacheable() {
            return self.inner.decryption(request).await;
        }
        let id = self.decryption_id(&request, &context, &required);
        let found = || self.cache.decryption(&id, self.limits.max_age);
        let ask = async {
            let materials = self.inner.decryption(request).await?;
            let cached = Cached::Decryption(Arc::clone(&materials));
            Ok((materials, cached))
        };
        self.found_or_asked(&id, found, ask).await
    }

    /// What is found; else what is asked for, by one at a time. Who waited looks again first.
    async fn found_or_asked<M>(
        &self,
        id: &CacheId,
        found: impl Fn() -> Option<Arc<M>>,
        ask: impl Future<Output = Result<(Arc<M>, Cached), Error>>,
    ) -> Result<Arc<M>, Error> {
        if let Some(materials) = found() {
            self.cache.count(true);
            return Ok(materials);
        }
        let gate = Gate::at(&self.cache, id);
        let held = gate.mutex.lock().await;
        if let Some(materials) = found() {
            self.cache.count(true);
            return Ok(materials);
        }
        self.cache.count(false);
        let (materials, cached) = ask.await?;
        self.cache.put(id.clone(), cached, self.limits.max_age);
        drop(held);
        Ok(materials)
    }
}

/// A place at an entry's gate, which is left whatever happens: a task may be dropped while it
/// waits.
struct Gate<'a> {
    cache: &'a LocalCache,
    id: &'a CacheId,
    mutex: Arc<tokio::sync::Mutex<()>>,
}

impl<'a> Gate<'a> {
    fn at(cache: &'a LocalCache, id: &'a CacheId) -> Self {
        Self { cache, id, mutex: cache.gate(id) }
    }
}

impl Drop for Gate<'_> {
    fn drop(&mut self) {
        self.cache.leave(self.id, &self.mutex);
    }
}

impl<S: MaterialsSource> MaterialsSource for CachingSource<S> {
    fn encryption<'a>(
        &'a self,
        request: EncryptionRequest<'a>,
    ) -> BoxFuture<'a, Result<Arc<EncryptionMaterials>, Error>> {
        Box::pin(self.encrypt(request))
    }

    fn decryption<'a>(
        &'a self,
        request: DecryptionRequest<'a>,
    ) -> BoxFuture<'a, Result<Arc<DecryptionMaterials>, Error>> {
        Box::pin(self.decrypt(request))
    }
}
