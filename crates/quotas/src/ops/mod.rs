//! What each operation does.

pub(crate) mod decide;
pub(crate) mod list;
pub(crate) mod request;

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop, marker};
use bulla_shapes::{Fault, Record};

use crate::catalog::{self, Found};
use crate::fault;

/// What an operation answers.
pub(crate) type Answer = Result<Option<Record<'static>>, Stop>;

/// Default and largest page (Service Quotas API Reference, `MaxResults`).
const ENTRIES_A_PAGE: (usize, usize) = (100, 100);

/// Whether the caller may read quotas: such actions know no resources (Service Authorization
/// Reference, "Actions defined by Service Quotas").
fn may_read(call: &Call, action: &str) -> Result<(), Fault> {
    permit_account(call, action, "*", &())
}

/// A quota's ARN; defaults belong to no account.
fn arn(found: &Found, call: &Call, account: &str) -> String {
    let (partition, region) = (call.partition, &call.region);
    let (service, code) = (found.service.code, found.quota.code);
    format!("arn:{partition}:servicequotas:{region}:{account}:{service}/{code}")
}

/// A quota that is listed.
fn quota(service: &str, code: &str) -> Result<Found, Fault> {
    if catalog::service(service).is_none() {
        return Err(fault::no_service());
    }
    catalog::find(service, code).ok_or_else(fault::no_quota)
}

/// A page of a list that is at hand, and the token of the next one.
fn page<T>(
    all: Vec<T>,
    token: Option<&str>,
    size: Option<i64>,
) -> Result<(Vec<T>, Option<String>), Fault> {
    let (default, max) = ENTRIES_A_PAGE;
    let size = marker::page_size(size, default, max);
    let from = match token {
        Some(token) => marker::decode(token)
            .and_then(|text| text.parse::<usize>().ok())
            .filter(|from| *from < all.len())
            .ok_or_else(fault::invalid_token)?,
        None => 0,
    };
    let end = from.saturating_add(size);
    let next = (end < all.len()).then(|| marker::encode(&end.to_string()));
    Ok((all.into_iter().skip(from).take(size).collect(), next))
}
