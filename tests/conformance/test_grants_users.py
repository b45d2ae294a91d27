"""Grants and key policies that name users and roles: who they are counts, not their names."""

import json

from conftest import client, new_key
from expect import denied, denied_abroad, refused
from iam_documents import User, policy, trust

NOT_ALLOWED = "because no identity-based policy allows"


def test_a_grant_lets_a_user_without_policies(server, iam, own_kms):
    key = new_key(own_kms)
    user = User(server, iam, "alice")
    kms = user.client("kms")
    text = denied("kms:Encrypt", key, NOT_ALLOWED, user.arn)
    with refused("AccessDeniedException", text):
        kms.encrypt(KeyId=key, Plaintext=b"x")
    made = own_kms.create_grant(
        KeyId=key, GranteePrincipal=user.arn, Operations=["Encrypt", "RetireGrant"]
    )
    kms.encrypt(KeyId=key, Plaintext=b"x")
    user.put(policy("kms:Encrypt", key, "Deny"))
    reason = "with an explicit deny in an identity-based policy"
    denial = denied("kms:Encrypt", key, reason, user.arn)
    with refused("AccessDeniedException", denial):
        kms.encrypt(KeyId=key, Plaintext=b"x")
    kms.retire_grant(KeyId=key, GrantId=made["GrantId"])
    assert own_kms.list_grants(KeyId=key)["Grants"] == []


def test_a_foreign_user_needs_a_policy_besides_the_grant(server, iam, other_account):
    theirs = client(server, account=other_account)
    key = new_key(theirs)
    user = User(server, iam, "alice")
    kms = user.client("kms")
    theirs.create_grant(KeyId=key, GranteePrincipal=user.arn, Operations=["DescribeKey"])
    with refused("AccessDeniedException") as caught:
        kms.describe_key(KeyId=key)
    assert str(caught.value).endswith(
        f"User: {user.arn} is not authorized to perform: kms:DescribeKey on this resource "
        "because no identity-based policy allows the kms:DescribeKey action"
    )
    user.put(policy("kms:DescribeKey", key))
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"] == key
    user.put(policy("kms:*"))
    with refused("AccessDeniedException") as caught:
        kms.encrypt(KeyId=key, Plaintext=b"x")
    tail = denied_abroad("kms:Encrypt", "").split(" on this resource ")[1]
    assert str(caught.value).endswith("kms:Encrypt on this resource " + tail)


def test_the_gone_are_shown_by_their_ids_and_namesakes_get_nothing(server, iam, own_kms, account):
    key = new_key(own_kms)
    arn = iam.create_user(UserName="alice")["User"]["Arn"]
    first = iam.get_user(UserName="alice")["User"]["UserId"]
    grant = {"KeyId": key, "GranteePrincipal": arn, "Operations": ["Encrypt"], "Name": "n"}
    made = own_kms.create_grant(**grant)
    own = {"Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "kms:*"}
    named = {"Principal": {"AWS": arn}, "Action": "kms:DescribeKey"}
    statements = [{"Effect": "Allow", "Resource": "*", **one} for one in (own, named)]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    own_kms.put_key_policy(KeyId=key, Policy=document)
    assert own_kms.get_key_policy(KeyId=key)["Policy"] == document
    iam.delete_user(UserName="alice")
    assert own_kms.get_key_policy(KeyId=key)["Policy"] == document.replace(arn, first)
    (entry,) = own_kms.list_grants(KeyId=key)["Grants"]
    assert entry["GranteePrincipal"] == first
    text = f"ARN does not refer to a valid principal: {arn}"
    with refused("InvalidArnException", text):
        own_kms.create_grant(**grant)
    with refused("InvalidArnException", "Input does not refer to a valid principal"):
        own_kms.list_grants(KeyId=key, GranteePrincipal=first)
    with refused(
        "MalformedPolicyDocumentException",
        "Policy contains a statement with one or more invalid principals.",
    ):
        own_kms.put_key_policy(KeyId=key, Policy=document)
    namesake = User(server, iam, "alice").client("kms")
    for call in (
        lambda: namesake.encrypt(KeyId=key, Plaintext=b"x"),
        lambda: namesake.describe_key(KeyId=key),
    ):
        with refused("AccessDeniedException"):
            call()
    again = own_kms.create_grant(**grant)
    assert again["GrantId"] != made["GrantId"]
    namesake.encrypt(KeyId=key, Plaintext=b"x")


def test_roles_and_their_sessions_are_principals(iam, own_kms, account):
    key = new_key(own_kms)
    iam.create_role(RoleName="App", Path="/team/", AssumeRolePolicyDocument=trust())
    role = iam.get_role(RoleName="App")["Role"]
    session = f"arn:aws:sts::{account}:assumed-role/App/never"
    for given, shown in (
        (role["Arn"], role["Arn"]),
        (session, session),
        (f"{role['RoleId']}:never", session),
    ):
        made = own_kms.create_grant(KeyId=key, GranteePrincipal=given, Operations=["Decrypt"])
        listed = own_kms.list_grants(KeyId=key, GrantId=made["GrantId"])["Grants"]
        assert [entry["GranteePrincipal"] for entry in listed] == [shown]
    with_path = f"arn:aws:sts::{account}:assumed-role/team/App/never"
    with refused("InvalidArnException", f"ARN is not valid: {with_path}"):
        own_kms.create_grant(KeyId=key, GranteePrincipal=with_path, Operations=["Decrypt"])
