//! `Recipient`: answers that only whoever attests what it is can read (KMS guide, "Cryptographic
//! attestation").

use bulla_crypto::{AttestationError, Attested, envelop, hex, verify_attestation};
use bulla_plane::{Call, Stop};
use bulla_shapes::Fault;
use bulla_shapes::kms::RecipientInfo;

use crate::{Kms, fault};

/// The one algorithm that answers are encrypted by.
const ALGORITHM: &str = "RSAES_OAEP_SHA_256";

/// Who shall read an answer.
pub(crate) struct Recipient {
    public_key: Vec<u8>,
    /// Number and value, in hexadecimal digits.
    registers: Vec<(u64, String)>,
}

impl Recipient {
    /// A condition key's value: `imagesha384` is register 0, `pcr<n>` register n.
    pub(crate) fn condition(&self, name: &str) -> Option<&str> {
        let number = match name {
            "imagesha384" => 0,
            _ => name.strip_prefix("pcr")?.parse().ok()?,
        };
        self.registers.iter().find(|(at, _)| *at == number).map(|(_, value)| value.as_str())
    }
}

impl From<Attested> for Recipient {
    fn from(attested: Attested) -> Self {
        let text = |(at, value): (u64, Vec<u8>)| (at, hex::encode(&value));
        let registers = attested.registers.into_iter().map(text).collect();
        Self { public_key: attested.public_key, registers }
    }
}

impl Kms {
    /// The recipient that a request names, its document verified.
    pub(crate) async fn recipient(
        &self,
        call: &Call,
        info: Option<RecipientInfo<'_>>,
    ) -> Result<Option<Recipient>, Stop> {
        let Some(info) = info else { return Ok(None) };
        let Some(root) = self.attestation_root.clone() else {
            let text = "this server has no attestation root, and so takes no Recipient";
            return Err(fault::unsupported(text).into());
        };
        let (Some(ALGORITHM), Some(document)) =
            (info.key_encryption_algorithm(), info.attestation_document())
        else {
            let text = "Recipient needs KeyEncryptionAlgorithm and AttestationDocument.";
            return Err(fault::validation(text).into());
        };
        let (document, now_ms) = (document.to_vec(), call.now_ms);
        let verified = self.workshop.run(move || verify_attestation(&root, &document, now_ms));
        Ok(Some(verified.await?.map_err(refused)?.into()))
    }

    /// What a recipient alone can open.
    pub(crate) fn enveloped(&self, to: &Recipient, plain: &[u8]) -> Result<Vec<u8>, Stop> {
        Ok(envelop(&*self.crypto.rng, &to.public_key, plain)?)
    }
}

/// AWS's texts are not recorded; these are ours.
fn refused(error: AttestationError) -> Fault {
    fault::validation(match error {
        AttestationError::Malformed => "The attestation document is malformed.",
        AttestationError::Certificate => {
            "The attestation document's certificate does not lead to the attestation root."
        }
        AttestationError::Signature => "The attestation document's signature is not valid.",
        AttestationError::Stale => "The attestation document is not recent.",
        AttestationError::PublicKey => "The attestation document has no RSA public key.",
    })
}
