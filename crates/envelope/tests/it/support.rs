//! Keys, contexts and envelopes for the tests.

use bulla_envelope::keyring::RawAesKeyring;
use bulla_envelope::{
    Committing, EncryptionContext, Envelope, Error, ForbidEncryptAllowDecrypt, MaterialsSource,
    Opened, SecretBytes, Suite, Uncommitting,
};

/// A keyring of the key whose bytes are all `byte`.
pub(crate) fn aes(byte: u8) -> RawAesKeyring {
    let key = SecretBytes::from_slice(&[byte; 32]);
    RawAesKeyring::new("tests", format!("key {byte}"), &key).unwrap()
}

pub(crate) fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
    EncryptionContext::from_pairs(pairs.iter().copied()).unwrap()
}

/// Makes a message of any suite.
pub(crate) async fn encrypt(
    source: impl MaterialsSource + 'static,
    suite: Suite,
    frame_len: u32,
    plain: &[u8],
    context: &EncryptionContext,
) -> Result<Vec<u8>, Error> {
    let envelope = Envelope::from_source(source).frame_len(frame_len.try_into().unwrap());
    if let Some(suite) = Committing::of(suite) {
        return envelope.suite(suite).encrypt(plain, context).await;
    }
    let envelope = envelope.with_policy::<ForbidEncryptAllowDecrypt>();
    envelope.suite(Uncommitting::of(suite).unwrap()).encrypt(plain, context).await
}

/// Opens a message of any suite.
pub(crate) async fn decrypt(
    source: impl MaterialsSource + 'static,
    message: &[u8],
    context: &EncryptionContext,
) -> Result<Opened, Error> {
    let envelope = Envelope::from_source(source).with_policy::<ForbidEncryptAllowDecrypt>();
    envelope.decrypt(message, context).await
}
