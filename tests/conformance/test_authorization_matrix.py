"""Who may use a key: AWS's rules of policy evaluation, a case each, over the real wire.

Two accounts: A owns the key, B is a stranger. Each case states the rule that it stands for. In its
policies `{user}`, `{role}`, `{session}`, `{key}`, `{A}` and `{B}` stand for the case's own names.
"""

import dataclasses
import json
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError
from conftest import REGION, client

ALLOWED = "allowed"
CONTEXT = {"tenant": "a", "Stage": "prod"}


@dataclasses.dataclass
class Case:
    rule: str
    expect: str
    key: list
    caller: str = "user"
    identity: list = dataclasses.field(default_factory=list)
    group: list = dataclasses.field(default_factory=list)
    boundary: list | None = None
    session: list | None = None
    grant: dict | None = None
    tags: dict = dataclasses.field(default_factory=dict)
    call: str = "Encrypt"
    by: str = "id"


def one(effect, actions, principal=None, condition=None, resource="*", **more):
    statement = {"Effect": effect, "Action": actions, "Resource": resource, **more}
    if principal is not None:
        statement["Principal"] = principal
    if condition is not None:
        statement["Condition"] = condition
    return statement


def allow(actions="kms:*", *rest, **more):
    return one("Allow", actions, *rest, **more)


def deny(actions="kms:*", *rest, **more):
    return one("Deny", actions, *rest, **more)


def aws(*names):
    return {"AWS": list(names)}


OWNER = aws("arn:aws:iam::{A}:root")
STRANGERS = aws("arn:aws:iam::{B}:root")
DELEGATES = allow("kms:*", OWNER)
USER, ROLE, SESSION = aws("{user}"), aws("{role}"), aws("{session}")
IDENTITY = "because no identity-based policy allows the kms:{call} action"
RESOURCE = "because no resource-based policy allows the kms:{call} action"
BOUNDARY = "because no permissions boundary allows the kms:{call} action"
SESSION_POLICY = "because no session policy allows the kms:{call} action"
DENY_IDENTITY = "with an explicit deny in an identity-based policy"
DENY_RESOURCE = "with an explicit deny in a resource-based policy"
DENY_BOUNDARY = "with an explicit deny in a permissions boundary"
DENY_SESSION = "with an explicit deny in a session policy"
HIDDEN = (
    "because the resource does not exist in this Region, no resource-based policies allow access"
)
CONTEXT_KEY = "kms:EncryptionContext:tenant"

CASES = [
    # The account that owns the key.
    Case(
        "the account's root user may what the key policy lets the account",
        ALLOWED,
        [DELEGATES],
        "root",
    ),
    Case(
        "root has no rights on a key whose policy does not name the account",
        RESOURCE,
        [allow("kms:*", aws("arn:aws:iam::{A}:user/{other}"))],
        "root",
    ),
    Case(
        "a policy that names the account delegates to IAM: a user without policies may not",
        IDENTITY,
        [DELEGATES],
    ),
    Case(
        "delegated to IAM, an identity policy allows",
        ALLOWED,
        [DELEGATES],
        identity=[allow("kms:Encrypt")],
    ),
    Case(
        "an account number is the same as the root's ARN",
        ALLOWED,
        [allow("kms:*", aws("{A}"))],
        identity=[allow("kms:Encrypt")],
    ),
    Case(
        "without delegation an identity policy is not enough",
        RESOURCE,
        [allow("kms:*", aws("arn:aws:iam::{A}:user/{other}"))],
        identity=[allow()],
    ),
    Case(
        "a key policy that names the user needs no identity policy",
        ALLOWED,
        [allow("kms:Encrypt", USER)],
    ),
    Case(
        "a key policy that names another user does not help",
        RESOURCE,
        [allow("kms:Encrypt", aws("arn:aws:iam::{A}:user/{other}"))],
    ),
    Case("a group's policies are its members'", ALLOWED, [DELEGATES], group=[allow("kms:Encrypt")]),
    Case(
        "Principal * with Allow covers the account's own users",
        ALLOWED,
        [allow("kms:Encrypt", "*")],
    ),
    Case(
        "an action is allowed only if listed",
        IDENTITY,
        [DELEGATES],
        identity=[allow("kms:Decrypt")],
    ),
    Case("action names ignore letter case", ALLOWED, [DELEGATES], identity=[allow("KMS:encrypt")]),
    Case(
        "a wildcard covers part of an action's name",
        ALLOWED,
        [DELEGATES],
        identity=[allow("kms:En*")],
    ),
    Case("? stands for one character", ALLOWED, [DELEGATES], identity=[allow("kms:Encryp?")]),
    Case(
        "NotAction allows all the rest",
        ALLOWED,
        [DELEGATES],
        identity=[{"Effect": "Allow", "NotAction": "kms:Decrypt", "Resource": "*"}],
    ),
    Case(
        "NotAction leaves out what it lists",
        IDENTITY,
        [DELEGATES],
        identity=[{"Effect": "Allow", "NotAction": "kms:Enc*", "Resource": "*"}],
    ),
    Case(
        "an identity policy may name the key",
        ALLOWED,
        [DELEGATES],
        identity=[allow("kms:Encrypt", resource="{key}")],
    ),
    Case(
        "an identity policy for another key does not cover this one",
        IDENTITY,
        [DELEGATES],
        identity=[
            allow(
                "kms:Encrypt", resource="arn:aws:kms:*:{A}:key/00000000-0000-0000-0000-000000000000"
            )
        ],
    ),
    Case(
        "NotResource covers all but what it lists",
        IDENTITY,
        [DELEGATES],
        identity=[{"Effect": "Allow", "Action": "kms:*", "NotResource": "{key}"}],
    ),
    Case(
        "an alias in Resource does not stand for its key",
        IDENTITY,
        [DELEGATES],
        by="alias",
        identity=[allow("kms:Encrypt", resource="arn:aws:kms:*:{A}:alias/*")],
    ),
    # Explicit denials.
    Case(
        "a Deny in the identity policy beats its Allow",
        DENY_IDENTITY,
        [DELEGATES],
        identity=[allow(), deny("kms:Encrypt")],
    ),
    Case(
        "the order of statements does not matter",
        DENY_IDENTITY,
        [DELEGATES],
        identity=[deny("kms:Encrypt"), allow()],
    ),
    Case(
        "a Deny in the identity policy beats a key policy that names the user",
        DENY_IDENTITY,
        [allow("kms:Encrypt", USER)],
        identity=[deny("kms:Encrypt")],
    ),
    Case(
        "a Deny in the key policy beats every Allow",
        DENY_RESOURCE,
        [DELEGATES, deny("kms:Encrypt", USER)],
        identity=[allow()],
    ),
    Case(
        "a Deny in the key policy binds root too",
        DENY_RESOURCE,
        [DELEGATES, deny("kms:Encrypt", "*")],
        "root",
    ),
    Case(
        "a Deny in a group's policy binds its members",
        DENY_IDENTITY,
        [DELEGATES],
        identity=[allow()],
        group=[deny("kms:Encrypt")],
    ),
    Case(
        "NotPrincipal with Deny spares whom it lists, account included",
        ALLOWED,
        [
            DELEGATES,
            {
                "Effect": "Deny",
                "NotPrincipal": aws("{user}", "arn:aws:iam::{A}:root"),
                "Action": "kms:Encrypt",
                "Resource": "*",
            },
        ],
        identity=[allow()],
    ),
    Case(
        "NotPrincipal with Deny binds everybody else",
        DENY_RESOURCE,
        [
            DELEGATES,
            {
                "Effect": "Deny",
                "NotPrincipal": aws("arn:aws:iam::{A}:user/{other}", "arn:aws:iam::{A}:root"),
                "Action": "kms:Encrypt",
                "Resource": "*",
            },
        ],
        identity=[allow()],
    ),
    # Permissions boundaries.
    Case("a boundary alone gives nothing", IDENTITY, [DELEGATES], boundary=[allow()]),
    Case(
        "what boundary and identity policy both allow is allowed",
        ALLOWED,
        [DELEGATES],
        identity=[allow()],
        boundary=[allow("kms:Encrypt")],
    ),
    Case(
        "what the boundary does not allow is not",
        BOUNDARY,
        [DELEGATES],
        identity=[allow()],
        boundary=[allow("kms:Decrypt")],
    ),
    Case(
        "a boundary's Deny wins",
        DENY_BOUNDARY,
        [DELEGATES],
        identity=[allow()],
        boundary=[allow(), deny("kms:Encrypt")],
    ),
    Case(
        "a key policy that names the user is not limited by the boundary",
        ALLOWED,
        [allow("kms:Encrypt", USER)],
        boundary=[allow("kms:Decrypt")],
    ),
    Case(
        "a key policy that names the role is limited by the role's boundary",
        BOUNDARY,
        [allow("kms:Encrypt", ROLE)],
        "role",
        boundary=[allow("kms:Decrypt")],
    ),
    Case(
        "a key policy that names the session is limited by no boundary",
        ALLOWED,
        [allow("kms:Encrypt", SESSION)],
        "role",
        boundary=[allow("kms:Decrypt")],
    ),
    # Roles and session policies.
    Case(
        "a session has its role's policies",
        ALLOWED,
        [DELEGATES],
        "role",
        identity=[allow("kms:Encrypt")],
    ),
    Case("a session without role policies may not", IDENTITY, [DELEGATES], "role"),
    Case(
        "a key policy that names the role covers its sessions",
        ALLOWED,
        [allow("kms:Encrypt", ROLE)],
        "role",
    ),
    Case("a key policy may name one session", ALLOWED, [allow("kms:Encrypt", SESSION)], "role"),
    Case(
        "a session policy limits the role's policies",
        SESSION_POLICY,
        [DELEGATES],
        "role",
        identity=[allow()],
        session=[allow("kms:Decrypt")],
    ),
    Case(
        "a session policy gives nothing that the role has not",
        IDENTITY,
        [DELEGATES],
        "role",
        session=[allow("kms:Encrypt")],
    ),
    Case(
        "what role and session policy both allow is allowed",
        ALLOWED,
        [DELEGATES],
        "role",
        identity=[allow()],
        session=[allow("kms:Encrypt")],
    ),
    Case(
        "a session policy's Deny wins",
        DENY_SESSION,
        [DELEGATES],
        "role",
        identity=[allow()],
        session=[allow(), deny("kms:Encrypt")],
    ),
    Case(
        "a key policy that names the role is limited by the session policy",
        SESSION_POLICY,
        [allow("kms:Encrypt", ROLE)],
        "role",
        session=[allow("kms:Decrypt")],
    ),
    Case(
        "a key policy that names the session is not limited by the session policy",
        ALLOWED,
        [allow("kms:Encrypt", SESSION)],
        "role",
        session=[allow("kms:Decrypt")],
    ),
    # Across accounts.
    Case(
        "a foreign root user may what the key policy lets the account",
        ALLOWED,
        [DELEGATES, allow("kms:Encrypt", STRANGERS)],
        "foreign root",
    ),
    Case(
        "a foreign user needs an identity policy of its own account too",
        IDENTITY,
        [DELEGATES, allow("kms:Encrypt", STRANGERS)],
        "foreign user",
    ),
    Case(
        "with both sides a foreign user may",
        ALLOWED,
        [DELEGATES, allow("kms:Encrypt", STRANGERS)],
        "foreign user",
        identity=[allow("kms:Encrypt")],
    ),
    Case(
        "an identity policy alone gives nothing abroad",
        HIDDEN,
        [DELEGATES],
        "foreign user",
        identity=[allow()],
    ),
    Case(
        "the key policy may name the foreign user, who still needs an identity policy",
        IDENTITY,
        [DELEGATES, allow("kms:Encrypt", USER)],
        "foreign user",
    ),
    Case(
        "named abroad and allowed at home, a user may",
        ALLOWED,
        [DELEGATES, allow("kms:Encrypt", USER)],
        "foreign user",
        identity=[allow("kms:Encrypt")],
    ),
    Case(
        "an identity policy that names another key does not cover the foreign one",
        IDENTITY,
        [DELEGATES, allow("kms:Encrypt", STRANGERS)],
        "foreign user",
        identity=[allow("kms:Encrypt", resource="arn:aws:kms:*:{B}:key/*")],
    ),
    Case(
        "a Deny at home wins abroad",
        DENY_IDENTITY,
        [DELEGATES, allow("kms:Encrypt", STRANGERS)],
        "foreign user",
        identity=[allow(), deny("kms:Encrypt")],
    ),
    Case(
        "a Deny of the key's owner wins, and is told as if there were no key",
        HIDDEN,
        [DELEGATES, allow("kms:Encrypt", STRANGERS), deny("kms:Encrypt", USER)],
        "foreign user",
        identity=[allow()],
    ),
    Case(
        "a boundary at home limits abroad",
        BOUNDARY,
        [DELEGATES, allow("kms:Encrypt", USER)],
        "foreign user",
        identity=[allow()],
        boundary=[allow("kms:Decrypt")],
    ),
    Case(
        "a foreign role's session may with both sides",
        ALLOWED,
        [DELEGATES, allow("kms:Encrypt", ROLE)],
        "foreign role",
        identity=[allow("kms:Encrypt")],
    ),
    Case(
        "a session policy limits a foreign role",
        SESSION_POLICY,
        [DELEGATES, allow("kms:Encrypt", ROLE)],
        "foreign role",
        identity=[allow()],
        session=[allow("kms:Decrypt")],
    ),
    # Conditions.
    Case(
        "a condition on the encryption context holds",
        ALLOWED,
        [allow("kms:Encrypt", USER, {"StringEquals": {CONTEXT_KEY: "a"}})],
    ),
    Case(
        "a condition on the encryption context fails for another value",
        RESOURCE,
        [allow("kms:Encrypt", USER, {"StringEquals": {CONTEXT_KEY: "b"}})],
    ),
    Case(
        "names of condition keys ignore letter case",
        ALLOWED,
        [allow("kms:Encrypt", USER, {"StringEquals": {"KMS:encryptioncontext:STAGE": "prod"}})],
    ),
    Case(
        "values of one key are alternatives",
        ALLOWED,
        [allow("kms:Encrypt", USER, {"StringEquals": {CONTEXT_KEY: ["b", "a"]}})],
    ),
    Case(
        "several keys must all hold",
        RESOURCE,
        [
            allow(
                "kms:Encrypt",
                USER,
                {"StringEquals": {CONTEXT_KEY: "a", "kms:EncryptionContext:Stage": "test"}},
            )
        ],
    ),
    Case(
        "a key that is missing fails a positive operator",
        RESOURCE,
        [allow("kms:Encrypt", USER, {"StringEquals": {"kms:EncryptionContext:none": "a"}})],
    ),
    Case(
        "IfExists lets a missing key pass",
        ALLOWED,
        [allow("kms:Encrypt", USER, {"StringEqualsIfExists": {"kms:EncryptionContext:none": "a"}})],
    ),
    Case(
        "a Deny with a negated operator binds where the key is missing",
        DENY_RESOURCE,
        [
            DELEGATES,
            deny("kms:Encrypt", "*", {"StringNotEquals": {"kms:EncryptionContext:none": "a"}}),
        ],
        identity=[allow()],
    ),
    Case(
        "Null finds a missing key",
        ALLOWED,
        [allow("kms:Encrypt", USER, {"Null": {"kms:EncryptionContext:none": "true"}})],
    ),
    Case(
        "ForAllValues: every key of the context must be listed",
        RESOURCE,
        [
            allow(
                "kms:Encrypt",
                USER,
                {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["tenant"]}},
            )
        ],
    ),
    Case(
        "ForAnyValue: one key of the context must be listed",
        ALLOWED,
        [
            allow(
                "kms:Encrypt",
                USER,
                {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": ["tenant"]}},
            )
        ],
    ),
    Case(
        "a principal's tags decide",
        ALLOWED,
        [allow("kms:Encrypt", OWNER, {"StringEquals": {"aws:PrincipalTag/team": "pay"}})],
        identity=[allow()],
        tags={"team": "pay"},
    ),
    Case(
        "another tag's value does not",
        RESOURCE,
        [allow("kms:Encrypt", OWNER, {"StringEquals": {"aws:PrincipalTag/team": "pay"}})],
        identity=[allow()],
        tags={"team": "ops"},
    ),
    Case(
        "a policy variable takes the caller's name",
        ALLOWED,
        [DELEGATES],
        identity=[
            allow(
                "kms:Encrypt",
                condition={
                    "StringLike": {"aws:userid": "AIDA*"},
                    "StringEquals": {"aws:username": "${{aws:username}}"},
                },
            )
        ],
    ),
    Case(
        "kms:ViaService is absent from direct calls",
        RESOURCE,
        [
            allow(
                "kms:Encrypt",
                USER,
                {"StringEquals": {"kms:ViaService": "ssm.eu-central-1.amazonaws.com"}},
            )
        ],
    ),
    Case(
        "kms:CallerAccount is the caller's",
        ALLOWED,
        [allow("kms:Encrypt", "*", {"StringEquals": {"kms:CallerAccount": "{A}"}})],
    ),
    Case(
        "kms:RequestAlias is set where an alias names the key",
        ALLOWED,
        [allow("kms:Encrypt", USER, {"StringLike": {"kms:RequestAlias": "alias/matrix-*"}})],
        by="alias",
    ),
    Case(
        "kms:RequestAlias is absent where an id names the key",
        RESOURCE,
        [allow("kms:Encrypt", USER, {"StringLike": {"kms:RequestAlias": "alias/matrix-*"}})],
    ),
    Case(
        "aws:SourceIp is the peer's address",
        ALLOWED,
        [allow("kms:Encrypt", USER, {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}})],
    ),
    Case(
        "aws:SecureTransport is false without TLS",
        DENY_RESOURCE,
        [DELEGATES, deny("kms:Encrypt", "*", {"Bool": {"aws:SecureTransport": "false"}})],
        identity=[allow()],
    ),
    # Grants.
    Case(
        "a grant allows without any policy of the user's",
        ALLOWED,
        [DELEGATES],
        grant={"Operations": ["Encrypt"]},
    ),
    Case(
        "a grant allows its operations only",
        IDENTITY,
        [DELEGATES],
        grant={"Operations": ["Decrypt"]},
    ),
    Case(
        "a grant's constraint holds for a context that includes it",
        ALLOWED,
        [DELEGATES],
        grant={
            "Operations": ["Encrypt"],
            "Constraints": {"EncryptionContextSubset": {"TENANT": "a"}},
        },
    ),
    Case(
        "a grant's constraint compares values with letter case",
        IDENTITY,
        [DELEGATES],
        grant={
            "Operations": ["Encrypt"],
            "Constraints": {"EncryptionContextSubset": {"tenant": "A"}},
        },
    ),
    Case(
        "EncryptionContextEquals needs the whole context",
        IDENTITY,
        [DELEGATES],
        grant={
            "Operations": ["Encrypt"],
            "Constraints": {"EncryptionContextEquals": {"tenant": "a"}},
        },
    ),
    Case(
        "a Deny in the key policy beats a grant",
        DENY_RESOURCE,
        [DELEGATES, deny("kms:Encrypt", USER)],
        grant={"Operations": ["Encrypt"]},
    ),
    Case(
        "a Deny in the identity policy beats a grant",
        DENY_IDENTITY,
        [DELEGATES],
        identity=[deny("kms:Encrypt")],
        grant={"Operations": ["Encrypt"]},
    ),
    Case(
        "a grant to a role covers its sessions",
        ALLOWED,
        [DELEGATES],
        "role",
        grant={"Operations": ["Encrypt"]},
    ),
]


class World:
    """One case's accounts, caller and key."""

    def __init__(self, server, case, owner, stranger):
        self.server, self.case = server, case
        self.names = {"A": owner, "B": stranger, "other": "other", "call": case.call}
        self.home = stranger if case.caller.startswith("foreign") else owner
        self.iam = client(server, "iam", account=self.home)
        self.credentials = {"account": self.home}
        client(server, "iam", account=owner).create_user(UserName="other")
        if case.caller.endswith("user"):
            self.user()
        elif case.caller.endswith("role"):
            self.role()
        self.key()

    def fill(self, value):
        text = json.dumps(value).replace("${{", "$<<").replace('}}"', '>>"')
        for name, filled in self.names.items():
            text = text.replace("{" + name + "}", filled)
        return json.loads(text.replace("$<<", "${").replace('>>"', '}"'))

    def document(self, statements):
        return json.dumps({"Version": "2012-10-17", "Statement": self.fill(statements)})

    def boundary(self):
        if self.case.boundary is None:
            return {}
        document = self.document(self.case.boundary)
        made = self.iam.create_policy(PolicyName="boundary", PolicyDocument=document)
        return {"PermissionsBoundary": made["Policy"]["Arn"]}

    def user(self):
        tags = [{"Key": key, "Value": value} for key, value in self.case.tags.items()]
        user = self.iam.create_user(UserName="caller", Tags=tags, **self.boundary())["User"]
        self.names["user"] = user["Arn"]
        made = self.iam.create_access_key(UserName="caller")["AccessKey"]
        self.credentials = {"account": made["AccessKeyId"], "secret": made["SecretAccessKey"]}

    def role(self):
        trust = {"Effect": "Allow", "Principal": aws(self.home), "Action": "sts:AssumeRole"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = self.iam.create_role(
            RoleName="caller", AssumeRolePolicyDocument=trust, **self.boundary()
        )["Role"]
        self.names["role"] = role["Arn"]
        self.names["session"] = f"arn:aws:sts::{self.home}:assumed-role/caller/matrix"
        self.iam.create_user(UserName="assumer")
        self.iam.put_user_policy(
            UserName="assumer", PolicyName="p", PolicyDocument=self.document([allow("sts:*")])
        )
        key = self.iam.create_access_key(UserName="assumer")["AccessKey"]
        sts = client(self.server, "sts", account=key["AccessKeyId"], secret=key["SecretAccessKey"])
        policy = {} if self.case.session is None else {"Policy": self.document(self.case.session)}
        self.credentials = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="matrix", **policy)[
            "Credentials"
        ]

    def key(self):
        kms = client(self.server, account=self.names["A"])
        made = kms.create_key(
            Policy=self.document([DELEGATES]), BypassPolicyLockoutSafetyCheck=True
        )["KeyMetadata"]
        self.names["key"] = made["Arn"]
        alias = f"alias/matrix-{uuid.uuid4()}"
        kms.create_alias(AliasName=alias, TargetKeyId=made["KeyId"])
        named = {"id": made["Arn"], "alias": alias}
        self.key_id = named[self.case.by]
        self.own_policies()
        if self.case.grant:
            grantee = self.names.get("user") or self.names["role"]
            kms.create_grant(KeyId=made["KeyId"], GranteePrincipal=grantee, **self.case.grant)
        kms.put_key_policy(
            KeyId=made["KeyId"],
            Policy=self.document(self.case.key),
            BypassPolicyLockoutSafetyCheck=True,
        )

    def own_policies(self):
        case, iam = self.case, self.iam
        if case.identity and case.caller.endswith("user"):
            iam.put_user_policy(
                UserName="caller", PolicyName="own", PolicyDocument=self.document(case.identity)
            )
        if case.identity and case.caller.endswith("role"):
            iam.put_role_policy(
                RoleName="caller", PolicyName="own", PolicyDocument=self.document(case.identity)
            )
        if case.group:
            iam.create_group(GroupName="team")
            iam.put_group_policy(
                GroupName="team", PolicyName="own", PolicyDocument=self.document(case.group)
            )
            iam.add_user_to_group(GroupName="team", UserName="caller")

    def kms(self):
        if "AccessKeyId" not in self.credentials:
            return client(self.server, **self.credentials)
        return boto3.client(
            "kms",
            endpoint_url=self.server.endpoint,
            region_name=REGION,
            aws_access_key_id=self.credentials["AccessKeyId"],
            aws_secret_access_key=self.credentials["SecretAccessKey"],
            aws_session_token=self.credentials["SessionToken"],
        )


def test_the_matrix_is_as_large_as_it_says():
    assert len(CASES) >= 60
    assert len({case.rule for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_rule(server, account, other_account, case):
    world = World(server, case, account, other_account)
    try:
        world.kms().encrypt(KeyId=world.key_id, Plaintext=b"x", EncryptionContext=CONTEXT)
        found = ALLOWED
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDeniedException", error
        found = error.response["Error"]["Message"]
    expected = case.expect.format(call=case.call)
    if expected == ALLOWED:
        assert found == ALLOWED
    else:
        assert expected in found
