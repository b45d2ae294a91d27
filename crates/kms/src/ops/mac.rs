//! GenerateMac and VerifyMac.

use bulla_crypto::ct_eq;
use bulla_plane::Call;
use bulla_shapes::View;
use bulla_shapes::kms::{
    GenerateMacRequest, GenerateMacResponse, VerifyMacRequest, VerifyMacResponse,
};

use super::using::{Wanted, key_to_use};
use super::{Answer, stop_if_dry};
use crate::conditions::RequestKeys;
use crate::kind::Usage;
use crate::{Kms, fault};

pub(crate) async fn generate_mac(
    kms: &Kms,
    call: &mut Call,
    input: &GenerateMacRequest<'_>,
) -> Answer {
    let wanted = Wanted {
        action: "kms:GenerateMac",
        usage: Usage::GenerateVerifyMac,
        key_id: input.key_id(),
        tokens: input.grant_tokens(),
    };
    let algorithm = input.mac_algorithm();
    let keys = RequestKeys::none().with("kms:macalgorithm", algorithm);
    let key = key_to_use(kms, call, &wanted, keys).await?;
    key.must_know(algorithm)?;
    let (hash, secret) = key.mac()?;
    let mac = kms.crypto.tag(hash, secret, input.message());
    stop_if_dry(input.dry_run())?;
    kms.used(call, call.event_id, &key, "GenerateMac").await?;
    let answer = GenerateMacResponse::new()
        .with_mac(mac)
        .with_mac_algorithm(algorithm.to_owned())
        .with_key_id(key.arn.clone());
    Ok(Some(answer.into_record()))
}

pub(crate) async fn verify_mac(kms: &Kms, call: &mut Call, input: &VerifyMacRequest<'_>) -> Answer {
    let wanted = Wanted {
        action: "kms:VerifyMac",
        usage: Usage::GenerateVerifyMac,
        key_id: input.key_id(),
        tokens: input.grant_tokens(),
    };
    let algorithm = input.mac_algorithm();
    let keys = RequestKeys::none().with("kms:macalgorithm", algorithm);
    let key = key_to_use(kms, call, &wanted, keys).await?;
    key.must_know(algorithm)?;
    let (hash, secret) = key.mac()?;
    // A wrong length is no other error (recorded), and a dry run checks too.
    if !ct_eq(&kms.crypto.tag(hash, secret, input.message()), input.mac()) {
        return Err(fault::invalid_mac().into());
    }
    stop_if_dry(input.dry_run())?;
    kms.used(call, call.event_id, &key, "VerifyMac").await?;
    let answer = VerifyMacResponse::new()
        .with_key_id(key.arn.clone())
        .with_mac_valid(true)
        .with_mac_algorithm(algorithm.to_owned());
    Ok(Some(answer.into_record()))
}
