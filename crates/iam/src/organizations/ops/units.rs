//! Roots and organizational units, and who is in which.

use bulla_plane::{Call, Stop};
use bulla_shapes::organizations::{
    Child, CreateOrganizationalUnitRequest, CreateOrganizationalUnitResponse,
    DeleteOrganizationalUnitRequest, DescribeOrganizationalUnitRequest,
    DescribeOrganizationalUnitResponse, ListAccountsForParentRequest,
    ListAccountsForParentResponse, ListChildrenRequest, ListChildrenResponse,
    ListOrganizationalUnitsForParentRequest, ListOrganizationalUnitsForParentResponse,
    ListParentsRequest, ListParentsResponse, ListRootsRequest, ListRootsResponse, Parent,
    UpdateOrganizationalUnitRequest, UpdateOrganizationalUnitResponse,
};
use bulla_shapes::{Fault, View};
use bulla_store::SealedBatch;

use super::super::page::page;
use super::super::records::{MAX_DEPTH, MAX_UNITS, Organization, Unit};
use super::super::tree::Target;
use super::super::{Organizations, fault, ids, view};
use super::{Answer, accounts};

pub(crate) async fn list_roots(
    service: &Organizations,
    call: &mut Call,
    _: &ListRootsRequest<'_>,
) -> Answer {
    let found = service.managed(call, "organizations:ListRoots").await?;
    let answer = ListRootsResponse::new().with_roots([view::root(&found.record)]);
    Ok(Some(answer.into_record()))
}

fn is_parent(organization: &Organization, id: &str) -> Result<(), Fault> {
    match organization.target(id) {
        Some(Target::Root | Target::Unit) => Ok(()),
        _ => Err(fault::parent_not_found()),
    }
}

fn is_unit(organization: &Organization, id: &str) -> Result<(), Fault> {
    if organization.units.contains_key(id) { Ok(()) } else { Err(fault::unit_not_found()) }
}

/// Units of one parent differ in their names.
fn is_free(organization: &Organization, parent: &str, name: &str) -> Result<(), Fault> {
    let mut siblings = organization.units.values().filter(|unit| unit.parent == parent);
    if siblings.any(|unit| unit.name == name) { Err(fault::duplicate_unit()) } else { Ok(()) }
}

pub(crate) async fn create(
    service: &Organizations,
    call: &mut Call,
    input: &CreateOrganizationalUnitRequest<'_>,
) -> Answer {
    let mut found = service.managed(call, "organizations:CreateOrganizationalUnit").await?;
    let (parent, name) = (input.parent_id(), input.name());
    let organization = &mut found.record;
    is_parent(organization, parent)?;
    is_free(organization, parent, name)?;
    if organization.units.len() >= MAX_UNITS {
        return Err(fault::too_many_units().into());
    }
    if organization.depth(parent) >= MAX_DEPTH {
        return Err(fault::too_deep().into());
    }
    let tail = organization.root.strip_prefix("r-").unwrap_or_default();
    let id = ids::draw::<8>(&service.principals.crypto, &format!("ou-{tail}-"))?;
    if organization.units.contains_key(&id) {
        return Err(Stop::Again);
    }
    let unit = Unit { name: name.to_owned(), parent: parent.to_owned() };
    organization.units.insert(id.clone(), unit);
    organization.attach_first(&id);
    service.save(&found, SealedBatch::new()).await?;
    let answer = CreateOrganizationalUnitResponse::new()
        .with_organizational_unit(view::unit(&found.record, &id));
    Ok(Some(answer.into_record()))
}

pub(crate) async fn describe(
    service: &Organizations,
    call: &mut Call,
    input: &DescribeOrganizationalUnitRequest<'_>,
) -> Answer {
    let found = service.managed(call, "organizations:DescribeOrganizationalUnit").await?;
    let id = input.organizational_unit_id();
    is_unit(&found.record, id)?;
    let answer = DescribeOrganizationalUnitResponse::new()
        .with_organizational_unit(view::unit(&found.record, id));
    Ok(Some(answer.into_record()))
}

pub(crate) async fn update(
    service: &Organizations,
    call: &mut Call,
    input: &UpdateOrganizationalUnitRequest<'_>,
) -> Answer {
    let mut found = service.managed(call, "organizations:UpdateOrganizationalUnit").await?;
    let id = input.organizational_unit_id();
    let organization = &mut found.record;
    is_unit(organization, id)?;
    if let Some(name) = input.name() {
        let parent = organization.parent(id).unwrap_or_default().to_owned();
        is_free(organization, &parent, name)?;
        if let Some(unit) = organization.units.get_mut(id) {
            name.clone_into(&mut unit.name);
        }
        service.save(&found, SealedBatch::new()).await?;
    }
    let answer = UpdateOrganizationalUnitResponse::new()
        .with_organizational_unit(view::unit(&found.record, id));
    Ok(Some(answer.into_record()))
}

pub(crate) async fn delete(
    service: &Organizations,
    call: &mut Call,
    input: &DeleteOrganizationalUnitRequest<'_>,
) -> Answer {
    let mut found = service.managed(call, "organizations:DeleteOrganizationalUnit").await?;
    let id = input.organizational_unit_id();
    let organization = &mut found.record;
    is_unit(organization, id)?;
    let is_empty =
        organization.units_of(id).next().is_none() && organization.accounts_of(id).next().is_none();
    if !is_empty {
        return Err(fault::unit_not_empty().into());
    }
    organization.units.remove(id);
    organization.attached.remove(id);
    service.save(&found, SealedBatch::new()).await?;
    Ok(None)
}

pub(crate) async fn list_of_parent(
    service: &Organizations,
    call: &mut Call,
    input: &ListOrganizationalUnitsForParentRequest<'_>,
) -> Answer {
    let action = "organizations:ListOrganizationalUnitsForParent";
    let found = service.managed(call, action).await?;
    let organization = &found.record;
    is_parent(organization, input.parent_id())?;
    let units = organization.units_of(input.parent_id());
    let (units, next) = page(units, |id| id, input.next_token(), input.max_results())?;
    let answer = ListOrganizationalUnitsForParentResponse::new()
        .with_organizational_units(units.into_iter().map(|id| view::unit(organization, id)))
        .with_some(next, |this, next| this.with_next_token(next));
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_accounts(
    service: &Organizations,
    call: &mut Call,
    input: &ListAccountsForParentRequest<'_>,
) -> Answer {
    let found = service.managed(call, "organizations:ListAccountsForParent").await?;
    is_parent(&found.record, input.parent_id())?;
    let ids = found.record.accounts_of(input.parent_id());
    let (ids, next) = page(ids, |id| id, input.next_token(), input.max_results())?;
    let accounts = accounts::views(service, &found.record, &ids).await?;
    let answer = ListAccountsForParentResponse::new()
        .with_accounts(accounts)
        .with_some(next, |this, next| this.with_next_token(next));
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_parents(
    service: &Organizations,
    call: &mut Call,
    input: &ListParentsRequest<'_>,
) -> Answer {
    let found = service.managed(call, "organizations:ListParents").await?;
    let organization = &found.record;
    let parent = organization.parent(input.child_id()).ok_or_else(fault::child_not_found)?;
    let kind = if parent == organization.root { "ROOT" } else { "ORGANIZATIONAL_UNIT" };
    let parent = Parent::new().with_id(parent.to_owned()).with_type(kind);
    Ok(Some(ListParentsResponse::new().with_parents([parent]).into_record()))
}

pub(crate) async fn list_children(
    service: &Organizations,
    call: &mut Call,
    input: &ListChildrenRequest<'_>,
) -> Answer {
    let found = service.managed(call, "organizations:ListChildren").await?;
    let (organization, parent, kind) = (&found.record, input.parent_id(), input.child_type());
    is_parent(organization, parent)?;
    let ids: Vec<&str> = if kind == "ACCOUNT" {
        organization.accounts_of(parent).collect()
    } else {
        organization.units_of(parent).collect()
    };
    let (ids, next) = page(ids, |id| id, input.next_token(), input.max_results())?;
    let child = |id: &str| Child::new().with_id(id.to_owned()).with_type(kind.to_owned());
    let answer = ListChildrenResponse::new()
        .with_children(ids.into_iter().map(child))
        .with_some(next, |this, next| this.with_next_token(next));
    Ok(Some(answer.into_record()))
}
