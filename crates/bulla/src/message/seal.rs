//! An envelope whose policy is chosen at run time.

use std::num::NonZeroU32;

use bulla_envelope::{
    Committing, EncryptionContext, Envelope, ForbidEncryptAllowDecrypt, Header, HeaderReader,
    MaterialsSource, Opener, RequireEncryptAllowDecrypt, RequireEncryptRequireDecrypt, Sealer,
    Signed, Suite, Uncommitting,
};

use crate::cli::message::{Common, Policy};
use crate::error::Error;

/// One of the three.
pub(super) enum AnyEnvelope {
    Strict(Envelope<RequireEncryptRequireDecrypt>),
    Allowing(Envelope<RequireEncryptAllowDecrypt>),
    Forbidding(Envelope<ForbidEncryptAllowDecrypt>),
}

impl AnyEnvelope {
    pub(super) fn new(source: Box<dyn MaterialsSource>, common: &Common) -> Self {
        let mut envelope = Envelope::from_source(source);
        if let Some(limit) = common.max_encrypted_data_keys {
            envelope = envelope.max_encrypted_data_keys(limit);
        }
        match common.commitment_policy {
            Policy::Strict => Self::Strict(envelope),
            Policy::Allowing => Self::Allowing(envelope.with_policy()),
            Policy::Forbidding => Self::Forbidding(envelope.with_policy()),
        }
    }

    /// Encrypts with this suite, if the policy allows it.
    pub(super) fn suite(self, suite: Suite) -> Result<Self, Error> {
        let refused = || {
            let name = suite.name();
            Error::Usage(format!(
                "the commitment policy forbids {name}: choose another, or another \
                 --commitment-policy"
            ))
        };
        let committing = || Committing::of(suite).ok_or_else(refused);
        Ok(match self {
            Self::Strict(envelope) => Self::Strict(envelope.suite(committing()?)),
            Self::Allowing(envelope) => Self::Allowing(envelope.suite(committing()?)),
            Self::Forbidding(envelope) => {
                Self::Forbidding(envelope.suite(Uncommitting::of(suite).ok_or_else(refused)?))
            }
        })
    }

    pub(super) fn frame_len(self, len: NonZeroU32) -> Self {
        match self {
            Self::Strict(envelope) => Self::Strict(envelope.frame_len(len)),
            Self::Allowing(envelope) => Self::Allowing(envelope.frame_len(len)),
            Self::Forbidding(envelope) => Self::Forbidding(envelope.frame_len(len)),
        }
    }

    pub(super) async fn sealer(
        &self,
        context: &EncryptionContext,
        len: Option<u64>,
    ) -> Result<Sealer, bulla_envelope::Error> {
        match self {
            Self::Strict(envelope) => envelope.sealer(context, len).await,
            Self::Allowing(envelope) => envelope.sealer(context, len).await,
            Self::Forbidding(envelope) => envelope.sealer(context, len).await,
        }
    }

    pub(super) fn header_reader(&self) -> HeaderReader {
        match self {
            Self::Strict(envelope) => envelope.header_reader(),
            Self::Allowing(envelope) => envelope.header_reader(),
            Self::Forbidding(envelope) => envelope.header_reader(),
        }
    }

    /// What comes out before the signature was checked is kept back by who calls this.
    pub(super) async fn opener(
        &self,
        header: &Header,
        expected: &EncryptionContext,
    ) -> Result<Opener, bulla_envelope::Error> {
        let early = Signed::ReleaseEarly;
        match self {
            Self::Strict(envelope) => envelope.opener(header, expected, early).await,
            Self::Allowing(envelope) => envelope.opener(header, expected, early).await,
            Self::Forbidding(envelope) => envelope.opener(header, expected, early).await,
        }
    }
}
