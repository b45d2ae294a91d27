//! RequestServiceQuotaIncrease and what became of such requests.

use bulla_plane::gate::permit_account;
use bulla_plane::pipeline::new_uuid;
use bulla_plane::{Call, Stop};
use bulla_shapes::View;
use bulla_shapes::servicequotas::{
    GetRequestedServiceQuotaChangeRequest, GetRequestedServiceQuotaChangeResponse,
    ListRequestedServiceQuotaChangeHistoryByQuotaRequest,
    ListRequestedServiceQuotaChangeHistoryByQuotaResponse,
    ListRequestedServiceQuotaChangeHistoryRequest, ListRequestedServiceQuotaChangeHistoryResponse,
    RequestServiceQuotaIncreaseRequest, RequestServiceQuotaIncreaseResponse,
    RequestedServiceQuotaChange,
};
use bulla_store::{Expected, Range, SealedBatch};

use super::{Answer, arn, may_read, page, quota};
use crate::catalog::{self, Found};
use crate::record::{REQUESTS, Request, Status, home, read, written};
use crate::{Desk, Grants, ServiceQuotas, fault};

/// How many requests of an account and region are kept; our choice.
const MAX_REQUESTS: usize = 1_000;

pub(crate) async fn request_increase(
    service: &ServiceQuotas,
    call: &mut Call,
    input: &RequestServiceQuotaIncreaseRequest<'_>,
) -> Answer {
    let desk = &*service.desk;
    let code = input.quota_code();
    let desired = input.desired_value().ok_or_else(fault::internal)?;
    let named = (input.service_code(), code);
    let found = quota(named.0, named.1);
    // Whoever may not ask does not learn what there is.
    let resource = match &found {
        Ok(found) => arn(found, call, call.account()),
        Err(_) => "*".to_owned(),
    };
    permit_account(call, "servicequotas:RequestServiceQuotaIncrease", &resource, &())?;
    let found = found?;
    let account = call.account().to_owned();
    call.touched(&resource, &account, "");
    must_be_more(desk, &found, call, desired)?;
    let requests = desk.requests(call).await?;
    if requests.len() >= MAX_REQUESTS {
        return Err(fault::too_many_requests(MAX_REQUESTS).into());
    }
    let open = |request: &Request| {
        request.status == Status::Pending && (&*request.service, &*request.code) == named
    };
    if requests.iter().any(open) {
        return Err(fault::already_open().into());
    }
    let granted = desk.grants == Grants::AtOnce;
    let id = new_uuid(&desk.crypto)?.replace('-', "");
    let request = Request {
        id,
        service: found.service.code.to_owned(),
        code: code.to_owned(),
        desired,
        status: if granted { Status::Approved } else { Status::Pending },
        created_ms: call.now_ms,
        updated_ms: call.now_ms,
        requester: serde_json::json!({
            "accountId": account, "callerArn": call.principal().arn,
        })
        .to_string(),
    };
    let row = format!("{}{}", home(&account, &call.region), request.id);
    let _deciding = desk.deciding.lock().await;
    let mut batch = SealedBatch::new().put(REQUESTS, row, Expected::Absent, written(&request)?);
    if granted {
        batch = desk.kept(batch, &found, call, Some(desired)).await?;
    }
    desk.barrier.commit(batch).await?;
    if granted {
        desk.apply(&found, call, Some(desired))?;
    }
    let answer = RequestServiceQuotaIncreaseResponse::new()
        .with_requested_quota(shown(&request, &found, call));
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

/// The texts are ours.
fn must_be_more(desk: &Desk, found: &Found, call: &Call, desired: f64) -> Result<(), Stop> {
    if !found.quota.adjustable {
        return Err(fault::illegal("The quota is not adjustable.").into());
    }
    let now = desk.value(found, call);
    if desired <= now {
        let text = format!("You must request more than the quota's present value, which is {now}.");
        return Err(fault::illegal(text).into());
    }
    Ok(())
}

pub(crate) async fn get_requested_change(
    service: &ServiceQuotas,
    call: &mut Call,
    input: &GetRequestedServiceQuotaChangeRequest<'_>,
) -> Answer {
    may_read(call, "servicequotas:GetRequestedServiceQuotaChange")?;
    let request = service.desk.request(call, input.request_id()).await?;
    let (request, _) = request.ok_or_else(fault::no_request)?;
    let found = quota(&request.service, &request.code)?;
    let answer = GetRequestedServiceQuotaChangeResponse::new()
        .with_requested_quota(shown(&request, &found, call));
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_history(
    service: &ServiceQuotas,
    call: &mut Call,
    input: &ListRequestedServiceQuotaChangeHistoryRequest<'_>,
) -> Answer {
    may_read(call, "servicequotas:ListRequestedServiceQuotaChangeHistory")?;
    let wanted = Wanted { service: input.service_code(), code: None, status: input.status() };
    let changes = service.desk.changes(call, &wanted).await?;
    let (changes, next) = page(changes, input.next_token(), input.max_results())?;
    let answer = ListRequestedServiceQuotaChangeHistoryResponse::new()
        .with_requested_quotas(changes)
        .with_some(next, ListRequestedServiceQuotaChangeHistoryResponse::with_next_token);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_history_by_quota(
    service: &ServiceQuotas,
    call: &mut Call,
    input: &ListRequestedServiceQuotaChangeHistoryByQuotaRequest<'_>,
) -> Answer {
    may_read(call, "servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota")?;
    quota(input.service_code(), input.quota_code())?;
    let wanted = Wanted {
        service: Some(input.service_code()),
        code: Some(input.quota_code()),
        status: input.status(),
    };
    let changes = service.desk.changes(call, &wanted).await?;
    let (changes, next) = page(changes, input.next_token(), input.max_results())?;
    let answer = ListRequestedServiceQuotaChangeHistoryByQuotaResponse::new()
        .with_requested_quotas(changes)
        .with_some(next, ListRequestedServiceQuotaChangeHistoryByQuotaResponse::with_next_token);
    Ok(Some(answer.into_record()))
}

/// Which requests a list is of.
struct Wanted<'a> {
    service: Option<&'a str>,
    code: Option<&'a str>,
    status: Option<&'a str>,
}

impl Desk {
    /// The requests of the caller's account and region, the latest first.
    async fn requests(&self, call: &Call) -> Result<Vec<Request>, Stop> {
        let view = self.barrier.view().await?;
        let range = Range::prefix(home(call.account(), &call.region));
        let page = view.range(REQUESTS, &range, MAX_REQUESTS).await?;
        let rows = page.rows.iter();
        let read = rows.map(|(_, opened)| read::<Request>(opened.value.expose()));
        let mut requests = read.collect::<Result<Vec<_>, _>>()?;
        requests.sort_by_key(|request| std::cmp::Reverse(request.created_ms));
        Ok(requests)
    }

    /// A request of the caller's account and region, and its row's version.
    pub(super) async fn request(
        &self,
        call: &Call,
        id: &str,
    ) -> Result<Option<(Request, u64)>, Stop> {
        let row = format!("{}{id}", home(call.account(), &call.region));
        let Some(opened) = self.barrier.get(REQUESTS, row.as_bytes()).await? else {
            return Ok(None);
        };
        Ok(Some((read(opened.value.expose())?, opened.version)))
    }

    async fn changes(
        &self,
        call: &Call,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<RequestedServiceQuotaChange<'static>>, Stop> {
        let mut requests = self.requests(call).await?;
        requests.retain(|request| {
            wanted.service.is_none_or(|service| service == request.service)
                && wanted.code.is_none_or(|code| code == request.code)
                && wanted.status.is_none_or(|status| status == request.status.name())
        });
        let shown = requests.iter().filter_map(|request| {
            let found = catalog::find(&request.service, &request.code)?;
            Some(shown(request, &found, call))
        });
        Ok(shown.collect())
    }
}

fn shown(request: &Request, found: &Found, call: &Call) -> RequestedServiceQuotaChange<'static> {
    RequestedServiceQuotaChange::new()
        .with_id(request.id.clone())
        .with_service_code(found.service.code)
        .with_service_name(found.service.name)
        .with_quota_code(found.quota.code)
        .with_quota_name(found.quota.name)
        .with_desired_value(request.desired)
        .with_status(request.status.name())
        .with_created(request.created_ms)
        .with_last_updated(request.updated_ms)
        .with_requester(request.requester.clone())
        .with_quota_arn(arn(found, call, call.account()))
        .with_global_quota(found.quota.global)
        .with_unit(found.quota.unit)
        .with_quota_requested_at_level("ACCOUNT")
}
