//! GenerateDataKeyPair and GenerateDataKeyPairWithoutPlaintext.

use std::sync::Arc;

use bulla_crypto::SecretBytes;
use bulla_plane::{Call, Stop};
use bulla_shapes::kms::{
    GenerateDataKeyPairRequest, GenerateDataKeyPairResponse,
    GenerateDataKeyPairWithoutPlaintextRequest, GenerateDataKeyPairWithoutPlaintextResponse,
};
use bulla_shapes::{StringMap, Strings, View};

use super::using::{Wanted, key_to_use, operation};
use super::{Answer, stop_if_dry};
use crate::blob::{self, Made};
use crate::conditions::RequestKeys;
use crate::kind::{Kind, Usage};
use crate::live::LiveKey;
use crate::quotas::charge_pair;
use crate::recipient::Recipient;
use crate::{Kms, fault};

/// What both operations have in common.
struct Pair<'a> {
    action: &'static str,
    key_id: &'a str,
    spec: &'a str,
    context: Option<StringMap<'a>>,
    tokens: Option<Strings<'a>>,
    dry_run: Option<bool>,
    recipient: Option<&'a Recipient>,
}

struct DataKeyPair {
    key: Arc<LiveKey>,
    /// The id of the material that sealed the private key.
    material: String,
    private: SecretBytes,
    sealed: Vec<u8>,
    public: Vec<u8>,
}

pub(crate) async fn generate_data_key_pair(
    kms: &Kms,
    call: &mut Call,
    input: &GenerateDataKeyPairRequest<'_>,
) -> Answer {
    let recipient = kms.recipient(call, input.recipient()).await?;
    let wanted = Pair {
        action: "kms:GenerateDataKeyPair",
        key_id: input.key_id(),
        spec: input.key_pair_spec(),
        context: input.encryption_context(),
        tokens: input.grant_tokens(),
        dry_run: input.dry_run(),
        recipient: recipient.as_ref(),
    };
    let made = make(kms, call, &wanted).await?;
    let answer = GenerateDataKeyPairResponse::new()
        .with_private_key_ciphertext_blob(made.sealed)
        .with_public_key(made.public)
        .with_key_id(made.key.arn.clone())
        .with_key_pair_spec(wanted.spec.to_owned())
        .with_key_material_id(made.material);
    let answer = match &recipient {
        Some(to) => answer.with_ciphertext_for_recipient(kms.enveloped(to, made.private.expose())?),
        None => answer.with_private_key_plaintext(made.private.into_vec()),
    };
    Ok(Some(answer.into_record()))
}

pub(crate) async fn generate_data_key_pair_without_plaintext(
    kms: &Kms,
    call: &mut Call,
    input: &GenerateDataKeyPairWithoutPlaintextRequest<'_>,
) -> Answer {
    let wanted = Pair {
        action: "kms:GenerateDataKeyPairWithoutPlaintext",
        key_id: input.key_id(),
        spec: input.key_pair_spec(),
        context: input.encryption_context(),
        tokens: input.grant_tokens(),
        dry_run: input.dry_run(),
        recipient: None,
    };
    let made = make(kms, call, &wanted).await?;
    let answer = GenerateDataKeyPairWithoutPlaintextResponse::new()
        .with_private_key_ciphertext_blob(made.sealed)
        .with_public_key(made.public)
        .with_key_id(made.key.arn.clone())
        .with_key_pair_spec(wanted.spec.to_owned())
        .with_key_material_id(made.material);
    Ok(Some(answer.into_record()))
}

async fn make(kms: &Kms, call: &mut Call, pair: &Pair<'_>) -> Result<DataKeyPair, Stop> {
    let wanted = Wanted {
        action: pair.action,
        usage: Usage::EncryptDecrypt,
        key_id: pair.key_id,
        tokens: pair.tokens,
    };
    let keys = RequestKeys::none()
        .context(pair.context)
        .recipient(pair.recipient)
        .algorithm(Kind::symmetric().spec)
        .with("kms:datakeypairspec", pair.spec);
    let key = key_to_use(kms, call, &wanted, keys).await?;
    key.must_know(Kind::symmetric().spec)?;
    key.must_not_be_in_a_store()?;
    let spec = Kind::pair_of(pair.spec, call.partition).ok_or_else(|| {
        fault::unsupported(format!(
            "this server does not make key pairs of spec {} in this Region",
            pair.spec
        ))
    })?;
    // Nothing can fail from here on that is the caller's fault but the context's length, which
    // sealing nothing finds out; primes for a dry run would be a waste.
    let material = key.current()?;
    blob::seal(&kms.crypto, material, Made::ByGenerate, &[], pair.context)?;
    charge_pair(call, pair.spec)?;
    stop_if_dry(pair.dry_run)?;
    let private = kms.new_pair(spec).await?;
    let public = kms.open_pair(spec, private.expose()).await?.public_der().to_vec();
    let sealed =
        blob::seal(&kms.crypto, material, Made::ByGenerate, private.expose(), pair.context)?;
    kms.used(call, call.event_id, &key, operation(pair.action)).await?;
    let material = material.hex.clone();
    Ok(DataKeyPair { key, material, private, sealed, public })
}
