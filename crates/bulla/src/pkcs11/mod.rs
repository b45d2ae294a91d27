//! Tokens by PKCS #11, for CloudHSM key stores. Keys are made in the token and can't be taken out.

mod module;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bulla_crypto::{SecretBytes, ct_eq};
use bulla_kms::Outer;
use bulla_kms::hsm::{Token, TokenAnswer, TokenError, Tokens};
use cryptoki::error::{Error as HsmError, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::error::Error;

use module::{Failure, Module};

/// How many calls of a token are under way at once, each in a session and a thread of its own.
const MAX_CALLS: usize = 16;
/// How long a call waits for its turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a call may take. One that takes longer keeps its turn until it ends.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest file with a PIN or a certificate, in bytes.
const MAX_FILE_BYTES: u64 = 16 * 1024;
/// The length of an AES-256 key, in bytes.
const KEY_BYTES: u64 = 32;
const IV_BYTES: u32 = 12;
const TAG_BYTES: usize = 16;
const TAG_BITS: u64 = 128;

/// One token of the settings.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TokenSettings {
    /// The name that key stores know it by, in the form of a CloudHSM cluster's id.
    cluster_id: String,
    /// The PKCS #11 library.
    module: PathBuf,
    /// The token's label.
    label: String,
    /// A file with the PIN of the token's user, and nothing else.
    pin_file: PathBuf,
    /// A PEM file that whoever makes a key store must know.
    trust_anchor: Option<PathBuf>,
}

/// All tokens of the settings.
pub(crate) struct Pkcs11Tokens(HashMap<String, Arc<Pkcs11Token>>);

impl Pkcs11Tokens {
    /// Reads PINs and certificates. Modules are loaded when they are needed.
    pub(crate) fn new(settings: &[TokenSettings]) -> Result<Self, Error> {
        let mut modules: HashMap<&Path, Arc<Module>> = HashMap::new();
        let mut tokens = HashMap::new();
        for one in settings {
            let new = || Arc::new(Module::new(one.module.clone()));
            let module = Arc::clone(modules.entry(&one.module).or_insert_with(new));
            let token = Arc::new(Pkcs11Token::new(one, module)?);
            if tokens.insert(one.cluster_id.clone(), token).is_some() {
                return Err(Error::Usage(format!(
                    "two tokens of the settings have the cluster-id {}: give each its own",
                    one.cluster_id
                )));
            }
        }
        Ok(Self(tokens))
    }
}

impl Tokens for Pkcs11Tokens {
    fn find(&self, cluster: &str) -> Option<Arc<dyn Token>> {
        self.0.get(cluster).map(|token| Arc::clone(token) as _)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |cause| Error::io(format!("read {}", path.display()), cause);
    if std::fs::metadata(path).map_err(failed)?.len() > MAX_FILE_BYTES {
        let text = format!("{} is larger than {MAX_FILE_BYTES} bytes", path.display());
        return Err(Error::Usage(text));
    }
    std::fs::read(path).map_err(failed)
}

/// What a call needs, wherever it runs.
struct Door {
    module: Arc<Module>,
    label: String,
    pin: SecretBytes,
    /// The PIN was not taken. It is not tried again before the program is started anew, as tokens
    /// lock themselves after a few attempts.
    is_shut: AtomicBool,
}

/// One token.
struct Pkcs11Token {
    door: Arc<Door>,
    trust_anchor: Option<String>,
    turns: Arc<Semaphore>,
}

impl Pkcs11Token {
    fn new(settings: &TokenSettings, module: Arc<Module>) -> Result<Self, Error> {
        let pin = SecretBytes::new(read(&settings.pin_file)?);
        let pin = SecretBytes::from_slice(pin.expose().trim_ascii_end());
        let anchor = settings.trust_anchor.as_deref().map(read).transpose()?;
        let trust_anchor = anchor.map(|pem| String::from_utf8_lossy(&pem).into_owned());
        let (label, is_shut) = (settings.label.clone(), AtomicBool::new(false));
        Ok(Self {
            door: Arc::new(Door { module, label, pin, is_shut }),
            trust_anchor,
            turns: Arc::new(Semaphore::new(MAX_CALLS)),
        })
    }

    /// Does some work in a session, on a thread that may block.
    async fn call<T: Send + 'static>(
        &self,
        work: impl Fn(&Session) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, TokenError> {
        if self.door.is_shut.load(Ordering::Relaxed) {
            return Err(TokenError::Password);
        }
        let turn = tokio::time::timeout(TURN_TIMEOUT, Arc::clone(&self.turns).acquire_owned());
        // The semaphore is never closed.
        let turn = turn.await.map_err(|_| TokenError::Busy)?.map_err(|_| TokenError::Busy)?;
        let door = Arc::clone(&self.door);
        let blocking = tokio::task::spawn_blocking(move || {
            let done = door.module.with_session(&door.label, &door.pin, work);
            if matches!(done, Err(TokenError::Password)) {
                tracing::error!(token = door.label, "a token does not take the PIN of its file");
                door.is_shut.store(true, Ordering::Relaxed);
            }
            drop(turn);
            done
        });
        match tokio::time::timeout(CALL_TIMEOUT, blocking).await {
            Ok(Ok(done)) => done,
            Ok(Err(error)) => Err(TokenError::Gone(error.to_string())),
            Err(_) => Err(TokenError::Gone("it took too long".to_owned())),
        }
    }
}

/// The label that a KMS key's key has in the token.
fn named(key: &str) -> Vec<u8> {
    format!("bulla:{key}").into_bytes()
}

fn found(session: &Session, key: &str) -> Result<Vec<ObjectHandle>, Failure> {
    let wanted = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::Token(true),
        Attribute::Label(named(key)),
    ];
    Ok(session.find_objects(&wanted)?)
}

fn the_one(session: &Session, key: &str) -> Result<ObjectHandle, Failure> {
    let one = found(session, key)?.first().copied();
    one.ok_or(Failure::Answer(TokenError::NoKey))
}

fn make(session: &Session, key: &str) -> Result<(), Failure> {
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::ValueLen(KEY_BYTES.into()),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::Wrap(false),
        Attribute::Unwrap(false),
        Attribute::Sign(false),
        Attribute::Label(named(key)),
    ];
    session.generate_key(&Mechanism::AesKeyGen, &template)?;
    Ok(())
}

fn seal(session: &Session, key: &str, aad: &[u8], plaintext: &[u8]) -> Result<Outer, Failure> {
    let handle = the_one(session, key)?;
    let iv = session.generate_random_vec(IV_BYTES)?;
    let mut used = iv.clone();
    let params = GcmParams::new(&mut used, aad, TAG_BITS.into())?;
    let mut ciphertext = session.encrypt(&Mechanism::AesGcm(params), handle, plaintext)?;
    let at = ciphertext.len().saturating_sub(TAG_BYTES);
    let tag = ciphertext.split_off(at).try_into();
    let tag = tag.map_err(|_| Failure::Lost("it made no tag".to_owned()))?;
    Ok(Outer { metadata: Vec::new(), iv, tag, ciphertext })
}

fn open(session: &Session, key: &str, aad: &[u8], sealed: &Outer) -> Result<Vec<u8>, Failure> {
    let handle = the_one(session, key)?;
    let mut iv = sealed.iv.clone();
    let params = GcmParams::new(&mut iv, aad, TAG_BITS.into())?;
    let whole = [&*sealed.ciphertext, &sealed.tag].concat();
    let refused = match session.decrypt(&Mechanism::AesGcm(params), handle, &whole) {
        Ok(plaintext) => return Ok(plaintext),
        Err(error) => error,
    };
    let plain = matches!(
        refused,
        HsmError::Pkcs11(RvError::EncryptedDataInvalid | RvError::EncryptedDataLenRange, _)
    );
    // Some tokens name no reason. One that still encrypts under the key is as it should be.
    if plain || seal(session, key, aad, &[0]).is_ok() {
        return Err(Failure::Answer(TokenError::Unauthentic));
    }
    Err(refused.into())
}

impl Token for Pkcs11Token {
    fn trust_anchor(&self) -> Option<&str> {
        self.trust_anchor.as_deref()
    }

    fn opens_with(&self, password: &[u8]) -> bool {
        ct_eq(self.door.pin.expose(), password)
    }

    fn ping(&self) -> TokenAnswer<'_, ()> {
        Box::pin(self.call(|session| {
            session.get_session_info()?;
            // Shows that the token itself is there, not its module alone.
            session.generate_random_vec(IV_BYTES)?;
            found(session, "").map(drop)
        }))
    }

    fn make<'a>(&'a self, key: &'a str) -> TokenAnswer<'a, ()> {
        let key = key.to_owned();
        Box::pin(self.call(move |session| make(session, &key)))
    }

    fn destroy<'a>(&'a self, key: &'a str) -> TokenAnswer<'a, ()> {
        let key = key.to_owned();
        Box::pin(self.call(move |session| {
            for handle in found(session, &key)? {
                session.destroy_object(handle)?;
            }
            Ok(())
        }))
    }

    fn seal<'a>(
        &'a self,
        key: &'a str,
        associated: &'a [u8],
        plaintext: Vec<u8>,
    ) -> TokenAnswer<'a, Outer> {
        let (key, associated) = (key.to_owned(), associated.to_vec());
        Box::pin(self.call(move |session| seal(session, &key, &associated, &plaintext)))
    }

    fn open<'a>(
        &'a self,
        key: &'a str,
        associated: &'a [u8],
        sealed: Outer,
    ) -> TokenAnswer<'a, Vec<u8>> {
        let (key, associated) = (key.to_owned(), associated.to_vec());
        Box::pin(self.call(move |session| open(session, &key, &associated, &sealed)))
    }

    fn random(&self, length: usize) -> TokenAnswer<'_, SecretBytes> {
        Box::pin(self.call(move |session| {
            let mut bytes = SecretBytes::zeroed(length);
            session.generate_random_slice(bytes.expose_mut())?;
            Ok(bytes)
        }))
    }
}
