//! The examples, run.

use std::sync::Arc;

use bulla_envelope::EncryptionContext;
use bulla_envelope::keyring::AwsKmsKeyring;
use bulla_envelope::{Envelope, Error, keyring::KeyringError};

use crate::stub::Kms;

#[expect(dead_code, unreachable_pub, reason = "an example is a program, too")]
#[path = "../../examples/change_keys.rs"]
mod change_keys;
#[expect(dead_code, unreachable_pub, reason = "an example is a program, too")]
#[path = "../../examples/file.rs"]
mod file;
#[expect(dead_code, unreachable_pub, reason = "an example is a program, too")]
#[path = "../../examples/shared_cache.rs"]
mod shared_cache;
#[expect(dead_code, unreachable_pub, reason = "an example is a program, too")]
#[path = "../../examples/stream.rs"]
mod stream;
#[expect(dead_code, unreachable_pub, reason = "an example is a program, too")]
#[path = "../../examples/two_regions.rs"]
mod two_regions;

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234";
const OTHER: &str = "arn:aws:kms:us-east-1:111122223333:key/5678";

#[tokio::test]
async fn a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.txt");
    let plain = vec![9; 3_000_000];
    std::fs::write(&path, &plain).unwrap();
    file::run(Kms::new(), KEY, &path).await.unwrap();
    assert!(std::fs::read(path.with_extension("decrypted")).unwrap() == plain);
    assert!(std::fs::read(path.with_extension("encrypted")).unwrap().len() > 3_000_000);
}

#[tokio::test]
async fn a_stream() {
    assert_eq!(stream::run(Kms::new(), KEY).await.unwrap(), 999 * 1000 / 2);
}

#[tokio::test]
async fn a_cache_of_many_tasks() {
    let kms = Kms::new();
    let metrics = shared_cache::run(kms.clone(), KEY).await.unwrap();
    // A thousand messages: ten data keys, each unwrapped once.
    assert_eq!((metrics.misses, metrics.hits), (20, 1980));
    assert_eq!(kms.calls().len(), 20);
}

#[tokio::test]
async fn two_regions_and_a_key_in_each() {
    let (here, there) = (Kms::new(), Kms::new());
    let region = |kms: &Arc<Kms>, key: &str| (kms.clone() as Arc<_>, key.to_owned());
    two_regions::run(region(&here, KEY), region(&there, OTHER)).await.unwrap();
    assert_eq!(here.calls(), ["GenerateDataKey", "Decrypt"]);
    assert_eq!(there.calls(), ["Encrypt", "Decrypt"]);
}

#[tokio::test]
async fn another_key() {
    let kms = Kms::new();
    let message = change_keys::run(kms.clone(), KEY, OTHER).await.unwrap();
    let old = Envelope::new(AwsKmsKeyring::strict(kms, KEY).unwrap());
    let refused = old.decrypt(&message, &EncryptionContext::new()).await;
    assert!(matches!(refused, Err(Error::Keyring(KeyringError::NothingFits))));
}
