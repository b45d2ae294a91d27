"""Organizations: accounts, units, and policies that bind every call below them."""

import itertools
import json

import boto3
import pytest
from conftest import client
from expect import refused

ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
SCP = "SERVICE_CONTROL_POLICY"
NOT_IN_USE = "Your account is not a member of an organization."

_emails = itertools.count()


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def deny(*actions):
    return {"Effect": "Deny", "Action": list(actions), "Resource": "*"}


@pytest.fixture
def organizations(server, account):
    return client(server, "organizations", account=account)


@pytest.fixture
def organization(organizations):
    return organizations.create_organization(FeatureSet="ALL")["Organization"]


@pytest.fixture
def root(organizations, organization):
    return organizations.list_roots()["Roots"][0]["Id"]


@pytest.fixture
def member(organizations, organization):
    return new_account(organizations)


def new_account(organizations, **more):
    email = f"account-{next(_emails)}-{id(organizations)}@example.com"
    status = organizations.create_account(AccountName="team", Email=email, **more)
    status = status["CreateAccountStatus"]
    assert status["State"] == "SUCCEEDED", status
    return status["AccountId"]


def scp(organizations, name, *statements):
    answer = organizations.create_policy(
        Content=policy(*statements), Description="d", Name=name, Type=SCP
    )
    return answer["Policy"]["PolicySummary"]["Id"]


def test_an_organization_is_made_described_and_deleted(organizations, account):
    with refused("AWSOrganizationsNotInUseException", NOT_IN_USE):
        organizations.describe_organization()
    made = organizations.create_organization(FeatureSet="ALL")["Organization"]
    assert made["MasterAccountId"] == account
    assert made["Arn"] == f"arn:aws:organizations::{account}:organization/{made['Id']}"
    assert organizations.describe_organization()["Organization"] == made
    with refused("AlreadyInOrganizationException"):
        organizations.create_organization(FeatureSet="ALL")
    organizations.delete_organization()
    with refused("AWSOrganizationsNotInUseException", NOT_IN_USE):
        organizations.list_accounts()


def test_accounts_are_made_listed_and_closed(server, organizations, organization, member, root):
    listed = organizations.get_paginator("list_accounts").paginate().build_full_result()
    states = {entry["Id"]: (entry["Status"], entry["JoinedMethod"]) for entry in listed["Accounts"]}
    assert states == {
        organization["MasterAccountId"]: ("ACTIVE", "INVITED"),
        member: ("ACTIVE", "CREATED"),
    }
    assert organizations.list_parents(ChildId=member)["Parents"] == [{"Id": root, "Type": "ROOT"}]
    assert client(server, "sts", account=member).get_caller_identity()["Account"] == member
    organizations.close_account(AccountId=member)
    assert organizations.describe_account(AccountId=member)["Account"]["Status"] == "SUSPENDED"
    with refused("InvalidClientTokenId", status=403):
        client(server, "sts", account=member).get_caller_identity()
    with refused("AccountAlreadyClosedException"):
        organizations.close_account(AccountId=member)
    with refused("ConstraintViolationException") as caught:
        organizations.close_account(AccountId=organization["MasterAccountId"])
    assert caught.value.response["Reason"] == "CANNOT_CLOSE_MANAGEMENT_ACCOUNT"


def test_an_address_is_one_accounts(organizations, organization):
    request = {"AccountName": "a", "Email": f"{organization['Id']}@example.com"}
    organizations.create_account(**request)
    failed = organizations.create_account(**request)["CreateAccountStatus"]
    assert (failed["State"], failed["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")
    found = organizations.describe_create_account_status(CreateAccountRequestId=failed["Id"])
    assert found["CreateAccountStatus"]["FailureReason"] == "EMAIL_ALREADY_EXISTS"
    listed = organizations.list_create_account_status(States=["FAILED"])["CreateAccountStatuses"]
    assert [entry["Id"] for entry in listed] == [failed["Id"]]


def test_members_may_only_ask_what_they_are_in(server, organizations, organization, member):
    theirs = client(server, "organizations", account=member)
    assert theirs.describe_organization()["Organization"]["Id"] == organization["Id"]
    message = "You don't have permissions to access this resource."
    with refused("AccessDeniedException", message):
        theirs.list_accounts()
    with refused("AccessDeniedException", message):
        theirs.create_account(AccountName="x", Email="x@example.com")


def test_units_form_a_tree(organizations, root, member):
    unit = organizations.create_organizational_unit(ParentId=root, Name="one")
    unit = unit["OrganizationalUnit"]["Id"]
    below = organizations.create_organizational_unit(ParentId=unit, Name="two")
    below = below["OrganizationalUnit"]["Id"]
    with refused("DuplicateOrganizationalUnitException"):
        organizations.create_organizational_unit(ParentId=root, Name="one")
    organizations.move_account(AccountId=member, SourceParentId=root, DestinationParentId=below)
    with refused("DuplicateAccountException"):
        organizations.move_account(AccountId=member, SourceParentId=root, DestinationParentId=below)
    found = organizations.list_accounts_for_parent(ParentId=below)["Accounts"]
    assert [entry["Id"] for entry in found] == [member]
    children = organizations.list_children(ParentId=unit, ChildType="ORGANIZATIONAL_UNIT")
    assert children["Children"] == [{"Id": below, "Type": "ORGANIZATIONAL_UNIT"}]
    with refused("OrganizationalUnitNotEmptyException"):
        organizations.delete_organizational_unit(OrganizationalUnitId=below)
    organizations.move_account(AccountId=member, SourceParentId=below, DestinationParentId=root)
    for gone in (below, unit):
        organizations.delete_organizational_unit(OrganizationalUnitId=gone)
    assert organizations.list_organizational_units_for_parent(ParentId=root)[
        "OrganizationalUnits"
    ] == []


def test_a_policys_document_is_normalized(organizations, organization):
    text = '{ "Statement": {"Effect": "Deny", "Action": "kms:*", "Resource": "*"} }'
    made = organizations.create_policy(Content=text, Description="", Name="n", Type=SCP)["Policy"]
    assert made["Content"] == (
        '{"Version":"2008-10-17","Statement":'
        '[{"Effect":"Deny","Action":"kms:*","Resource":"*"}]}'
    )
    with refused("DuplicatePolicyException"):
        organizations.create_policy(Content=text, Description="", Name="n", Type=SCP)
    message = (
        "The provided policy document does not meet the requirements of the specified policy type."
    )
    with refused("MalformedPolicyDocumentException", message):
        organizations.create_policy(Content="{}", Description="", Name="m", Type=SCP)


def test_a_policy_binds_members_on_the_next_call_and_not_the_management_account(
    server, organizations, root, member, account
):
    theirs, ours = client(server, account=member), client(server, account=account)
    theirs.list_keys()
    with refused("PolicyTypeNotEnabledException"):
        organizations.attach_policy(PolicyId="p-FullAWSAccess", TargetId=root)
    enabled = organizations.enable_policy_type(RootId=root, PolicyType=SCP)["Root"]
    assert enabled["PolicyTypes"] == [{"Type": SCP, "Status": "ENABLED"}]
    theirs.list_keys()
    blocked = scp(organizations, "no-lists", ALLOW_ALL, deny("kms:ListKeys"))
    organizations.attach_policy(PolicyId=blocked, TargetId=root)
    arn = f"arn:aws:iam::{member}:root"
    policy_arn = organizations.describe_policy(PolicyId=blocked)["Policy"]["PolicySummary"]["Arn"]
    message = (
        f"User: {arn} is not authorized to perform: kms:ListKeys on resource: * with an explicit "
        f"deny in a service control policy: {policy_arn}"
    )
    with refused("AccessDeniedException", message):
        theirs.list_keys()
    ours.list_keys()
    # Changed in place, it binds no more.
    organizations.update_policy(PolicyId=blocked, Content=policy(ALLOW_ALL))
    theirs.list_keys()
    organizations.update_policy(PolicyId=blocked, Content=policy(deny("kms:ListKeys")))
    with refused("AccessDeniedException", message):
        theirs.list_keys()
    with refused("PolicyInUseException"):
        organizations.delete_policy(PolicyId=blocked)
    organizations.detach_policy(PolicyId=blocked, TargetId=root)
    theirs.list_keys()
    organizations.delete_policy(PolicyId=blocked)


def test_every_level_must_allow(server, organizations, root, member):
    organizations.enable_policy_type(RootId=root, PolicyType=SCP)
    unit = organizations.create_organizational_unit(ParentId=root, Name="u")
    unit = unit["OrganizationalUnit"]["Id"]
    organizations.move_account(AccountId=member, SourceParentId=root, DestinationParentId=unit)
    theirs = client(server, account=member)
    theirs.list_keys()
    sts_only = scp(organizations, "sts-only", {**ALLOW_ALL, "Action": "sts:*"})
    organizations.attach_policy(PolicyId=sts_only, TargetId=unit)
    with refused("ConstraintViolationException") as caught:
        organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=member)
    assert caught.value.response["Reason"] == "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
    organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=unit)
    message = (
        f"User: arn:aws:iam::{member}:root is not authorized to perform: kms:ListKeys on resource: "
        "* because no service control policy allows the kms:ListKeys action"
    )
    with refused("AccessDeniedException", message):
        theirs.list_keys()
    targets = organizations.list_targets_for_policy(PolicyId=sts_only)["Targets"]
    assert [(entry["TargetId"], entry["Type"]) for entry in targets] == [
        (unit, "ORGANIZATIONAL_UNIT")
    ]
    organizations.move_account(AccountId=member, SourceParentId=unit, DestinationParentId=root)
    theirs.list_keys()


def test_a_new_account_can_be_entered_by_its_role_only_as_somebody(
    server, organizations, organization, member
):
    role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
    sts = client(server, "sts", account=organization["MasterAccountId"])
    with refused("AccessDenied", "Roles may not be assumed by root accounts.", status=403):
        sts.assume_role(RoleArn=role, RoleSessionName="s1")


def test_it_works_where_every_key_is_checked(strict_server):
    root = strict_server.root
    session = boto3.Session(
        aws_access_key_id=root["AccessKeyId"],
        aws_secret_access_key=root["SecretAccessKey"],
        region_name="us-east-1",
    )
    organizations = session.client("organizations", endpoint_url=strict_server.endpoint)
    made = organizations.create_organization(FeatureSet="ALL")["Organization"]
    assert made["MasterAccountId"] == root["AccountId"]
    member = new_account(organizations)
    assert organizations.describe_account(AccountId=member)["Account"]["Name"] == "team"
