"""Users, groups and access keys, as boto3 sees them."""

import boto3
import pytest
from botocore.config import Config

from expect import refused
from iam_documents import User, policy
from program import wait_until


def test_a_user_is_made_found_changed_and_deleted(iam, account):
    made = iam.create_user(UserName="alice", Path="/team/", Tags=[{"Key": "a", "Value": "b"}])
    user = made["User"]
    assert user["Arn"] == f"arn:aws:iam::{account}:user/team/alice"
    assert (user["UserId"][:4], len(user["UserId"])) == ("AIDA", 21)
    assert iam.get_user(UserName="ALICE")["User"] == user
    listed = iam.list_users(PathPrefix="/team")["Users"]
    assert [(one["UserName"], "Tags" in one) for one in listed] == [("alice", False)]
    iam.update_user(UserName="alice", NewUserName="alicia", NewPath="/")
    assert iam.get_user(UserName="alicia")["User"]["UserId"] == user["UserId"]
    iam.delete_user(UserName="alicia")
    with refused("NoSuchEntity", "The user with name alicia cannot be found.", 404):
        iam.get_user(UserName="alicia")


def test_names_are_taken_whatever_their_letter_case(iam):
    iam.create_user(UserName="Bob")
    with refused("EntityAlreadyExists", "User with name BOB already exists.", 409):
        iam.create_user(UserName="BOB")
    iam.create_group(GroupName="G")
    with refused("EntityAlreadyExists", "Group with name g already exists", 409):
        iam.create_group(GroupName="g")


def test_root_looks_at_itself(iam, account):
    user = iam.get_user()["User"]
    assert (user["UserId"], user["Arn"]) == (account, f"arn:aws:iam::{account}:root")


def test_an_access_key_signs_and_tells_its_owner(server, iam, account):
    user = User(server, iam, "carol")
    sts = user.client("sts")
    identity = sts.get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (account, user.arn)
    assert identity["UserId"].startswith("AIDA")
    used = {}

    def is_known():
        used.update(iam.get_access_key_last_used(AccessKeyId=user.key["AccessKeyId"]))
        return "LastUsedDate" in used["AccessKeyLastUsed"]

    wait_until(is_known, 10, "the key's use is known")
    assert used["UserName"] == "carol"
    assert used["AccessKeyLastUsed"]["ServiceName"] == "sts"


def test_a_key_that_is_switched_off_or_deleted_is_refused_at_once(server, iam):
    user = User(server, iam, "dora")
    sts = user.client("sts")
    which = {"UserName": "dora", "AccessKeyId": user.key["AccessKeyId"]}
    unknown = "The security token included in the request is invalid."
    iam.update_access_key(**which, Status="Inactive")
    with refused("InvalidClientTokenId", unknown, 403):
        sts.get_caller_identity()
    iam.update_access_key(**which, Status="Active")
    sts.get_caller_identity()
    iam.delete_access_key(**which)
    with refused("InvalidClientTokenId", unknown, 403):
        sts.get_caller_identity()
    text = f"The Access Key with id {which['AccessKeyId']} cannot be found"
    with refused("NoSuchEntity", text, 404):
        iam.delete_access_key(**which)


def test_keys_have_a_quota_and_hold_their_user(iam):
    iam.create_user(UserName="eve")
    for _ in range(2):
        iam.create_access_key(UserName="eve")
    with refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", 409):
        iam.create_access_key(UserName="eve")
    keys = iam.list_access_keys(UserName="eve")["AccessKeyMetadata"]
    assert [key["Status"] for key in keys] == ["Active", "Active"]
    with refused("DeleteConflict", "Cannot delete entity, must delete access keys first.", 409):
        iam.delete_user(UserName="eve")


def test_groups_pass_their_policies_on(server, iam):
    user = User(server, iam, "fred")
    theirs = user.client()
    iam.create_group(GroupName="readers")
    iam.put_group_policy(
        GroupName="readers", PolicyName="read", PolicyDocument=policy("iam:ListUsers")
    )
    with refused("AccessDenied", status=403):
        theirs.list_users()
    iam.add_user_to_group(GroupName="readers", UserName="fred")
    assert [one["UserName"] for one in theirs.list_users()["Users"]] == ["fred"]
    assert [one["UserName"] for one in iam.get_group(GroupName="readers")["Users"]] == ["fred"]
    assert iam.list_groups_for_user(UserName="fred")["Groups"][0]["GroupName"] == "readers"
    text = "Cannot delete entity, must remove users from group first."
    with refused("DeleteConflict", text, 409):
        iam.delete_group(GroupName="readers")
    iam.remove_user_from_group(GroupName="readers", UserName="fred")
    with refused("AccessDenied", status=403):
        theirs.list_users()


def test_lists_have_pages(iam):
    names = [f"user-{number:02}" for number in range(7)]
    for name in names:
        iam.create_user(UserName=name)
    pages = iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 3})
    assert [one["UserName"] for page in pages for one in page["Users"]] == names


SPELLING = (
    "The specified value for userName is invalid. It must contain only alphanumeric characters "
    "and/or the following: +=,.@_-"
)


@pytest.mark.parametrize("name", ["", "a b", "team/a", "é", "a\n", "u" * 65])
def test_bad_names_are_refused(server, account, name):
    unchecked = boto3.client(
        "iam",
        endpoint_url=server.endpoint,
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=Config(parameter_validation=False),
    )
    with refused("ValidationError") as caught:
        unchecked.create_user(UserName=name)
    text = caught.value.response["Error"]["Message"]
    if 0 < len(name) <= 64:
        assert text == SPELLING
    else:
        assert "'userName'" in text and "u" * 65 not in text


def test_tags_and_boundaries_of_users(iam):
    iam.create_user(UserName="gil")
    iam.tag_user(UserName="gil", Tags=[{"Key": "Team", "Value": "red"}])
    iam.tag_user(UserName="gil", Tags=[{"Key": "team", "Value": "blue"}])
    assert iam.list_user_tags(UserName="gil")["Tags"] == [{"Key": "team", "Value": "blue"}]
    iam.untag_user(UserName="gil", TagKeys=["TEAM", "other"])
    assert iam.list_user_tags(UserName="gil")["Tags"] == []
    arn = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
    iam.put_user_permissions_boundary(UserName="gil", PermissionsBoundary=arn)
    boundary = iam.get_user(UserName="gil")["User"]["PermissionsBoundary"]
    assert boundary == {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    iam.delete_user_permissions_boundary(UserName="gil")
    with refused("NoSuchEntity", status=404):
        iam.delete_user_permissions_boundary(UserName="gil")
