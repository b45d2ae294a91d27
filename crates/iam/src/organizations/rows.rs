//! Organizations' operations, one line each.

use bulla_plane::{Row, Rows, row};
use bulla_shapes::organizations::{
    AttachPolicyRequest, CloseAccountRequest, CreateAccountRequest, CreateOrganizationRequest,
    CreateOrganizationalUnitRequest, CreatePolicyRequest, DeleteOrganizationalUnitRequest,
    DeletePolicyRequest, DescribeAccountRequest, DescribeCreateAccountStatusRequest,
    DescribeOrganizationalUnitRequest, DescribePolicyRequest, DetachPolicyRequest,
    DisablePolicyTypeRequest, EnablePolicyTypeRequest, ListAccountsForParentRequest,
    ListAccountsRequest, ListChildrenRequest, ListCreateAccountStatusRequest,
    ListOrganizationalUnitsForParentRequest, ListParentsRequest, ListPoliciesForTargetRequest,
    ListPoliciesRequest, ListRootsRequest, ListTargetsForPolicyRequest, MoveAccountRequest,
    SERVICE, UpdateOrganizationalUnitRequest, UpdatePolicyRequest,
};

use bulla_shapes::NoInput;

use super::Organizations;
use super::ops::{accounts, attachments, organization, policies, types, units};

#[rustfmt::skip]
static ROWS: &[Row<Organizations>] = &[
    row!("CreateOrganization",                Write, false, "CreateOrganization",                CreateOrganizationRequest,                organization::create),
    row!("DescribeOrganization",              Read,  true,  "DescribeOrganization",              NoInput,                                  organization::describe),
    row!("DeleteOrganization",                Write, false, "DeleteOrganization",                NoInput,                                  organization::delete),
    row!("CreateAccount",                     Write, false, "CreateAccount",                     CreateAccountRequest,                     accounts::create),
    row!("DescribeCreateAccountStatus",       Read,  true,  "DescribeCreateAccountStatus",       DescribeCreateAccountStatusRequest,       accounts::describe_request),
    row!("ListCreateAccountStatus",           List,  true,  "ListCreateAccountStatus",           ListCreateAccountStatusRequest,           accounts::list_requests),
    row!("DescribeAccount",                   Read,  true,  "DescribeAccount",                   DescribeAccountRequest,                   accounts::describe),
    row!("ListAccounts",                      List,  true,  "ListAccounts",                      ListAccountsRequest,                      accounts::list),
    row!("CloseAccount",                      Write, false, "CloseAccount",                      CloseAccountRequest,                      accounts::close),
    row!("MoveAccount",                       Write, false, "MoveAccount",                       MoveAccountRequest,                       accounts::move_account),
    row!("ListRoots",                         List,  true,  "ListRoots",                         ListRootsRequest,                         units::list_roots),
    row!("CreateOrganizationalUnit",          Write, false, "CreateOrganizationalUnit",          CreateOrganizationalUnitRequest,          units::create),
    row!("DescribeOrganizationalUnit",        Read,  true,  "DescribeOrganizationalUnit",        DescribeOrganizationalUnitRequest,        units::describe),
    row!("UpdateOrganizationalUnit",          Write, false, "UpdateOrganizationalUnit",          UpdateOrganizationalUnitRequest,          units::update),
    row!("DeleteOrganizationalUnit",          Write, false, "DeleteOrganizationalUnit",          DeleteOrganizationalUnitRequest,          units::delete),
    row!("ListOrganizationalUnitsForParent",  List,  true,  "ListOrganizationalUnitsForParent",  ListOrganizationalUnitsForParentRequest,  units::list_of_parent),
    row!("ListAccountsForParent",             List,  true,  "ListAccountsForParent",             ListAccountsForParentRequest,             units::list_accounts),
    row!("ListParents",                       List,  true,  "ListParents",                       ListParentsRequest,                       units::list_parents),
    row!("ListChildren",                      List,  true,  "ListChildren",                      ListChildrenRequest,                      units::list_children),
    row!("EnablePolicyType",                  Write, false, "EnablePolicyType",                  EnablePolicyTypeRequest,                  types::enable),
    row!("DisablePolicyType",                 Write, false, "DisablePolicyType",                 DisablePolicyTypeRequest,                 types::disable),
    row!("CreatePolicy",                      Write, false, "CreatePolicy",                      CreatePolicyRequest,                      policies::create),
    row!("UpdatePolicy",                      Write, false, "UpdatePolicy",                      UpdatePolicyRequest,                      policies::update),
    row!("DescribePolicy",                    Read,  true,  "DescribePolicy",                    DescribePolicyRequest,                    policies::describe),
    row!("DeletePolicy",                      Write, false, "DeletePolicy",                      DeletePolicyRequest,                      policies::delete),
    row!("ListPolicies",                      List,  true,  "ListPolicies",                      ListPoliciesRequest,                      policies::list),
    row!("AttachPolicy",                      Write, false, "AttachPolicy",                      AttachPolicyRequest,                      attachments::attach),
    row!("DetachPolicy",                      Write, false, "DetachPolicy",                      DetachPolicyRequest,                      attachments::detach),
    row!("ListPoliciesForTarget",             List,  true,  "ListPoliciesForTarget",             ListPoliciesForTargetRequest,             attachments::list_policies),
    row!("ListTargetsForPolicy",              List,  true,  "ListTargetsForPolicy",              ListTargetsForPolicyRequest,              attachments::list_targets),
];

impl Rows for Organizations {
    const MODEL: &'static bulla_shapes::Service = &SERVICE;

    fn rows() -> &'static [Row<Self>] {
        ROWS
    }

    fn forget(&self) {
        self.guard.forget();
        self.principals.changed_everywhere();
    }
}
