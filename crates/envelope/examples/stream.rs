//! A stream whose length nobody knows, encrypted as it comes and decrypted as it arrives.
//!
//! `cargo run -p bulla-envelope --example stream -- KEY-ARN`

use std::error::Error;
use std::sync::Arc;

use bulla_envelope::client::Client;
use bulla_envelope::keyring::AwsKmsKeyring;
use bulla_envelope::kms::KmsClient;
use bulla_envelope::{Committing, EncryptionContext, Envelope, Signed};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

/// One task writes, one encrypts, one decrypts, and this one reads; each has a pipe to the next.
pub async fn run(kms: Arc<dyn KmsClient>, key: &str) -> Result<u64, Box<dyn Error>> {
    const PIPE: usize = 64 << 10;
    const PIECES: u64 = 1000;
    let envelope = Envelope::new(AwsKmsKeyring::strict(kms, key)?).suite(Committing::Unsigned);
    let (mut source, plain) = duplex(PIPE);
    let (sealed, arriving) = duplex(PIPE);
    let (opened, mut sink) = duplex(PIPE);

    let writing = async move {
        for piece in 0..PIECES {
            source.write_all(&piece.to_be_bytes()).await?;
        }
        Ok::<_, std::io::Error>(())
    };
    let context = EncryptionContext::new();
    let sealing = async { envelope.encrypt_async(plain, sealed, &context).await };
    let opening =
        async { envelope.decrypt_async(arriving, opened, &context, Signed::Refuse).await };
    let reading = async {
        let mut sum = 0;
        for _ in 0..PIECES {
            sum += sink.read_u64().await?;
        }
        Ok::<_, std::io::Error>(sum)
    };
    let (written, sealed, header, sum) = tokio::join!(writing, sealing, opening, reading);
    written?;
    let (len, header, sum) = (sealed?, header?, sum?);
    println!("{len} bytes under {}; their sum is {sum}", header.suite().name());
    Ok(sum)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let key = std::env::args().nth(1).ok_or("usage: stream KEY-ARN")?;
    run(Arc::new(Client::from_environment()?), &key).await?;
    Ok(())
}
