//! `CreateOrganization`, `DescribeOrganization` and `DeleteOrganization`.

use std::collections::BTreeMap;

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_shapes::organizations::{
    CreateOrganizationRequest, CreateOrganizationResponse, DescribeOrganizationResponse,
};
use bulla_shapes::{NoInput, View};
use bulla_store::{Expected, SealedBatch};

use super::super::records::{ACCOUNTS, Account, DOCUMENTS, Joined, ORGANIZATIONS, Organization};
use super::super::{Organizations, fault, ids, load, view};
use super::Answer;

pub(crate) async fn create(
    service: &Organizations,
    call: &mut Call,
    input: &CreateOrganizationRequest<'_>,
) -> Answer {
    permit_account(call, "organizations:CreateOrganization", "*", &Context::new())?;
    let own = call.account().to_owned();
    let principals = &service.principals;
    let known = load::account(&principals.barrier.view().await?, &own).await?;
    if known.as_ref().is_some_and(|known| known.record.organization.is_some()) {
        return Err(fault::already_in_organization().into());
    }
    let (record, version) = match known {
        Some(known) => (known.record, Some(known.version)),
        // In `bulla dev` an account need not have been made.
        None => (load::unnamed(&own, call.now_ms), None),
    };
    let all_features = input.feature_set() != Some("CONSOLIDATED_BILLING");
    let organization = new(service, &record, all_features)?;
    let account = Account {
        organization: Some(organization.id.clone()),
        joined: Joined::Invited,
        joined_ms: call.now_ms,
        ..record
    };
    let batch = SealedBatch::new()
        .put(ACCOUNTS, own.as_str(), Expected::from(version), account.to_bytes()?)
        .put(ORGANIZATIONS, &*organization.id, Expected::Absent, organization.to_bytes()?);
    service.commit(batch).await?;
    let answer =
        CreateOrganizationResponse::new().with_organization(view::organization(&organization));
    Ok(Some(answer.into_record()))
}

/// An organization with nobody in it but the account that manages it.
fn new(
    service: &Organizations,
    account: &Account,
    all_features: bool,
) -> Result<Organization, Stop> {
    let crypto = &service.principals.crypto;
    let root = ids::draw::<4>(crypto, "r-")?;
    Ok(Organization {
        id: ids::draw::<10>(crypto, "o-")?,
        management: account.id.clone(),
        management_email: account.email.clone(),
        all_features,
        parents: BTreeMap::from([(account.id.clone(), root.clone())]),
        root,
        scps: false,
        units: BTreeMap::new(),
        policies: BTreeMap::new(),
        attached: BTreeMap::new(),
    })
}

/// Members may ask, too.
pub(crate) async fn describe(service: &Organizations, call: &mut Call, _: &NoInput<'_>) -> Answer {
    let found = service.of_caller(call, "organizations:DescribeOrganization").await?;
    let answer =
        DescribeOrganizationResponse::new().with_organization(view::organization(&found.record));
    Ok(Some(answer.into_record()))
}

pub(crate) async fn delete(service: &Organizations, call: &mut Call, _: &NoInput<'_>) -> Answer {
    let found = service.managed(call, "organizations:DeleteOrganization").await?;
    let organization = &found.record;
    if organization.parents.len() > 1 || !organization.units.is_empty() {
        return Err(fault::not_empty().into());
    }
    let view = service.principals.barrier.view().await?;
    let account = load::account(&view, call.account()).await?.ok_or(Stop::Internal)?;
    let id = organization.id.as_str();
    let mut batch = SealedBatch::new().delete(ORGANIZATIONS, id, Expected::At(found.version));
    for policy in organization.policies.keys() {
        let row = format!("{id}/{policy}");
        let Some(opened) = view.get(DOCUMENTS, row.as_bytes()).await? else { continue };
        batch = batch.delete(DOCUMENTS, row, Expected::At(opened.version));
    }
    drop(view);
    let left = Account { organization: None, ..account.record };
    let expected = Expected::At(account.version);
    service.commit(batch.put(ACCOUNTS, left.id.as_str(), expected, left.to_bytes()?)).await?;
    Ok(None)
}
