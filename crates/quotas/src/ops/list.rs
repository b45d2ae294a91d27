//! ListServices, ListServiceQuotas, GetServiceQuota and the same of defaults.

use bulla_plane::Call;
use bulla_shapes::View;
use bulla_shapes::servicequotas::{
    GetAWSDefaultServiceQuotaRequest, GetAWSDefaultServiceQuotaResponse, GetServiceQuotaRequest,
    GetServiceQuotaResponse, ListAWSDefaultServiceQuotasRequest,
    ListAWSDefaultServiceQuotasResponse, ListServiceQuotasRequest, ListServiceQuotasResponse,
    ListServicesRequest, ListServicesResponse, QuotaPeriod, ServiceInfo, ServiceQuota,
};

use super::{Answer, arn, may_read, page, quota};
use crate::catalog::{self, Found, SERVICES};
use crate::{ServiceQuotas, fault};

/// At which level the quotas here hold; there are none of single resources.
const ACCOUNT: &str = "ACCOUNT";

pub(crate) async fn list_services(
    _: &ServiceQuotas,
    call: &mut Call,
    input: &ListServicesRequest<'_>,
) -> Answer {
    may_read(call, "servicequotas:ListServices")?;
    let listed = SERVICES.iter().filter(|service| !catalog::listed(service.code).is_empty());
    let (services, next) = page(listed.collect(), input.next_token(), input.max_results())?;
    let services = services.into_iter().map(|service| {
        ServiceInfo::new().with_service_code(service.code).with_service_name(service.name)
    });
    let answer = ListServicesResponse::new()
        .with_services(services)
        .with_some(next, ListServicesResponse::with_next_token);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_service_quotas(
    service: &ServiceQuotas,
    call: &mut Call,
    input: &ListServiceQuotasRequest<'_>,
) -> Answer {
    may_read(call, "servicequotas:ListServiceQuotas")?;
    let mut all = all_of(input.service_code())?;
    if let Some(code) = input.quota_code() {
        all.retain(|found| found.quota.code == code);
    }
    if input.quota_applied_at_level() == Some("RESOURCE") {
        all.clear();
    }
    let (quotas, next) = page(all, input.next_token(), input.max_results())?;
    let quotas = quotas.iter().map(|found| service.applied(found, call));
    let answer = ListServiceQuotasResponse::new()
        .with_quotas(quotas)
        .with_some(next, ListServiceQuotasResponse::with_next_token);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_defaults(
    _: &ServiceQuotas,
    call: &mut Call,
    input: &ListAWSDefaultServiceQuotasRequest<'_>,
) -> Answer {
    may_read(call, "servicequotas:ListAWSDefaultServiceQuotas")?;
    let all = all_of(input.service_code())?;
    let (quotas, next) = page(all, input.next_token(), input.max_results())?;
    let quotas = quotas.iter().map(|found| default(found, call));
    let answer = ListAWSDefaultServiceQuotasResponse::new()
        .with_quotas(quotas)
        .with_some(next, ListAWSDefaultServiceQuotasResponse::with_next_token);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn get_service_quota(
    service: &ServiceQuotas,
    call: &mut Call,
    input: &GetServiceQuotaRequest<'_>,
) -> Answer {
    may_read(call, "servicequotas:GetServiceQuota")?;
    let found = quota(input.service_code(), input.quota_code())?;
    let quota = service.applied(&found, call);
    Ok(Some(GetServiceQuotaResponse::new().with_quota(quota).into_record()))
}

pub(crate) async fn get_default(
    _: &ServiceQuotas,
    call: &mut Call,
    input: &GetAWSDefaultServiceQuotaRequest<'_>,
) -> Answer {
    may_read(call, "servicequotas:GetAWSDefaultServiceQuota")?;
    let found = quota(input.service_code(), input.quota_code())?;
    let quota = default(&found, call);
    Ok(Some(GetAWSDefaultServiceQuotaResponse::new().with_quota(quota).into_record()))
}

fn all_of(code: &str) -> Result<Vec<Found>, bulla_shapes::Fault> {
    match catalog::service(code) {
        Some(_) => Ok(catalog::listed(code)),
        None => Err(fault::no_service()),
    }
}

impl ServiceQuotas {
    /// A quota with the value that holds.
    fn applied(&self, found: &Found, call: &Call) -> ServiceQuota<'static> {
        let arn = arn(found, call, call.account());
        let value = self.desk.value(found, call);
        shown(found, arn, value).with_quota_applied_at_level(ACCOUNT)
    }
}

fn default(found: &Found, call: &Call) -> ServiceQuota<'static> {
    shown(found, arn(found, call, ""), found.quota.default_in(&call.region))
}

fn shown(found: &Found, arn: String, value: f64) -> ServiceQuota<'static> {
    let Found { service, quota, .. } = found;
    let second = || QuotaPeriod::new().with_period_value(1_i64).with_period_unit("SECOND");
    ServiceQuota::new()
        .with_service_code(service.code)
        .with_service_name(service.name)
        .with_quota_arn(arn)
        .with_quota_code(quota.code)
        .with_quota_name(quota.name)
        .with_value(value)
        .with_unit(quota.unit)
        .with_adjustable(quota.adjustable)
        .with_global_quota(quota.global)
        .with_some(quota.is_rate().then(second), ServiceQuota::with_period)
}
