//! `GetCallerIdentity`, `GetAccessKeyInfo` and `DecodeAuthorizationMessage`.

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_shapes::sts::{
    DecodeAuthorizationMessageRequest, DecodeAuthorizationMessageResponse, GetAccessKeyInfoRequest,
    GetAccessKeyInfoResponse, GetCallerIdentityRequest, GetCallerIdentityResponse,
};
use bulla_shapes::{Record, View};

use super::super::{Sts, fault, limits};
use crate::account_of_key;

/// Needs no permission, whoever calls.
pub(crate) async fn get_caller_identity(
    _: &Sts,
    call: &mut Call,
    _: &GetCallerIdentityRequest<'_>,
) -> Result<Option<Record<'static>>, Stop> {
    let caller = call.principal();
    let answer = GetCallerIdentityResponse::new()
        .with_user_id(caller.unique_id.clone())
        .with_account(caller.account.clone())
        .with_arn(caller.arn.clone());
    Ok(Some(answer.into_record()))
}

/// The account is in the id itself, so that nothing is looked up, and keys of others are known too.
pub(crate) async fn get_access_key_info(
    _: &Sts,
    call: &mut Call,
    input: &GetAccessKeyInfoRequest<'_>,
) -> Result<Option<Record<'static>>, Stop> {
    limits::check(call, "GetAccessKeyInfo")?;
    permit_account(call, "sts:GetAccessKeyInfo", "*", &Context::new())?;
    let id = input.access_key_id();
    let account = account_of_key(id)
        // The text is ours.
        .ok_or_else(|| fault::validation(format!("{id} is not an access key id")))?;
    Ok(Some(GetAccessKeyInfoResponse::new().with_account(account).into_record()))
}

pub(crate) async fn decode_authorization_message(
    sts: &Sts,
    call: &mut Call,
    input: &DecodeAuthorizationMessageRequest<'_>,
) -> Result<Option<Record<'static>>, Stop> {
    limits::check(call, "DecodeAuthorizationMessage")?;
    permit_account(call, "sts:DecodeAuthorizationMessage", "*", &Context::new())?;
    let message = sts.messages.open(call.account(), input.encoded_message())?;
    let answer = DecodeAuthorizationMessageResponse::new().with_decoded_message(message);
    Ok(Some(answer.into_record()))
}
