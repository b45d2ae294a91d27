//! Authorization messages: why a request was refused, sealed for those who may know.
//!
//! A service whose refusals carry one (EC2's do) seals it here; `DecodeAuthorizationMessage` opens
//! it for callers of the account in which it was sealed.

use std::sync::Arc;

use bulla_crypto::{Crypto, CryptoError, SecretBytes};
use bulla_plane::Stop;
use bulla_store::Barrier;

use super::fault;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 16;
/// Each derived key seals one message, so that its IV may be fixed.
const IV: [u8; 12] = [0; 12];
const SERVICE_LABEL: &str = "bulla/sts/messages/v1";
const SEAL_LABEL: &[u8] = b"bulla/sts/message/v1";

/// Seals and opens authorization messages.
pub struct Messages {
    crypto: Crypto,
    barrier: Arc<Barrier>,
}

impl Messages {
    /// The messages of a store.
    #[must_use]
    pub fn new(crypto: Crypto, barrier: Arc<Barrier>) -> Self {
        Self { crypto, barrier }
    }

    /// Seals a message, which is JSON, for an account; in base 64 for URLs, without padding.
    ///
    /// # Errors
    /// Our own, when a primitive or the store's key fails.
    pub fn seal(&self, account: &str, message: &str) -> Result<String, Stop> {
        let key = self.barrier.service_key(SERVICE_LABEL)?;
        let text = message.as_bytes();
        let nonce = self.crypto.hedged_nonce(&key, &[account.as_bytes(), text])?;
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&nonce);
        let seal = self.crypto.derive_key(&key, SEAL_LABEL, &nonce)?;
        self.crypto.seal(&seal, &IV, account.as_bytes(), text, &mut sealed)?;
        Ok(base64_simd::URL_SAFE_NO_PAD.encode_to_string(&sealed))
    }

    /// Opens a message that was sealed for this account; any other is invalid.
    pub(super) fn open(&self, account: &str, sealed: &str) -> Result<String, Stop> {
        let invalid = || Stop::from(fault::invalid_message());
        let bytes =
            base64_simd::URL_SAFE_NO_PAD.decode_to_vec(sealed.as_bytes()).map_err(|_| invalid())?;
        let rest = bytes.strip_prefix(&[VERSION]).ok_or_else(invalid)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or_else(invalid)?;
        let key = self.barrier.service_key(SERVICE_LABEL)?;
        let seal = self.crypto.derive_key(&key, SEAL_LABEL, nonce)?;
        let opened = match self.crypto.open(&seal, &IV, account.as_bytes(), sealed) {
            Err(CryptoError::Unauthentic) => return Err(invalid()),
            opened => opened?,
        };
        String::from_utf8(SecretBytes::into_vec(opened)).map_err(|_| invalid())
    }
}

#[cfg(test)]
mod tests {
    use bulla_store::Memory;

    use super::*;

    #[tokio::test]
    async fn a_message_is_read_in_its_account_alone() {
        let crypto = Crypto::standard();
        let root = crypto.generate_key().unwrap();
        let barrier = Barrier::create(Arc::new(Memory::new()), crypto.clone(), root).await.unwrap();
        let messages = Messages::new(crypto, Arc::new(barrier));
        let sealed = messages.seal("111122223333", "{\"allowed\":false}").unwrap();
        assert_eq!(messages.open("111122223333", &sealed).unwrap(), "{\"allowed\":false}");
        for (account, text) in [
            ("444455556666", sealed.as_str()),
            ("111122223333", ""),
            ("111122223333", "x"),
            ("111122223333", "AAAA"),
            ("111122223333", sealed.get(..sealed.len() - 2).unwrap()),
        ] {
            let refused = messages.open(account, text);
            assert!(
                matches!(&refused, Err(Stop::Fault(fault))
                    if fault.code == "InvalidAuthorizationMessageException"),
                "{account} {text} {refused:?}"
            );
        }
    }
}
