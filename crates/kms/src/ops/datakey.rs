//! GenerateDataKey and GenerateDataKeyWithoutPlaintext.

use std::sync::Arc;

use bulla_crypto::SecretBytes;
use bulla_plane::Call;
use bulla_plane::Stop;
use bulla_shapes::kms::{
    GenerateDataKeyRequest, GenerateDataKeyResponse, GenerateDataKeyWithoutPlaintextRequest,
    GenerateDataKeyWithoutPlaintextResponse,
};
use bulla_shapes::{Fault, StringMap, Strings, View};

use super::using::operation;
use super::{Answer, KEY_TYPE};
use crate::Kms;
use crate::blob::Made;
use crate::conditions::RequestKeys;
use crate::fault;
use crate::found::Takes;
use crate::kind::{Kind, Usage};
use crate::live::LiveKey;
use crate::quotas::charge_use;
use crate::recipient::Recipient;
use crate::sealing::Purpose;

/// What both operations have in common.
struct Wanted<'a> {
    action: &'static str,
    key_id: &'a str,
    context: Option<StringMap<'a>>,
    spec: Option<&'a str>,
    bytes: Option<i64>,
    tokens: Option<Strings<'a>>,
    dry_run: bool,
    recipient: Option<&'a Recipient>,
}

struct DataKey {
    key: Arc<LiveKey>,
    plaintext: SecretBytes,
    ciphertext: Vec<u8>,
}

pub(crate) async fn generate_data_key(
    kms: &Kms,
    call: &mut Call,
    input: &GenerateDataKeyRequest<'_>,
) -> Answer {
    let recipient = kms.recipient(call, input.recipient()).await?;
    let wanted = Wanted {
        action: "kms:GenerateDataKey",
        key_id: input.key_id(),
        context: input.encryption_context(),
        spec: input.key_spec(),
        bytes: input.number_of_bytes(),
        tokens: input.grant_tokens(),
        dry_run: input.dry_run() == Some(true),
        recipient: recipient.as_ref(),
    };
    let made = make(kms, call, &wanted).await?;
    let answer = GenerateDataKeyResponse::new()
        .with_key_material_id(made.key.current()?.hex.clone())
        .with_key_id(made.key.arn.clone())
        .with_ciphertext_blob(made.ciphertext);
    let answer = match &recipient {
        Some(to) => {
            answer.with_ciphertext_for_recipient(kms.enveloped(to, made.plaintext.expose())?)
        }
        None => answer.with_plaintext(made.plaintext.into_vec()),
    };
    Ok(Some(answer.into_record()))
}

pub(crate) async fn generate_data_key_without_plaintext(
    kms: &Kms,
    call: &mut Call,
    input: &GenerateDataKeyWithoutPlaintextRequest<'_>,
) -> Answer {
    let wanted = Wanted {
        action: "kms:GenerateDataKeyWithoutPlaintext",
        key_id: input.key_id(),
        context: input.encryption_context(),
        spec: input.key_spec(),
        bytes: input.number_of_bytes(),
        tokens: input.grant_tokens(),
        dry_run: input.dry_run() == Some(true),
        recipient: None,
    };
    let made = make(kms, call, &wanted).await?;
    let answer = GenerateDataKeyWithoutPlaintextResponse::new()
        .with_key_material_id(made.key.current()?.hex.clone())
        .with_key_id(made.key.arn.clone())
        .with_ciphertext_blob(made.ciphertext);
    Ok(Some(answer.into_record()))
}

async fn make(kms: &Kms, call: &mut Call, wanted: &Wanted<'_>) -> Result<DataKey, Stop> {
    let length = length(wanted)?;
    let found = kms.find(call, wanted.key_id, Takes::Everything).await?;
    kms.check_tokens(call, wanted.tokens).await?;
    let keys = RequestKeys::none()
        .context(wanted.context)
        .recipient(wanted.recipient)
        .alias(found.alias)
        .algorithm("SYMMETRIC_DEFAULT");
    let key = found.permit(call, wanted.action, &keys)?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    let operation = operation(wanted.action);
    key.must_be_for(operation, Usage::EncryptDecrypt)?;
    charge_use(call, &key, wanted.action)?;
    kms.must_be_usable(call, &key).await?;
    key.must_know(Kind::symmetric().spec)?;
    let plaintext = kms.crypto.random_secret(length)?;
    let purpose = Purpose { call, key: &key, operation, context: wanted.context };
    let ciphertext = kms.seal(purpose, Made::ByGenerate, plaintext.expose()).await?;
    if wanted.dry_run {
        return Err(fault::dry_run().into());
    }
    kms.used(call, call.event_id, &key, operation).await?;
    Ok(DataKey { key, plaintext, ciphertext })
}

/// Exactly one of `KeySpec` and `NumberOfBytes`.
fn length(wanted: &Wanted<'_>) -> Result<usize, Fault> {
    match (wanted.spec, wanted.bytes) {
        (Some("AES_256"), None) => Ok(32),
        (Some("AES_128"), None) => Ok(16),
        (None, Some(bytes)) => usize::try_from(bytes).map_err(|_| fault::internal()),
        _ => Err(fault::validation("Please specify either number of bytes or key spec.")),
    }
}
