//! One message, from its input to its output.

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;

use bulla_envelope::{EncryptionContext, Error, FormatError, Header};
use indicatif::ProgressBar;

use super::files::{Direction, Job, Place};
use super::output::Output;
use super::seal::AnyEnvelope;
use crate::message_error::MessageError;

/// So many bytes are read at once to find a header's end.
const HEAD_LEN: usize = 64 << 10;

/// What was done.
pub(super) struct Done {
    pub(super) header: Header,
    /// Bytes of plaintext.
    pub(super) len: u64,
}

/// Makes or opens a message.
pub(super) async fn run(
    envelope: &AnyEnvelope,
    job: &Job,
    context: &EncryptionContext,
    direction: Direction,
    overwrite: bool,
    progress: &ProgressBar,
) -> Result<Done, MessageError> {
    let input = progress.wrap_read(open(&job.input)?);
    match direction {
        Direction::Encrypt => {
            let output = Output::create(&job.output, overwrite, false, false)?;
            encrypt(envelope, input, output, context, job.len).await
        }
        Direction::Decrypt => decrypt(envelope, input, job, context, overwrite).await,
    }
}

async fn encrypt(
    envelope: &AnyEnvelope,
    input: impl Read + Send,
    mut output: Output,
    context: &EncryptionContext,
    len: Option<u64>,
) -> Result<Done, MessageError> {
    let sealer = envelope.sealer(context, len).await?;
    let header = Header::parse(sealer.header())?;
    let len = match len {
        Some(_) => sealer.copy_parallel(input, &mut output, threads())?,
        None => sealer.copy(input, &mut output)?,
    };
    output.publish()?;
    Ok(Done { header, len })
}

async fn decrypt(
    envelope: &AnyEnvelope,
    mut input: impl Read + Send,
    job: &Job,
    expected: &EncryptionContext,
    overwrite: bool,
) -> Result<Done, MessageError> {
    let mut reader = envelope.header_reader();
    let mut head = vec![0; HEAD_LEN];
    let (header, rest) = loop {
        let read = input.read(&mut head).map_err(Error::Io)?;
        if read == 0 {
            return Err(Error::Format(FormatError::Truncated).into());
        }
        if let Some(found) = reader.push(head.get(..read).unwrap_or_default())? {
            break found;
        }
    };
    let opener = envelope.opener(&header, expected).await?;
    let mut output = Output::create(&job.output, overwrite, true, opener.is_signed())?;
    let input = rest.as_slice().chain(input);
    let len = match job.len {
        Some(_) => opener.copy_parallel(input, &mut output, threads())?,
        None => opener.copy(input, &mut output)?,
    };
    output.publish()?;
    Ok(Done { header, len })
}

/// As many threads as there are cores. Pipes do with one: what comes in goes out, block or not.
fn threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn open(place: &Place) -> Result<Box<dyn Read + Send>, MessageError> {
    match place {
        Place::Pipe => Ok(Box::new(io::stdin())),
        Place::File(path) => {
            let file = File::open(path);
            let file =
                file.map_err(|cause| MessageError::io(format!("read {}", path.display()), cause))?;
            Ok(Box::new(file))
        }
    }
}
