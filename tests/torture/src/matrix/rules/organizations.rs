//! How Organizations' operations are authorized: by identity policies of the account that manages
//! the organization, on no resource in particular.

use super::On::{Account, Shared};
use super::{Rule, rule};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    rule("CreateOrganization", Account, "{}"),
    rule("DescribeOrganization", Shared, "{}"),
    rule("DeleteOrganization", Account, "{}"),
    rule("CreateAccount", Account, r#"{"AccountName":"a","Email":"{email}"}"#),
    rule("DescribeCreateAccountStatus", Account, r#"{"CreateAccountRequestId":"car-0123456789abcdef0123456789abcdef"}"#),
    rule("ListCreateAccountStatus", Account, "{}"),
    rule("DescribeAccount", Account, r#"{"AccountId":"{member}"}"#),
    rule("ListAccounts", Account, "{}"),
    rule("CloseAccount", Account, r#"{"AccountId":"{member}"}"#),
    rule("MoveAccount", Account, r#"{"AccountId":"{member}","SourceParentId":"{root}","DestinationParentId":"{unit}"}"#),
    rule("ListRoots", Account, "{}"),
    rule("CreateOrganizationalUnit", Account, r#"{"ParentId":"{root}","Name":"{new_unit}"}"#),
    rule("DescribeOrganizationalUnit", Account, r#"{"OrganizationalUnitId":"{unit}"}"#),
    rule("UpdateOrganizationalUnit", Account, r#"{"OrganizationalUnitId":"{unit}","Name":"{new_unit}"}"#),
    rule("DeleteOrganizationalUnit", Account, r#"{"OrganizationalUnitId":"{unit}"}"#),
    rule("ListOrganizationalUnitsForParent", Account, r#"{"ParentId":"{root}"}"#),
    rule("ListAccountsForParent", Account, r#"{"ParentId":"{root}"}"#),
    rule("ListParents", Account, r#"{"ChildId":"{member}"}"#),
    rule("ListChildren", Account, r#"{"ParentId":"{root}","ChildType":"ACCOUNT"}"#),
    rule("EnablePolicyType", Account, r#"{"RootId":"{root}","PolicyType":"SERVICE_CONTROL_POLICY"}"#),
    // Of a root that is not there: the fence around the others' member hangs on this type.
    rule("DisablePolicyType", Account, r#"{"RootId":"r-none","PolicyType":"SERVICE_CONTROL_POLICY"}"#),
    rule("CreatePolicy", Account, r#"{"Name":"{new_unit}","Description":"d","Type":"SERVICE_CONTROL_POLICY","Content":"{document}"}"#),
    rule("UpdatePolicy", Account, r#"{"PolicyId":"{scp}","Description":"other"}"#),
    rule("DescribePolicy", Account, r#"{"PolicyId":"{scp}"}"#),
    rule("DeletePolicy", Account, r#"{"PolicyId":"{scp}"}"#),
    rule("ListPolicies", Account, r#"{"Filter":"SERVICE_CONTROL_POLICY"}"#),
    rule("AttachPolicy", Account, r#"{"PolicyId":"{scp}","TargetId":"{unit}"}"#),
    rule("DetachPolicy", Account, r#"{"PolicyId":"{scp}","TargetId":"{unit}"}"#),
    rule("ListPoliciesForTarget", Account, r#"{"TargetId":"{unit}","Filter":"SERVICE_CONTROL_POLICY"}"#),
    rule("ListTargetsForPolicy", Account, r#"{"PolicyId":"{scp}"}"#),
];
