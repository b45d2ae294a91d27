//! Making a message, piece by piece and without I/O of its own (specification:
//! `client-apis/encrypt.md`).

use std::sync::Arc;

use bulla_crypto::{Crypto, Hasher, SecretBytes, digest_of};

use crate::Error;
use crate::derive::MessageKeys;
use crate::frame::{FINAL_OVERHEAD, FrameCipher};
use crate::header::{Header, MessageId, NewHeader};
use crate::materials::EncryptionMaterials;
use crate::run::{Run, advance};
use crate::wire::put_counted;

/// The longest footer, in bytes: a length, and a signature on P-384 in DER. No suite has a longer.
pub(crate) const MAX_FOOTER: usize = 2 + 104;

/// A message in the making. Plaintext goes in, in pieces of any length; the message comes out.
///
/// It holds back up to one frame of plaintext, as the last frame is laid out differently.
///
/// Both directions, without any I/O:
///
/// ```
/// use bulla_envelope::keyring::RawAesKeyring;
/// use bulla_envelope::{Committing, EncryptionContext, Envelope, SecretBytes, Signed};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keyring = RawAesKeyring::new("example", "key 1", &SecretBytes::from_slice(&[7; 32]))?;
/// let envelope = Envelope::new(keyring).suite(Committing::Unsigned);
/// let none = EncryptionContext::new();
///
/// let mut message = Vec::new();
/// let mut sealer = envelope.sealer(&none, None).await?;
/// let mut out = vec![0; sealer.bound(5_000)];
/// for piece in [&[1; 5_000][..], &[2; 5_000]] {
///     let written = sealer.write(piece, &mut out)?;
///     message.extend_from_slice(&out[..written]);
/// }
/// let mut out = vec![0; sealer.finish_bound()];
/// let written = sealer.finish(&mut out)?;
/// message.extend_from_slice(&out[..written]);
///
/// let mut reader = envelope.header_reader();
/// let (header, rest) = reader.push(&message)?.ok_or("the header is not whole")?;
/// let mut opener = envelope.opener(&header, &none, Signed::Refuse).await?;
/// let mut plain = vec![0; opener.bound(rest.len())];
/// let len = opener.write(&rest, &mut plain)?;
/// opener.finish()?;
/// assert_eq!(plain[..len], [[1; 5_000], [2; 5_000]].concat());
/// # Ok(())
/// # }
/// ```
pub struct Sealer {
    materials: Arc<EncryptionMaterials>,
    pub(crate) run: Run,
    /// What is still to be written before the first frame.
    header: Vec<u8>,
    /// The next frame's number.
    pub(crate) number: u32,
    pending: Pending,
    pub(crate) signer: Option<Hasher>,
    /// What was announced, and how much of that is still to come.
    pub(crate) announced: Option<(u64, u64)>,
}

/// Up to a frame of plaintext that waits for more.
struct Pending {
    bytes: SecretBytes,
    len: usize,
}

impl Pending {
    fn get(&self) -> &[u8] {
        self.bytes.expose().get(..self.len).unwrap_or_default()
    }

    /// Takes what fits into a frame; the rest comes back.
    fn take<'a>(&mut self, plain: &'a [u8], frame_len: usize) -> &'a [u8] {
        let (head, rest) = plain.split_at(plain.len().min(frame_len - self.len));
        if head.is_empty() {
            return rest;
        }
        if self.bytes.len() < self.len + head.len() {
            self.grow(frame_len.min((self.len + head.len()).next_power_of_two()));
        }
        let place = self.bytes.expose_mut().get_mut(self.len..self.len + head.len());
        if let Some(place) = place {
            place.copy_from_slice(head);
            self.len += head.len();
        }
        rest
    }

    fn grow(&mut self, len: usize) {
        let mut grown = SecretBytes::zeroed(len);
        for (to, from) in grown.expose_mut().iter_mut().zip(self.bytes.expose()) {
            *to = *from;
        }
        self.bytes = grown;
    }
}

impl Sealer {
    pub(crate) fn new(
        materials: Arc<EncryptionMaterials>,
        frame_len: u32,
        announced: Option<u64>,
        crypto: &Crypto,
    ) -> Result<Self, Error> {
        let suite = materials.suite;
        let message_id = MessageId::new(suite.version(), &crypto.random()?);
        let MessageKeys { cipher, commitment } =
            MessageKeys::derive(suite, &materials.data_key, message_id.as_bytes())?;
        let new = NewHeader {
            suite,
            message_id: &message_id,
            sections: &materials.sections,
            frame_len,
            commitment: commitment.as_ref(),
            required: &materials.required,
        };
        let header = Header::seal(&new, &cipher)?;
        let signer = materials.signing.as_ref().map(|pair| {
            let mut hasher = Hasher::new(digest_of(pair.curve()));
            hasher.update(&header);
            hasher
        });
        let cipher = FrameCipher::new(cipher, message_id);
        let frame_len = usize::try_from(frame_len).map_err(|_| Error::TooLong)?;
        Ok(Self {
            materials,
            run: Run { cipher, frame_len },
            header,
            number: 1,
            pending: Pending { bytes: SecretBytes::zeroed(0), len: 0 },
            signer,
            announced: announced.map(|len| (len, len)),
        })
    }

    /// The message's header, which is what comes out first; nothing once it has come out.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// How many bytes [`Self::write`] writes at most for so many bytes of plaintext.
    #[must_use]
    pub fn bound(&self, plain_len: usize) -> usize {
        let frames = (self.pending.len + plain_len) / self.run.frame_len;
        self.header.len() + frames * self.run.sealed_len()
    }

    /// How many bytes [`Self::finish`] writes at most.
    #[must_use]
    pub fn finish_bound(&self) -> usize {
        self.header.len() + self.pending.len + FINAL_OVERHEAD + self.footer_bound()
    }

    fn footer_bound(&self) -> usize {
        if self.signer.is_some() { MAX_FOOTER } else { 0 }
    }

    /// Takes plaintext; writes what is ready of the message to the beginning of `out`, and gives
    /// its length. `out` must have at least [`Self::bound`] bytes.
    ///
    /// # Errors
    /// [`Error::TooLong`], [`Error::Announced`], and [`Error::Crypto`]. The message can't be
    /// finished then.
    pub fn write(&mut self, plain: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        self.count(plain.len())?;
        let mut written = self.put_header(out)?;
        let mut plain = plain;
        if self.pending.len > 0 {
            plain = self.pending.take(plain, self.run.frame_len);
            if plain.is_empty() {
                return Ok(written);
            }
            // Full, and more comes: not the last frame.
            let len = self.run.sealed_len();
            let place = out.get_mut(written..written + len).ok_or(Error::TooLong)?;
            let next = advance(self.number, 1)?;
            self.run.cipher.seal_regular(self.number, self.pending.get(), place)?;
            self.number = next;
            self.hash(place);
            self.pending.len = 0;
            written += len;
        }
        let (whole, rest) = self.without_last(plain);
        written += self.write_run(whole, out.get_mut(written..).unwrap_or_default())?;
        self.pending.take(rest, self.run.frame_len);
        Ok(written)
    }

    /// Writes the last frame, and the signature if the suite has one. `out` must have at least
    /// [`Self::finish_bound`] bytes; how many were written comes back.
    ///
    /// # Errors
    /// [`Error::Crypto`]
    pub fn finish(mut self, out: &mut [u8]) -> Result<usize, Error> {
        let pending =
            std::mem::replace(&mut self.pending, Pending { bytes: SecretBytes::zeroed(0), len: 0 });
        let written = self.put_header(out)?;
        let rest = out.get_mut(written..).unwrap_or_default();
        Ok(written + self.write_end(pending.get(), rest)?)
    }

    /// The whole message of `plain`.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn seal(mut self, plain: &[u8]) -> Result<Vec<u8>, Error> {
        self.count(plain.len())?;
        let (whole, rest) = self.without_last(plain);
        let frames = whole.len() / self.run.frame_len * self.run.sealed_len();
        let end = rest.len() + FINAL_OVERHEAD + self.footer_bound();
        let mut out = vec![0; self.header.len() + frames + end];
        let mut written = self.put_header(&mut out)?;
        written += self.write_run(whole, out.get_mut(written..).unwrap_or_default())?;
        written += self.write_end(rest, out.get_mut(written..).unwrap_or_default())?;
        out.truncate(written);
        Ok(out)
    }

    /// All frames but the last one, which may be full but is empty only if there is no other.
    fn without_last<'a>(&self, plain: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let frames = plain.len().saturating_sub(1) / self.run.frame_len;
        plain.split_at(frames * self.run.frame_len)
    }

    fn write_run(&mut self, whole: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let frames = whole.len() / self.run.frame_len;
        let len = frames * self.run.sealed_len();
        let out = out.get_mut(..len).ok_or(Error::TooLong)?;
        let next = advance(self.number, frames)?;
        let Some(hasher) = &mut self.signer else {
            self.run.seal(self.number, whole, out)?;
            self.number = next;
            return Ok(len);
        };
        let some = self.run.hashed_frames();
        let pieces = whole.chunks(some * self.run.frame_len);
        for (plain, out) in pieces.zip(out.chunks_mut(some * self.run.sealed_len())) {
            self.run.seal(self.number, plain, out)?;
            self.number = advance(self.number, plain.len() / self.run.frame_len)?;
            hasher.update(out);
        }
        Ok(len)
    }

    fn write_end(&mut self, rest: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let len = rest.len() + FINAL_OVERHEAD;
        let (place, after) = out.split_at_mut_checked(len).ok_or(Error::TooLong)?;
        self.run.cipher.seal_final(self.number, rest, place)?;
        self.hash(place);
        let (Some(hasher), Some(pair)) = (self.signer.take(), &self.materials.signing) else {
            return Ok(len);
        };
        let mut footer = Vec::with_capacity(MAX_FOOTER);
        if !put_counted(&mut footer, &pair.sign(hasher)?) {
            return Err(Error::TooLong);
        }
        after.get_mut(..footer.len()).ok_or(Error::TooLong)?.copy_from_slice(&footer);
        Ok(len + footer.len())
    }

    fn put_header(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        let header = std::mem::take(&mut self.header);
        out.get_mut(..header.len()).ok_or(Error::TooLong)?.copy_from_slice(&header);
        Ok(header.len())
    }

    fn hash(&mut self, written: &[u8]) {
        if let Some(hasher) = &mut self.signer {
            hasher.update(written);
        }
    }

    fn count(&mut self, len: usize) -> Result<(), Error> {
        if let Some((announced, left)) = &mut self.announced {
            *left = left.checked_sub(len as u64).ok_or(Error::Announced(*announced))?;
        }
        Ok(())
    }
}
