//! Messages from and to the readers and writers of the standard library.

use std::io::{ErrorKind, Read, Write};

use bulla_crypto::SecretBytes;

use crate::context::EncryptionContext;
use crate::envelope::{Envelope, Signed};
use crate::header::Header;
use crate::opener::Opener;
use crate::policy::CommitmentPolicy;
use crate::sealer::Sealer;
use crate::{Error, FormatError};

/// So many bytes are read at once.
pub(crate) const BLOCK_LEN: usize = 256 << 10;

impl<P: CommitmentPolicy> Envelope<P> {
    /// Writes the message of all that `from` has to `to`; the number of bytes of plaintext comes
    /// back. Memory is bounded by some blocks of 256 KiB, and two frames. It reads and writes
    /// where it is polled: in an asynchronous program, give it a thread where that may block.
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
    /// let (mut sealed, mut opened) = (Vec::new(), Vec::new());
    /// let len = envelope.encrypt_io(&[5; 10_000][..], &mut sealed, &none).await?;
    /// let header = envelope.decrypt_io(&sealed[..], &mut opened, &none, Signed::Refuse).await?;
    /// assert_eq!((len, opened.len()), (10_000, 10_000));
    /// // Three frames of 4,096 bytes at most, the last of which takes 8 bytes more.
    /// assert_eq!(sealed.len(), header.as_bytes().len() + 10_000 + 3 * 32 + 8);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Self::encrypt`], and [`Error::Io`]. What was written then is no message.
    pub async fn encrypt_io(
        &self,
        from: impl Read,
        to: impl Write,
        context: &EncryptionContext,
    ) -> Result<u64, Error> {
        self.sealer(context, None).await?.copy(from, to)
    }

    /// Writes the plaintext of the message that `from` has to `to`; the header comes back. All of
    /// `from` must be the message. Memory and threads as with [`Self::encrypt_io`].
    ///
    /// # Errors
    /// As [`Self::opener`], and [`Error::Io`]. What was written then is authentic, but not whole,
    /// and of a signed message it may not be the signer's.
    pub async fn decrypt_io(
        &self,
        mut from: impl Read,
        to: impl Write,
        expected: &EncryptionContext,
        signed: Signed,
    ) -> Result<Header, Error> {
        let mut reader = self.header_reader();
        let mut block = vec![0; BLOCK_LEN];
        let (header, rest) = loop {
            let read = read_some(&mut from, &mut block)?;
            if read == 0 {
                return Err(FormatError::Truncated.into());
            }
            if let Some(found) = reader.push(block.get(..read).unwrap_or_default())? {
                break found;
            }
        };
        drop(block);
        let opener = self.opener(&header, expected, signed).await?;
        opener.copy(rest.as_slice().chain(from), to)?;
        Ok(header)
    }
}

impl Sealer {
    /// Writes the message of all that `from` has to `to`; the number of bytes of plaintext comes
    /// back.
    ///
    /// # Errors
    /// As [`Self::write`], and [`Error::Io`].
    pub fn copy(mut self, mut from: impl Read, mut to: impl Write) -> Result<u64, Error> {
        let mut plain = SecretBytes::zeroed(BLOCK_LEN);
        let mut out = Vec::new();
        let mut total = 0;
        loop {
            let read = read_some(&mut from, plain.expose_mut())?;
            if read == 0 {
                break;
            }
            total += read as u64;
            grow(&mut out, self.bound(read));
            let plain = plain.expose().get(..read).unwrap_or_default();
            let written = self.write(plain, &mut out)?;
            to.write_all(out.get(..written).unwrap_or_default())?;
        }
        grow(&mut out, self.finish_bound());
        let written = self.finish(&mut out)?;
        to.write_all(out.get(..written).unwrap_or_default())?;
        to.flush()?;
        Ok(total)
    }
}

impl Opener {
    /// Writes the plaintext of what follows after the header in `from` to `to`; the number of its
    /// bytes comes back.
    ///
    /// # Errors
    /// As [`Self::write`] and [`Self::finish`], and [`Error::Io`].
    pub fn copy(mut self, mut from: impl Read, mut to: impl Write) -> Result<u64, Error> {
        let mut sealed = vec![0; BLOCK_LEN];
        let mut out = SecretBytes::zeroed(0);
        let mut total = 0;
        loop {
            let read = read_some(&mut from, &mut sealed)?;
            if read == 0 {
                break;
            }
            if out.len() < self.bound(read) {
                out = SecretBytes::zeroed(self.bound(read));
            }
            let sealed = sealed.get(..read).unwrap_or_default();
            let written = self.write(sealed, out.expose_mut())?;
            to.write_all(out.expose().get(..written).unwrap_or_default())?;
            total += written as u64;
        }
        self.finish()?;
        to.flush()?;
        Ok(total)
    }
}

/// Makes room for `len` bytes; what is there stays.
pub(crate) fn grow(buffer: &mut Vec<u8>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, 0);
    }
}

/// One read that was not interrupted; 0 at the end.
pub(crate) fn read_some(from: &mut impl Read, space: &mut [u8]) -> Result<usize, Error> {
    loop {
        match from.read(space) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return Ok(other?),
        }
    }
}
