//! GetPublicKey.

use bulla_plane::Call;
use bulla_shapes::View;
use bulla_shapes::kms::{GetPublicKeyRequest, GetPublicKeyResponse};

use super::{Answer, KEY_TYPE};
use crate::Kms;
use crate::conditions::RequestKeys;
use crate::fault;
use crate::found::Takes;
use crate::kind::Usage;

pub(crate) async fn get_public_key(
    kms: &Kms,
    call: &mut Call,
    input: &GetPublicKeyRequest<'_>,
) -> Answer {
    let found = kms.find(call, input.key_id(), Takes::Everything).await?;
    kms.check_tokens(call, input.grant_tokens()).await?;
    let keys = RequestKeys::none().alias(found.alias);
    let key = found.permit(call, "kms:GetPublicKey", &keys)?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    let kind = key.record.kind;
    if kind.is_symmetric() {
        return Err(fault::unsupported_silently().into());
    }
    // A disabled key shows its public half (recorded).
    key.must_not_be_going()?;
    key.must_have_material()?;
    let algorithms = kind.algorithms.iter().copied();
    let answer = GetPublicKeyResponse::new()
        .with_key_id(key.arn.clone())
        .with_public_key(key.pair()?.public_der().to_vec())
        .with_customer_master_key_spec(kind.spec)
        .with_key_spec(kind.spec)
        .with_key_usage(kind.usage.name());
    let answer = match kind.usage {
        Usage::EncryptDecrypt => answer.with_encryption_algorithms(algorithms),
        Usage::SignVerify => answer.with_signing_algorithms(algorithms),
        Usage::KeyAgreement => answer.with_key_agreement_algorithms(algorithms),
        Usage::EncapsulateDecapsulate => answer.with_encapsulation_algorithms(algorithms),
        Usage::GenerateVerifyMac => return Err(fault::internal().into()),
    };
    Ok(Some(answer.into_record()))
}
