//! Headers of both versions: reading, writing, and their authentication (specification:
//! `data-format/message-header.md`).

use bulla_crypto::{CryptoError, GcmKey};

use crate::data_key::EncryptedDataKey;
use crate::derive::Commitment;
use crate::scan::{NONCE_LEN, Scanner, TAG_LEN, TYPE, suite_of};
use crate::wire::Reader;
use crate::{EncryptionContext, Error, FormatError, Suite, Version};

const NON_FRAMED: u8 = 1;
const FRAMED: u8 = 2;

/// The longest message id, in bytes.
const MAX_ID_LEN: usize = 32;

/// How a message's body is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// In frames of so many bytes of plaintext.
    Framed(u32),
    /// In one piece, as very old messages are.
    NonFramed,
}

/// A message's id: 16 or 32 random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageId {
    bytes: [u8; MAX_ID_LEN],
    len: usize,
}

impl MessageId {
    /// The first bytes of `random`, as many as the version has.
    pub(crate) fn new(version: Version, random: &[u8; MAX_ID_LEN]) -> Self {
        Self { bytes: *random, len: version.message_id_len() }
    }

    fn read(version: Version, reader: &mut Reader<'_>) -> Option<Self> {
        let mut bytes = [0; MAX_ID_LEN];
        let id = reader.take(version.message_id_len())?;
        for (to, from) in bytes.iter_mut().zip(id) {
            *to = *from;
        }
        Some(Self { bytes, len: id.len() })
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// A message's header, as it was read. Nothing of it is authenticated before the message is
/// opened.
#[derive(Clone, Debug)]
pub struct Header {
    pub(crate) suite: Suite,
    pub(crate) message_id: MessageId,
    pub(crate) context: EncryptionContext,
    pub(crate) keys: Vec<EncryptedDataKey>,
    pub(crate) framing: Framing,
    pub(crate) commitment: Option<Commitment>,
    nonce: [u8; NONCE_LEN],
    /// All bytes, the authentication at the end.
    raw: Vec<u8>,
    /// How many of them come before the authentication.
    body_len: usize,
}

impl Header {
    /// Reads the header at the beginning of `message`, which may be longer.
    ///
    /// ```
    /// use bulla_envelope::keyring::RawAesKeyring;
    /// use bulla_envelope::{EncryptionContext, Envelope, Framing, Header, SecretBytes, Suite};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let keyring = RawAesKeyring::new("example", "key 1", &SecretBytes::from_slice(&[7; 32]))?;
    /// let context = EncryptionContext::from_pairs([("purpose", "example")])?;
    /// let message = Envelope::new(keyring).encrypt(b"tokens", &context).await?;
    /// let header = Header::parse(&message)?;
    /// assert_eq!(header.suite(), Suite::Aes256HkdfSha512CommitEcdsaP384);
    /// assert_eq!(header.framing(), Framing::Framed(4096));
    /// assert_eq!(header.context().get("purpose"), Some("example"));
    /// assert_eq!(header.encrypted_data_keys()[0].provider_id(), "example");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::Context`].
    pub fn parse(message: &[u8]) -> Result<Self, Error> {
        Self::parse_within(message, None)
    }

    /// As [`Self::parse`], with a limit to the number of encrypted data keys.
    pub(crate) fn parse_within(message: &[u8], max_keys: Option<usize>) -> Result<Self, Error> {
        let end = Scanner::new(max_keys).advance(message)?;
        let raw = end.and_then(|end| message.get(..end)).ok_or(FormatError::Truncated)?;
        Self::read(raw.to_vec())
    }

    /// Reads a header whose end was found.
    pub(crate) fn read(raw: Vec<u8>) -> Result<Self, Error> {
        let short = FormatError::Truncated;
        let mut reader = Reader(&raw);
        let version = match reader.u8().ok_or(short)? {
            1 => Version::V1,
            2 => Version::V2,
            other => return Err(FormatError::Version(other).into()),
        };
        if version == Version::V1 {
            let kind = reader.u8().ok_or(short)?;
            if kind != TYPE {
                return Err(FormatError::Type(kind).into());
            }
        }
        let suite = suite_of(version, reader.u16().ok_or(short)?)?;
        let message_id = MessageId::read(version, &mut reader).ok_or(short)?;
        let context = reader.counted().ok_or(short)?;
        let context = EncryptionContext::parse(context)?;
        let count = reader.u16().ok_or(short)?;
        let keys = (0..count).map(|_| EncryptedDataKey::read(&mut reader));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let content = reader.u8().ok_or(short)?;
        if version == Version::V1 {
            check_v1_middle(&mut reader)?;
        }
        let framing = read_framing(content, reader.u32().ok_or(short)?)?;
        let (commitment, nonce) = match version {
            Version::V1 => (None, None),
            Version::V2 => (Some(reader.array().ok_or(short)?), Some([0; NONCE_LEN])),
        };
        let body_len = raw.len() - reader.0.len();
        let nonce = nonce.or_else(|| reader.array()).ok_or(short)?;
        if reader.0.len() != TAG_LEN {
            return Err(short.into());
        }
        Ok(Self { suite, message_id, context, keys, framing, commitment, nonce, raw, body_len })
    }

    /// Writes a header's body and authenticates it together with `required`, the pairs that are
    /// required but not stored.
    pub(crate) fn seal(new: &NewHeader<'_>, cipher: &GcmKey) -> Result<Vec<u8>, Error> {
        let mut out = new.body();
        let body_len = out.len();
        let nonce = [0; NONCE_LEN];
        let mut tag = [0; TAG_LEN];
        if new.required.is_empty() {
            cipher.seal(&nonce, &out, b"", &mut tag)?;
        } else {
            cipher.seal(&nonce, &[&out, new.required].concat(), b"", &mut tag)?;
        }
        debug_assert_eq!(out.len(), body_len);
        if new.suite.version() == Version::V1 {
            out.extend_from_slice(&nonce);
        }
        out.extend_from_slice(&tag);
        Ok(out)
    }

    /// Checks the authentication, `required` being the pairs that are required but not stored.
    pub(crate) fn authenticate(&self, cipher: &GcmKey, required: &[u8]) -> Result<(), Error> {
        let (body, _) = self.raw.split_at_checked(self.body_len).unwrap_or_default();
        let tag = self.raw.last_chunk::<TAG_LEN>().ok_or(FormatError::Truncated)?;
        let opened = if required.is_empty() {
            cipher.open(&self.nonce, body, tag, &mut [])
        } else {
            cipher.open(&self.nonce, &[body, required].concat(), tag, &mut [])
        };
        opened.map_err(|error| match error {
            CryptoError::Unauthentic => Error::HeaderTag,
            other => other.into(),
        })
    }

    /// The suite.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The message's id.
    #[must_use]
    pub fn message_id(&self) -> &[u8] {
        self.message_id.as_bytes()
    }

    /// The pairs that are stored in the message, the public key of a signed one included.
    #[must_use]
    pub fn context(&self) -> &EncryptionContext {
        &self.context
    }

    /// The encrypted data keys.
    #[must_use]
    pub fn encrypted_data_keys(&self) -> &[EncryptedDataKey] {
        &self.keys
    }

    /// How the body is laid out.
    #[must_use]
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// The header's bytes, its authentication included.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.raw
    }
}

/// Reads a header whose bytes come piece by piece.
pub struct HeaderReader {
    scanner: Scanner,
    bytes: Vec<u8>,
}

impl HeaderReader {
    /// A reader that refuses more than `max_keys` encrypted data keys.
    pub(crate) fn within(max_keys: Option<usize>) -> Self {
        Self { scanner: Scanner::new(max_keys), bytes: Vec::new() }
    }

    /// A reader without a limit to the number of encrypted data keys.
    #[must_use]
    pub fn new() -> Self {
        Self::within(None)
    }

    /// Takes the next bytes of a message. Once the header is whole, it comes back, with what came
    /// after it.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::Context`], [`Error::TooManyKeys`], as early as they show.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<(Header, Vec<u8>)>, Error> {
        self.bytes.extend_from_slice(bytes);
        let Some(end) = self.scanner.advance(&self.bytes)? else { return Ok(None) };
        let rest = self.bytes.split_off(end);
        Ok(Some((Header::read(std::mem::take(&mut self.bytes))?, rest)))
    }
}

impl Default for HeaderReader {
    fn default() -> Self {
        Self::new()
    }
}

/// Between content type and frame length, version 1 has reserved bytes and the nonces' length.
fn check_v1_middle(reader: &mut Reader<'_>) -> Result<(), FormatError> {
    match reader.u32() {
        Some(0) => {}
        Some(_) => return Err(FormatError::Reserved),
        None => return Err(FormatError::Truncated),
    }
    match reader.u8().map(|len| (usize::from(len), len)) {
        Some((NONCE_LEN, _)) => Ok(()),
        Some((_, len)) => Err(FormatError::NonceLen(len)),
        None => Err(FormatError::Truncated),
    }
}

fn read_framing(content: u8, frame_len: u32) -> Result<Framing, FormatError> {
    match (content, frame_len) {
        (FRAMED, 0) => Err(FormatError::FrameLen(0)),
        (FRAMED, len) => Ok(Framing::Framed(len)),
        (NON_FRAMED, 0) => Ok(Framing::NonFramed),
        (NON_FRAMED, len) => Err(FormatError::FrameLen(len)),
        _ => Err(FormatError::ContentType(content)),
    }
}

/// What a new header is written from. Context and keys are given as they are written.
pub(crate) struct NewHeader<'a> {
    pub(crate) suite: Suite,
    pub(crate) message_id: &'a MessageId,
    /// Context and encrypted data keys, as written.
    pub(crate) sections: &'a [u8],
    pub(crate) frame_len: u32,
    pub(crate) commitment: Option<&'a Commitment>,
    /// The pairs that are required but not stored, as written.
    pub(crate) required: &'a [u8],
}

impl NewHeader<'_> {
    fn body(&self) -> Vec<u8> {
        const FIXED: usize = 128;
        let mut out = Vec::with_capacity(FIXED + self.sections.len());
        match self.suite.version() {
            Version::V1 => out.extend_from_slice(&[1, TYPE]),
            Version::V2 => out.push(2),
        }
        out.extend_from_slice(&self.suite.id().to_be_bytes());
        out.extend_from_slice(self.message_id.as_bytes());
        out.extend_from_slice(self.sections);
        out.push(FRAMED);
        if self.suite.version() == Version::V1 {
            out.extend_from_slice(&[0; 4]);
            out.push(NONCE_LEN as u8);
        }
        out.extend_from_slice(&self.frame_len.to_be_bytes());
        out.extend_from_slice(self.commitment.map(<[u8; 32]>::as_slice).unwrap_or_default());
        out
    }
}
