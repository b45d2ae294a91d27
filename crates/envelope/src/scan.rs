//! Finds a header's end in bytes that come piece by piece, each byte looked at once.

use crate::wire::Reader;
use crate::{Error, FormatError, Suite, Version};

/// The longest header that is read, in bytes. The format allows more, but not even 10,000
/// encrypted data keys of AWS KMS come near it; our choice.
pub const MAX_HEADER_BYTES: usize = 4 << 20;

/// The nonce and tag that end a header of version 1; the tag that ends one of version 2.
pub(crate) const TAG_LEN: usize = 16;
pub(crate) const NONCE_LEN: usize = 12;

/// The type of encrypted data, version 1.
pub(crate) const TYPE: u8 = 0x80;

#[derive(Clone, Copy)]
enum Stage {
    Version,
    Start(Version),
    Context(Version),
    KeyCount(Version),
    /// So many counted fields are still to come.
    Keys(Version, u32),
    End(Version),
}

/// Where in a header the reading is.
pub(crate) struct Scanner {
    stage: Stage,
    at: usize,
    max_keys: Option<usize>,
}

impl Scanner {
    pub(crate) fn new(max_keys: Option<usize>) -> Self {
        Self { stage: Stage::Version, at: 0, max_keys }
    }

    /// Goes on in `message`, which begins with all bytes so far. The header's length once its end
    /// is there.
    ///
    /// # Errors
    /// What makes more bytes useless.
    pub(crate) fn advance(&mut self, message: &[u8]) -> Result<Option<usize>, Error> {
        loop {
            let mut reader = Reader(message.get(self.at..).unwrap_or_default());
            let before = reader.0.len();
            let Some(next) = self.step(&mut reader)? else {
                // Even what is not there yet counts, or a longer field could go unnoticed.
                if message.len() > MAX_HEADER_BYTES {
                    return Err(FormatError::HeaderTooLong.into());
                }
                return Ok(None);
            };
            self.at += before - reader.0.len();
            if self.at > MAX_HEADER_BYTES {
                return Err(FormatError::HeaderTooLong.into());
            }
            match next {
                Some(stage) => self.stage = stage,
                None => return Ok(Some(self.at)),
            }
        }
    }

    /// One step: nothing when bytes lack, no next stage at the end.
    fn step(&self, reader: &mut Reader<'_>) -> Result<Option<Option<Stage>>, Error> {
        let next = match self.stage {
            Stage::Version => match reader.u8() {
                Some(1) => Stage::Start(Version::V1),
                Some(2) => Stage::Start(Version::V2),
                Some(other) => return Err(FormatError::Version(other).into()),
                None => return Ok(None),
            },
            Stage::Start(version) => {
                if reader.take(start_len(version)).is_none() {
                    return Ok(None);
                }
                Stage::Context(version)
            }
            Stage::Context(version) => {
                if reader.counted().is_none() {
                    return Ok(None);
                }
                Stage::KeyCount(version)
            }
            Stage::KeyCount(version) => {
                let Some(count) = reader.u16() else { return Ok(None) };
                self.check_count(usize::from(count))?;
                Stage::Keys(version, u32::from(count) * 3)
            }
            Stage::Keys(version, 0) => Stage::End(version),
            Stage::Keys(version, fields) => {
                if reader.counted().is_none() {
                    return Ok(None);
                }
                Stage::Keys(version, fields - 1)
            }
            Stage::End(version) => {
                return Ok(reader.take(end_len(version)).map(|_| None));
            }
        };
        Ok(Some(Some(next)))
    }

    fn check_count(&self, got: usize) -> Result<(), Error> {
        match self.max_keys {
            Some(limit) if got > limit => Err(Error::TooManyKeys { got, limit }),
            _ if got == 0 => Err(FormatError::NoKeys.into()),
            _ => Ok(()),
        }
    }
}

/// What lies between the version and the context.
fn start_len(version: Version) -> usize {
    let kind = match version {
        Version::V1 => 1,
        Version::V2 => 0,
    };
    kind + 2 + version.message_id_len()
}

/// What lies behind the encrypted data keys: content type, frame length, and what is each
/// version's own; then the authentication.
fn end_len(version: Version) -> usize {
    match version {
        Version::V1 => 1 + 4 + 1 + 4 + NONCE_LEN + TAG_LEN,
        Version::V2 => 1 + 4 + crate::derive::COMMITMENT_LEN + TAG_LEN,
    }
}

/// The suite of an id, if it is one of this version's.
pub(crate) fn suite_of(version: Version, id: u16) -> Result<Suite, FormatError> {
    let suite = Suite::from_id(id).filter(|suite| suite.version() == version);
    suite.ok_or(FormatError::Suite(id))
}
