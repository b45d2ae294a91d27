//! Organizations' errors, each made in one place. Codes and reasons are the model's; texts are
//! AWS's where they are known, and ours in its manner elsewhere.

use bulla_shapes::organizations::SERVICE;
use bulla_shapes::{Fault, Record, Value};

fn of(code: &'static str, text: impl Into<String>) -> Fault {
    Fault::of(&SERVICE, code).with_message(text.into())
}

/// An error that states its reason in a member of its own.
fn because(code: &'static str, reason: &'static str, text: impl Into<String>) -> Fault {
    let fault = of(code, text);
    let Some(error) = SERVICE.error(code) else { return fault };
    let mut detail = Record::new(error.structure);
    if let Some(at) = error.structure.position("Reason") {
        detail.set(at, Value::Str(reason.into()));
    }
    fault.with_detail(detail)
}

pub(crate) fn invalid(reason: &'static str, text: impl Into<String>) -> Fault {
    because("InvalidInputException", reason, text)
}

fn constraint(reason: &'static str, text: impl Into<String>) -> Fault {
    because("ConstraintViolationException", reason, text)
}

pub(crate) fn not_in_use() -> Fault {
    of("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
}

/// What a member account may not do.
pub(crate) fn not_the_management_account() -> Fault {
    of("AccessDeniedException", "You don't have permissions to access this resource.")
}

pub(crate) fn already_in_organization() -> Fault {
    let text = "The AWS account is already a member of an organization.";
    of("AlreadyInOrganizationException", text)
}

pub(crate) fn not_empty() -> Fault {
    let text = "To delete an organization you must first remove all member accounts (except the \
                master).";
    of("OrganizationNotEmptyException", text)
}

pub(crate) fn account_not_found() -> Fault {
    of("AccountNotFoundException", "You specified an account that doesn't exist.")
}

pub(crate) fn already_closed() -> Fault {
    of("AccountAlreadyClosedException", "The provided account is already closed.")
}

pub(crate) fn management_account_stays() -> Fault {
    let text = "You cannot close the management account of an organization.";
    constraint("CANNOT_CLOSE_MANAGEMENT_ACCOUNT", text)
}

pub(crate) fn too_many_accounts() -> Fault {
    let text = "You have exceeded the allowed number of AWS accounts.";
    constraint("ACCOUNT_NUMBER_LIMIT_EXCEEDED", text)
}

pub(crate) fn request_not_found() -> Fault {
    let text = "You specified an account creation request that doesn't exist.";
    of("CreateAccountStatusNotFoundException", text)
}

pub(crate) fn root_not_found() -> Fault {
    of("RootNotFoundException", "You specified a root that doesn't exist.")
}

pub(crate) fn parent_not_found() -> Fault {
    of("ParentNotFoundException", "You specified parent that doesn't exist.")
}

pub(crate) fn source_not_found() -> Fault {
    of("SourceParentNotFoundException", "You specified a source parent that doesn't exist.")
}

pub(crate) fn destination_not_found() -> Fault {
    let text = "You specified a destination parent that doesn't exist.";
    of("DestinationParentNotFoundException", text)
}

pub(crate) fn already_there() -> Fault {
    of("DuplicateAccountException", "The account is already present in the destination.")
}

pub(crate) fn child_not_found() -> Fault {
    of("ChildNotFoundException", "You specified a child that doesn't exist.")
}

pub(crate) fn unit_not_found() -> Fault {
    let text = "You specified an organizational unit that doesn't exist.";
    of("OrganizationalUnitNotFoundException", text)
}

pub(crate) fn duplicate_unit() -> Fault {
    of("DuplicateOrganizationalUnitException", "An OU with the same name already exists.")
}

pub(crate) fn unit_not_empty() -> Fault {
    let text = "The organizational unit is not empty: move or remove its accounts and child OUs.";
    of("OrganizationalUnitNotEmptyException", text)
}

pub(crate) fn too_many_units() -> Fault {
    let text = "You have exceeded the allowed number of organizational units.";
    constraint("OU_NUMBER_LIMIT_EXCEEDED", text)
}

pub(crate) fn too_deep() -> Fault {
    let text = "You have exceeded the allowed depth of nested organizational units.";
    constraint("OU_DEPTH_LIMIT_EXCEEDED", text)
}

pub(crate) fn policy_not_found() -> Fault {
    of("PolicyNotFoundException", "You specified a policy that doesn't exist.")
}

pub(crate) fn duplicate_policy() -> Fault {
    of("DuplicatePolicyException", "A policy with the same name already exists.")
}

pub(crate) fn policy_in_use() -> Fault {
    let text = "The policy is attached to one or more entities: detach it first.";
    of("PolicyInUseException", text)
}

pub(crate) fn too_many_policies() -> Fault {
    let text = "You have exceeded the allowed number of policies.";
    constraint("POLICY_NUMBER_LIMIT_EXCEEDED", text)
}

pub(crate) fn policy_too_large() -> Fault {
    let text = "You have exceeded the allowed size of a policy document.";
    constraint("POLICY_CONTENT_LIMIT_EXCEEDED", text)
}

/// Recorded.
pub(crate) fn malformed_policy(text: String) -> Fault {
    of("MalformedPolicyDocumentException", text)
}

pub(crate) fn managed_by_aws() -> Fault {
    of("AccessDeniedException", "This policy is managed by AWS and can't be changed.")
}

pub(crate) fn type_already_enabled() -> Fault {
    let text = "The specified policy type is already enabled.";
    of("PolicyTypeAlreadyEnabledException", text)
}

pub(crate) fn type_not_enabled() -> Fault {
    let text = "This operation can be performed only for enabled policy types.";
    of("PolicyTypeNotEnabledException", text)
}

/// For the types of policies that are not served here.
pub(crate) fn type_not_available() -> Fault {
    let text = "This policy type is not available for your organization.";
    of("PolicyTypeNotAvailableForOrganizationException", text)
}

pub(crate) fn target_not_found() -> Fault {
    of("TargetNotFoundException", "You specified a target that doesn't exist.")
}

pub(crate) fn duplicate_attachment() -> Fault {
    let text = "A policy with the specified name and type is already attached to the target.";
    of("DuplicatePolicyAttachmentException", text)
}

pub(crate) fn not_attached() -> Fault {
    of("PolicyNotAttachedException", "The policy isn't attached to the specified target.")
}

pub(crate) fn too_many_attached() -> Fault {
    let text = "You have attached the maximum number of policies to the specified target.";
    constraint("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", text)
}

pub(crate) fn last_attached() -> Fault {
    let text = "You cannot remove the last policy attached to the specified target. You must have \
                at least one attached at all times.";
    constraint("MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", text)
}
