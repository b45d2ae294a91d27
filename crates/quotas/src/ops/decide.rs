//! SetServiceQuota and DecideQuotaRequest: what an operator decides.

use bulla_plane::Call;
use bulla_plane::gate::permit_account;
use bulla_shapes::View;
use bulla_shapes::bullaquotas::{
    DecideQuotaRequestRequest, DecideQuotaRequestResponse, SetServiceQuotaRequest,
    SetServiceQuotaResponse,
};
use bulla_store::{Expected, SealedBatch};

use super::{Answer, arn};
use crate::catalog;
use crate::record::{REQUESTS, Status, home, written};
use crate::{Operator, fault};

/// Sets the value of a quota for the caller's account and region, higher or lower; without a value,
/// AWS's default holds again.
pub(crate) async fn set_service_quota(
    operator: &Operator,
    call: &mut Call,
    input: &SetServiceQuotaRequest<'_>,
) -> Answer {
    let desk = &*operator.desk;
    let found = catalog::find(input.service_code(), input.quota_code());
    let account = call.account().to_owned();
    let resource =
        found.as_ref().map_or_else(|| "*".to_owned(), |found| arn(found, call, &account));
    permit_account(call, "bulla:SetServiceQuota", &resource, &())?;
    let found = found.filter(|found| found.quota.counts());
    let found = found.ok_or_else(|| {
        let text = "There is no such quota here: bulla quota list shows those that can be set.";
        fault::operator("NoSuchQuotaException", text)
    })?;
    call.touched(&resource, &account, "");
    let value = input.value();
    let _deciding = desk.deciding.lock().await;
    let batch = desk.kept(SealedBatch::new(), &found, call, value).await?;
    desk.barrier.commit(batch).await?;
    desk.apply(&found, call, value)?;
    let answer = SetServiceQuotaResponse::new().with_value(desk.value(&found, call));
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

/// Grants or refuses what somebody of the caller's account asked for.
pub(crate) async fn decide_quota_request(
    operator: &Operator,
    call: &mut Call,
    input: &DecideQuotaRequestRequest<'_>,
) -> Answer {
    let desk = &*operator.desk;
    permit_account(call, "bulla:DecideQuotaRequest", "*", &())?;
    let no_request = || {
        let text = "There is no request with this id in this account and region.";
        fault::operator("NoSuchRequestException", text)
    };
    let (mut request, version) =
        desk.request(call, input.request_id()).await?.ok_or_else(no_request)?;
    if request.status != Status::Pending {
        let text = format!("The request is {} already.", request.status.name());
        return Err(fault::operator("RequestDecidedException", text).into());
    }
    let found = catalog::find(&request.service, &request.code).ok_or_else(no_request)?;
    let approved = input.approve() == Some(true);
    request.status = if approved { Status::Approved } else { Status::Denied };
    request.updated_ms = call.now_ms;
    let account = call.account().to_owned();
    call.touched(&arn(&found, call, &account), &account, "");
    let row = format!("{}{}", home(&account, &call.region), request.id);
    let _deciding = desk.deciding.lock().await;
    let mut batch =
        SealedBatch::new().put(REQUESTS, row, Expected::At(version), written(&request)?);
    if approved {
        batch = desk.kept(batch, &found, call, Some(request.desired)).await?;
    }
    desk.barrier.commit(batch).await?;
    if approved {
        desk.apply(&found, call, Some(request.desired))?;
    }
    let answer = DecideQuotaRequestResponse::new().with_status(request.status.name());
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}
