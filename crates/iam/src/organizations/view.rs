//! Accounts, roots, units and policies as they are answered.

use bulla_shapes::View;
use bulla_shapes::organizations as shapes;

use super::records::{
    Account, AccountRequest, AccountState, FULL_ACCESS, Joined, Organization, PolicyEntry,
};

/// The one type of policy that is served.
pub(crate) const SCP: &str = "SERVICE_CONTROL_POLICY";

const ENABLED: &str = "ENABLED";
/// How AWS describes the policy that it manages.
const FULL_ACCESS_NAME: &str = "FullAWSAccess";
const FULL_ACCESS_DESCRIPTION: &str = "Allows access to every operation";

pub(crate) fn organization(organization: &Organization) -> shapes::Organization<'static> {
    let features = if organization.all_features { "ALL" } else { "CONSOLIDATED_BILLING" };
    let types = organization.all_features.then(enabled);
    shapes::Organization::new()
        .with_id(organization.id.clone())
        .with_arn(organization.arn())
        .with_feature_set(features)
        .with_master_account_arn(organization.account_arn(&organization.management))
        .with_master_account_id(organization.management.clone())
        .with_master_account_email(organization.management_email.clone())
        .with_available_policy_types(types)
}

fn enabled() -> shapes::PolicyTypeSummary<'static> {
    shapes::PolicyTypeSummary::new().with_type(SCP).with_status(ENABLED)
}

pub(crate) fn root(organization: &Organization) -> shapes::Root<'static> {
    shapes::Root::new()
        .with_id(organization.root.clone())
        .with_arn(organization.root_arn())
        .with_name("Root")
        .with_policy_types(organization.scps.then(enabled))
}

pub(crate) fn account(organization: &Organization, account: &Account) -> shapes::Account<'static> {
    // AWS closes accounts in steps over ninety days; here they are closed at once, and for good.
    let state = match account.state {
        AccountState::Active => "ACTIVE",
        AccountState::Closed => "SUSPENDED",
    };
    let joined = match account.joined {
        Joined::Invited => "INVITED",
        Joined::Created => "CREATED",
    };
    shapes::Account::new()
        .with_id(account.id.clone())
        .with_arn(organization.account_arn(&account.id))
        .with_email(account.email.clone())
        .with_name(account.name.clone())
        .with_status(state)
        .with_state(state)
        .with_joined_method(joined)
        .with_joined_timestamp(account.joined_ms)
}

pub(crate) fn unit(organization: &Organization, id: &str) -> shapes::OrganizationalUnit<'static> {
    let name = organization.units.get(id).map(|unit| unit.name.clone());
    shapes::OrganizationalUnit::new()
        .with_id(id.to_owned())
        .with_arn(organization.unit_arn(id))
        .with_some(name, shapes::OrganizationalUnit::with_name)
}

pub(crate) fn request(request: &AccountRequest) -> shapes::CreateAccountStatus<'static> {
    let status = shapes::CreateAccountStatus::new()
        .with_id(request.id.clone())
        .with_account_name(request.account_name.clone())
        .with_state(state(request))
        .with_requested_timestamp(request.requested_ms)
        .with_completed_timestamp(request.requested_ms);
    match request.outcome.clone() {
        Ok(account) => status.with_account_id(account),
        Err(reason) => status.with_failure_reason(reason),
    }
}

/// What became of a request: it was carried out before it was answered.
pub(crate) fn state(request: &AccountRequest) -> &'static str {
    if request.outcome.is_ok() { "SUCCEEDED" } else { "FAILED" }
}

/// A policy's summary; of the policy that AWS manages where there is no entry.
pub(crate) fn policy(
    organization: &Organization,
    id: &str,
    entry: Option<&PolicyEntry>,
) -> shapes::PolicySummary<'static> {
    let (name, description) = match entry {
        Some(entry) => (entry.name.clone(), entry.description.clone()),
        None => (FULL_ACCESS_NAME.to_owned(), FULL_ACCESS_DESCRIPTION.to_owned()),
    };
    shapes::PolicySummary::new()
        .with_id(id.to_owned())
        .with_arn(organization.policy_arn(id))
        .with_name(name)
        .with_description(description)
        .with_type(SCP)
        .with_aws_managed(id == FULL_ACCESS)
}
