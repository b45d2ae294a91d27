//! What `aws-esdk` makes of the bench's messages: a line `NAME RATE` for each, in bytes or messages
//! a second of CPU. `bulla-bench envelope` runs it beside our own.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::time::{Duration, Instant};

use aws_esdk::Client;
use aws_esdk::material_providers::client::Client as Materials;
use aws_esdk::material_providers::types::keyring::KeyringRef;
use aws_esdk::material_providers::types::material_providers_config::MaterialProvidersConfig;
use aws_esdk::material_providers::types::{AesWrappingAlg, EsdkAlgorithmSuiteId};
use aws_esdk::types::aws_encryption_sdk_config::AwsEncryptionSdkConfig;

/// Bytes of plaintext: as the bench's own.
const LARGE: usize = 4 << 20;
const SMALL: usize = 4096;
/// One measurement goes on for at least this long; there are several, of which the median counts.
const ROUND: Duration = Duration::from_millis(500);
const ROUNDS: usize = 5;

struct Sdk {
    client: Client,
    keyring: KeyringRef,
}

impl Sdk {
    async fn new() -> Result<Self, Box<dyn Error>> {
        let client = Client::from_conf(AwsEncryptionSdkConfig::builder().build()?)?;
        let materials = Materials::from_conf(MaterialProvidersConfig::builder().build()?)?;
        let keyring = materials
            .create_raw_aes_keyring()
            .key_namespace("bench")
            .key_name("key")
            .wrapping_key(vec![7; 32])
            .wrapping_alg(AesWrappingAlg::AlgAes256GcmIv12Tag16)
            .send()
            .await?;
        Ok(Self { client, keyring })
    }

    async fn encrypt(&self, plain: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
        let sealed = self
            .client
            .encrypt()
            .plaintext(plain)
            .keyring(self.keyring.clone())
            .encryption_context(HashMap::from([("purpose".to_owned(), "bench".to_owned())]))
            .algorithm_suite_id(EsdkAlgorithmSuiteId::AlgAes256GcmHkdfSha512CommitKey)
            .frame_length(4096)
            .send()
            .await?;
        Ok(sealed.ciphertext.ok_or("no ciphertext")?.into_inner())
    }

    async fn decrypt(&self, message: &[u8]) -> Result<usize, Box<dyn Error>> {
        let opened =
            self.client.decrypt().ciphertext(message).keyring(self.keyring.clone()).send().await?;
        Ok(opened.plaintext.ok_or("no plaintext")?.into_inner().len())
    }
}

/// What all threads of this process have used (proc(5), `schedstat`).
fn cpu() -> Result<Duration, Box<dyn Error>> {
    let mut nanos = 0;
    for entry in fs::read_dir("/proc/self/task")? {
        let text = fs::read_to_string(entry?.path().join("schedstat"))?;
        nanos += text.split(' ').next().ok_or("no schedstat")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// How much is done a second of CPU; each call of `work` does `each`.
async fn rate(
    each: usize,
    work: impl AsyncFn() -> Result<(), Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    work().await?;
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let (began, before) = (Instant::now(), cpu()?);
        let mut done = 0;
        while began.elapsed() < ROUND {
            work().await?;
            done += each;
        }
        rates.push(done as f64 / (cpu()? - before).as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    Ok(rates[ROUNDS / 2])
}

async fn measure() -> Result<(), Box<dyn Error>> {
    let sdk = Sdk::new().await?;
    for (name, len, each) in [("large", LARGE, LARGE), ("small", SMALL, 1)] {
        let plain = vec![5; len];
        let message = sdk.encrypt(&plain).await?;
        let sealing = rate(each, async || sdk.encrypt(&plain).await.map(drop)).await?;
        println!("{name}-encrypt {sealing}");
        let opening = rate(each, async || sdk.decrypt(&message).await.map(drop)).await?;
        println!("{name}-decrypt {opening}");
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(measure())
}
