//! A KMS that lives in the test: real cryptography, no network, every call counted.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use bulla_crypto::{
    Crypto, Curve, EcdhKey, GcmKey, RsaDecryptionKey, RsaPadding, SecretBytes, point_to_der, sha256,
};
use bulla_envelope::kms::{
    DataKey, Decrypt, Decrypted, DeriveSharedSecret, Encrypt, Encrypted, GenerateDataKey,
    GetPublicKey, KmsClient, KmsError, ReEncrypt,
};
use bulla_envelope::{BoxFuture, EncryptionContext};

pub(crate) const RSA_PRIVATE: &str = include_str!("../data/rsa-private.pem");
pub(crate) const RSA_PUBLIC: &str = include_str!("../data/rsa-public.pem");

pub(crate) const EC_PRIVATE: [&str; 2] =
    [include_str!("../data/ec-private-1.pem"), include_str!("../data/ec-private-2.pem")];
pub(crate) const EC_PUBLIC: [&str; 2] =
    [include_str!("../data/ec-public-1.pem"), include_str!("../data/ec-public-2.pem")];

fn der(pem: &str) -> Vec<u8> {
    let digits: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    base64_simd::STANDARD.decode_to_vec(digits).unwrap()
}

/// The key pair for agreement that this KMS holds: the first one.
fn ec_key() -> EcdhKey {
    EcdhKey::from_der(Curve::P384, &der(EC_PRIVATE[0])).unwrap()
}

/// What `alias/mine` stands for.
const ALIASED: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234";

#[derive(Default)]
struct State {
    calls: Vec<&'static str>,
    disabled: HashSet<String>,
    last_key: String,
    last_algorithm: Option<String>,
    answer_as: Option<String>,
}

/// Every ARN is a key; replicas of a multi-Region key share their material.
pub(crate) struct Kms {
    state: Mutex<State>,
    crypto: Crypto,
}

impl Kms {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), crypto: Crypto::standard() })
    }

    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.state.lock().unwrap().calls.clone()
    }

    pub(crate) fn last_key(&self) -> String {
        self.state.lock().unwrap().last_key.clone()
    }

    pub(crate) fn last_algorithm(&self) -> Option<String> {
        self.state.lock().unwrap().last_algorithm.clone()
    }

    pub(crate) fn disable(&self, arn: &str) {
        self.state.lock().unwrap().disabled.insert(arn.to_owned());
    }

    /// From here on, answers name this key, whichever was used.
    pub(crate) fn answer_as(&self, arn: &str) {
        self.state.lock().unwrap().answer_as = Some(arn.to_owned());
    }

    /// Notes a call; gives the key's ARN, and the ARN to answer with.
    fn begin(&self, operation: &'static str, key: &str) -> Result<(String, String), KmsError> {
        let mut state = self.state.lock().unwrap();
        state.calls.push(operation);
        let arn = if key == "alias/mine" { ALIASED } else { key }.to_owned();
        state.last_key.clone_from(&arn);
        if state.disabled.contains(&arn) {
            let (code, message) = ("DisabledException".to_owned(), format!("{arn} is disabled."));
            return Err(KmsError::Service { operation, code, message });
        }
        let answer = state.answer_as.clone().unwrap_or_else(|| arn.clone());
        Ok((arn, answer))
    }

    fn cipher(arn: &str) -> GcmKey {
        let material = arn.split_once("key/mrk-").map_or(arn, |(_, id)| id);
        GcmKey::new(&sha256(material.as_bytes())).unwrap()
    }

    fn seal(&self, arn: &str, context: &EncryptionContext, plain: &[u8]) -> Vec<u8> {
        let nonce = self.crypto.random::<12>().unwrap();
        let mut sealed = vec![0; plain.len() + 16];
        Self::cipher(arn).seal(&nonce, &context.serialize(), plain, &mut sealed).unwrap();
        [&nonce[..], &sealed].concat()
    }

    fn unseal(
        arn: &str,
        context: &EncryptionContext,
        sealed: &[u8],
    ) -> Result<SecretBytes, KmsError> {
        let refused = || KmsError::Service {
            operation: "Decrypt",
            code: "InvalidCiphertextException".to_owned(),
            message: String::new(),
        };
        let (nonce, sealed) = sealed.split_first_chunk::<12>().ok_or_else(refused)?;
        let mut plain = SecretBytes::zeroed(sealed.len().saturating_sub(16));
        let opened =
            Self::cipher(arn).open(nonce, &context.serialize(), sealed, plain.expose_mut());
        opened.map_err(|_| refused())?;
        Ok(plain)
    }
}

impl KmsClient for Kms {
    fn generate_data_key<'a>(
        &'a self,
        request: GenerateDataKey<'a>,
    ) -> BoxFuture<'a, Result<DataKey, KmsError>> {
        Box::pin(async move {
            let (arn, key_id) = self.begin("GenerateDataKey", request.key_id)?;
            // Others get to run, as with a call over a network.
            tokio::task::yield_now().await;
            let plaintext = self.crypto.random_secret(request.number_of_bytes).unwrap();
            let ciphertext = self.seal(&arn, request.context, plaintext.expose());
            Ok(DataKey { key_id, plaintext, ciphertext })
        })
    }

    fn encrypt<'a>(&'a self, request: Encrypt<'a>) -> BoxFuture<'a, Result<Encrypted, KmsError>> {
        Box::pin(async move {
            let (arn, key_id) = self.begin("Encrypt", request.key_id)?;
            let ciphertext = self.seal(&arn, request.context, request.plaintext);
            Ok(Encrypted { key_id, ciphertext })
        })
    }

    fn decrypt<'a>(&'a self, request: Decrypt<'a>) -> BoxFuture<'a, Result<Decrypted, KmsError>> {
        Box::pin(async move {
            let (arn, key_id) = self.begin("Decrypt", request.key_id)?;
            tokio::task::yield_now().await;
            let algorithm = request.algorithm.map(str::to_owned);
            self.state.lock().unwrap().last_algorithm.clone_from(&algorithm);
            let plaintext = match algorithm.as_deref() {
                None => Self::unseal(&arn, request.context, request.ciphertext)?,
                Some(name) => {
                    assert!(request.context.is_empty(), "RSA has no encryption context");
                    let padding = match name {
                        "RSAES_OAEP_SHA_1" => RsaPadding::OaepSha1,
                        _ => RsaPadding::OaepSha256,
                    };
                    let key = RsaDecryptionKey::from_pkcs8(&der(RSA_PRIVATE)).unwrap();
                    key.decrypt(padding, request.ciphertext).unwrap()
                }
            };
            Ok(Decrypted { key_id, plaintext })
        })
    }

    fn derive_shared_secret<'a>(
        &'a self,
        request: DeriveSharedSecret<'a>,
    ) -> BoxFuture<'a, Result<Decrypted, KmsError>> {
        Box::pin(async move {
            let (_, key_id) = self.begin("DeriveSharedSecret", request.key_id)?;
            let plaintext = ec_key().agree(request.public_key).unwrap();
            Ok(Decrypted { key_id, plaintext })
        })
    }

    fn get_public_key<'a>(
        &'a self,
        request: GetPublicKey<'a>,
    ) -> BoxFuture<'a, Result<Encrypted, KmsError>> {
        Box::pin(async move {
            let (_, key_id) = self.begin("GetPublicKey", request.key_id)?;
            let ciphertext = point_to_der(Curve::P384, ec_key().compressed_public_key()).unwrap();
            Ok(Encrypted { key_id, ciphertext })
        })
    }

    fn generate_data_key_without_plaintext<'a>(
        &'a self,
        request: GenerateDataKey<'a>,
    ) -> BoxFuture<'a, Result<Encrypted, KmsError>> {
        Box::pin(async move {
            let (arn, key_id) = self.begin("GenerateDataKeyWithoutPlaintext", request.key_id)?;
            let plaintext = self.crypto.random_secret(request.number_of_bytes).unwrap();
            let ciphertext = self.seal(&arn, request.context, plaintext.expose());
            Ok(Encrypted { key_id, ciphertext })
        })
    }

    fn re_encrypt<'a>(
        &'a self,
        request: ReEncrypt<'a>,
    ) -> BoxFuture<'a, Result<Encrypted, KmsError>> {
        Box::pin(async move {
            let (arn, key_id) = self.begin("ReEncrypt", request.key_id)?;
            let plain = Self::unseal(&arn, request.source_context, request.ciphertext)?;
            let ciphertext = self.seal(&arn, request.destination_context, plain.expose());
            Ok(Encrypted { key_id, ciphertext })
        })
    }
}
