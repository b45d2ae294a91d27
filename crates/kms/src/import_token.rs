//! Import tokens: the private half of a wrapping key, sealed for whoever asked for it.
//!
//! ```text
//! 16 bytes  nonce
//!  n bytes  AES-256-GCM ciphertext of what [`Ticket`] holds, then its 16-byte tag
//! ```
//! So no wrapping key lies in the store, and none has to be swept away when its day is over.

use bulla_crypto::{CryptoError, SecretBytes};
use bulla_plane::Stop;

use crate::wrapping::Wrapping;
use crate::{Kms, fault};

const LABEL: &str = "kms import tokens";
const DERIVE: &[u8] = b"bulla/kms/import-token/v1";
const NONCE_BYTES: usize = 16;
/// Each derived key seals one token, so that its IV may be fixed.
const IV: [u8; 12] = [0; 12];

/// What a token holds.
pub(crate) struct Ticket {
    /// The row of the key that material may be brought into.
    pub(crate) path: String,
    pub(crate) wrapping: Wrapping,
    /// Until when, in milliseconds since 1970.
    pub(crate) valid_to_ms: i64,
    /// The private wrapping key as PKCS #8.
    pub(crate) private: SecretBytes,
}

/// What a token is made of.
pub(crate) struct Names<'a> {
    pub(crate) path: &'a str,
    pub(crate) algorithm: &'a str,
    pub(crate) spec: &'a str,
    pub(crate) valid_to_ms: i64,
}

impl Kms {
    pub(crate) fn new_import_token(
        &self,
        names: &Names<'_>,
        private: &SecretBytes,
    ) -> Result<Vec<u8>, Stop> {
        let head = format!("{}\0{}\0{}\0", names.path, names.algorithm, names.spec);
        let whole = [head.as_bytes(), &names.valid_to_ms.to_be_bytes(), private.expose()].concat();
        let whole = SecretBytes::new(whole);
        let base = self.barrier.service_key(LABEL)?;
        let nonce = self.crypto.hedged_nonce(&base, &[whole.expose()])?;
        let key = self.crypto.derive_key(&base, DERIVE, &nonce)?;
        let mut token = nonce.to_vec();
        self.crypto.seal(&key, &IV, &[], whole.expose(), &mut token)?;
        Ok(token)
    }

    /// What a token holds; a refusal if it is none of ours.
    pub(crate) fn open_import_token(&self, token: &[u8]) -> Result<Ticket, Stop> {
        let refused = fault::invalid_import_token;
        let (nonce, sealed) = token.split_at_checked(NONCE_BYTES).ok_or_else(refused)?;
        let base = self.barrier.service_key(LABEL)?;
        let key = self.crypto.derive_key(&base, DERIVE, nonce)?;
        let whole = match self.crypto.open(&key, &IV, &[], sealed) {
            Err(CryptoError::Unauthentic) => return Err(refused().into()),
            opened => opened?,
        };
        Ok(read(whole.expose()).ok_or_else(fault::internal)?)
    }
}

fn read(whole: &[u8]) -> Option<Ticket> {
    let mut parts = whole.splitn(4, |byte| *byte == 0);
    let mut text = || std::str::from_utf8(parts.next()?).ok();
    let (path, algorithm, spec) = (text()?, text()?, text()?);
    let (valid_to, private) = parts.next()?.split_first_chunk::<8>()?;
    Some(Ticket {
        path: path.to_owned(),
        wrapping: Wrapping::named(algorithm, spec)?,
        valid_to_ms: i64::from_be_bytes(*valid_to),
        private: SecretBytes::from_slice(private),
    })
}
