//! Caching: what is shared, what is not, and how often KMS is asked.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bulla_envelope::cache::{CacheMetrics, CachingSource, IdGeneration, LocalCache};
use bulla_envelope::keyring::AwsKmsKeyring;
use bulla_envelope::{
    Committing, DefaultSource, EncryptionContext, Envelope, Error, RequiredContext, Suite,
};

use crate::stub::Kms;
use crate::support::{context, decrypt, encrypt};

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234";
const AGE: Duration = Duration::from_secs(60);

fn source(kms: &Arc<Kms>, cache: &Arc<LocalCache>) -> CachingSource<DefaultSource> {
    let keyring = AwsKmsKeyring::strict(kms.clone(), KEY).unwrap();
    let source = DefaultSource::new(keyring);
    CachingSource::new(source, Arc::clone(cache), AGE).unwrap().partition("tests")
}

fn cache(capacity: usize) -> Arc<LocalCache> {
    LocalCache::new(capacity.try_into().unwrap())
}

#[tokio::test]
async fn one_call_serves_many_messages() {
    for generation in [IdGeneration::First, IdGeneration::Second] {
        let (kms, cache) = (Kms::new(), cache(10));
        let source = source(&kms, &cache).id_generation(generation);
        let envelope = Envelope::from_source(source).suite(Committing::Unsigned);
        let context = context(&[("a", "b")]);
        let mut ids = std::collections::HashSet::new();
        for _ in 0..100 {
            let message = envelope.encrypt(b"text", &context).await.unwrap();
            let opened = envelope.decrypt(&message, &context).await.unwrap();
            assert_eq!(opened.plaintext, b"text");
            assert!(ids.insert(opened.header.message_id().to_vec()));
        }
        assert_eq!(kms.calls(), ["GenerateDataKey", "Decrypt"]);
        let expected = CacheMetrics { hits: 198, misses: 2, evictions: 0, entries: 2 };
        assert_eq!(cache.metrics(), expected);
        cache.clear();
        assert_eq!(cache.metrics().entries, 0);
        envelope.encrypt(b"text", &context).await.unwrap();
        assert_eq!(kms.calls().len(), 3);
    }
}

#[tokio::test]
async fn tasks_that_miss_together_ask_once() {
    let (kms, cache) = (Kms::new(), cache(10));
    let envelope = Envelope::from_source(source(&kms, &cache)).suite(Committing::Unsigned);
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let envelope = envelope.clone();
            tokio::spawn(async move {
                let none = EncryptionContext::new();
                envelope.encrypt(b"text", &none).await.unwrap()
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(kms.calls(), ["GenerateDataKey"]);
    let metrics = cache.metrics();
    assert_eq!((metrics.hits, metrics.misses), (49, 1));
}

#[tokio::test]
async fn when_the_one_who_asks_fails_the_next_one_asks() {
    let (kms, cache) = (Kms::new(), cache(10));
    kms.disable(KEY);
    let envelope = Envelope::from_source(source(&kms, &cache));
    for calls in 1..4 {
        let outcome = envelope.encrypt(b"", &EncryptionContext::new()).await;
        assert!(matches!(outcome, Err(Error::Keyring(_))));
        assert_eq!(kms.calls().len(), calls);
    }
    assert_eq!(cache.metrics().entries, 0);
}

#[tokio::test]
async fn messages_and_bytes_use_an_entry_up() {
    let (kms, cache) = (Kms::new(), cache(10));
    let envelope = Envelope::from_source(source(&kms, &cache).max_messages(3).unwrap());
    let none = EncryptionContext::new();
    for message in 0..9 {
        envelope.encrypt(b"text", &none).await.unwrap();
        assert_eq!(kms.calls().len(), message / 3 + 1);
    }
    assert_eq!(cache.metrics().evictions, 2);

    let (kms, cache) = (Kms::new(), self::cache(10));
    let envelope = Envelope::from_source(source(&kms, &cache).max_bytes(10).unwrap());
    for (len, calls) in [(4, 1), (4, 1), (2, 1), (1, 2), (9, 2), (0, 2), (1, 3), (10, 4), (9, 4)] {
        envelope.encrypt(&vec![0; len], &none).await.unwrap();
        assert_eq!(kms.calls().len(), calls, "{len}");
    }
}

#[tokio::test]
async fn age_ends_an_entry() {
    let kms = Kms::new();
    let start = Instant::now();
    let passed = Arc::new(Mutex::new(Duration::ZERO));
    let clock = Arc::clone(&passed);
    let cache =
        LocalCache::with_clock(10.try_into().unwrap(), move || start + *clock.lock().unwrap());
    let envelope = Envelope::from_source(source(&kms, &cache));
    let none = EncryptionContext::new();
    let message = envelope.encrypt(b"text", &none).await.unwrap();
    envelope.decrypt(&message, &none).await.unwrap();
    *passed.lock().unwrap() = AGE - Duration::from_millis(1);
    envelope.encrypt(b"text", &none).await.unwrap();
    envelope.decrypt(&message, &none).await.unwrap();
    assert_eq!(kms.calls().len(), 2);
    *passed.lock().unwrap() = AGE;
    envelope.encrypt(b"text", &none).await.unwrap();
    envelope.decrypt(&message, &none).await.unwrap();
    assert_eq!(kms.calls(), ["GenerateDataKey", "Decrypt", "GenerateDataKey", "Decrypt"]);
    assert_eq!(cache.metrics().evictions, 2);
}

#[tokio::test]
async fn what_must_not_be_kept_is_not() {
    let none = EncryptionContext::new();
    for suite in Suite::ALL {
        let (kms, cache) = (Kms::new(), cache(10));
        let source = Arc::new(source(&kms, &cache));
        for _ in 0..3 {
            let message = encrypt(source.clone(), suite, 16, b"text", &none).await.unwrap();
            decrypt(source.clone(), &message, &none).await.unwrap();
        }
        // A suite that signs has another context for each fresh key pair, of which one is kept.
        let calls = if suite.cacheable() { 2 } else { 6 };
        assert_eq!(kms.calls().len(), calls, "{suite:?}");
    }
    // Nor are messages whose length nobody knows.
    let (kms, cache) = (Kms::new(), cache(10));
    let envelope = Envelope::from_source(source(&kms, &cache));
    for calls in 1..4 {
        envelope.encrypt_io(&b"text"[..], std::io::sink(), &none).await.unwrap();
        assert_eq!(kms.calls().len(), calls);
    }
}

#[tokio::test]
async fn contexts_suites_and_partitions_are_kept_apart() {
    let (kms, cache) = (Kms::new(), cache(10));
    let envelope = Envelope::from_source(source(&kms, &cache));
    let (a, b) = (context(&[("a", "1")]), context(&[("a", "2")]));
    for (envelope, context, calls) in [
        (envelope.clone(), &a, 1),
        (envelope.clone(), &b, 2),
        (envelope.clone(), &a, 2),
        (envelope.clone().suite(Committing::Unsigned), &a, 3),
        (Envelope::from_source(source(&kms, &cache)), &a, 3),
        (Envelope::from_source(source(&kms, &cache).partition("other")), &a, 4),
    ] {
        envelope.encrypt(b"text", context).await.unwrap();
        assert_eq!(kms.calls().len(), calls);
    }
}

#[tokio::test]
async fn what_a_reader_expects_is_checked_although_the_materials_are_there() {
    let (kms, cache) = (Kms::new(), cache(10));
    let plain = Envelope::from_source(source(&kms, &cache));
    let required = RequiredContext::new(["tenant"], source(&kms, &cache)).unwrap();
    let required = Envelope::from_source(required);
    let tenant = context(&[("tenant", "a")]);
    let hidden = required.encrypt(b"text", &tenant).await.unwrap();
    let stored = plain.encrypt(b"text", &tenant).await.unwrap();
    assert_eq!(kms.calls().len(), 2, "they store different pairs");
    assert!(plain.decrypt(&stored, &tenant).await.is_ok());
    assert!(plain.decrypt(&hidden, &tenant).await.is_ok());
    let wrong = context(&[("tenant", "b")]);
    assert!(matches!(plain.decrypt(&stored, &wrong).await, Err(Error::ContextMismatch(_))));
    assert!(plain.decrypt(&hidden, &wrong).await.is_err());
    assert!(plain.decrypt(&hidden, &EncryptionContext::new()).await.is_err());
}

#[tokio::test]
async fn capacity_holds() {
    let (kms, cache) = (Kms::new(), cache(2));
    let envelope = Envelope::from_source(source(&kms, &cache));
    for value in ["1", "2", "3", "3", "2", "1"] {
        envelope.encrypt(b"text", &context(&[("a", value)])).await.unwrap();
    }
    assert_eq!(kms.calls().len(), 4);
    let metrics = cache.metrics();
    assert_eq!((metrics.entries, metrics.evictions), (2, 2));
}

#[test]
fn settings_have_limits() {
    let (kms, cache) = (Kms::new(), cache(2));
    let setting = |outcome: Result<_, Error>| match outcome.err() {
        Some(Error::Setting { name, .. }) => name,
        _ => "",
    };
    assert_eq!(setting(source(&kms, &cache).max_messages(0).map(drop)), "max_messages");
    assert_eq!(setting(source(&kms, &cache).max_messages((1 << 32) + 1).map(drop)), "max_messages");
    assert_eq!(setting(source(&kms, &cache).max_bytes(1 << 63).map(drop)), "max_bytes");
    assert_eq!(setting(source(&kms, &cache).max_bytes(0).map(drop)), "");
    let inner = source(&kms, &cache);
    assert_eq!(setting(CachingSource::new(inner, cache, Duration::ZERO).map(drop)), "max_age");
}
