"""Several accounts and regions in one server, apart from each other."""

import json

import pytest
from conftest import client, missing_id, new_key
from expect import denied_abroad, refused

CIPHERTEXT = "the resource associated with this ciphertext"


@pytest.fixture
def abroad(server, other_account):
    """A client in another account."""
    return client(server, account=other_account)


def open_to(kms, key, account, other, *actions):
    """Lets another account's root user, and so its users, do `actions`."""
    statement = {"Effect": "Allow", "Resource": "*"}
    own = {**statement, "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "kms:*"}
    theirs = {"Principal": {"AWS": f"arn:aws:iam::{other}:root"}, "Action": list(actions)}
    document = {"Version": "2012-10-17", "Statement": [own, {**statement, **theirs}]}
    kms.put_key_policy(KeyId=key, Policy=json.dumps(document))


def test_twelve_digits_name_an_account(own_kms, account):
    metadata = own_kms.create_key()["KeyMetadata"]
    assert metadata["AWSAccountId"] == account
    assert f":{account}:" in metadata["Arn"]


def test_a_key_of_another_account_is_closed(own_kms, abroad, other_account):
    key = new_key(own_kms)
    blob = own_kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with refused("AccessDeniedException", denied_abroad("kms:Encrypt", other_account)):
        abroad.encrypt(KeyId=key, Plaintext=b"x")
    with refused("AccessDeniedException", denied_abroad("kms:DescribeKey", other_account)):
        abroad.describe_key(KeyId=key)
    message = denied_abroad("kms:Decrypt", other_account, CIPHERTEXT)
    with refused("AccessDeniedException", message):
        abroad.decrypt(CiphertextBlob=blob)


def test_a_missing_foreign_key_looks_like_a_closed_one(abroad, account, other_account):
    missing = f"arn:aws:kms:eu-central-1:{account}:key/{missing_id()}"
    with refused("AccessDeniedException", denied_abroad("kms:Encrypt", other_account)):
        abroad.encrypt(KeyId=missing, Plaintext=b"x")
    with refused("AccessDeniedException", denied_abroad("kms:DescribeKey", other_account)):
        abroad.describe_key(KeyId=missing)


def test_a_foreign_key_id_without_arn_is_looked_for_at_home(own_kms, abroad, other_account):
    key_id = new_key(own_kms).split("/")[1]
    message = f"Key 'arn:aws:kms:eu-central-1:{other_account}:key/{key_id}' does not exist"
    with refused("NotFoundException", message):
        abroad.encrypt(KeyId=key_id, Plaintext=b"x")


def test_a_key_opened_to_an_account_can_be_used_from_there(
    own_kms, abroad, account, other_account, alias
):
    key = new_key(own_kms)
    own_kms.create_alias(AliasName=alias, TargetKeyId=key)
    open_to(own_kms, key, account, other_account, "kms:Encrypt", "kms:Decrypt", "kms:DescribeKey")
    sealed = abroad.encrypt(KeyId=key, Plaintext=b"shared")
    assert sealed["KeyId"] == key
    assert abroad.decrypt(CiphertextBlob=sealed["CiphertextBlob"])["Plaintext"] == b"shared"
    assert own_kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"])["Plaintext"] == b"shared"
    alias_arn = f"arn:aws:kms:eu-central-1:{account}:{alias}"
    assert abroad.describe_key(KeyId=alias_arn)["KeyMetadata"]["Arn"] == key
    # Only what was opened.
    with refused("AccessDeniedException", denied_abroad("kms:GenerateDataKey", other_account)):
        abroad.generate_data_key(KeyId=key, KeySpec="AES_256")


def test_management_never_crosses_accounts(own_kms, abroad, account, other_account):
    key = new_key(own_kms)
    open_to(own_kms, key, account, other_account, "kms:*")
    for call in (abroad.disable_key, abroad.schedule_key_deletion, abroad.get_key_policy):
        with pytest.raises(abroad.exceptions.ClientError) as caught:
            call(KeyId=key)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert own_kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"


def test_the_same_alias_in_two_accounts_is_two_aliases(own_kms, abroad, alias):
    mine, theirs = new_key(own_kms), new_key(abroad)
    own_kms.create_alias(AliasName=alias, TargetKeyId=mine)
    abroad.create_alias(AliasName=alias, TargetKeyId=theirs)
    assert own_kms.encrypt(KeyId=alias, Plaintext=b"x")["KeyId"] == mine
    assert abroad.encrypt(KeyId=alias, Plaintext=b"x")["KeyId"] == theirs


def test_a_key_lives_in_one_region(server, own_kms, account):
    elsewhere = client(server, account=account, region="us-west-2")
    key = new_key(own_kms)
    blob = own_kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with refused("NotFoundException", "Invalid arn eu-central-1"):
        elsewhere.encrypt(KeyId=key, Plaintext=b"x")
    with refused("NotFoundException"):
        elsewhere.describe_key(KeyId=key.split("/")[1])
    with refused("AccessDeniedException") as caught:
        elsewhere.decrypt(CiphertextBlob=blob)
    assert key not in str(caught.value)


def test_a_key_of_another_region_says_so_in_its_arn(server, account):
    elsewhere = client(server, account=account, region="us-west-2")
    assert new_key(elsewhere).startswith(f"arn:aws:kms:us-west-2:{account}:key/")
