//! Commitment policies (specification: `client-apis/client.md`, commitment policy) as types, so
//! that a suite that a policy forbids does not compile.

use crate::Suite;

/// Which suites encrypt, and whether messages without commitment are decrypted.
///
/// Messages for readers of old are made under a policy that says so:
///
/// ```
/// use bulla_envelope::keyring::RawAesKeyring;
/// use bulla_envelope::{
///     EncryptionContext, Envelope, Error, ForbidEncryptAllowDecrypt, SecretBytes, Uncommitting,
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keyring = || RawAesKeyring::new("example", "key 1", &SecretBytes::from_slice(&[7; 32]));
/// let none = EncryptionContext::new();
/// let old = Envelope::new(keyring()?)
///     .with_policy::<ForbidEncryptAllowDecrypt>()
///     .suite(Uncommitting::Aes256HkdfSha384EcdsaP384);
/// let message = old.encrypt(b"tokens", &none).await?;
/// assert_eq!(message[..4], [1, 0x80, 0x03, 0x78]);
/// assert_eq!(old.decrypt(&message, &none).await?.plaintext, b"tokens");
/// // The default policy reads only what commits to its key.
/// let refused = Envelope::new(keyring()?).decrypt(&message, &none).await;
/// assert!(matches!(refused, Err(Error::Policy { .. })));
/// # Ok(())
/// # }
/// ```
pub trait CommitmentPolicy: sealed::Sealed + Send + Sync + 'static {
    /// The suites that may encrypt.
    type Suite: Copy + Into<Suite> + Send + Sync;
    /// The suite that encrypts unless another is chosen.
    const DEFAULT: Self::Suite;
    /// Whether messages that do not commit to their key are decrypted.
    const DECRYPTS_UNCOMMITTED: bool;
    /// The policy's name, as AWS's documentation has it.
    const NAME: &'static str;
}

/// `REQUIRE_ENCRYPT_REQUIRE_DECRYPT`, the default: commitment in both directions.
#[derive(Clone, Copy, Debug)]
pub struct RequireEncryptRequireDecrypt;

/// `REQUIRE_ENCRYPT_ALLOW_DECRYPT`: commits, and still reads what does not.
#[derive(Clone, Copy, Debug)]
pub struct RequireEncryptAllowDecrypt;

/// `FORBID_ENCRYPT_ALLOW_DECRYPT`: for readers that do not know commitment yet.
#[derive(Clone, Copy, Debug)]
pub struct ForbidEncryptAllowDecrypt;

/// A suite that commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committing {
    /// `04 78`, without signature: as fast as the cipher.
    Unsigned,
    /// `05 78`, signed: who can decrypt still cannot forge. The default.
    Signed,
}

/// A suite that does not commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncommitting {
    /// `00 14`
    Aes128NoKdf,
    /// `00 46`
    Aes192NoKdf,
    /// `00 78`
    Aes256NoKdf,
    /// `01 14`
    Aes128HkdfSha256,
    /// `01 46`
    Aes192HkdfSha256,
    /// `01 78`
    Aes256HkdfSha256,
    /// `02 14`
    Aes128HkdfSha256EcdsaP256,
    /// `03 46`
    Aes192HkdfSha384EcdsaP384,
    /// `03 78`, the default.
    Aes256HkdfSha384EcdsaP384,
}

impl From<Committing> for Suite {
    fn from(suite: Committing) -> Self {
        match suite {
            Committing::Unsigned => Self::Aes256HkdfSha512Commit,
            Committing::Signed => Self::Aes256HkdfSha512CommitEcdsaP384,
        }
    }
}

impl From<Uncommitting> for Suite {
    fn from(suite: Uncommitting) -> Self {
        match suite {
            Uncommitting::Aes128NoKdf => Self::Aes128NoKdf,
            Uncommitting::Aes192NoKdf => Self::Aes192NoKdf,
            Uncommitting::Aes256NoKdf => Self::Aes256NoKdf,
            Uncommitting::Aes128HkdfSha256 => Self::Aes128HkdfSha256,
            Uncommitting::Aes192HkdfSha256 => Self::Aes192HkdfSha256,
            Uncommitting::Aes256HkdfSha256 => Self::Aes256HkdfSha256,
            Uncommitting::Aes128HkdfSha256EcdsaP256 => Self::Aes128HkdfSha256EcdsaP256,
            Uncommitting::Aes192HkdfSha384EcdsaP384 => Self::Aes192HkdfSha384EcdsaP384,
            Uncommitting::Aes256HkdfSha384EcdsaP384 => Self::Aes256HkdfSha384EcdsaP384,
        }
    }
}

impl Committing {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Unsigned, Self::Signed];

    /// The one that is this suite, if it commits.
    #[must_use]
    pub fn of(suite: Suite) -> Option<Self> {
        Self::ALL.into_iter().find(|one| Suite::from(*one) == suite)
    }
}

impl Uncommitting {
    /// All of them, by id.
    pub const ALL: [Self; 9] = [
        Self::Aes128NoKdf,
        Self::Aes192NoKdf,
        Self::Aes256NoKdf,
        Self::Aes128HkdfSha256,
        Self::Aes192HkdfSha256,
        Self::Aes256HkdfSha256,
        Self::Aes128HkdfSha256EcdsaP256,
        Self::Aes192HkdfSha384EcdsaP384,
        Self::Aes256HkdfSha384EcdsaP384,
    ];

    /// The one that is this suite, if it does not commit.
    #[must_use]
    pub fn of(suite: Suite) -> Option<Self> {
        Self::ALL.into_iter().find(|one| Suite::from(*one) == suite)
    }
}

impl CommitmentPolicy for RequireEncryptRequireDecrypt {
    type Suite = Committing;
    const DEFAULT: Committing = Committing::Signed;
    const DECRYPTS_UNCOMMITTED: bool = false;
    const NAME: &'static str = "REQUIRE_ENCRYPT_REQUIRE_DECRYPT";
}

impl CommitmentPolicy for RequireEncryptAllowDecrypt {
    type Suite = Committing;
    const DEFAULT: Committing = Committing::Signed;
    const DECRYPTS_UNCOMMITTED: bool = true;
    const NAME: &'static str = "REQUIRE_ENCRYPT_ALLOW_DECRYPT";
}

impl CommitmentPolicy for ForbidEncryptAllowDecrypt {
    type Suite = Uncommitting;
    const DEFAULT: Uncommitting = Uncommitting::Aes256HkdfSha384EcdsaP384;
    const DECRYPTS_UNCOMMITTED: bool = true;
    const NAME: &'static str = "FORBID_ENCRYPT_ALLOW_DECRYPT";
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::RequireEncryptRequireDecrypt {}
    impl Sealed for super::RequireEncryptAllowDecrypt {}
    impl Sealed for super::ForbidEncryptAllowDecrypt {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_is_of_one_kind() {
        for suite in Suite::ALL {
            assert_eq!(Committing::of(suite).is_some(), suite.commits());
            assert_eq!(Uncommitting::of(suite).is_some(), !suite.commits());
        }
    }
}
