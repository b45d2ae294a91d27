//! A token in memory, and how it fails.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bulla_crypto::{Crypto, SecretBytes, SecretKey};
use bulla_kms::Outer;
use bulla_kms::hsm::{Token, TokenAnswer, TokenError, Tokens};

/// What the token is opened with.
pub(crate) const PASSWORD: &str = "password1";

/// A token. Its keys are told by name and never shown.
pub(crate) struct MemoryToken {
    crypto: Crypto,
    keys: Mutex<HashMap<String, SecretKey>>,
    anchor: Option<String>,
    mood: Mutex<Option<TokenError>>,
    /// Whether it makes keys and never answers, as if the power went then.
    is_mute: AtomicBool,
}

impl MemoryToken {
    /// One without keys; whoever makes a store on it must know the certificate.
    pub(crate) fn new(anchor: Option<&str>) -> Self {
        let (keys, mood) = (Mutex::default(), Mutex::default());
        let (crypto, anchor) = (Crypto::standard(), anchor.map(str::to_owned));
        Self { crypto, keys, anchor, mood, is_mute: AtomicBool::new(false) }
    }

    /// From now on everything fails so, or nothing does.
    pub(crate) fn fails(&self, with: Option<TokenError>) {
        *self.mood.lock().unwrap() = with;
    }

    /// From now on nobody hears of the keys that are made.
    pub(crate) fn goes_mute(&self) {
        self.is_mute.store(true, Ordering::Relaxed);
    }

    /// The names of its keys.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.keys.lock().unwrap().keys().cloned().collect()
    }

    fn answer<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut HashMap<String, SecretKey>) -> Result<T, TokenError>,
    ) -> TokenAnswer<'_, T> {
        let mood = self.mood.lock().unwrap().clone();
        let done = mood.map_or_else(|| work(&mut self.keys.lock().unwrap()), Err);
        Box::pin(std::future::ready(done))
    }
}

impl Token for MemoryToken {
    fn trust_anchor(&self) -> Option<&str> {
        self.anchor.as_deref()
    }

    fn opens_with(&self, password: &[u8]) -> bool {
        password == PASSWORD.as_bytes()
    }

    fn ping(&self) -> TokenAnswer<'_, ()> {
        self.answer(|_| Ok(()))
    }

    fn make<'a>(&'a self, key: &'a str) -> TokenAnswer<'a, ()> {
        let made = self.answer(|keys| {
            keys.insert(key.to_owned(), self.crypto.generate_key().unwrap());
            Ok(())
        });
        if self.is_mute.load(Ordering::Relaxed) { Box::pin(std::future::pending()) } else { made }
    }

    fn destroy<'a>(&'a self, key: &'a str) -> TokenAnswer<'a, ()> {
        self.answer(|keys| {
            keys.remove(key);
            Ok(())
        })
    }

    fn seal<'a>(
        &'a self,
        key: &'a str,
        associated: &'a [u8],
        plaintext: Vec<u8>,
    ) -> TokenAnswer<'a, Outer> {
        self.answer(|keys| {
            let key = keys.get(key).ok_or(TokenError::NoKey)?;
            let iv = self.crypto.random::<12>().unwrap();
            let mut ciphertext = Vec::new();
            self.crypto.seal(key, &iv, associated, &plaintext, &mut ciphertext).unwrap();
            let tag = ciphertext.split_off(plaintext.len()).try_into().unwrap();
            Ok(Outer { metadata: Vec::new(), iv: iv.to_vec(), tag, ciphertext })
        })
    }

    fn open<'a>(
        &'a self,
        key: &'a str,
        associated: &'a [u8],
        sealed: Outer,
    ) -> TokenAnswer<'a, Vec<u8>> {
        self.answer(|keys| {
            let key = keys.get(key).ok_or(TokenError::NoKey)?;
            let iv = sealed.iv.try_into().map_err(|_| TokenError::Unauthentic)?;
            let whole = [&*sealed.ciphertext, &sealed.tag].concat();
            let opened = self.crypto.open(key, &iv, associated, &whole);
            opened.map(|plain| plain.expose().to_vec()).map_err(|_| TokenError::Unauthentic)
        })
    }

    fn random(&self, length: usize) -> TokenAnswer<'_, SecretBytes> {
        self.answer(|_| Ok(self.crypto.random_secret(length).unwrap()))
    }
}

/// Clusters by their ids.
pub(crate) struct Clusters(pub(crate) HashMap<&'static str, Arc<MemoryToken>>);

impl Tokens for Clusters {
    fn find(&self, cluster: &str) -> Option<Arc<dyn Token>> {
        self.0.get(cluster).map(|token| Arc::clone(token) as _)
    }
}
