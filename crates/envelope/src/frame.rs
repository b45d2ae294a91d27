//! Frames: their layout, and each sealed and opened by itself (specification:
//! `data-format/message-body.md`).

use bulla_crypto::{CryptoError, GcmKey};

use crate::header::MessageId;
use crate::scan::{NONCE_LEN, TAG_LEN};
use crate::{Error, FormatError};

/// What marks the last frame.
pub(crate) const FINAL_MARK: u32 = u32::MAX;
/// The highest number of a frame; one less than the mark.
pub(crate) const MAX_SEQUENCE: u32 = u32::MAX - 1;
/// The length of a sequence number, in bytes.
const NUMBER_LEN: usize = 4;
/// What a frame takes beyond its plaintext: number, nonce and tag.
pub(crate) const REGULAR_OVERHEAD: usize = NUMBER_LEN + NONCE_LEN + TAG_LEN;
/// What the last frame takes beyond its plaintext: mark, number, nonce, length and tag.
pub(crate) const FINAL_OVERHEAD: usize = 2 * NUMBER_LEN + NONCE_LEN + 4 + TAG_LEN;
/// What comes before the ciphertext of the last frame.
pub(crate) const FINAL_HEAD: usize = 2 * NUMBER_LEN + NONCE_LEN + 4;
/// What comes before the ciphertext of a message without frames: nonce and length.
pub(crate) const SINGLE_HEAD: usize = NONCE_LEN + 8;
/// The longest plaintext of a message without frames, in bytes (specification: single block).
pub(crate) const MAX_SINGLE_LEN: u64 = (1 << 36) - 32;

/// What the associated data say of a frame.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Regular,
    Final,
    Single,
}

impl Kind {
    const fn text(self) -> &'static [u8] {
        match self {
            Self::Regular => b"AWSKMSEncryptionClient Frame",
            Self::Final => b"AWSKMSEncryptionClient Final Frame",
            Self::Single => b"AWSKMSEncryptionClient Single Block",
        }
    }
}

/// Room for the longest associated data: message id, text, number and length.
const MAX_AAD: usize = 32 + 35 + 4 + 8;

/// A message's cipher, for each of its frames.
pub(crate) struct FrameCipher {
    key: GcmKey,
    message_id: MessageId,
}

impl FrameCipher {
    pub(crate) fn new(key: GcmKey, message_id: MessageId) -> Self {
        Self { key, message_id }
    }

    /// Writes a frame that is not the last: `out` is [`REGULAR_OVERHEAD`] longer than `plain`.
    pub(crate) fn seal_regular(
        &self,
        number: u32,
        plain: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        let (head, sealed) = out.split_at_mut_checked(NUMBER_LEN + NONCE_LEN).ok_or(SHORT)?;
        let nonce = nonce(number);
        put(head, &[&number.to_be_bytes(), &nonce]);
        self.seal(Kind::Regular, number, &nonce, plain, sealed)
    }

    /// Writes the last frame: `out` is [`FINAL_OVERHEAD`] longer than `plain`.
    pub(crate) fn seal_final(
        &self,
        number: u32,
        plain: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        let len = u32::try_from(plain.len()).map_err(|_| Error::TooLong)?;
        let (head, sealed) = out.split_at_mut_checked(FINAL_HEAD).ok_or(SHORT)?;
        let nonce = nonce(number);
        let mark = FINAL_MARK.to_be_bytes();
        put(head, &[&mark, &number.to_be_bytes(), &nonce, &len.to_be_bytes()]);
        self.seal(Kind::Final, number, &nonce, plain, sealed)
    }

    fn seal(
        &self,
        kind: Kind,
        number: u32,
        nonce: &[u8; NONCE_LEN],
        plain: &[u8],
        sealed: &mut [u8],
    ) -> Result<(), Error> {
        let mut space = [0; MAX_AAD];
        let aad = self.aad(&mut space, kind, number, plain.len() as u64);
        self.key.seal(nonce, aad, plain, sealed)?;
        Ok(())
    }

    /// Opens ciphertext and tag into `out`, which is all zero after an error.
    pub(crate) fn open(
        &self,
        kind: Kind,
        number: u32,
        nonce: &[u8; NONCE_LEN],
        sealed: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        let mut space = [0; MAX_AAD];
        let aad = self.aad(&mut space, kind, number, out.len() as u64);
        self.key.open(nonce, aad, sealed, out).map_err(|error| match error {
            CryptoError::Unauthentic => Error::FrameTag(number),
            other => other.into(),
        })
    }

    /// Opens a whole regular frame, which must be the one of this number.
    pub(crate) fn open_regular(
        &self,
        number: u32,
        frame: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        let (got, rest) = frame.split_first_chunk::<NUMBER_LEN>().ok_or(SHORT)?;
        let got = u32::from_be_bytes(*got);
        if got != number {
            return Err(FormatError::Sequence(got).into());
        }
        let (nonce, sealed) = rest.split_first_chunk().ok_or(SHORT)?;
        self.open(Kind::Regular, number, nonce, sealed, out)
    }

    fn aad<'a>(&self, space: &'a mut [u8; MAX_AAD], kind: Kind, number: u32, len: u64) -> &'a [u8] {
        let id = self.message_id.as_bytes();
        let parts = [id, kind.text(), &number.to_be_bytes(), &len.to_be_bytes()];
        let used = put(space, &parts);
        space.get(..used).unwrap_or_default()
    }
}

/// A buffer that is shorter than what goes into it: ours.
const SHORT: Error = Error::Format(FormatError::Truncated);

/// Writes the parts one after the other; how many bytes that were. What doesn't fit is left out.
fn put(space: &mut [u8], parts: &[&[u8]]) -> usize {
    let mut used = 0;
    for part in parts {
        if let Some(place) = space.get_mut(used..used + part.len()) {
            place.copy_from_slice(part);
            used += part.len();
        }
    }
    used
}

/// A frame's nonce: its number, padded with zeros on the left. The header's is zero.
fn nonce(number: u32) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    if let Some(end) = nonce.last_chunk_mut() {
        *end = number.to_be_bytes();
    }
    nonce
}
