//! Messages from and to tokio's readers and writers, on any runtime.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;

use bulla_crypto::SecretBytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::context::EncryptionContext;
use crate::envelope::{Envelope, Signed};
use crate::header::Header;
use crate::io::{BLOCK_LEN, grow};
use crate::policy::CommitmentPolicy;
use crate::{Error, FormatError};

impl<P: CommitmentPolicy> Envelope<P> {
    /// Writes the message of all that `from` has to `to`; the number of bytes of plaintext comes
    /// back. Memory is bounded by some blocks of 256 KiB, and two frames.
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
    /// envelope.encrypt_async(&[5; 10_000][..], &mut sealed, &none).await?;
    /// envelope.decrypt_async(&sealed[..], &mut opened, &none, Signed::Refuse).await?;
    /// assert_eq!(opened, [5; 10_000]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Self::encrypt`], and [`Error::Io`]. What was written then is no message.
    pub async fn encrypt_async(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        context: &EncryptionContext,
    ) -> Result<u64, Error> {
        let mut sealer = self.sealer(context, None).await?;
        let mut plain = SecretBytes::zeroed(BLOCK_LEN);
        let mut out = Vec::new();
        let mut total = 0;
        loop {
            let read = read_some(&mut from, plain.expose_mut()).await?;
            if read == 0 {
                break;
            }
            total += read as u64;
            grow(&mut out, sealer.bound(read));
            let plain = plain.expose().get(..read).unwrap_or_default();
            let written = sealer.write(plain, &mut out)?;
            write_all(&mut to, out.get(..written).unwrap_or_default()).await?;
        }
        grow(&mut out, sealer.finish_bound());
        let written = sealer.finish(&mut out)?;
        write_all(&mut to, out.get(..written).unwrap_or_default()).await?;
        flush(&mut to).await?;
        Ok(total)
    }

    /// Writes the plaintext of the message that `from` has to `to`; the header comes back. All of
    /// `from` must be the message.
    ///
    /// # Errors
    /// As [`Self::opener`], and [`Error::Io`]. What was written then is authentic, but not whole,
    /// and of a signed message it may not be the signer's.
    pub async fn decrypt_async(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        expected: &EncryptionContext,
        signed: Signed,
    ) -> Result<Header, Error> {
        let mut reader = self.header_reader();
        let mut block = vec![0; BLOCK_LEN];
        let (header, mut sealed) = loop {
            let read = read_some(&mut from, &mut block).await?;
            if read == 0 {
                return Err(FormatError::Truncated.into());
            }
            if let Some(found) = reader.push(block.get(..read).unwrap_or_default())? {
                break found;
            }
        };
        let mut opener = self.opener(&header, expected, signed).await?;
        let mut out = SecretBytes::zeroed(0);
        loop {
            if out.len() < opener.bound(sealed.len()) {
                out = SecretBytes::zeroed(opener.bound(sealed.len()));
            }
            let written = opener.write(&sealed, out.expose_mut())?;
            write_all(&mut to, out.expose().get(..written).unwrap_or_default()).await?;
            let read = read_some(&mut from, &mut block).await?;
            if read == 0 {
                break;
            }
            sealed.clear();
            sealed.extend_from_slice(block.get(..read).unwrap_or_default());
        }
        opener.finish()?;
        flush(&mut to).await?;
        Ok(header)
    }
}

/// One read; 0 at the end.
async fn read_some(from: &mut (impl AsyncRead + Unpin), space: &mut [u8]) -> io::Result<usize> {
    let mut space = ReadBuf::new(space);
    poll_fn(|context| Pin::new(&mut *from).poll_read(context, &mut space)).await?;
    Ok(space.filled().len())
}

async fn write_all(to: &mut (impl AsyncWrite + Unpin), mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = poll_fn(|context| Pin::new(&mut *to).poll_write(context, bytes)).await?;
        if written == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

async fn flush(to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    poll_fn(|context| Pin::new(&mut *to).poll_flush(context)).await
}
