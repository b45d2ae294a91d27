"""Roles, instance profiles and service-linked roles, as boto3 and Terraform use them."""

import json

from expect import refused
from iam_documents import policy, trust


def test_a_role_s_life(iam, account):
    made = iam.create_role(
        RoleName="R", Path="/a/", AssumeRolePolicyDocument=trust(), Description="d"
    )["Role"]
    assert made["Arn"] == f"arn:aws:iam::{account}:role/a/R"
    assert "MaxSessionDuration" not in made and "RoleLastUsed" not in made
    found = iam.get_role(RoleName="R")["Role"]
    assert (found["MaxSessionDuration"], found["RoleLastUsed"]) == (3600, {})
    assert found["AssumeRolePolicyDocument"] == json.loads(trust())
    iam.update_role(RoleName="R", MaxSessionDuration=7200)
    iam.update_role(RoleName="R", Description="e")
    found = iam.get_role(RoleName="R")["Role"]
    assert (found["MaxSessionDuration"], found["Description"]) == (7200, "e")
    listed = iam.list_roles(PathPrefix="/a/")["Roles"]
    assert [one["RoleName"] for one in listed] == ["R"]
    iam.put_role_policy(RoleName="R", PolicyName="p", PolicyDocument=policy())
    with refused("DeleteConflict", "Cannot delete entity, must delete policies first.", 409):
        iam.delete_role(RoleName="R")
    iam.delete_role_policy(RoleName="R", PolicyName="p")
    iam.delete_role(RoleName="R")
    with refused("NoSuchEntity", "The role with name R cannot be found.", 404):
        iam.get_role(RoleName="R")


def test_trust_follows_the_one_who_was_named(iam, account):
    arn = f"arn:aws:iam::{account}:user/alice"
    text = f'Invalid principal in policy: "AWS":"{arn}"'
    with refused("MalformedPolicyDocument", text):
        iam.create_role(RoleName="R", AssumeRolePolicyDocument=trust(arn))
    user = iam.create_user(UserName="alice")["User"]
    iam.create_role(RoleName="R", AssumeRolePolicyDocument=trust(arn))

    def trusted():
        document = iam.get_role(RoleName="R")["Role"]["AssumeRolePolicyDocument"]
        return document["Statement"][0]["Principal"]["AWS"]

    assert trusted() == arn
    iam.delete_user(UserName="alice")
    assert trusted() == user["UserId"]
    iam.create_user(UserName="alice")
    assert trusted() == user["UserId"]
    iam.update_assume_role_policy(RoleName="R", PolicyDocument=trust(arn))
    assert trusted() == arn


def test_instance_profiles(iam):
    iam.create_role(RoleName="R", AssumeRolePolicyDocument=trust())
    profile = iam.create_instance_profile(InstanceProfileName="P")["InstanceProfile"]
    assert profile["Roles"] == []
    iam.add_role_to_instance_profile(InstanceProfileName="P", RoleName="R")
    with refused("LimitExceeded", status=409):
        iam.add_role_to_instance_profile(InstanceProfileName="P", RoleName="R")
    found = iam.get_instance_profile(InstanceProfileName="P")["InstanceProfile"]
    assert found["Roles"][0]["RoleName"] == "R"
    text = "Cannot delete entity, must remove roles from instance profile first."
    with refused("DeleteConflict", text, 409):
        iam.delete_role(RoleName="R")
    iam.tag_instance_profile(InstanceProfileName="P", Tags=[{"Key": "k", "Value": "v"}])
    assert iam.list_instance_profile_tags(InstanceProfileName="P")["Tags"]
    iam.untag_instance_profile(InstanceProfileName="P", TagKeys=["k"])
    iam.remove_role_from_instance_profile(InstanceProfileName="P", RoleName="R")
    iam.delete_instance_profile(InstanceProfileName="P")
    iam.delete_role(RoleName="R")
    with refused("NoSuchEntity", "Instance Profile P cannot be found.", 404):
        iam.get_instance_profile(InstanceProfileName="P")


def test_service_linked_roles(iam):
    service = "mrk.kms.amazonaws.com"
    role = iam.create_service_linked_role(AWSServiceName=service)["Role"]
    name = role["RoleName"]
    with refused("UnmodifiableEntity") as caught:
        iam.attach_role_policy(
            RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        )
    assert f"protected role '{name}'" in str(caught.value)
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    iam.create_service_linked_role(AWSServiceName=service)


def test_a_role_s_boundary_and_tags(iam):
    boundary = iam.create_policy(PolicyName="b", PolicyDocument=policy())["Policy"]["Arn"]
    made = iam.create_role(
        RoleName="R",
        AssumeRolePolicyDocument=trust(),
        PermissionsBoundary=boundary,
        Tags=[{"Key": "k", "Value": "v"}],
    )["Role"]
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    assert iam.list_role_tags(RoleName="R")["Tags"] == [{"Key": "k", "Value": "v"}]
    with refused("DeleteConflict", status=409):
        iam.delete_policy(PolicyArn=boundary)
    iam.delete_role(RoleName="R")
    iam.delete_policy(PolicyArn=boundary)
