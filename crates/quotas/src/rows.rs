//! Everything that both services can do, a row an operation.

use bulla_plane::{Row, Rows, row};
use bulla_shapes::bullaquotas::{self, DecideQuotaRequestRequest, SetServiceQuotaRequest};
use bulla_shapes::servicequotas::{
    self, GetAWSDefaultServiceQuotaRequest, GetRequestedServiceQuotaChangeRequest,
    GetServiceQuotaRequest, ListAWSDefaultServiceQuotasRequest,
    ListRequestedServiceQuotaChangeHistoryByQuotaRequest,
    ListRequestedServiceQuotaChangeHistoryRequest, ListServiceQuotasRequest, ListServicesRequest,
    RequestServiceQuotaIncreaseRequest,
};

use crate::ops::{decide, list, request};
use crate::{Operator, ServiceQuotas};

#[rustfmt::skip]
static ROWS: &[Row<ServiceQuotas>] = &[
    row!("ListServices", List, true, "ListServices", ListServicesRequest, list::list_services),
    row!("ListServiceQuotas", List, true, "ListServiceQuotas", ListServiceQuotasRequest, list::list_service_quotas),
    row!("GetServiceQuota", Read, true, "GetServiceQuota", GetServiceQuotaRequest, list::get_service_quota),
    row!("ListAWSDefaultServiceQuotas", List, true, "ListAWSDefaultServiceQuotas", ListAWSDefaultServiceQuotasRequest, list::list_defaults),
    row!("GetAWSDefaultServiceQuota", Read, true, "GetAWSDefaultServiceQuota", GetAWSDefaultServiceQuotaRequest, list::get_default),
    row!("RequestServiceQuotaIncrease", Write, false, "RequestServiceQuotaIncrease", RequestServiceQuotaIncreaseRequest, request::request_increase),
    row!("GetRequestedServiceQuotaChange", Read, true, "GetRequestedServiceQuotaChange", GetRequestedServiceQuotaChangeRequest, request::get_requested_change),
    row!("ListRequestedServiceQuotaChangeHistory", Read, true, "ListRequestedServiceQuotaChangeHistory", ListRequestedServiceQuotaChangeHistoryRequest, request::list_history),
    row!("ListRequestedServiceQuotaChangeHistoryByQuota", Read, true, "ListRequestedServiceQuotaChangeHistoryByQuota", ListRequestedServiceQuotaChangeHistoryByQuotaRequest, request::list_history_by_quota),
];

#[rustfmt::skip]
static DECISIONS: &[Row<Operator>] = &[
    row!("SetServiceQuota", Permissions, false, "SetServiceQuota", SetServiceQuotaRequest, decide::set_service_quota),
    row!("DecideQuotaRequest", Permissions, false, "DecideQuotaRequest", DecideQuotaRequestRequest, decide::decide_quota_request),
];

impl Rows for ServiceQuotas {
    const MODEL: &'static bulla_shapes::Service = &servicequotas::SERVICE;

    fn rows() -> &'static [Row<Self>] {
        ROWS
    }

    fn forget(&self) {
        self.desk.quotas.forget();
    }
}

impl Rows for Operator {
    const MODEL: &'static bulla_shapes::Service = &bullaquotas::SERVICE;

    fn rows() -> &'static [Row<Self>] {
        DECISIONS
    }

    fn forget(&self) {}
}
