//! The client: settings, and whole messages in memory.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;

use bulla_crypto::{Crypto, SecretBytes};

use crate::context::EncryptionContext;
use crate::header::{Header, HeaderReader};
use crate::keyring::Keyring;
use crate::materials::{
    DecryptionMaterials, DecryptionRequest, EncryptionRequest, MaterialsSource,
};
use crate::opener::Opener;
use crate::policy::{CommitmentPolicy, RequireEncryptRequireDecrypt};
use crate::sealer::Sealer;
use crate::source::DefaultSource;
use crate::{Error, FormatError, Suite};

/// The length of frames unless another is chosen, in bytes of plaintext.
pub const DEFAULT_FRAME_LEN: u32 = 4096;

/// The longest frame that streams take unless more is allowed, in bytes of plaintext: what has no
/// frames at all counts as one. Our choice; whole messages in memory have no such limit.
pub const DEFAULT_MAX_FRAME_LEN: u64 = 64 << 20;

/// Encrypts and decrypts messages. Cloning it is cheap.
///
/// The commitment policy is a type, and what it forbids does not compile:
///
/// ```
/// use bulla_envelope::keyring::RawAesKeyring;
/// use bulla_envelope::{Committing, EncryptionContext, Envelope, SecretBytes};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keyring = RawAesKeyring::new("example", "key 1", &SecretBytes::from_slice(&[7; 32]))?;
/// let envelope = Envelope::new(keyring).suite(Committing::Unsigned);
/// let context = EncryptionContext::from_pairs([("purpose", "example")])?;
/// let message = envelope.encrypt(b"tokens", &context).await?;
/// let opened = envelope.decrypt(&message, &context).await?;
/// assert_eq!(opened.plaintext, b"tokens");
/// # Ok(())
/// # }
/// ```
///
/// ```compile_fail
/// # use bulla_envelope::{Envelope, MaterialsSource, Uncommitting};
/// # fn wrong(envelope: Envelope) {
/// envelope.suite(Uncommitting::Aes256HkdfSha256);
/// # }
/// ```
pub struct Envelope<P: CommitmentPolicy = RequireEncryptRequireDecrypt> {
    source: Arc<dyn MaterialsSource>,
    suite: P::Suite,
    frame_len: NonZeroU32,
    max_keys: Option<NonZeroU16>,
    max_frame_len: u64,
    crypto: Crypto,
    policy: PhantomData<P>,
}

impl<P: CommitmentPolicy> Clone for Envelope<P> {
    fn clone(&self) -> Self {
        Self { source: Arc::clone(&self.source), crypto: self.crypto.clone(), ..*self }
    }
}

/// A message that was opened. All of it is authentic.
pub struct Opened {
    /// The plaintext.
    pub plaintext: Vec<u8>,
    /// The header.
    pub header: Header,
    materials: Arc<DecryptionMaterials>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the plaintext.
        write!(f, "Opened({} bytes, {:?})", self.plaintext.len(), self.header.suite())
    }
}

impl Opened {
    /// All pairs, those that the message does not store included.
    #[must_use]
    pub fn context(&self) -> &EncryptionContext {
        self.materials.context()
    }
}

/// What becomes of signed messages that are read piece by piece: their plaintext comes out before
/// the signature, which stands at the end, can be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// They are refused before anything comes out.
    Refuse,
    /// All frames but the last come out early. Each is authentic under the data key, but may have
    /// been made by anybody who can decrypt: do nothing with it that can't be undone until the
    /// end was fine.
    ReleaseEarly,
}

impl Envelope<RequireEncryptRequireDecrypt> {
    /// Messages under fresh keys from `keyring`. The policy is the strictest; the suite is
    /// `05 78`.
    #[must_use]
    pub fn new(keyring: impl Keyring + 'static) -> Self {
        Self::from_source(DefaultSource::new(keyring))
    }

    /// Messages under keys from `source`.
    #[must_use]
    pub fn from_source(source: impl MaterialsSource + 'static) -> Self {
        Self {
            source: Arc::new(source),
            suite: RequireEncryptRequireDecrypt::DEFAULT,
            frame_len: NonZeroU32::new(DEFAULT_FRAME_LEN).unwrap_or(NonZeroU32::MIN),
            max_keys: None,
            max_frame_len: DEFAULT_MAX_FRAME_LEN,
            crypto: Crypto::standard(),
            policy: PhantomData,
        }
    }
}

impl<P: CommitmentPolicy> Envelope<P> {
    /// The same under another commitment policy, with that policy's default suite.
    #[must_use]
    pub fn with_policy<Q: CommitmentPolicy>(self) -> Envelope<Q> {
        Envelope {
            source: self.source,
            suite: Q::DEFAULT,
            frame_len: self.frame_len,
            max_keys: self.max_keys,
            max_frame_len: self.max_frame_len,
            crypto: self.crypto,
            policy: PhantomData,
        }
    }

    /// Encrypts with this suite.
    #[must_use]
    pub fn suite(mut self, suite: P::Suite) -> Self {
        self.suite = suite;
        self
    }

    /// Encrypts in frames of so many bytes of plaintext; [`DEFAULT_FRAME_LEN`] unless chosen.
    #[must_use]
    pub fn frame_len(mut self, len: NonZeroU32) -> Self {
        self.frame_len = len;
        self
    }

    /// Neither makes nor reads messages with more encrypted data keys than this. Without a limit,
    /// a message from a stranger may cause as many calls as it has keys.
    #[must_use]
    pub fn max_encrypted_data_keys(mut self, limit: NonZeroU16) -> Self {
        self.max_keys = Some(limit);
        self
    }

    /// Streams take frames of up to so many bytes; [`DEFAULT_MAX_FRAME_LEN`] unless chosen.
    #[must_use]
    pub fn max_frame_len(mut self, len: u64) -> Self {
        self.max_frame_len = len;
        self
    }

    /// The message of `plain`. Its length is that of `plain`, 32 bytes a frame, and the header.
    ///
    /// # Errors
    /// [`Error::Keyring`], [`Error::Context`], [`Error::TooManyKeys`], [`Error::Crypto`].
    pub async fn encrypt(
        &self,
        plain: &[u8],
        context: &EncryptionContext,
    ) -> Result<Vec<u8>, Error> {
        self.sealer(context, Some(plain.len() as u64)).await?.seal(plain)
    }

    /// The plaintext of a whole message, signature and all checked. Each pair of `expected` must
    /// be one of the message, stored in it or required by it.
    ///
    /// # Errors
    /// All that can be wrong with a message: [`Error`] tells them apart. Nothing of the plaintext
    /// comes out then.
    pub async fn decrypt(
        &self,
        message: &[u8],
        expected: &EncryptionContext,
    ) -> Result<Opened, Error> {
        let header = Header::parse_within(message, self.key_limit())?;
        let body = message.get(header.as_bytes().len()..).unwrap_or_default();
        let (opener, materials) = self.open(&header, expected, u64::MAX).await?;
        let plaintext = open_whole(opener, body)?;
        Ok(Opened { plaintext, header, materials })
    }

    /// A message to be made piece by piece. `plaintext_len` is its length in bytes where it is
    /// known: a cache may need it, and more is refused then.
    ///
    /// # Errors
    /// As [`Self::encrypt`].
    pub async fn sealer(
        &self,
        context: &EncryptionContext,
        plaintext_len: Option<u64>,
    ) -> Result<Sealer, Error> {
        let suite: Suite = self.suite.into();
        let required = BTreeSet::new();
        let request = EncryptionRequest { suite, context, required: &required, plaintext_len };
        let materials = self.source.encryption(request).await?;
        let got = materials.encrypted_data_keys().len();
        match self.key_limit() {
            Some(limit) if got > limit => return Err(Error::TooManyKeys { got, limit }),
            _ => {}
        }
        if materials.suite != suite {
            return Err(Error::Policy { policy: P::NAME, suite: materials.suite });
        }
        Sealer::new(materials, self.frame_len.get(), plaintext_len, &self.crypto)
    }

    /// A reader of headers within this envelope's limit to encrypted data keys.
    #[must_use]
    pub fn header_reader(&self) -> HeaderReader {
        HeaderReader::within(self.key_limit())
    }

    /// The message of this header, to be read piece by piece. Each pair of `expected` must be one
    /// of the message.
    ///
    /// # Errors
    /// As [`Self::decrypt`]; [`Error::SignedStream`] for a signed message if `signed` refuses it.
    pub async fn opener(
        &self,
        header: &Header,
        expected: &EncryptionContext,
        signed: Signed,
    ) -> Result<Opener, Error> {
        if signed == Signed::Refuse && header.suite().signature().is_some() {
            return Err(Error::SignedStream);
        }
        Ok(self.open(header, expected, self.max_frame_len).await?.0)
    }

    async fn open(
        &self,
        header: &Header,
        expected: &EncryptionContext,
        max_frame_len: u64,
    ) -> Result<(Opener, Arc<DecryptionMaterials>), Error> {
        let suite = header.suite();
        if !P::DECRYPTS_UNCOMMITTED && !suite.commits() {
            return Err(Error::Policy { policy: P::NAME, suite });
        }
        let got = header.encrypted_data_keys().len();
        match self.key_limit() {
            Some(limit) if got > limit => return Err(Error::TooManyKeys { got, limit }),
            _ => {}
        }
        let request = DecryptionRequest {
            suite,
            stored: header.context(),
            keys: header.encrypted_data_keys(),
            expected,
        };
        let materials = self.source.decryption(request).await?;
        let opener = Opener::new(header, &materials, max_frame_len)?;
        Ok((opener, materials))
    }

    fn key_limit(&self) -> Option<usize> {
        self.max_keys.map(|limit| usize::from(limit.get()))
    }
}

/// The plaintext of a whole body; wiped again if not all of it is good.
fn open_whole(mut opener: Opener, body: &[u8]) -> Result<Vec<u8>, Error> {
    // Pages that stay unwritten cost nothing, so the exact length need not be known before.
    let mut plain = SecretBytes::zeroed(opener.bound(body.len()));
    let len = opener.write(body, plain.expose_mut())?;
    opener.finish()?;
    let mut plain = plain.into_vec();
    if len > body.len() {
        return Err(FormatError::Trailing.into());
    }
    plain.truncate(len);
    Ok(plain)
}
