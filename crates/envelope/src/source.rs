//! The default source of materials: fresh keys from a keyring, for each message (specification:
//! `framework/default-cmm.md`).

use std::borrow::Cow;
use std::sync::Arc;

use base64_simd::STANDARD;
use bulla_crypto::{Crypto, Curve, EcdsaKeyPair, is_public_key};

use crate::context::PUBLIC_KEY_FIELD;
use crate::keyring::{Keyring, KeyringError, UnwrapTask, WrapTask};
use crate::materials::{
    BoxFuture, DecryptionMaterials, DecryptionRequest, EncryptionMaterials, EncryptionRequest,
    MaterialsSource,
};
use crate::{ContextError, EncryptionContext, Error, Suite};

/// Asks a keyring for each message.
pub struct DefaultSource {
    keyring: Box<dyn Keyring>,
    crypto: Crypto,
}

impl DefaultSource {
    /// Materials by `keyring`.
    #[must_use]
    pub fn new(keyring: impl Keyring + 'static) -> Self {
        Self { keyring: Box::new(keyring), crypto: Crypto::standard() }
    }

    async fn encrypt(&self, request: EncryptionRequest<'_>) -> Result<EncryptionMaterials, Error> {
        let EncryptionRequest { suite, context, required, .. } = request;
        if context.get(PUBLIC_KEY_FIELD).is_some() {
            return Err(ContextError::Reserved.into());
        }
        let mut context = context.clone();
        let signing = suite.signature().map(EcdsaKeyPair::generate).transpose()?;
        if let Some(pair) = &signing {
            let point = STANDARD.encode_to_string(pair.compressed_public_key());
            context.add(PUBLIC_KEY_FIELD.to_owned(), point)?;
        }
        let mut task = WrapTask::new(suite, context, self.crypto.clone());
        self.keyring.wrap_key(&mut task).await?;
        let (context, data_key, keys) = task.finish()?;
        EncryptionMaterials::new(suite, context, required, data_key, keys, signing)
    }

    async fn decrypt(&self, request: DecryptionRequest<'_>) -> Result<DecryptionMaterials, Error> {
        let DecryptionRequest { suite, stored, keys, expected } = request;
        let (context, required) = joined(stored, expected)?;
        let verification = verification_key(suite, stored)?;
        let bytes = context.serialize();
        let task = UnwrapTask { suite, context: &context, context_bytes: &bytes, keys };
        let data_key = self.keyring.unwrap_key(&task).await?;
        if data_key.len() != suite.data_key_len() {
            return Err(KeyringError::KeyLength(data_key.len()).into());
        }
        Ok(DecryptionMaterials::new(data_key, context.into_owned(), &required, verification))
    }
}

impl MaterialsSource for DefaultSource {
    fn encryption<'a>(
        &'a self,
        request: EncryptionRequest<'a>,
    ) -> BoxFuture<'a, Result<Arc<EncryptionMaterials>, Error>> {
        Box::pin(async move { self.encrypt(request).await.map(Arc::new) })
    }

    fn decryption<'a>(
        &'a self,
        request: DecryptionRequest<'a>,
    ) -> BoxFuture<'a, Result<Arc<DecryptionMaterials>, Error>> {
        Box::pin(async move { self.decrypt(request).await.map(Arc::new) })
    }
}

/// All pairs of a message; and those of `expected` that it does not store.
///
/// # Errors
/// [`Error::ContextMismatch`] for a pair that is stored with another value.
pub(crate) fn joined<'a>(
    stored: &'a EncryptionContext,
    expected: &EncryptionContext,
) -> Result<(Cow<'a, EncryptionContext>, EncryptionContext), Error> {
    let (mut all, mut required) = (Cow::Borrowed(stored), EncryptionContext::new());
    for (key, value) in expected.iter() {
        match stored.get(key) {
            Some(same) if same == value => {}
            Some(_) => return Err(Error::ContextMismatch(key.to_owned())),
            None => {
                all.to_mut().insert(key, value)?;
                required.insert(key, value)?;
            }
        }
    }
    Ok((all, required))
}

/// The key that verifies a signed message; none for a suite without signature.
fn verification_key(
    suite: Suite,
    stored: &EncryptionContext,
) -> Result<Option<(Curve, Vec<u8>)>, Error> {
    match (suite.signature(), stored.get(PUBLIC_KEY_FIELD)) {
        (None, None) => Ok(None),
        (Some(curve), Some(text)) => {
            let point = STANDARD.decode_to_vec(text).map_err(|_| Error::PublicKey)?;
            if !is_public_key(curve, &point) {
                return Err(Error::PublicKey);
            }
            Ok(Some((curve, point)))
        }
        _ => Err(Error::PublicKey),
    }
}
