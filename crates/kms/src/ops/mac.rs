//! GenerateMac and VerifyMac.

use std::sync::Arc;

use bulla_crypto::ct_eq;
use bulla_plane::{Call, Stop};
use bulla_shapes::kms::{
    GenerateMacRequest, GenerateMacResponse, VerifyMacRequest, VerifyMacResponse,
};
use bulla_shapes::{Strings, View};

use super::{Answer, KEY_TYPE, stop_if_dry};
use crate::conditions::RequestKeys;
use crate::found::Takes;
use crate::kind::Usage;
use crate::live::LiveKey;
use crate::{Kms, fault};

/// What both operations have in common.
struct Wanted<'a> {
    operation: &'static str,
    action: &'static str,
    key_id: &'a str,
    algorithm: &'a str,
    tokens: Option<Strings<'a>>,
}

pub(crate) async fn generate_mac(
    kms: &Kms,
    call: &mut Call,
    input: &GenerateMacRequest<'_>,
) -> Answer {
    let wanted = Wanted {
        operation: "GenerateMac",
        action: "kms:GenerateMac",
        key_id: input.key_id(),
        algorithm: input.mac_algorithm(),
        tokens: input.grant_tokens(),
    };
    let (key, mac) = mac(kms, call, &wanted, input.message()).await?;
    stop_if_dry(input.dry_run())?;
    kms.used(call, call.event_id, &key, wanted.operation).await?;
    let answer = GenerateMacResponse::new()
        .with_mac(mac)
        .with_mac_algorithm(wanted.algorithm.to_owned())
        .with_key_id(key.arn.clone());
    Ok(Some(answer.into_record()))
}

pub(crate) async fn verify_mac(kms: &Kms, call: &mut Call, input: &VerifyMacRequest<'_>) -> Answer {
    let wanted = Wanted {
        operation: "VerifyMac",
        action: "kms:VerifyMac",
        key_id: input.key_id(),
        algorithm: input.mac_algorithm(),
        tokens: input.grant_tokens(),
    };
    let (key, mac) = mac(kms, call, &wanted, input.message()).await?;
    // A wrong length is no other error (recorded), and a dry run checks too.
    if !ct_eq(&mac, input.mac()) {
        return Err(fault::invalid_mac().into());
    }
    stop_if_dry(input.dry_run())?;
    kms.used(call, call.event_id, &key, wanted.operation).await?;
    let answer = VerifyMacResponse::new()
        .with_key_id(key.arn.clone())
        .with_mac_valid(true)
        .with_mac_algorithm(wanted.algorithm.to_owned());
    Ok(Some(answer.into_record()))
}

async fn mac(
    kms: &Kms,
    call: &mut Call,
    wanted: &Wanted<'_>,
    message: &[u8],
) -> Result<(Arc<LiveKey>, Vec<u8>), Stop> {
    let found = kms.find(call, wanted.key_id, Takes::Everything).await?;
    kms.check_tokens(call, wanted.tokens).await?;
    let keys = RequestKeys::none().alias(found.alias).with("kms:macalgorithm", wanted.algorithm);
    let key = found.permit(call, wanted.action, &keys)?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    key.must_be_for(wanted.operation, key.record.kind.usage == Usage::GenerateVerifyMac)?;
    key.must_be_enabled()?;
    key.must_know(wanted.algorithm)?;
    let (hash, secret) = key.mac()?;
    let mac = kms.crypto.tag(hash, secret, message);
    Ok((key, mac))
}
