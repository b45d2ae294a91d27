"""Resource quotas, lowered so that a test can reach them."""

import json
import subprocess

import pytest
from conftest import client, new_key
from expect import refused
from program import Server, binary

LOW = {"keys": 4, "aliases-per-key": 2, "grants-per-key": 2, "policy-bytes": 600, "tags-per-key": 2}


@pytest.fixture(scope="module")
def low_server(clean_environment):
    options = [part for name, value in LOW.items() for part in ("--quota", f"{name}={value}")]
    with Server("dev", *options) as server:
        yield server


@pytest.fixture
def kms(low_server, account):
    return client(low_server, account=account)


def test_keys(kms, low_server, other_account):
    keys = [new_key(kms) for _ in range(4)]
    with refused("LimitExceededException"):
        new_key(kms)
    # Another account and another region have their own.
    new_key(client(low_server, account=other_account))
    account = keys[0].split(":")[4]
    new_key(client(low_server, account=account, region="us-east-1"))
    # What awaits its end still counts, what is gone does not.
    kms.schedule_key_deletion(KeyId=keys[0], PendingWindowInDays=7)
    with refused("LimitExceededException"):
        new_key(kms)
    low_server.advance("P8D")
    new_key(kms)
    with refused("LimitExceededException"):
        new_key(kms)


def test_aliases(kms, key):
    for number in range(2):
        kms.create_alias(AliasName=f"alias/{number}", TargetKeyId=key)
    with refused("LimitExceededException", f"{key} has 2 aliases, the most possible."):
        kms.create_alias(AliasName="alias/3", TargetKeyId=key)
    other = new_key(kms)
    kms.create_alias(AliasName="alias/3", TargetKeyId=other)
    with refused("LimitExceededException"):
        kms.update_alias(AliasName="alias/3", TargetKeyId=key)
    kms.delete_alias(AliasName="alias/0")
    kms.update_alias(AliasName="alias/3", TargetKeyId=key)


def test_grants(kms, key):
    grant = {"KeyId": key, "GranteePrincipal": "000000000000", "Operations": ["Encrypt"]}
    first, _ = (kms.create_grant(**grant)["GrantId"] for _ in range(2))
    with refused("LimitExceededException", f"{key} has 2 grants, the most possible."):
        kms.create_grant(**grant)
    kms.revoke_grant(KeyId=key, GrantId=first)
    kms.create_grant(**grant)


def test_policies(kms, key, account):
    policy = {
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }],
    }
    text = json.dumps(policy)
    kms.put_key_policy(KeyId=key, Policy=text + " " * (600 - len(text)))
    with refused("LimitExceededException", "A key policy has at most 600 bytes."):
        kms.put_key_policy(KeyId=key, Policy=text + " " * (601 - len(text)))


def test_tags(kms, key):
    tags = [{"TagKey": name, "TagValue": "v"} for name in "abc"]
    kms.tag_resource(KeyId=key, Tags=tags[:2])
    with refused("TagException", "Too many tags"):
        kms.tag_resource(KeyId=key, Tags=tags[2:])
    with refused("TagException", "Too many tags"):
        kms.create_key(Tags=tags)


@pytest.mark.parametrize("text", ["keys", "keys=many", "wishes=3", "keys=-1"])
def test_what_is_no_quota_is_refused(text):
    command = [binary(), "dev", "--quota", text, "--listen", "127.0.0.1:0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0 and "is no quota" in ended.stderr
