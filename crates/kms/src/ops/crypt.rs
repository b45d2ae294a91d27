//! Encrypt, Decrypt, ReEncrypt.

use std::sync::Arc;

use bulla_crypto::SecretBytes;
use bulla_plane::Call;
use bulla_plane::Stop;
use bulla_shapes::kms::{
    DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, ReEncryptRequest,
    ReEncryptResponse,
};
use bulla_shapes::{Fault, StringMap, Strings, View};

use super::{Answer, KEY_TYPE, stop_if_dry};
use crate::Kms;
use crate::blob::{self, Blob, Made};
use crate::conditions::RequestKeys;
use crate::fault;
use crate::found::{Found, Takes};
use crate::kind::Usage;
use crate::live::LiveKey;
use crate::usage::Use;

const SYMMETRIC: &str = "SYMMETRIC_DEFAULT";

pub(crate) async fn encrypt(kms: &Kms, call: &mut Call, input: &EncryptRequest<'_>) -> Answer {
    let target = Target {
        action: "kms:Encrypt",
        context: input.encryption_context(),
        algorithm: input.encryption_algorithm(),
    };
    let found = kms.find(call, input.key_id(), Takes::Everything).await?;
    kms.check_tokens(call, input.grant_tokens()).await?;
    let key = encrypting_key(call, &target, found, RequestKeys::none())?;
    let material = key.current()?;
    let context = input.encryption_context();
    let blob = blob::seal(&kms.crypto, material, Made::ByEncrypt, input.plaintext(), context)?;
    stop_if_dry(input.dry_run())?;
    kms.used(call, call.event_id, &key, "Encrypt").await?;
    let answer = EncryptResponse::new()
        .with_ciphertext_blob(blob)
        .with_key_id(key.arn.clone())
        .with_encryption_algorithm(SYMMETRIC);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn decrypt(kms: &Kms, call: &mut Call, input: &DecryptRequest<'_>) -> Answer {
    no_recipient(input.recipient().is_some())?;
    let source = Source {
        action: "kms:Decrypt",
        blob: input.ciphertext_blob(),
        key_id: input.key_id(),
        context: input.encryption_context(),
        algorithm: input.encryption_algorithm(),
        only_authorize: ignores_ciphertext(input.dry_run(), input.dry_run_modifiers())?,
    };
    let sealed = sealed(kms, call, &source).await?;
    kms.check_tokens(call, input.grant_tokens()).await?;
    let opened = open(kms, call, &source, sealed, RequestKeys::none())?;
    stop_if_dry(input.dry_run())?;
    let Some((plaintext, material)) = opened.plaintext else { return Err(fault::dry_run().into()) };
    kms.used(call, call.event_id, &opened.key, "Decrypt").await?;
    let answer = DecryptResponse::new()
        .with_key_id(opened.key.arn.clone())
        .with_plaintext(plaintext.into_vec())
        .with_encryption_algorithm(SYMMETRIC)
        .with_key_material_id(material);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn re_encrypt(kms: &Kms, call: &mut Call, input: &ReEncryptRequest<'_>) -> Answer {
    let source = Source {
        action: "kms:ReEncryptFrom",
        blob: input.ciphertext_blob(),
        key_id: input.source_key_id(),
        context: input.source_encryption_context(),
        algorithm: input.source_encryption_algorithm(),
        only_authorize: ignores_ciphertext(input.dry_run(), input.dry_run_modifiers())?,
    };
    let target = Target {
        action: "kms:ReEncryptTo",
        context: input.destination_encryption_context(),
        algorithm: input.destination_encryption_algorithm(),
    };
    let sealed = sealed(kms, call, &source).await?;
    let found = kms.find(call, input.destination_key_id(), Takes::Everything).await?;
    kms.check_tokens(call, input.grant_tokens()).await?;
    let same = sealed.found.is_same(&found);
    let opened = open(kms, call, &source, sealed, RequestKeys::none().same_key(same))?;
    let key = encrypting_key(call, &target, found, RequestKeys::none().same_key(same))?;
    let Some((plaintext, material)) = opened.plaintext else { return Err(fault::dry_run().into()) };
    let current = key.current()?;
    let blob =
        blob::seal(&kms.crypto, current, Made::ByEncrypt, plaintext.expose(), target.context)?;
    stop_if_dry(input.dry_run())?;
    // Each key has an event of its own (KMS API Reference); both events name both keys, source
    // first.
    let second = call.one_more_event(&kms.crypto)?;
    kms.used(call, call.event_id, &opened.key, "ReEncrypt").await?;
    kms.used(call, second, &key, "ReEncrypt").await?;
    let answer = ReEncryptResponse::new()
        .with_ciphertext_blob(blob)
        .with_source_key_id(opened.key.arn.clone())
        .with_key_id(key.arn.clone())
        .with_source_encryption_algorithm(SYMMETRIC)
        .with_destination_encryption_algorithm(SYMMETRIC)
        .with_source_key_material_id(material)
        .with_destination_key_material_id(current.hex.clone());
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
    algorithm: Option<&'a str>,
}

fn encrypting_key<'a>(
    call: &mut Call,
    target: &Target<'a>,
    found: Found<'a>,
    keys: RequestKeys<'a>,
) -> Result<Arc<LiveKey>, Fault> {
    let keys = keys
        .context(target.context)
        .alias(found.alias)
        .algorithm(target.algorithm.unwrap_or(SYMMETRIC));
    let key = found.permit(call, target.action, &keys)?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    let operation = target.action.strip_prefix("kms:").unwrap_or(target.action);
    key.must_be_for(operation, key.record.kind.usage == Usage::EncryptDecrypt)?;
    key.must_be_enabled()?;
    key.must_know(target.algorithm.unwrap_or(SYMMETRIC))?;
    Ok(key)
}

/// What is to be decrypted.
struct Source<'a> {
    action: &'static str,
    blob: Option<&'a [u8]>,
    key_id: Option<&'a str>,
    context: Option<StringMap<'a>>,
    algorithm: Option<&'a str>,
    only_authorize: bool,
}

/// A ciphertext and the key that is to open it.
struct Sealed<'a> {
    found: Found<'a>,
    /// None where only the authorization is asked for; within, none that has a blob's form.
    blob: Option<Option<Blob<'a>>>,
}

async fn sealed<'a>(kms: &Kms, call: &Call, source: &Source<'a>) -> Result<Sealed<'a>, Stop> {
    if source.algorithm.is_some_and(|name| name != SYMMETRIC) && source.key_id.is_none() {
        return Err(fault::validation(NO_KEY).into());
    }
    let blob = match (source.only_authorize, source.blob) {
        (true, _) => None,
        (false, Some(bytes)) => Some(blob::parse(bytes)),
        (false, None) => return Err(fault::validation(NO_CIPHERTEXT).into()),
    };
    let found = match (source.key_id, &blob) {
        (Some(text), _) => kms.find(call, text, Takes::Everything).await?,
        (None, None) => return Err(fault::validation(NO_KEY).into()),
        (None, Some(blob)) => {
            let material = blob.as_ref().ok_or_else(fault::invalid_ciphertext)?.material;
            let owner = kms.owner(call, &material).await?;
            owner.ok_or_else(fault::unknown_ciphertext)?
        }
    };
    Ok(Sealed { found, blob })
}

struct Opened {
    key: Arc<LiveKey>,
    /// The plaintext and the id of its material; none where only the authorization was asked for.
    plaintext: Option<(SecretBytes, String)>,
}

fn open<'a>(
    kms: &Kms,
    call: &mut Call,
    source: &Source<'a>,
    sealed: Sealed<'a>,
    keys: RequestKeys<'a>,
) -> Result<Opened, Stop> {
    let keys = keys
        .context(source.context)
        .alias(sealed.found.alias)
        .algorithm(source.algorithm.unwrap_or(SYMMETRIC));
    let key = sealed.found.permit(call, source.action, &keys)?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    if key.record.kind.usage != Usage::EncryptDecrypt {
        return Err(fault::incorrect_key().into());
    }
    key.must_be_enabled()?;
    key.must_know(source.algorithm.unwrap_or(SYMMETRIC))?;
    let Some(blob) = sealed.blob else { return Ok(Opened { key, plaintext: None }) };
    let blob = blob.ok_or_else(fault::invalid_ciphertext)?;
    let Some(material) = key.material(&blob.material) else {
        return Err(fault::incorrect_key().into());
    };
    let plaintext = blob.open(&kms.crypto, material, source.context)?;
    let id = material.hex.clone();
    Ok(Opened { key, plaintext: Some((plaintext, id)) })
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

/// Refuses attestation documents, whose answers this server cannot make.
pub(crate) fn no_recipient(given: bool) -> Result<(), Fault> {
    if given {
        return Err(fault::unsupported("this server does not take Recipient"));
    }
    Ok(())
}
