//! Many tasks, one cache: how many calls of KMS it saves.
//!
//! `cargo run -p bulla-envelope --example shared_cache -- KEY-ARN`

use std::error::Error;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bulla_envelope::cache::{CacheMetrics, CachingSource, LocalCache};
use bulla_envelope::client::Client;
use bulla_envelope::keyring::AwsKmsKeyring;
use bulla_envelope::kms::KmsClient;
use bulla_envelope::{Committing, DefaultSource, EncryptionContext, Envelope};

const TASKS: u64 = 20;
const MESSAGES: u64 = 50;

/// Encrypts and decrypts in tasks that share data keys for a minute, or a hundred messages.
pub async fn run(kms: Arc<dyn KmsClient>, key: &str) -> Result<CacheMetrics, Box<dyn Error>> {
    let cache = LocalCache::new(NonZeroUsize::MIN.saturating_add(99));
    let source = DefaultSource::new(AwsKmsKeyring::strict(kms, key)?);
    let source = CachingSource::new(source, Arc::clone(&cache), Duration::from_secs(60))?
        .max_messages(100)?;
    let envelope = Envelope::from_source(source).suite(Committing::Unsigned);

    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let envelope = envelope.clone();
            tokio::spawn(async move {
                let context = EncryptionContext::from_pairs([("purpose", "example")])?;
                for message in 0..MESSAGES {
                    let plain = format!("message {message} of task {task}");
                    let sealed = envelope.encrypt(plain.as_bytes(), &context).await?;
                    envelope.decrypt(&sealed, &context).await?;
                }
                Ok::<_, bulla_envelope::Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let metrics = cache.metrics();
    let (calls, all) = (metrics.misses, metrics.hits + metrics.misses);
    println!(
        "{all} times materials were needed; KMS was called {calls} times, which saved {}",
        all - calls
    );
    Ok(metrics)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let key = std::env::args().nth(1).ok_or("usage: shared_cache KEY-ARN")?;
    run(Arc::new(Client::from_environment()?), &key).await?;
    Ok(())
}
