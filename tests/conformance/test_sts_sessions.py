"""Sessions: roles assumed by users of two accounts, and what ends a session."""

import json

import boto3
import pytest
from conftest import client, new_key
from expect import refused
from program import run, wait_until

ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(principal, *actions, **condition):
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": list(actions) or ["sts:AssumeRole"],
    }
    if condition:
        statement["Condition"] = condition
    return policy(statement)


def with_key(server, credentials, service):
    return boto3.client(
        service,
        endpoint_url=server.endpoint,
        region_name="eu-central-1",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials.get("SessionToken"),
    )


class World:
    """A user with all permissions in one account, and a role in another."""

    def __init__(self, server, account, abroad):
        self.server, self.account, self.abroad = server, account, abroad
        iam = client(server, "iam", account=account)
        self.user = iam.create_user(UserName="ann")["User"]["Arn"]
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy(ALL))
        self.key = iam.create_access_key(UserName="ann")["AccessKey"]
        self.sts = with_key(server, self.key, "sts")
        self.iam, self.iam_abroad = iam, client(server, "iam", account=abroad)

    def role(self, document=None, name="reader", statements=(ALL,), **more):
        role = self.iam_abroad.create_role(
            RoleName=name, AssumeRolePolicyDocument=document or trust(self.user), **more
        )["Role"]
        self.iam_abroad.put_role_policy(
            RoleName=name, PolicyName="p", PolicyDocument=policy(*statements)
        )
        return role["Arn"]

    def assume(self, arn, **more):
        return self.sts.assume_role(RoleArn=arn, RoleSessionName="s1", **more)

    def client(self, answer, service="kms"):
        return with_key(self.server, answer["Credentials"], service)


@pytest.fixture
def world(server, account, other_account):
    return World(server, account, other_account)


def test_a_role_of_another_account_is_assumed(world):
    answer = world.assume(world.role())
    arn = f"arn:aws:sts::{world.abroad}:assumed-role/reader/s1"
    assert answer["AssumedRoleUser"]["Arn"] == arn
    identity = world.client(answer, "sts").get_caller_identity()
    assert (identity["Arn"], identity["Account"]) == (arn, world.abroad)
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    kms = world.client(answer)
    key = new_key(kms)
    assert f":{world.abroad}:" in key
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"


def test_a_session_is_refused_with_another_secret_token_or_key(world):
    good = world.assume(world.role())["Credentials"]
    other = world.assume(good_role(world))["Credentials"]
    wrong_secret = {**good, "SecretAccessKey": other["SecretAccessKey"]}
    with refused("InvalidSignatureException"):
        with_key(world.server, wrong_secret, "kms").list_keys()
    text = "The security token included in the request is invalid"
    for wrong in (
        {**good, "SessionToken": other["SessionToken"]},
        {**good, "SessionToken": good["SessionToken"][:-8] + "AAAAAAAA"},
        {**good, "SessionToken": "AAAA"},
    ):
        with refused("UnrecognizedClientException", text):
            with_key(world.server, wrong, "kms").list_keys()
    bare = {name: good[name] for name in ("AccessKeyId", "SecretAccessKey")}
    with refused("UnrecognizedClientException", text + "."):
        with_key(world.server, bare, "kms").list_keys()


def good_role(world):
    return f"arn:aws:iam::{world.abroad}:role/reader"


def test_a_changed_role_counts_on_the_next_call(world):
    arn = world.role()
    kms = world.client(world.assume(arn))
    kms.list_keys()
    denies = {"Effect": "Deny", "Action": "kms:ListKeys", "Resource": "*"}
    world.iam_abroad.put_role_policy(
        RoleName="reader", PolicyName="q", PolicyDocument=policy(denies)
    )
    with refused("AccessDeniedException"):
        kms.list_keys()
    world.iam_abroad.delete_role_policy(RoleName="reader", PolicyName="q")
    kms.list_keys()
    world.iam_abroad.delete_role_policy(RoleName="reader", PolicyName="p")
    world.iam_abroad.delete_role(RoleName="reader")
    with refused("UnrecognizedClientException"):
        kms.list_keys()
    world.role()
    with refused("UnrecognizedClientException"):
        kms.list_keys()


def test_a_session_policy_only_takes_away(world):
    arn = world.role(statements=({**ALL, "Action": "kms:*"},))
    limited = world.assume(arn, Policy=policy({**ALL, "Action": ["kms:ListKeys", "iam:*"]}))
    kms = world.client(limited)
    kms.list_keys()
    message = (
        f"User: arn:aws:sts::{world.abroad}:assumed-role/reader/s1 is not authorized to perform: "
        "kms:ListAliases on resource: * because no session policy allows the kms:ListAliases action"
    )
    with refused("AccessDeniedException", message):
        kms.list_aliases()


def test_a_managed_session_policy_is_live(world):
    arn = world.role()
    made = world.iam_abroad.create_policy(
        PolicyName="live", PolicyDocument=policy({**ALL, "Action": "kms:ListKeys"})
    )["Policy"]["Arn"]
    kms = world.client(world.assume(arn, PolicyArns=[{"arn": made}]))
    kms.list_keys()
    world.iam_abroad.create_policy_version(
        PolicyArn=made, PolicyDocument=policy({**ALL, "Action": "sts:*"}), SetAsDefault=True
    )
    with refused("AccessDeniedException"):
        kms.list_keys()


def test_an_external_id_is_asked_for(world):
    condition = {"StringEquals": {"sts:ExternalId": "pw-1"}}
    arn = world.role(trust(world.user, **condition))
    world.assume(arn, ExternalId="pw-1")
    message = (
        f"User: {world.user} is not authorized to perform: sts:AssumeRole on resource: {arn}"
    )
    for wrong in ({}, {"ExternalId": "pw-2"}):
        with refused("AccessDenied", message, status=403):
            world.assume(arn, **wrong)


def test_tags_of_a_session_count_in_policies(world):
    only_red = {**ALL, "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}}
    arn = world.role(trust(world.user, "sts:AssumeRole", "sts:TagSession"), statements=(only_red,))
    tags = lambda value: [{"Key": "team", "Value": value}]  # noqa: E731
    world.client(world.assume(arn, Tags=tags("red"))).list_keys()
    with refused("AccessDeniedException"):
        world.client(world.assume(arn, Tags=tags("blue"))).list_keys()


def test_a_chained_session_lasts_an_hour_at_most(world):
    first = world.role(name="first", MaxSessionDuration=7200)
    second = world.role(trust(first), name="second", MaxSessionDuration=7200)
    world.assume(first, DurationSeconds=7200)
    sts = world.client(world.assume(first), "sts")
    sts.assume_role(RoleArn=second, RoleSessionName="s2", DurationSeconds=3600)
    message = (
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role "
        "chaining."
    )
    with refused("ValidationError", message):
        sts.assume_role(RoleArn=second, RoleSessionName="s2", DurationSeconds=3601)


def test_the_credentials_of_get_session_token_reach_neither_iam_nor_most_of_sts(world):
    answer = world.sts.get_session_token()
    kms = world.client(answer)
    kms.list_keys()
    assert world.client(answer, "sts").get_caller_identity()["Arn"] == world.user
    world.client(answer, "sts").assume_role(RoleArn=world.role(), RoleSessionName="s1")
    text = "The security token included in the request is invalid"
    with refused("InvalidClientTokenId", text, status=403):
        world.client(answer, "iam").list_users()
    message = "Cannot call GetSessionToken with session credentials"
    with refused("AccessDenied", message, status=403):
        world.client(answer, "sts").get_session_token()
    world.iam.delete_user_policy(UserName="ann", PolicyName="p")
    with refused("AccessDeniedException"):
        kms.list_keys()


def test_a_federated_user_may_what_both_its_maker_and_its_policy_may(world):
    none = world.sts.get_federation_token(Name="bob")
    arn = f"arn:aws:sts::{world.account}:federated-user/bob"
    assert none["FederatedUser"]["Arn"] == arn
    assert world.client(none, "sts").get_caller_identity()["Arn"] == arn
    with refused("AccessDeniedException"):
        world.client(none).list_keys()
    some = world.sts.get_federation_token(Name="bob", Policy=policy({**ALL, "Action": "kms:*"}))
    world.client(some).list_keys()


def test_a_session_ends_by_the_servers_clock(clock_server, account, other_account):
    world = World(clock_server, account, other_account)
    kms = world.client(world.assume(world.role(), DurationSeconds=900))
    kms.list_keys()
    clock_server.advance("PT901S")
    with refused("ExpiredTokenException", "The security token included in the request is expired"):
        kms.list_keys()


def test_the_role_of_a_new_account_lets_the_management_account_in(world):
    organizations = client(world.server, "organizations", account=world.account)
    organizations.create_organization(FeatureSet="ALL")
    made = organizations.create_account(AccountName="n", Email=f"n{world.account}@example.com")
    member = made["CreateAccountStatus"]["AccountId"]
    answer = world.assume(f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole")
    identity = world.client(answer, "sts").get_caller_identity()
    assert identity["Account"] == member
    assert new_key(world.client(answer)).split(":")[4] == member


def test_the_record_tells_who_issued_a_session(world):
    arn = world.role(trust(world.user, "sts:AssumeRole", "sts:SetSourceIdentity"))
    answer = world.assume(arn, SourceIdentity="Ann")
    kms = world.client(answer)
    kms.list_keys()
    data = world.server.argument("--data")
    tail = run("audit", "tail", "--data", data, "--count", "20")
    assert tail.returncode == 0, tail.stderr
    records = [json.loads(line) for line in tail.stdout.splitlines()]
    # The role's account has a copy of its own.
    assumed = [
        record
        for record in records
        if record["eventName"] == "AssumeRole" and record["recipientAccountId"] == world.account
    ][-1]
    assert assumed["userIdentity"]["type"] == "IAMUser"
    assert assumed["userIdentity"]["userName"] == "ann"
    assert assumed["resources"] == [
        {"accountId": world.abroad, "type": "AWS::IAM::Role", "ARN": arn}
    ]
    credentials = answer["Credentials"]
    elements = assumed["responseElements"]
    assert elements["credentials"]["accessKeyId"] == credentials["AccessKeyId"]
    assert credentials["SecretAccessKey"] not in tail.stdout
    listed = [record for record in records if record["eventName"] == "ListKeys"][-1]
    identity = listed["userIdentity"]
    assert identity["type"] == "AssumedRole"
    assert identity["accessKeyId"] == credentials["AccessKeyId"]
    context = identity["sessionContext"]
    assert context["sessionIssuer"]["arn"] == arn
    assert context["sessionIssuer"]["userName"] == "reader"
    assert context["attributes"]["mfaAuthenticated"] == "false"
    assert context["sourceIdentity"] == "Ann"


def test_a_role_tells_when_and_where_it_was_last_used(world):
    arn = world.role()
    assert world.iam_abroad.get_role(RoleName="reader")["Role"]["RoleLastUsed"] == {}
    kms = world.client(world.assume(arn))
    kms.list_keys()
    used = {}

    def is_known():
        used.update(world.iam_abroad.get_role(RoleName="reader")["Role"]["RoleLastUsed"])
        return "LastUsedDate" in used

    wait_until(is_known, 10, "the role's use is known")
    assert used["Region"] == "eu-central-1"
    details = world.iam_abroad.get_account_authorization_details(Filter=["Role"])
    assert details["RoleDetailList"][0]["RoleLastUsed"] == used
