//! A file to a message, and back.
//!
//! With a server (`bulla dev`) or AWS, and credentials in the environment:
//! `cargo run -p bulla-envelope --example file -- KEY-ARN FILE`

use std::error::Error;
use std::fs::File;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use bulla_envelope::client::Client;
use bulla_envelope::keyring::AwsKmsKeyring;
use bulla_envelope::kms::KmsClient;
use bulla_envelope::{Committing, EncryptionContext, Envelope, Signed};

/// Writes `FILE.encrypted`, and from that `FILE.decrypted`.
pub async fn run(kms: Arc<dyn KmsClient>, key: &str, file: &Path) -> Result<(), Box<dyn Error>> {
    let envelope = Envelope::new(AwsKmsKeyring::strict(kms, key)?).suite(Committing::Unsigned);
    let context = EncryptionContext::from_pairs([("purpose", "example")])?;
    let (sealed, opened) = (file.with_extension("encrypted"), file.with_extension("decrypted"));

    // Its length is known, so it can be announced; its frames are sealed on all cores.
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let from = File::open(file)?;
    let len = from.metadata()?.len();
    let sealer = envelope.sealer(&context, Some(len)).await?;
    sealer.copy_parallel(from, File::create(&sealed)?, threads)?;

    // Without a signature, each frame may come out as soon as it was checked.
    let from = File::open(&sealed)?;
    let header = envelope.decrypt_io(from, File::create(&opened)?, &context, Signed::Refuse);
    println!("{len} bytes, in {:?}", header.await?.framing());
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(key), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: file KEY-ARN FILE".into());
    };
    run(Arc::new(Client::from_environment()?), &key, Path::new(&file)).await
}
