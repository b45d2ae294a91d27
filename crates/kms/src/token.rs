//! Grant tokens: the row of a grant, sealed, so that no index of tokens is needed.
//!
//! ```text
//! base64 of   16 bytes  nonce
//!              n bytes  AES-256-GCM ciphertext of the row, then its 16-byte tag
//! ```
//! A token is no secret and gives nothing by itself (KMS guide, "Grants"): a grant takes effect at
//! once, with or without its token. But one that was never given out is refused, and so is one
//! whose grant is gone.

use bulla_crypto::{CryptoError, SecretKey};
use bulla_plane::{Call, Stop};
use bulla_shapes::Strings;

use crate::grants::GRANTS;
use crate::{Kms, fault};

const LABEL: &str = "kms grant tokens";
const DERIVE: &[u8] = b"bulla/kms/grant-token/v1";
const NONCE_BYTES: usize = 16;
/// Each derived key seals one token, so that its IV may be fixed.
const IV: [u8; 12] = [0; 12];

impl Kms {
    /// A new token of the grant that has this row.
    pub(crate) fn new_token(&self, row: &str) -> Result<String, Stop> {
        let base = self.barrier.service_key(LABEL)?;
        let nonce = self.crypto.hedged_nonce(&base, &[row.as_bytes()])?;
        let key = self.crypto.derive_key(&base, DERIVE, &nonce)?;
        let mut token = nonce.to_vec();
        self.crypto.seal(&key, &IV, &[], row.as_bytes(), &mut token)?;
        Ok(base64_simd::STANDARD.encode_to_string(token))
    }

    /// The row of a token's grant, if this is a token of the call's region.
    pub(crate) fn open_token(&self, call: &Call, token: &str) -> Result<Option<String>, Stop> {
        let Ok(bytes) = base64_simd::STANDARD.decode_to_vec(token) else { return Ok(None) };
        let Some((nonce, sealed)) = bytes.split_at_checked(NONCE_BYTES) else { return Ok(None) };
        let base = self.barrier.service_key(LABEL)?;
        let row = self.open_row(&base, nonce, sealed)?;
        let here = |row: &String| row.split('/').nth(1) == Some(call.region.as_str());
        Ok(row.filter(here))
    }

    fn open_row(
        &self,
        base: &SecretKey,
        nonce: &[u8],
        sealed: &[u8],
    ) -> Result<Option<String>, Stop> {
        let key = self.crypto.derive_key(base, DERIVE, nonce)?;
        match self.crypto.open(&key, &IV, &[], sealed) {
            Ok(row) => Ok(String::from_utf8(row.into_vec().to_vec()).ok()),
            Err(CryptoError::Unauthentic) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Refuses tokens of no grant. Those of grants on other keys are taken, as requests that name
    /// two keys bring tokens of both.
    pub(crate) async fn check_tokens(
        &self,
        call: &Call,
        tokens: Option<Strings<'_>>,
    ) -> Result<(), Stop> {
        for token in tokens.iter().flat_map(Strings::iter) {
            let row = self.open_token(call, token)?.ok_or_else(fault::invalid_grant_token)?;
            if self.barrier.get(GRANTS, row.as_bytes()).await?.is_none() {
                return Err(fault::invalid_grant_token().into());
            }
        }
        Ok(())
    }
}
