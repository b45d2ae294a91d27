//! ListGrants and ListRetirableGrants.

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop};
use bulla_shapes::View;
use bulla_shapes::kms::{
    GrantConstraints, GrantListEntry, ListGrantsRequest, ListGrantsResponse,
    ListRetirableGrantsRequest,
};
use bulla_store::Range;

use super::{Answer, KEY_TYPE};
use crate::conditions::RequestKeys;
use crate::found::Takes;
use crate::grant::{GrantRecord, Party};
use crate::grants::{self, RETIRABLE, is_grant_id};
use crate::principals::{self, Principal, Unknown};
use crate::{Kms, fault, key, marker};

/// Default and largest page (KMS API Reference).
const GRANTS_A_PAGE: (usize, usize) = (50, 100);

pub(crate) async fn list_grants(
    kms: &Kms,
    call: &mut Call,
    input: &ListGrantsRequest<'_>,
) -> Answer {
    let found = kms.find(call, input.key_id(), Takes::AnyKeys).await?;
    let keys = RequestKeys::none().with_flag("kms:grantisforawsresource", call.via.is_some());
    let key = found.permit(call, "kms:ListGrants", &keys)?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    let grantee = grantee(kms, call, input).await?;
    let (usual, most) = GRANTS_A_PAGE;
    let limit = marker::page_size(input.limit(), usual, most);
    let from = match input.marker().map(marker::decode).transpose()? {
        Some(id) if is_grant_id(&id) => Some(grants::row(&key.path, &id)),
        Some(_) => return Err(fault::invalid_marker().into()),
        None => None,
    };
    let page = match input.grant_id() {
        Some(id) if !is_grant_id(id) => return Err(fault::invalid_grant_id().into()),
        Some(id) => {
            let one = kms.grant(&key.path, id).await?;
            let named = |grant: &GrantRecord| grantee.as_ref().is_none_or(|g| *g == grant.grantee);
            let grants = one.into_iter().filter(|(grant, _)| named(grant)).collect();
            grants::GrantPage { grants, next: None }
        }
        None => kms.grants_on(&key.path, grantee.as_ref(), from, limit).await?,
    };
    let mut entries = Vec::with_capacity(page.grants.len());
    for (grant, _) in page.grants {
        entries.push(entry(kms, call, &key.arn, grant).await?);
    }
    let next = page.next.and_then(|row| row.rsplit('/').next().map(marker::encode));
    Ok(Some(listed(entries, next).into_record()))
}

fn listed(
    entries: Vec<GrantListEntry<'static>>,
    next: Option<String>,
) -> ListGrantsResponse<'static> {
    ListGrantsResponse::new()
        .with_grants(entries)
        .with_truncated(next.is_some())
        .with_some(next, ListGrantsResponse::with_next_marker)
}

/// Whose grants are asked for.
async fn grantee(
    kms: &Kms,
    call: &Call,
    input: &ListGrantsRequest<'_>,
) -> Result<Option<Party>, Stop> {
    match (input.grantee_principal(), input.grantee_service_principal()) {
        (None, None) => Ok(None),
        (None, Some(service)) => Ok(Some(Party::Service(service.to_owned()))),
        (Some(text), None) => {
            match principals::resolve(&*kms.directory, call.partition, text).await? {
                Ok(Principal { id, .. }) => Ok(Some(Party::Principal(id))),
                Err(why) => Err(why
                    .of_arn(text)
                    .unwrap_or_else(|| {
                        fault::invalid_arn("Input does not refer to a valid principal")
                    })
                    .into()),
            }
        }
        // Our text.
        (Some(_), Some(_)) => Err(fault::validation(
            "Specify at most one of GranteePrincipal and GranteeServicePrincipal.",
        )
        .into()),
    }
}

pub(crate) async fn list_retirable_grants(
    kms: &Kms,
    call: &mut Call,
    input: &ListRetirableGrantsRequest<'_>,
) -> Answer {
    permit_account(call, "kms:ListRetirableGrants", "*", &RequestKeys::none())?;
    let prefix = match (input.retiring_principal(), input.retiring_service_principal()) {
        (Some(text), None) => {
            let party = retiring(kms, call, text).await?;
            kms.retirable_prefix(&call.region, &party)?
        }
        // A service retires grants in every account; each account sees those on its own keys. This
        // is our choice.
        (None, Some(service)) => {
            let party = Party::Service(service.to_owned());
            kms.retirable_prefix(&call.region, &party)? + call.account() + "/"
        }
        // Our text.
        _ => {
            let text = "Specify exactly one of RetiringPrincipal and RetiringServicePrincipal.";
            return Err(fault::validation(text).into());
        }
    };
    let (usual, most) = GRANTS_A_PAGE;
    let limit = marker::page_size(input.limit(), usual, most);
    let mut range = Range::prefix(prefix.as_str());
    if let Some(from) = input.marker().map(marker::decode).transpose()? {
        range = range.resume(format!("{prefix}{from}"));
    }
    let view = kms.barrier.view().await?;
    let page = view.range(RETIRABLE, &range, limit).await?;
    drop(view);
    let mut entries = Vec::with_capacity(page.rows.len());
    for (row, _) in &page.rows {
        let row = rest_of(row, &prefix).ok_or_else(fault::internal)?;
        let row = if input.retiring_principal().is_some() {
            row.to_owned()
        } else {
            format!("{}/{row}", call.account())
        };
        entries.extend(retirable_entry(kms, call, &row).await?);
    }
    let next = page.next.as_ref().and_then(|row| rest_of(row, &prefix)).map(marker::encode);
    Ok(Some(listed(entries, next).into_record()))
}

fn rest_of<'r>(row: &'r bulla_store::Key, prefix: &str) -> Option<&'r str> {
    std::str::from_utf8(row.as_bytes()).ok()?.strip_prefix(prefix)
}

/// The grant of `<account>/<key id>/<grant id>`; nothing if it has just gone.
async fn retirable_entry(
    kms: &Kms,
    call: &Call,
    row: &str,
) -> Result<Option<GrantListEntry<'static>>, Stop> {
    let mut parts = row.split('/');
    let mut next = || parts.next().ok_or_else(fault::internal);
    let (account, key_id, id) = (next()?, next()?, next()?);
    let path = key::path(account, &call.region, key_id);
    let Some((grant, _)) = kms.grant(&path, id).await? else { return Ok(None) };
    let arn = key::arn(call.partition, &call.region, account, key_id);
    Ok(Some(entry(kms, call, &arn, grant).await?))
}

/// A retiring principal of the caller's account: nobody lists for others (KMS guide, "Grants").
async fn retiring(kms: &Kms, call: &Call, text: &str) -> Result<Party, Stop> {
    let told = |why: Unknown| {
        why.of_arn(text).unwrap_or_else(|| {
            fault::not_found(format!("Retiring principal {text} could not be found"))
        })
    };
    let found = principals::resolve(&*kms.directory, call.partition, text).await?;
    let own = |principal: &Principal| principal.account == call.account();
    match found {
        Ok(principal) if own(&principal) => Ok(Party::Principal(principal.id)),
        Ok(_) if text.starts_with("arn:") => Err(told(Unknown::Arn).into()),
        Ok(_) => Err(told(Unknown::Id).into()),
        Err(why) => Err(told(why).into()),
    }
}

async fn entry(
    kms: &Kms,
    call: &Call,
    key_arn: &str,
    grant: GrantRecord,
) -> Result<GrantListEntry<'static>, Stop> {
    let directory = &*kms.directory;
    let grantee = principals::shown(directory, call.partition, &grant.grantee).await?;
    let entry = GrantListEntry::new()
        .with_key_id(key_arn.to_owned())
        .with_grant_id(grant.id)
        .with_some(grant.name, GrantListEntry::with_name)
        // Whole seconds (recorded).
        .with_creation_date(grant.created_ms.div_euclid(1_000).saturating_mul(1_000))
        .with_issuing_account(format!("arn:{}:iam::{}:root", call.partition, grant.issuer))
        .with_operations(grant.operations);
    let entry = match grant.grantee {
        Party::Principal(_) => entry.with_grantee_principal(grantee),
        Party::Service(_) => entry.with_grantee_service_principal(grantee),
    };
    let entry = match &grant.retiring {
        None => entry,
        Some(party) => {
            let shown = principals::shown(directory, call.partition, party).await?;
            match party {
                Party::Principal(_) => entry.with_retiring_principal(shown),
                Party::Service(_) => entry.with_retiring_service_principal(shown),
            }
        }
    };
    let constraints = grant.constraints;
    if constraints.is_none() {
        return Ok(entry);
    }
    let constraints = GrantConstraints::new()
        .with_some(constraints.equals, GrantConstraints::with_encryption_context_equals)
        .with_some(constraints.subset, GrantConstraints::with_encryption_context_subset)
        .with_some(constraints.source_arn, GrantConstraints::with_source_arn);
    Ok(entry.with_constraints(constraints))
}
