//! The raw ECDH keyring: agreement with a private key of one's own.

use bulla_crypto::{Curve, EcdhKey, SecretBytes};

use super::wrapping::{fixed_info, unwrap, wrap};
use super::{Parties, RAW_PROVIDER, point_of_pem};
use crate::keyring::{Keyring, KeyringError, UnwrapTask, WrapTask, pem};
use crate::materials::BoxFuture;

/// Wraps with what one's own private key and another's public key agree on.
///
/// ```
/// use bulla_envelope::keyring::RawEcdhKeyring;
/// use bulla_envelope::{Curve, EncryptionContext, Envelope};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let private_pem =
/// #     include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/ec-private-1.pem"));
/// # let public_pem =
/// #     include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/ec-public-1.pem"));
/// // A key pair is drawn for the message; only the recipient's private key opens it.
/// let sealing = RawEcdhKeyring::for_recipient(Curve::P384, public_pem)?;
/// let opening = RawEcdhKeyring::discovery(Curve::P384, private_pem)?;
/// let none = EncryptionContext::new();
/// let message = Envelope::new(sealing).encrypt(b"tokens", &none).await?;
/// assert_eq!(Envelope::new(opening).decrypt(&message, &none).await?.plaintext, b"tokens");
/// # Ok(())
/// # }
/// ```
pub struct RawEcdhKeyring {
    curve: Curve,
    scheme: Scheme,
}

/// Which keys there are.
enum Scheme {
    /// Two that stay: each side wraps for the other, and for itself.
    Static { own: EcdhKey, peer: Vec<u8> },
    /// A new one for each message, for a recipient: only wraps.
    Ephemeral { recipient: Vec<u8> },
    /// The recipient's; the sender's is in the message: only unwraps.
    Discovery { own: EcdhKey },
}

impl RawEcdhKeyring {
    /// Agreement of one's own private key (PEM, PKCS #8) with a peer's public key (PEM). Both
    /// wrap, and unwrap what either wrapped.
    ///
    /// # Errors
    /// [`KeyringError::Configuration`] for what is no PEM, [`KeyringError::Crypto`] for what is no
    /// key on the curve.
    pub fn between(curve: Curve, own: &str, peer: &str) -> Result<Self, KeyringError> {
        let (own, peer) = (private(curve, own)?, point_of_pem(curve, peer)?);
        Ok(Self { curve, scheme: Scheme::Static { own, peer } })
    }

    /// Wraps for the holder of a public key (PEM), with a key pair that is drawn for each message
    /// and forgotten.
    ///
    /// # Errors
    /// As [`Self::between`].
    pub fn for_recipient(curve: Curve, recipient: &str) -> Result<Self, KeyringError> {
        let recipient = point_of_pem(curve, recipient)?;
        Ok(Self { curve, scheme: Scheme::Ephemeral { recipient } })
    }

    /// Unwraps whatever anybody wrapped for the holder of this private key (PEM, PKCS #8). That
    /// says nothing of who wrapped it.
    ///
    /// # Errors
    /// As [`Self::between`].
    pub fn discovery(curve: Curve, own: &str) -> Result<Self, KeyringError> {
        Ok(Self { curve, scheme: Scheme::Discovery { own: private(curve, own)? } })
    }

    fn wrap(&self, task: &mut WrapTask) -> Result<(), KeyringError> {
        let drawn;
        let (own, peer) = match &self.scheme {
            Scheme::Static { own, peer } => (own, peer),
            Scheme::Ephemeral { recipient } => {
                drawn = EcdhKey::generate(self.curve)?;
                (&drawn, recipient)
            }
            Scheme::Discovery { .. } => return Err(KeyringError::DecryptOnly),
        };
        let parties = Parties { sender: own.compressed_public_key(), recipient: peer };
        let secret = own.agree(peer)?;
        let fixed = fixed_info(self.curve, parties, task.context_bytes());
        task.data_key_or_drawn()?;
        let key = task.data_key().ok_or(KeyringError::NoGenerator)?;
        let wrapped = wrap(task.crypto(), &secret, &fixed, key)?;
        task.push_parts(RAW_PROVIDER, parties.info(), wrapped)
    }

    fn unwrap(&self, task: &UnwrapTask<'_>) -> Result<SecretBytes, KeyringError> {
        let (own, peer) = match &self.scheme {
            Scheme::Ephemeral { .. } => return Err(KeyringError::EncryptOnly),
            Scheme::Static { own, peer } => (own, Some(peer)),
            Scheme::Discovery { own } => (own, None),
        };
        let public = own.compressed_public_key();
        let fits = |parties: Parties<'_>| match peer {
            Some(peer) => parties.are(public, peer),
            None => parties.recipient == public,
        };
        task.first_of(
            |key| Parties::of(key).is_some_and(fits),
            |key| {
                let parties = Parties::of(key).ok_or(KeyringError::NothingFits)?;
                let peer =
                    if parties.recipient == public { parties.sender } else { parties.recipient };
                let secret = own.agree(peer)?;
                let fixed = fixed_info(self.curve, parties, task.context_bytes());
                unwrap(&secret, &fixed, key.ciphertext())
            },
        )
    }
}

fn private(curve: Curve, text: &str) -> Result<EcdhKey, KeyringError> {
    Ok(EcdhKey::from_der(curve, pem::read(text, "PRIVATE KEY")?.expose())?)
}

impl Keyring for RawEcdhKeyring {
    fn wrap_key<'a>(&'a self, task: &'a mut WrapTask) -> BoxFuture<'a, Result<(), KeyringError>> {
        Box::pin(async move { self.wrap(task) })
    }

    fn unwrap_key<'a>(
        &'a self,
        task: &'a UnwrapTask<'a>,
    ) -> BoxFuture<'a, Result<SecretBytes, KeyringError>> {
        Box::pin(async move { self.unwrap(task) })
    }
}
