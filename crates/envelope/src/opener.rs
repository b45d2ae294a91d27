//! Opening a message, piece by piece and without I/O of its own (specification:
//! `client-apis/decrypt.md`).

use std::sync::Arc;

use bulla_crypto::{Curve, Hasher, SecretBytes, digest_of, verify_hashed};

use crate::derive::MessageKeys;
use crate::frame::{
    FINAL_HEAD, FINAL_MARK, FINAL_OVERHEAD, FrameCipher, Kind, MAX_SINGLE_LEN, SINGLE_HEAD,
};
use crate::header::{Framing, Header};
use crate::materials::DecryptionMaterials;
use crate::run::{Run, advance};
use crate::scan::TAG_LEN;
use crate::wire::Reader;
use crate::{Error, FormatError};

/// The longest signature that is looked at, in bytes: DER of two numbers of P-521.
const MAX_SIGNATURE: u16 = 141;

/// What comes next in a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Body,
    Footer,
    End,
}

/// A message that is being read. Its header was authenticated already; each frame is before its
/// plaintext comes out.
///
/// Of a signed message, the last frame comes out only once the signature is good. What comes out
/// before is authentic, but not known to be the signer's.
pub struct Opener {
    pub(crate) run: Run,
    pub(crate) framing: Framing,
    max_frame_len: u64,
    place: Place,
    /// The next frame's number.
    pub(crate) number: u32,
    /// The beginning of what is not whole yet.
    carry: Vec<u8>,
    pub(crate) verifier: Option<(Hasher, Curve, Vec<u8>)>,
    /// The last frame's plaintext, while the signature is not checked.
    held: SecretBytes,
}

impl Opener {
    pub(crate) fn new(
        header: &Header,
        materials: &Arc<DecryptionMaterials>,
        max_frame_len: u64,
    ) -> Result<Self, Error> {
        let id = header.message_id.as_bytes();
        let keys = MessageKeys::derive(header.suite, &materials.data_key, id)?;
        keys.check(header.commitment.as_ref())?;
        header.authenticate(&keys.cipher, &materials.required)?;
        let verifier = materials.verification.as_ref().map(|(curve, point)| {
            let mut hasher = Hasher::new(digest_of(*curve));
            hasher.update(header.as_bytes());
            (hasher, *curve, point.clone())
        });
        let frame_len = match header.framing {
            Framing::Framed(len) if u64::from(len) > max_frame_len => {
                return Err(FormatError::FrameTooLong(len.into()).into());
            }
            // Not used for what has no frames.
            Framing::Framed(len) => usize::try_from(len).map_err(|_| Error::TooLong)?,
            Framing::NonFramed => 1,
        };
        let cipher = FrameCipher::new(keys.cipher, header.message_id);
        Ok(Self {
            run: Run { cipher, frame_len },
            framing: header.framing,
            max_frame_len,
            place: Place::Body,
            number: 1,
            carry: Vec::new(),
            verifier,
            held: SecretBytes::zeroed(0),
        })
    }

    /// How many bytes [`Self::write`] writes at most for so many bytes of the message.
    #[must_use]
    pub fn bound(&self, sealed_len: usize) -> usize {
        self.carry.len() + self.held.len() + sealed_len
    }

    /// Takes what follows of the message after the header; writes plaintext to the beginning of
    /// `out` and gives its length. `out` must have at least [`Self::bound`] bytes.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::FrameTag`], [`Error::Signature`]. Nothing that came out before
    /// is the whole message then.
    pub fn write(&mut self, sealed: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let (mut sealed, mut written) = (sealed, 0);
        loop {
            let rest = out.get_mut(written..).unwrap_or_default();
            if self.carry.is_empty() {
                let (used, opened) = self.write_run(sealed, rest)?;
                sealed = sealed.get(used..).unwrap_or_default();
                written += opened;
            }
            if sealed.is_empty() {
                return Ok(written);
            }
            let rest = out.get_mut(written..).unwrap_or_default();
            if self.carry.is_empty() {
                let wanted = self.wanted(sealed)?;
                match sealed.split_at_checked(wanted) {
                    Some((unit, after)) => {
                        sealed = after;
                        written += self.unit(unit, rest)?;
                    }
                    None => {
                        self.carry.extend_from_slice(sealed);
                        return Ok(written);
                    }
                }
                continue;
            }
            let wanted = self.wanted(&self.carry)?;
            let (more, after) = sealed.split_at(sealed.len().min(wanted - self.carry.len()));
            self.carry.extend_from_slice(more);
            sealed = after;
            if self.carry.len() >= self.wanted(&self.carry)? {
                let unit = std::mem::take(&mut self.carry);
                written += self.unit(&unit, rest)?;
                // Its room is used again.
                self.carry = unit;
                self.carry.clear();
            }
        }
    }

    /// Ends the message.
    ///
    /// # Errors
    /// [`FormatError::Truncated`] unless all of it came.
    pub fn finish(self) -> Result<(), Error> {
        if self.place == Place::End { Ok(()) } else { Err(FormatError::Truncated.into()) }
    }

    /// Whether the signature, if there is to be one, is yet to be checked.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.verifier.is_some()
    }

    /// Opens all whole regular frames at the beginning of `sealed`; how many bytes were used, and
    /// how many were written.
    fn write_run(&mut self, sealed: &[u8], out: &mut [u8]) -> Result<(usize, usize), Error> {
        if self.place != Place::Body || self.framing == Framing::NonFramed {
            return Ok((0, 0));
        }
        let is_regular = |frame: &[u8]| Reader(frame).u32() != Some(FINAL_MARK);
        let len = self.run.sealed_len();
        let some = self.run.hashed_frames();
        let (mut used, mut written) = (0, 0);
        loop {
            let rest = sealed.get(used..).unwrap_or_default();
            let frames = rest.chunks_exact(len).take(some).take_while(|frame| is_regular(frame));
            let frames = frames.count();
            if frames == 0 {
                return Ok((used, written));
            }
            let (sealed_len, plain_len) = (frames * len, frames * self.run.frame_len);
            let run = rest.get(..sealed_len).unwrap_or_default();
            let out = out.get_mut(written..written + plain_len).ok_or(Error::TooLong)?;
            let next = advance(self.number, frames).map_err(|_| FormatError::Sequence(u32::MAX))?;
            self.run.open(self.number, run, out)?;
            self.hash(run);
            self.number = next;
            used += sealed_len;
            written += plain_len;
        }
    }

    /// How many bytes the next unit has, as far as `view` tells, which is its beginning. If `view`
    /// has as many, it has the whole unit.
    fn wanted(&self, view: &[u8]) -> Result<usize, Error> {
        let mut reader = Reader(view);
        match (self.place, self.framing) {
            (Place::Body, Framing::Framed(frame_len)) => match reader.u32() {
                None => Ok(4),
                Some(FINAL_MARK) => {
                    let Some(len) = reader.take(FINAL_HEAD - 8).and_then(|_| reader.u32()) else {
                        return Ok(FINAL_HEAD);
                    };
                    if len > frame_len {
                        return Err(FormatError::FinalFrameLen(len).into());
                    }
                    Ok(FINAL_OVERHEAD + usize::try_from(len).map_err(|_| Error::TooLong)?)
                }
                // Told before a whole frame is waited for.
                Some(number) if number != self.number => Err(FormatError::Sequence(number).into()),
                Some(_) => Ok(self.run.sealed_len()),
            },
            (Place::Body, Framing::NonFramed) => {
                let Some(len) = reader.take(SINGLE_HEAD - 8).and_then(|_| reader.u64()) else {
                    return Ok(SINGLE_HEAD);
                };
                if len > self.max_frame_len.min(MAX_SINGLE_LEN) {
                    return Err(FormatError::FrameTooLong(len).into());
                }
                let len = usize::try_from(len).map_err(|_| Error::TooLong)?;
                Ok(SINGLE_HEAD + len + TAG_LEN)
            }
            (Place::Footer, _) => match reader.u16() {
                None => Ok(2),
                Some(len @ 1..=MAX_SIGNATURE) => Ok(2 + usize::from(len)),
                Some(len) => Err(FormatError::SignatureLen(len).into()),
            },
            (Place::End, _) => Err(FormatError::Trailing.into()),
        }
    }

    /// Takes a whole unit: a frame, the body of what has no frames, or the footer.
    fn unit(&mut self, unit: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        match (self.place, self.framing) {
            (Place::Footer, _) => self.footer(unit, out),
            (_, Framing::NonFramed) => self.last(Kind::Single, unit, SINGLE_HEAD, out),
            (_, Framing::Framed(_)) if Reader(unit).u32() == Some(FINAL_MARK) => {
                let mut reader = Reader(unit);
                let number = reader.take(4).and_then(|_| reader.u32());
                let number = number.ok_or(FormatError::Truncated)?;
                if number != self.number {
                    return Err(FormatError::Sequence(number).into());
                }
                self.last(Kind::Final, unit, FINAL_HEAD, out)
            }
            (_, Framing::Framed(_)) => {
                let out = out.get_mut(..self.run.frame_len).ok_or(Error::TooLong)?;
                let next = advance(self.number, 1).map_err(|_| FormatError::Sequence(u32::MAX))?;
                self.run.open(self.number, unit, out)?;
                self.number = next;
                self.hash(unit);
                Ok(self.run.frame_len)
            }
        }
    }

    /// The last part of the body, of which `head` bytes come before the ciphertext.
    fn last(
        &mut self,
        kind: Kind,
        unit: &[u8],
        head: usize,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let mut reader = Reader(unit);
        let before_nonce = match kind {
            Kind::Single => 0,
            Kind::Regular | Kind::Final => 8,
        };
        let nonce = reader.take(before_nonce).and_then(|_| reader.array());
        let nonce = nonce.ok_or(FormatError::Truncated)?;
        let sealed = unit.get(head..).ok_or(FormatError::Truncated)?;
        let len = sealed.len().checked_sub(TAG_LEN).ok_or(FormatError::Truncated)?;
        self.hash(unit);
        if self.verifier.is_none() {
            let out = out.get_mut(..len).ok_or(Error::TooLong)?;
            self.run.cipher.open(kind, self.number, &nonce, sealed, out)?;
            self.place = Place::End;
            return Ok(len);
        }
        let mut held = SecretBytes::zeroed(len);
        self.run.cipher.open(kind, self.number, &nonce, sealed, held.expose_mut())?;
        self.held = held;
        self.place = Place::Footer;
        Ok(0)
    }

    fn footer(&mut self, unit: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let signature = Reader(unit).counted().ok_or(FormatError::Truncated)?;
        let (hasher, curve, point) = self.verifier.take().ok_or(Error::Signature)?;
        if !verify_hashed(curve, &point, hasher, signature) {
            return Err(Error::Signature);
        }
        let held = std::mem::replace(&mut self.held, SecretBytes::zeroed(0));
        out.get_mut(..held.len()).ok_or(Error::TooLong)?.copy_from_slice(held.expose());
        self.place = Place::End;
        Ok(held.len())
    }

    fn hash(&mut self, read: &[u8]) {
        if let Some((hasher, ..)) = &mut self.verifier {
            hasher.update(read);
        }
    }
}
