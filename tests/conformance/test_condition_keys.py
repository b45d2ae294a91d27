"""KMS's condition keys in key policies: one row an operation and key, with a value that lets the
call pass and one that does not. The caller is another account's root user, whom the statement
under test alone lets in."""

import json

import pytest
from conftest import client, new_key
from expect import refused

CONTEXT = {"Team": "Blue"}
CONTEXT_KEY = "kms:EncryptionContext:team"
CONTEXT_KEYS = "kms:EncryptionContextKeys"
ANY = "ForAnyValue:StringEquals"
EACH = "ForAllValues:StringEquals"
EQUALS = "StringEquals"


def root(account):
    return f"arn:aws:iam::{account}:root"


class Site:
    """A key under a policy, and both sides of it."""

    def __init__(self, server, account, other):
        self.own = client(server, account=account)
        self.abroad = client(server, account=other)
        self.other = other
        self.account = account

    def key(self, action, operator, name, value):
        statement = {"Effect": "Allow", "Resource": "*"}
        own = {**statement, "Principal": {"AWS": root(self.account)}, "Action": "kms:*"}
        theirs = {
            "Principal": {"AWS": root(self.other)},
            "Action": f"kms:{action}",
            "Condition": {operator: {name: value}},
        }
        document = {"Version": "2012-10-17", "Statement": [own, {**statement, **theirs}]}
        tags = [{"TagKey": "Team", "TagValue": "Blue"}]
        key = new_key(self.own, Policy=json.dumps(document), Tags=tags)
        self.own.create_alias(AliasName=f"alias/of-{key[-36:]}", TargetKeyId=key)
        return key

    def blob(self, key, context=CONTEXT):
        sealed = self.own.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)
        return sealed["CiphertextBlob"]


@pytest.fixture
def site(server, account, other_account):
    return Site(server, account, other_account)


def alias_arn(key):
    return key.split(":key/")[0] + f":alias/of-{key[-36:]}"


def encrypt(site, key):
    site.abroad.encrypt(KeyId=alias_arn(key), Plaintext=b"x", EncryptionContext=CONTEXT)


def decrypt(site, key):
    blob = site.blob(key)
    site.abroad.decrypt(KeyId=alias_arn(key), CiphertextBlob=blob, EncryptionContext=CONTEXT)


def generate_data_key(site, key):
    site.abroad.generate_data_key(
        KeyId=alias_arn(key), KeySpec="AES_256", EncryptionContext=CONTEXT
    )


def generate_without_plaintext(site, key):
    site.abroad.generate_data_key_without_plaintext(
        KeyId=alias_arn(key), KeySpec="AES_256", EncryptionContext=CONTEXT
    )


def re_encrypt_on_same_key(site, key):
    blob = site.blob(key, {})
    site.abroad.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key)


def re_encrypt_to_own_key(site, key):
    site.abroad.re_encrypt(
        CiphertextBlob=site.blob(key),
        SourceKeyId=alias_arn(key),
        SourceEncryptionContext=CONTEXT,
        DestinationKeyId=new_key(site.abroad),
    )


def re_encrypt_from_own_key(site, key):
    blob = site.abroad.encrypt(KeyId=new_key(site.abroad), Plaintext=b"x")["CiphertextBlob"]
    site.abroad.re_encrypt(
        CiphertextBlob=blob,
        DestinationKeyId=alias_arn(key),
        DestinationEncryptionContext=CONTEXT,
    )


def describe(site, key):
    site.abroad.describe_key(KeyId=alias_arn(key))


def rotation_status(site, key):
    site.abroad.get_key_rotation_status(KeyId=key)


def create_grant(site, key):
    site.abroad.create_grant(
        KeyId=key,
        GranteePrincipal=root("999999999999"),
        RetiringPrincipal=root("888888888888"),
        Operations=["Decrypt"],
        Constraints={"EncryptionContextSubset": CONTEXT},
    )


def list_grants(site, key):
    site.abroad.list_grants(KeyId=key)


def revoke_grant(site, key):
    made = site.own.create_grant(
        KeyId=key, GranteePrincipal=root(site.account), Operations=["Decrypt"]
    )
    site.abroad.revoke_grant(KeyId=key, GrantId=made["GrantId"])


CRYPTOGRAPHIC = [
    (encrypt, "Encrypt"),
    (decrypt, "Decrypt"),
    (generate_data_key, "GenerateDataKey"),
    (generate_without_plaintext, "GenerateDataKeyWithoutPlaintext"),
    (re_encrypt_to_own_key, "ReEncryptFrom"),
    (re_encrypt_from_own_key, "ReEncryptTo"),
]

OF_CONTEXT = [
    (EQUALS, "kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT", "SM2PKE"),
    (EQUALS, CONTEXT_KEY, "Blue", "blue"),
    (ANY, CONTEXT_KEYS, "Team", "Stage"),
    ("StringLike", "kms:RequestAlias", "alias/of-*", "alias/other-*"),
]

OF_THE_KEY = [
    (EQUALS, "kms:KeySpec", "SYMMETRIC_DEFAULT", "RSA_2048"),
    (EQUALS, "kms:KeyUsage", "ENCRYPT_DECRYPT", "SIGN_VERIFY"),
    (EQUALS, "kms:KeyOrigin", "AWS_KMS", "EXTERNAL"),
    ("Bool", "kms:MultiRegion", "false", "true"),
    ("Null", "kms:ViaService", "true", "false"),
    ("ForAnyValue:StringLike", "kms:ResourceAliases", "alias/of-*", "alias/other-*"),
    (EQUALS, "aws:ResourceTag/Team", "Blue", "Red"),
]

OF_GRANTS = [
    (EACH, "kms:GrantOperations", "Decrypt", "Encrypt"),
    (EQUALS, "kms:GranteePrincipal", root("999999999999"), root("777777777777")),
    (EQUALS, "kms:RetiringPrincipal", root("888888888888"), root("777777777777")),
    (EQUALS, "kms:GrantConstraintType", "EncryptionContextSubset", "EncryptionContextEquals"),
    (EQUALS, CONTEXT_KEY, "Blue", "Red"),
    (ANY, CONTEXT_KEYS, "Team", "Stage"),
]

AWS_RESOURCE = ("Bool", "kms:GrantIsForAWSResource", "false", "true")

CASES = (
    [(call, action, *row) for call, action in CRYPTOGRAPHIC for row in OF_CONTEXT]
    + [
        (call, action, *row)
        for call, action in [*CRYPTOGRAPHIC, (rotation_status, "GetKeyRotationStatus")]
        for row in OF_THE_KEY
    ]
    + [(create_grant, "CreateGrant", *row) for row in [*OF_GRANTS, AWS_RESOURCE]]
    + [
        (list_grants, "ListGrants", *AWS_RESOURCE),
        (revoke_grant, "RevokeGrant", *AWS_RESOURCE),
        (describe, "DescribeKey", "StringLike", "kms:RequestAlias", "alias/of-*", "alias/x"),
        (re_encrypt_on_same_key, "ReEncrypt*", "Bool", "kms:ReEncryptOnSameKey", "true", "false"),
        (re_encrypt_to_own_key, "ReEncrypt*", "Bool", "kms:ReEncryptOnSameKey", "false", "true"),
    ]
)


@pytest.mark.parametrize(
    ("call", "action", "operator", "name", "right", "wrong"),
    CASES,
    ids=[f"{case[0].__name__}-{case[3]}" for case in CASES],
)
def test_a_condition_decides(site, call, action, operator, name, right, wrong):
    call(site, site.key(action, operator, name, right))
    closed = site.key(action, operator, name, wrong)
    with refused("AccessDeniedException"):
        call(site, closed)


def test_the_callers_account_is_its_own(site):
    describe(site, site.key("DescribeKey", EQUALS, "kms:CallerAccount", site.other))
    closed = site.key("DescribeKey", EQUALS, "kms:CallerAccount", site.account)
    with refused("AccessDeniedException"):
        describe(site, closed)
