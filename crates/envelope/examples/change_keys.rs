//! Moving from one key to another: first everybody reads both, then everybody writes the new one,
//! and what is old is made anew, piece by piece.
//!
//! `cargo run -p bulla-envelope --example change_keys -- OLD-KEY-ARN NEW-KEY-ARN`

use std::error::Error;
use std::sync::Arc;

use bulla_envelope::client::Client;
use bulla_envelope::keyring::{AwsKmsKeyring, MultiKeyring};
use bulla_envelope::kms::KmsClient;
use bulla_envelope::{EncryptionContext, Envelope};

/// Encrypts with the old key and moves the message to the new one, which alone then opens it.
pub async fn run(kms: Arc<dyn KmsClient>, old: &str, new: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let keyring = |key: &str| AwsKmsKeyring::strict(Arc::clone(&kms), key);
    let context = EncryptionContext::from_pairs([("purpose", "example")])?;
    let before = Envelope::new(keyring(old)?).encrypt(b"tokens", &context).await?;

    // Reads what either key wrapped, and writes for the new one alone.
    let reading = MultiKeyring::without_generator().with(keyring(new)?).with(keyring(old)?);
    let (reading, writing) = (Envelope::new(reading), Envelope::new(keyring(new)?));
    let opened = reading.decrypt(&before, &context).await?;
    let after = writing.encrypt(&opened.plaintext, &context).await?;

    for key in reading.decrypt(&after, &context).await?.header.encrypted_data_keys() {
        println!("{}", String::from_utf8_lossy(key.provider_info()));
    }
    Ok(after)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(old), Some(new)) = (arguments.next(), arguments.next()) else {
        return Err("usage: change_keys OLD-KEY-ARN NEW-KEY-ARN".into());
    };
    run(Arc::new(Client::from_environment()?), &old, &new).await?;
    Ok(())
}
