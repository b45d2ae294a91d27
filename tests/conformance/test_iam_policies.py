"""Policies and what they let users do, as boto3 sees them."""

import json

from conftest import client, new_key
from expect import refused
from iam_documents import User, policy, trust


def test_managed_policies_and_their_versions(iam, account):
    first, second = policy("iam:GetUser"), policy("iam:ListUsers")
    tags = [{"Key": "k", "Value": ""}]
    made = iam.create_policy(
        PolicyName="p", Path="/a/", PolicyDocument=first, Description="d", Tags=tags
    )["Policy"]
    arn = made["Arn"]
    assert arn == f"arn:aws:iam::{account}:policy/a/p"
    assert "Description" not in made and made["Tags"] == tags
    found = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (found["Description"], found["AttachmentCount"]) == ("d", 0)
    assert found["DefaultVersionId"] == "v1" and found["IsAttachable"]
    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=second)["PolicyVersion"]
    assert (version["VersionId"], version["IsDefaultVersion"]) == ("v2", False)
    document = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
    assert document == json.loads(first)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    with refused("DeleteConflict", "Cannot delete the default version of a policy.", 409):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    with refused("DeleteConflict", status=409) as caught:
        iam.delete_policy(PolicyArn=arn)
    assert "more than one version" in str(caught.value)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy(PolicyArn=arn)
    with refused("NoSuchEntity", f"Policy {arn} was not found.", 404):
        iam.get_policy(PolicyArn=arn)


def test_a_literal_percent_sign_survives(iam):
    iam.create_user(UserName="alice")
    document = policy("s3:GetObject", "arn:aws:s3:::bucket/%3A*")
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=document)
    found = iam.get_user_policy(UserName="alice", PolicyName="p")["PolicyDocument"]
    assert found == json.loads(document)


def test_attaching_is_idempotent_and_holds_the_policy(iam):
    iam.create_role(RoleName="R", AssumeRolePolicyDocument=trust())
    arn = iam.create_policy(PolicyName="p", PolicyDocument=policy())["Policy"]["Arn"]
    for _ in range(2):
        iam.attach_role_policy(RoleName="R", PolicyArn=arn)
    attached = iam.list_attached_role_policies(RoleName="R")["AttachedPolicies"]
    assert attached == [{"PolicyName": "p", "PolicyArn": arn}]
    assert iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"][0]["RoleName"] == "R"
    assert [one["Arn"] for one in iam.list_policies(Scope="Local")["Policies"]] == [arn]
    with refused("DeleteConflict", "Cannot delete a policy attached to entities.", 409):
        iam.delete_policy(PolicyArn=arn)
    with refused("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409):
        iam.delete_role(RoleName="R")
    iam.detach_role_policy(RoleName="R", PolicyArn=arn)
    with refused("NoSuchEntity", status=404):
        iam.detach_role_policy(RoleName="R", PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    with refused("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404):
        iam.attach_role_policy(RoleName="R", PolicyArn=arn)


def test_malformed_documents_are_refused_and_not_stored(iam):
    iam.create_user(UserName="alice")
    for document, text in [
        ("file://policy.json", "Syntax errors in policy."),
        ("[" * 20000, "Syntax errors in policy."),
        (
            json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}),
            "Policy document must be version 2012-10-17 or greater.",
        ),
        (policy("*", "bucket"), 'Resource bucket must be in ARN format or "*".'),
        (policy("*", Principal="*"), "Policy document should not specify a principal."),
    ]:
        with refused("MalformedPolicyDocument", text):
            iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=document)
    assert iam.list_user_policies(UserName="alice")["PolicyNames"] == []
    with refused("ValidationError", "Invalid ARN:  Could not be parsed!"):
        iam.attach_user_policy(UserName="alice", PolicyArn="AdministratorAccess--------")


def test_a_policy_decides_on_kms_from_the_next_request_on(server, iam, account):
    theirs = client(server, account=account)
    key = new_key(theirs)
    user = User(server, iam, "alice")
    own = user.client("kms")
    with refused("AccessDeniedException") as caught:
        own.encrypt(KeyId=key, Plaintext=b"x")
    text = f"User: {user.arn} is not authorized to perform: kms:Encrypt on resource: {key} "
    assert str(caught.value).endswith(
        text + "because no identity-based policy allows the kms:Encrypt action"
    )
    user.put(policy(["kms:Encrypt", "kms:Decrypt"], key))
    blob = own.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert own.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    user.put(policy("kms:Decrypt", key, "Deny"), "deny")
    with refused("AccessDeniedException") as caught:
        own.decrypt(CiphertextBlob=blob)
    assert str(caught.value).endswith("with an explicit deny in an identity-based policy")
    iam.delete_user_policy(UserName="alice", PolicyName="deny")
    assert own.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_details_and_summary_tell_everything(iam):
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    iam.create_user(UserName="alice")
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="alice")
    iam.create_role(RoleName="R", AssumeRolePolicyDocument=trust())
    iam.create_policy(PolicyName="p", PolicyDocument=policy())
    iam.attach_role_policy(RoleName="R", PolicyArn=arn)
    pages = iam.get_paginator("get_account_authorization_details").paginate(
        PaginationConfig={"PageSize": 1}
    )
    details = pages.build_full_result()
    assert details["UserDetailList"][0]["GroupList"] == ["g"]
    assert details["RoleDetailList"][0]["AttachedManagedPolicies"][0]["PolicyArn"] == arn
    assert [one["PolicyName"] for one in details["Policies"]] == ["p", "AdministratorAccess"]
    summary = iam.get_account_summary()["SummaryMap"]
    assert [summary[name] for name in ("Users", "Groups", "Roles", "Policies")] == [1, 1, 1, 1]
    assert summary["AccessKeysPerUserQuota"] == 2


def test_account_aliases(iam, account):
    alias = f"alias-{account}"
    assert iam.list_account_aliases()["AccountAliases"] == []
    iam.create_account_alias(AccountAlias=alias)
    with refused("EntityAlreadyExists", f"The account alias {alias} already exists.", 409):
        iam.create_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == [alias]
    iam.delete_account_alias(AccountAlias=alias)
    with refused("NoSuchEntity", status=404):
        iam.delete_account_alias(AccountAlias=alias)


def test_the_simulator(iam, account):
    user = iam.create_user(UserName="alice")["User"]["Arn"]
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=policy("kms:*"))
    results = iam.simulate_principal_policy(
        PolicySourceArn=user, ActionNames=["kms:Decrypt", "iam:GetUser"]
    )["EvaluationResults"]
    assert [one["EvalDecision"] for one in results] == ["allowed", "implicitDeny"]
    keys = iam.get_context_keys_for_custom_policy(
        PolicyInputList=[policy(Condition={"StringLike": {"kms:ViaService": "${aws:username}*"}})]
    )["ContextKeyNames"]
    assert keys == ["aws:username", "kms:ViaService"]
    with refused("NoSuchEntity", "The role with name X cannot be found.", 404):
        iam.simulate_principal_policy(
            PolicySourceArn=f"arn:aws:iam::{account}:role/X", ActionNames=["kms:Decrypt"]
        )
