//! Session tokens: sealed, so that nothing of a session is kept, and opened on every call.
//!
//! `docs/sessions.md` describes the token, its key and its limits.

use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError};

use bulla_crypto::{Crypto, CryptoError, SecretBytes, SecretKey};
use bulla_plane::identity::Scope;
use bulla_policy::{Policy, PolicyKind};
use bulla_sigv4::SigningKey;
use bulla_store::{Barrier, BarrierError};
use quick_cache::sync::Cache;

use super::actor::Built;
use super::session::Session;
use crate::ids;

/// What the id of a temporary access key begins with.
pub(crate) const TEMPORARY: &str = "ASIA";
/// The longest session token, in characters: what AWS measures the use of its tokens by
/// (recorded), and well within every limit on headers.
pub(crate) const MAX_TOKEN_CHARS: usize = 4096;
/// How many opened sessions are kept.
pub const MAX_CACHED_SESSIONS: usize = 2048;
/// For how many scopes (day, region, service) a session's signing keys are kept.
const MAX_SCOPES: usize = 8;

/// The version of a token that this program writes, and the only one that it reads.
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 16;
const TAG_BYTES: usize = 16;
const OVERHEAD_BYTES: usize = 1 + NONCE_BYTES + TAG_BYTES;
/// Each derived key seals one token, so that its IV may be fixed.
const IV: [u8; 12] = [0; 12];

const SERVICE_LABEL: &str = "bulla/sts/sessions/v1";
const SEAL_LABEL: &[u8] = b"bulla/sts/token/v1";
const SECRET_LABEL: &[u8] = b"bulla/sts/secret/v1";
/// Bytes of a derived key that become the forty characters of a secret access key.
const SECRET_BYTES: usize = 30;

/// Issues and opens session tokens.
pub(crate) struct Tokens {
    crypto: Crypto,
    barrier: Arc<Barrier>,
    opened: Cache<Box<str>, Arc<Opened>>,
}

/// Temporary credentials, as they are handed out once.
pub(crate) struct Issued {
    /// `ASIA…`
    pub(crate) access_key_id: String,
    /// Forty characters.
    pub(crate) secret: SecretBytes,
    /// The token, base 64.
    pub(crate) token: String,
}

/// A session whose token was found authentic.
pub(crate) struct Opened {
    pub(crate) session: Session,
    /// The inline session policy, compiled.
    pub(super) inline: Option<Arc<Policy>>,
    /// The caller that it was last turned into.
    pub(super) built: Built,
    pub(super) access_key_id: String,
    /// When its use was last noted, in milliseconds since 1970.
    pub(super) noted_ms: AtomicI64,
    secret: SecretBytes,
    signing: Mutex<Vec<(String, Arc<SigningKey>)>>,
}

/// Why no token was made.
#[derive(Debug)]
pub(crate) enum IssueError {
    /// The claims need this many percent of the longest token.
    TooLarge { percent: usize },
    /// A primitive failed.
    Crypto(CryptoError),
    /// The store gave no key.
    Barrier(BarrierError),
}

impl From<CryptoError> for IssueError {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl From<BarrierError> for IssueError {
    fn from(error: BarrierError) -> Self {
        Self::Barrier(error)
    }
}

/// Why a token was not opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// It is not one that was issued for this access key id.
    Unauthentic,
    /// A primitive failed.
    Crypto(CryptoError),
    /// The store gave no key.
    Barrier(BarrierError),
}

impl Tokens {
    pub(crate) fn new(crypto: Crypto, barrier: Arc<Barrier>) -> Self {
        Self { crypto, barrier, opened: Cache::new(MAX_CACHED_SESSIONS) }
    }

    /// Issues credentials of a session whose token has at least `min_chars` characters, of which
    /// there are at most [`MAX_TOKEN_CHARS`].
    pub(crate) fn issue(&self, session: &Session, min_chars: usize) -> Result<Issued, IssueError> {
        let claims = session.encode(0);
        let chars = encoded_len(claims.len());
        if chars > MAX_TOKEN_CHARS {
            return Err(IssueError::TooLarge { percent: percent_of_max(chars) });
        }
        let wanted = min_chars.min(MAX_TOKEN_CHARS).saturating_sub(chars);
        // Three bytes make four characters.
        let claims = SecretBytes::new(session.encode(wanted.div_ceil(4) * 3));
        let access_key_id = ids::access_key_id(&self.crypto, TEMPORARY, &session.account)?;
        let key = self.barrier.service_key(SERVICE_LABEL)?;
        let id = access_key_id.as_bytes();
        let nonce = self.crypto.hedged_nonce(&key, &[id, claims.expose()])?;
        let mut token = Vec::with_capacity(claims.len() + OVERHEAD_BYTES);
        token.push(VERSION);
        token.extend_from_slice(&nonce);
        let seal = self.crypto.derive_key(&key, SEAL_LABEL, &nonce)?;
        self.crypto.seal(&seal, &IV, &associated(id), claims.expose(), &mut token)?;
        let secret = self.secret(&key, &nonce)?;
        let token = base64_simd::STANDARD.encode_to_string(&token);
        Ok(Issued { access_key_id, secret, token })
    }

    /// The session of a token, which must have been issued for this access key id. Whether it has
    /// ended is for the caller to see.
    pub(crate) fn open(&self, access_key_id: &str, token: &str) -> Result<Arc<Opened>, OpenError> {
        if token.len() > MAX_TOKEN_CHARS {
            return Err(OpenError::Unauthentic);
        }
        if let Some(opened) = self.opened.get(token) {
            let same = opened.access_key_id == access_key_id;
            return if same { Ok(opened) } else { Err(OpenError::Unauthentic) };
        }
        let opened = Arc::new(self.unseal(access_key_id, token)?);
        self.opened.insert(token.into(), Arc::clone(&opened));
        Ok(opened)
    }

    fn unseal(&self, access_key_id: &str, token: &str) -> Result<Opened, OpenError> {
        let bytes = base64_simd::STANDARD
            .decode_to_vec(token.as_bytes())
            .map_err(|_| OpenError::Unauthentic)?;
        let (version, rest) = bytes.split_first().ok_or(OpenError::Unauthentic)?;
        let (nonce, sealed) =
            rest.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Unauthentic)?;
        if *version != VERSION || sealed.len() < TAG_BYTES {
            return Err(OpenError::Unauthentic);
        }
        let key = self.barrier.service_key(SERVICE_LABEL).map_err(OpenError::Barrier)?;
        let seal = self.crypto.derive_key(&key, SEAL_LABEL, nonce).map_err(OpenError::Crypto)?;
        let id = access_key_id.as_bytes();
        let claims = match self.crypto.open(&seal, &IV, &associated(id), sealed) {
            Ok(claims) => claims,
            Err(CryptoError::Unauthentic) => return Err(OpenError::Unauthentic),
            Err(error) => return Err(OpenError::Crypto(error)),
        };
        let session = Session::decode(claims.expose()).ok_or(OpenError::Unauthentic)?;
        // It was parsed before it was sealed; a newer program's policy opens nothing here.
        let inline = session.policy.as_deref().map(|text| Policy::parse(text, PolicyKind::Session));
        let inline = inline.transpose().map_err(|_| OpenError::Unauthentic)?.map(Arc::new);
        Ok(Opened {
            session,
            inline,
            built: Built::default(),
            access_key_id: access_key_id.to_owned(),
            noted_ms: AtomicI64::new(i64::MIN),
            secret: self.secret(&key, nonce).map_err(OpenError::Crypto)?,
            signing: Mutex::new(Vec::new()),
        })
    }

    /// The secret access key that belongs to a token's nonce.
    fn secret(&self, key: &SecretKey, nonce: &[u8]) -> Result<SecretBytes, CryptoError> {
        let derived = self.crypto.derive_key(key, SECRET_LABEL, nonce)?;
        let bytes = derived.expose().get(..SECRET_BYTES).unwrap_or_default();
        let mut secret = SecretBytes::zeroed(base64_simd::STANDARD.encoded_length(bytes.len()));
        let out = base64_simd::Out::from_slice(secret.expose_mut());
        let _encoded = base64_simd::STANDARD.encode(bytes, out);
        Ok(secret)
    }

    /// Forgets all sessions that were opened.
    pub(crate) fn forget(&self) {
        self.opened.clear();
    }
}

impl Opened {
    /// The signing key for a scope.
    pub(crate) fn signing_key(&self, scope: Scope<'_>) -> Arc<SigningKey> {
        let Scope { date, region, service } = scope;
        let place = [date, region, service].join("/");
        let mut signing = self.signing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = signing.iter().find(|(known, _)| *known == place) {
            return Arc::clone(key);
        }
        let key = Arc::new(SigningKey::derive(self.secret.expose(), date, region, service));
        if signing.len() >= MAX_SCOPES {
            signing.remove(0);
        }
        signing.push((place, Arc::clone(&key)));
        key
    }
}

/// How many percent of the longest token a number of characters is, rounded down (recorded).
pub(crate) fn percent_of_max(chars: usize) -> usize {
    100 * chars / MAX_TOKEN_CHARS
}

fn encoded_len(claims: usize) -> usize {
    base64_simd::STANDARD.encoded_length(claims + OVERHEAD_BYTES)
}

/// The version and the access key id are authenticated with the claims.
fn associated(access_key_id: &[u8]) -> Vec<u8> {
    [&[VERSION], access_key_id].concat()
}

#[cfg(test)]
mod tests {
    use bulla_store::Memory;

    use super::super::session::tests::session;
    use super::*;

    async fn tokens() -> Tokens {
        let crypto = Crypto::standard();
        let root = crypto.generate_key().unwrap();
        let barrier = Barrier::create(Arc::new(Memory::new()), crypto.clone(), root).await.unwrap();
        Tokens::new(crypto, Arc::new(barrier))
    }

    #[tokio::test]
    async fn a_token_opens_for_its_own_key_id_alone() {
        let tokens = tokens().await;
        let one = tokens.issue(&session(), 0).unwrap();
        let two = tokens.issue(&session(), 0).unwrap();
        assert_eq!(one.secret.len(), 40);
        assert!(one.secret.expose().iter().all(u8::is_ascii) && !one.secret.ct_eq(&[0; 40]));
        assert_ne!(one.token, two.token);
        for _ in 0..2 {
            let opened = tokens.open(&one.access_key_id, &one.token).unwrap();
            assert_eq!(opened.session, session());
            assert!(opened.secret.ct_eq(one.secret.expose()));
            // Also once it is known by its token.
            let other = tokens.open(&two.access_key_id, &one.token);
            assert!(matches!(other, Err(OpenError::Unauthentic)));
        }
        let again = Tokens::new(tokens.crypto.clone(), Arc::clone(&tokens.barrier));
        assert!(again.open(&one.access_key_id, &one.token).is_ok());
    }

    #[tokio::test]
    async fn an_altered_token_and_one_of_another_store_are_refused() {
        let (tokens, elsewhere) = (tokens().await, tokens().await);
        let issued = tokens.issue(&session(), 0).unwrap();
        let opens = |tokens: &Tokens, token: &str| tokens.open(&issued.access_key_id, token);
        assert!(matches!(opens(&elsewhere, &issued.token), Err(OpenError::Unauthentic)));
        for at in 0..issued.token.len() {
            let mut altered = issued.token.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert!(matches!(opens(&tokens, &altered), Err(OpenError::Unauthentic)), "{at}");
        }
        for wrong in ["", "x", "AAAA", &"A".repeat(MAX_TOKEN_CHARS + 4)] {
            assert!(matches!(opens(&tokens, wrong), Err(OpenError::Unauthentic)));
        }
    }

    #[tokio::test]
    async fn tokens_have_a_longest_length_and_take_a_shortest() {
        let tokens = tokens().await;
        let padded = tokens.issue(&session(), 2_000).unwrap();
        assert!((2_000..2_004).contains(&padded.token.len()), "{}", padded.token.len());
        let full = tokens.issue(&session(), MAX_TOKEN_CHARS).unwrap();
        assert_eq!(full.token.len(), MAX_TOKEN_CHARS);
        assert_eq!(tokens.open(&full.access_key_id, &full.token).unwrap().session, session());
        let large = Session { policy: Some("x".repeat(4_000)), ..session() };
        let refused = tokens.issue(&large, 0);
        assert!(matches!(refused, Err(IssueError::TooLarge { percent: 130..145 })));
    }

    #[tokio::test]
    async fn signing_keys_are_kept_within_bounds() {
        let tokens = tokens().await;
        let issued = tokens.issue(&session(), 0).unwrap();
        let opened = tokens.open(&issued.access_key_id, &issued.token).unwrap();
        let key = |number: usize| {
            let region = format!("eu-central-{number}");
            opened.signing_key(Scope { date: "20260101", region: &region, service: "kms" })
        };
        let first = key(1);
        assert!(Arc::ptr_eq(&first, &key(1)));
        for number in 0..20 {
            key(number);
        }
        assert_eq!(opened.signing.lock().unwrap().len(), MAX_SCOPES);
    }
}
