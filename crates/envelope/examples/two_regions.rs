//! Messages that open in two regions: by two keys, each in its own, and a reader that asks only
//! its own.
//!
//! `cargo run -p bulla-envelope --example two_regions -- KEY-ARN OTHER-KEY-ARN`

use std::error::Error;
use std::sync::Arc;

use bulla_envelope::client::Client;
use bulla_envelope::keyring::{AwsKmsKeyring, MultiKeyring};
use bulla_envelope::kms::KmsClient;
use bulla_envelope::{EncryptionContext, Envelope};

/// A client and a key of one region.
pub type Region = (Arc<dyn KmsClient>, String);

/// Encrypts for both regions, and decrypts in each without the other.
pub async fn run(here: Region, there: Region) -> Result<(), Box<dyn Error>> {
    let keyring = |(kms, key): &Region| AwsKmsKeyring::strict(Arc::clone(kms), key.as_str());
    let both = MultiKeyring::new(keyring(&here)?).with(keyring(&there)?);
    let context = EncryptionContext::from_pairs([("purpose", "example")])?;
    let message = Envelope::new(both).encrypt(b"tokens", &context).await?;
    for region in [&here, &there] {
        let opened = Envelope::new(keyring(region)?).decrypt(&message, &context).await?;
        println!("{} opens {} bytes", region.1, opened.plaintext.len());
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::from_environment()?;
    let region = |key: String| {
        let name = key.split(':').nth(3).ok_or("a key is named by its ARN")?;
        let kms: Arc<dyn KmsClient> = Arc::new(client.in_region(name)?);
        Ok::<_, Box<dyn Error>>((kms, key))
    };
    let mut arguments = std::env::args().skip(1);
    let (Some(here), Some(there)) = (arguments.next(), arguments.next()) else {
        return Err("usage: two_regions KEY-ARN OTHER-KEY-ARN".into());
    };
    run(region(here)?, region(there)?).await
}
