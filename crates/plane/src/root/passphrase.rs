//! The seal by passphrase: Argon2id with the salt and cost that stand in the header.

use bulla_crypto::{Argon2Cost, Crypto, SecretBytes, SecretKey};

use super::{Parameters, SALT_LEN, Seal, SealError, SealHeader, SealKind, header::within_limits};

/// The shortest passphrase that a new seal takes, in bytes (NIST SP 800-63B).
pub const MIN_PASSPHRASE_LEN: usize = 8;

/// A seal by passphrase.
pub struct PassphraseSeal<'a> {
    passphrase: &'a SecretBytes,
    cost: Argon2Cost,
}

impl<'a> PassphraseSeal<'a> {
    /// By `passphrase`, a new seal at RFC 9106's second recommended cost.
    #[must_use]
    pub fn new(passphrase: &'a SecretBytes) -> Self {
        Self::with_cost(passphrase, Argon2Cost::RECOMMENDED)
    }

    /// By `passphrase`, a new seal at `cost`. An old seal keeps the cost that it was made at.
    #[must_use]
    pub fn with_cost(passphrase: &'a SecretBytes, cost: Argon2Cost) -> Self {
        Self { passphrase, cost }
    }
}

impl Seal for PassphraseSeal<'_> {
    fn kind(&self) -> SealKind {
        SealKind::Passphrase
    }

    fn establish(
        &self,
        crypto: &Crypto,
        salt: &[u8; SALT_LEN],
    ) -> Result<(SecretKey, Parameters), SealError> {
        if self.passphrase.len() < MIN_PASSPHRASE_LEN {
            return Err(SealError::ShortPassphrase { min: MIN_PASSPHRASE_LEN });
        }
        within_limits(self.cost)?;
        let key = crypto.derive_from_passphrase(self.passphrase.expose(), salt, self.cost)?;
        Ok((key, Parameters::Passphrase(self.cost)))
    }

    fn open(&self, crypto: &Crypto, header: &SealHeader) -> Result<SecretKey, SealError> {
        let Parameters::Passphrase(cost) = *header.parameters() else {
            return Err(SealError::WrongPassphrase);
        };
        Ok(crypto.derive_from_passphrase(self.passphrase.expose(), header.salt(), cost)?)
    }

    fn refused(&self) -> SealError {
        SealError::WrongPassphrase
    }
}
