//! Encrypt, Decrypt, ReEncrypt.

use std::sync::Arc;

use bulla_crypto::{EncryptionScheme, SecretBytes};
use bulla_plane::Call;
use bulla_plane::Stop;
use bulla_shapes::kms::{
    DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, ReEncryptRequest,
    ReEncryptResponse,
};
use bulla_shapes::{Fault, StringMap, Strings, View};

use super::using::operation;
use super::{Answer, KEY_TYPE, stop_if_dry};
use crate::Kms;
use crate::blob::Made;
use crate::cipher;
use crate::conditions::RequestKeys;
use crate::fault;
use crate::found::{Found, Takes};
use crate::kind::Usage;
use crate::live::LiveKey;
use crate::quotas::charge_use;
use crate::sealing::{self, Parsed, Purpose};
use crate::usage::Use;

/// The algorithm where none is named.
const SYMMETRIC: &str = "SYMMETRIC_DEFAULT";

pub(crate) async fn encrypt(kms: &Kms, call: &mut Call, input: &EncryptRequest<'_>) -> Answer {
    let target = Target {
        action: "kms:Encrypt",
        context: input.encryption_context(),
        algorithm: input.encryption_algorithm().unwrap_or(SYMMETRIC),
    };
    let found = kms.find(call, input.key_id(), Takes::Everything).await?;
    kms.check_tokens(call, input.grant_tokens()).await?;
    let key = encrypting_key(kms, call, &target, found, RequestKeys::none()).await?;
    let ciphertext = seal(kms, call, &key, &target, input.plaintext()).await?;
    stop_if_dry(input.dry_run())?;
    kms.used(call, call.event_id, &key, "Encrypt").await?;
    let answer = EncryptResponse::new()
        .with_ciphertext_blob(ciphertext)
        .with_key_id(key.arn.clone())
        .with_encryption_algorithm(target.algorithm.to_owned());
    Ok(Some(answer.into_record()))
}

pub(crate) async fn decrypt(kms: &Kms, call: &mut Call, input: &DecryptRequest<'_>) -> Answer {
    let recipient = kms.recipient(call, input.recipient()).await?;
    let source = Source {
        action: "kms:Decrypt",
        ciphertext: input.ciphertext_blob(),
        key_id: input.key_id(),
        context: input.encryption_context(),
        algorithm: input.encryption_algorithm().unwrap_or(SYMMETRIC),
        only_authorize: ignores_ciphertext(input.dry_run(), input.dry_run_modifiers())?,
    };
    let sealed = sealed(kms, call, &source).await?;
    kms.check_tokens(call, input.grant_tokens()).await?;
    let keys = RequestKeys::none().recipient(recipient.as_ref());
    let opened = open(kms, call, &source, sealed, keys).await?;
    stop_if_dry(input.dry_run())?;
    let Some(plaintext) = opened.plaintext else { return Err(fault::dry_run().into()) };
    kms.used(call, call.event_id, &opened.key, "Decrypt").await?;
    let answer = DecryptResponse::new()
        .with_key_id(opened.key.arn.clone())
        .with_encryption_algorithm(source.algorithm.to_owned());
    let answer = match &recipient {
        Some(to) => answer.with_ciphertext_for_recipient(kms.enveloped(to, plaintext.expose())?),
        None => answer
            .with_plaintext(plaintext.into_vec())
            .with_some(opened.material, DecryptResponse::with_key_material_id),
    };
    Ok(Some(answer.into_record()))
}

pub(crate) async fn re_encrypt(kms: &Kms, call: &mut Call, input: &ReEncryptRequest<'_>) -> Answer {
    let source = Source {
        action: "kms:ReEncryptFrom",
        ciphertext: input.ciphertext_blob(),
        key_id: input.source_key_id(),
        context: input.source_encryption_context(),
        algorithm: input.source_encryption_algorithm().unwrap_or(SYMMETRIC),
        only_authorize: ignores_ciphertext(input.dry_run(), input.dry_run_modifiers())?,
    };
    let target = Target {
        action: "kms:ReEncryptTo",
        context: input.destination_encryption_context(),
        algorithm: input.destination_encryption_algorithm().unwrap_or(SYMMETRIC),
    };
    let sealed = sealed(kms, call, &source).await?;
    let found = kms.find(call, input.destination_key_id(), Takes::Everything).await?;
    kms.check_tokens(call, input.grant_tokens()).await?;
    let same = sealed.found.is_same(&found);
    let opened = open(kms, call, &source, sealed, RequestKeys::none().same_key(same)).await?;
    let keys = RequestKeys::none().same_key(same);
    let key = encrypting_key(kms, call, &target, found, keys).await?;
    let Some(plaintext) = opened.plaintext else { return Err(fault::dry_run().into()) };
    let ciphertext = seal(kms, call, &key, &target, plaintext.expose()).await?;
    stop_if_dry(input.dry_run())?;
    // Each key has an event of its own (KMS API Reference); both events name both keys, source
    // first.
    let second = call.one_more_event(&kms.crypto)?;
    kms.used(call, call.event_id, &opened.key, "ReEncrypt").await?;
    kms.used(call, second, &key, "ReEncrypt").await?;
    let symmetric = key.record.kind.is_symmetric_encryption();
    let material = if symmetric { Some(key.current()?.hex.clone()) } else { None };
    let answer = ReEncryptResponse::new()
        .with_ciphertext_blob(ciphertext)
        .with_source_key_id(opened.key.arn.clone())
        .with_key_id(key.arn.clone())
        .with_source_encryption_algorithm(source.algorithm.to_owned())
        .with_destination_encryption_algorithm(target.algorithm.to_owned())
        .with_some(opened.material, ReEncryptResponse::with_source_key_material_id)
        .with_some(material, ReEncryptResponse::with_destination_key_material_id);
    Ok(Some(answer.into_record()))
}

impl Kms {
    /// Notes that a key was used, for GetKeyLastUsage, and which event tells of it.
    pub(crate) async fn used(
        &self,
        call: &Call,
        event_id: [u8; 16],
        key: &LiveKey,
        operation: &'static str,
    ) -> Result<(), Stop> {
        let (at_ms, request_id) = (call.now_ms, call.request_id);
        let usage = Use { operation: operation.into(), at_ms, event_id, request_id };
        self.usage.note(&key.path, usage).await
    }
}

/// What is to be encrypted.
struct Target<'a> {
    action: &'static str,
    context: Option<StringMap<'a>>,
    algorithm: &'a str,
}

async fn encrypting_key<'a>(
    kms: &Kms,
    call: &mut Call,
    target: &Target<'a>,
    found: Found<'a>,
    keys: RequestKeys<'a>,
) -> Result<Arc<LiveKey>, Stop> {
    let keys = keys.context(target.context).alias(found.alias).algorithm(target.algorithm);
    let key = found.permit(call, target.action, &keys)?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    key.must_be_for(operation(target.action), Usage::EncryptDecrypt)?;
    charge_use(call, &key, target.action)?;
    kms.must_be_usable(call, &key).await?;
    key.must_know(target.algorithm)?;
    Ok(key)
}

async fn seal(
    kms: &Kms,
    call: &Call,
    key: &LiveKey,
    target: &Target<'_>,
    plaintext: &[u8],
) -> Result<Vec<u8>, Stop> {
    if !key.record.kind.is_symmetric_encryption() {
        return kms.encrypt_by_pair(key, target.algorithm, plaintext, target.context).await;
    }
    let purpose = purpose(call, key, target.action, target.context);
    kms.seal(purpose, Made::ByEncrypt, plaintext).await
}

/// Both halves of ReEncrypt are one operation to whoever is told of it.
fn purpose<'a>(
    call: &'a Call,
    key: &'a LiveKey,
    action: &'static str,
    context: Option<StringMap<'a>>,
) -> Purpose<'a> {
    let operation = match operation(action) {
        "ReEncryptFrom" | "ReEncryptTo" => "ReEncrypt",
        other => other,
    };
    Purpose { call, key, operation, context }
}

/// What is to be decrypted.
struct Source<'a> {
    action: &'static str,
    ciphertext: Option<&'a [u8]>,
    key_id: Option<&'a str>,
    context: Option<StringMap<'a>>,
    algorithm: &'a str,
    only_authorize: bool,
}

/// A ciphertext and the key that is to open it.
struct Sealed<'a> {
    found: Found<'a>,
    ciphertext: Ciphertext<'a>,
}

enum Ciphertext<'a> {
    /// Only the authorization is asked for.
    Ignored,
    /// Made by a symmetric key, if it has the form.
    Blob(Option<Parsed<'a>>),
    /// Made by a key pair.
    Asymmetric(EncryptionScheme, &'a [u8]),
}

async fn sealed<'a>(kms: &Kms, call: &Call, source: &Source<'a>) -> Result<Sealed<'a>, Stop> {
    let scheme = cipher::scheme(source.algorithm);
    if source.algorithm != SYMMETRIC && source.key_id.is_none() {
        return Err(fault::validation(NO_KEY).into());
    }
    let ciphertext = match (source.only_authorize, source.ciphertext) {
        (true, _) => Ciphertext::Ignored,
        (false, Some(bytes)) => match scheme {
            Some(scheme) => Ciphertext::Asymmetric(scheme, bytes),
            None => Ciphertext::Blob(sealing::parse(bytes)),
        },
        (false, None) => return Err(fault::validation(NO_CIPHERTEXT).into()),
    };
    let found = match (source.key_id, &ciphertext) {
        (Some(text), _) => kms.find(call, text, Takes::Everything).await?,
        (None, Ciphertext::Blob(blob)) => {
            let blob = blob.as_ref().ok_or_else(fault::invalid_ciphertext)?;
            let owner = kms.owner(call, blob.material()).await?;
            owner.ok_or_else(fault::unknown_ciphertext)?
        }
        (None, _) => return Err(fault::validation(NO_KEY).into()),
    };
    Ok(Sealed { found, ciphertext })
}

struct Opened {
    key: Arc<LiveKey>,
    /// None where only the authorization was asked for.
    plaintext: Option<SecretBytes>,
    /// The id of the material that opened it, where a symmetric key did.
    material: Option<String>,
}

async fn open<'a>(
    kms: &Kms,
    call: &mut Call,
    source: &Source<'a>,
    sealed: Sealed<'a>,
    keys: RequestKeys<'a>,
) -> Result<Opened, Stop> {
    let keys = keys.context(source.context).alias(sealed.found.alias).algorithm(source.algorithm);
    let key = sealed.found.permit(call, source.action, &keys)?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    if key.record.kind.usage != Usage::EncryptDecrypt {
        return Err(fault::incorrect_key().into());
    }
    charge_use(call, &key, source.action)?;
    kms.must_be_usable(call, &key).await?;
    // A symmetric ciphertext is looked at first, even where the key is of another kind (recorded).
    if source.algorithm != SYMMETRIC || matches!(sealed.ciphertext, Ciphertext::Ignored) {
        key.must_know(source.algorithm)?;
    }
    match sealed.ciphertext {
        Ciphertext::Ignored => Ok(Opened { key, plaintext: None, material: None }),
        Ciphertext::Asymmetric(scheme, bytes) => {
            let plaintext = kms.decrypt_by_pair(&key, scheme, bytes, source.context).await?;
            Ok(Opened { key, plaintext: Some(plaintext), material: None })
        }
        Ciphertext::Blob(None) => Err(fault::invalid_ciphertext().into()),
        Ciphertext::Blob(Some(blob)) => {
            let Some(material) = key.material(blob.material()) else {
                return Err(fault::incorrect_key().into());
            };
            let purpose = purpose(call, &key, source.action, source.context);
            let plaintext = kms.open(purpose, material, blob).await?;
            let id = material.hex.clone();
            Ok(Opened { key, plaintext: Some(plaintext), material: Some(id) })
        }
    }
}

/// The text where neither the request nor a ciphertext names a key.
const NO_KEY: &str = "KeyId must not be null";
/// The text of a required member (recorded).
const NO_CIPHERTEXT: &str = "1 validation error detected: Value at 'ciphertextBlob' failed to \
                             satisfy constraint: Member must not be null";

/// Whether a dry run shall look at the authorization alone.
fn ignores_ciphertext(
    dry_run: Option<bool>,
    modifiers: Option<Strings<'_>>,
) -> Result<bool, Fault> {
    let ignores = modifiers.is_some_and(|all| all.iter().any(|m| m == "IGNORE_CIPHERTEXT"));
    if ignores && dry_run != Some(true) {
        return Err(fault::validation("DryRunModifiers can be used only with DryRun"));
    }
    Ok(ignores)
}
