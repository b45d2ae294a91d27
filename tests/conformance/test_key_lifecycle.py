"""Keys are created, described, switched off and on, and deleted."""

import re
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from conftest import ACCOUNT, REGION, missing_id, new_key
from expect import refused, refused_with_any


def state(kms, key):
    return kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]


def test_a_key_without_arguments_has_the_default_metadata(kms):
    metadata = kms.create_key()["KeyMetadata"]
    key_id = metadata["KeyId"]
    material = metadata.pop("CurrentKeyMaterialId")
    created = metadata.pop("CreationDate")
    assert str(uuid.UUID(key_id)) == key_id
    assert re.fullmatch("[0-9a-f]{64}", material)
    assert abs(created - datetime.now(timezone.utc)) < timedelta(minutes=1)
    assert metadata == {
        "AWSAccountId": ACCOUNT,
        "KeyId": key_id,
        "Arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}",
        "Enabled": True,
        "Description": "",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": "Enabled",
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": False,
    }


def test_describe_gives_what_create_gave(kms):
    created = kms.create_key(Description="for the books")["KeyMetadata"]
    assert kms.describe_key(KeyId=created["KeyId"])["KeyMetadata"] == created
    assert kms.describe_key(KeyId=created["Arn"])["KeyMetadata"] == created


def test_an_unknown_id_is_named_by_its_arn(kms):
    key_id = missing_id()
    message = f"Key 'arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}' does not exist"
    with refused("NotFoundException", message):
        kms.describe_key(KeyId=key_id)


@pytest.mark.parametrize("key_id", ["fake-key-id", uuid.uuid4().hex, "mrk-fake-key-id"])
def test_what_is_no_id_is_said_to_be_none(kms, key_id):
    with refused("NotFoundException", f"Invalid keyId '{key_id}'"):
        kms.describe_key(KeyId=key_id)


def test_an_arn_of_another_region_is_refused(kms):
    arn = f"arn:aws:kms:us-west-2:{ACCOUNT}:key/{missing_id()}"
    with refused("NotFoundException", "Invalid arn us-west-2"):
        kms.describe_key(KeyId=arn)


def test_an_unknown_alias_is_named_by_its_arn(kms, alias):
    message = f"Alias arn:aws:kms:{REGION}:{ACCOUNT}:{alias} is not found."
    with refused("NotFoundException", message):
        kms.describe_key(KeyId=alias)


def test_a_description_can_be_changed(kms, key):
    kms.update_key_description(KeyId=key, Description="new")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] == "new"


def test_a_disabled_key_is_refused_until_it_is_enabled(kms, key):
    kms.disable_key(KeyId=key)
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (metadata["KeyState"], metadata["Enabled"]) == ("Disabled", False)
    with refused("DisabledException", f"{key} is disabled."):
        kms.encrypt(KeyId=key, Plaintext=b"x")
    kms.enable_key(KeyId=key)
    assert kms.encrypt(KeyId=key, Plaintext=b"x")["KeyId"] == key


def test_enabling_and_disabling_twice_is_no_error(kms, key):
    for _ in range(2):
        kms.disable_key(KeyId=key)
    for _ in range(2):
        kms.enable_key(KeyId=key)
    assert state(kms, key) == "Enabled"


def test_deletion_is_thirty_days_away_by_default(kms, key):
    answer = kms.schedule_key_deletion(KeyId=key)
    assert (answer["KeyId"], answer["KeyState"]) == (key, "PendingDeletion")
    assert answer["PendingWindowInDays"] == 30
    away = answer["DeletionDate"] - datetime.now(timezone.utc)
    assert abs(away - timedelta(days=30)) < timedelta(minutes=1)
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert metadata["DeletionDate"] == answer["DeletionDate"]
    assert (metadata["KeyState"], metadata["Enabled"]) == ("PendingDeletion", False)


@pytest.mark.parametrize("days", [6, 31])
def test_a_deletion_window_is_seven_to_thirty_days(kms, key, days):
    with refused("ValidationException"):
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=days)
    assert state(kms, key) == "Enabled"


def test_a_cancelled_deletion_leaves_the_key_disabled(kms, key):
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert kms.cancel_key_deletion(KeyId=key)["KeyId"] == key
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert metadata["KeyState"] == "Disabled"
    assert "DeletionDate" not in metadata


def test_a_key_is_there_until_its_window_has_passed(clock_server, clock_kms):
    key = new_key(clock_kms)
    clock_kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    clock_server.advance("P6D")
    assert state(clock_kms, key) == "PendingDeletion"
    # AWS may take a day longer than it says.
    clock_server.advance("P2D")
    with refused("NotFoundException", f"Key '{key}' does not exist"):
        clock_kms.describe_key(KeyId=key)


def test_a_deleted_key_takes_its_aliases_and_its_ciphertexts_along(
    clock_server, clock_kms, alias
):
    key = new_key(clock_kms)
    clock_kms.create_alias(AliasName=alias, TargetKeyId=key)
    blob = clock_kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    clock_kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    clock_server.advance("P9D")
    assert clock_kms.list_aliases()["Aliases"] == []
    assert clock_kms.list_keys()["Keys"] == []
    with refused("AccessDeniedException"):
        clock_kms.decrypt(CiphertextBlob=blob)


def test_a_cancelled_deletion_does_not_happen_later(clock_server, clock_kms):
    key = new_key(clock_kms)
    blob = clock_kms.encrypt(KeyId=key, Plaintext=b"kept")["CiphertextBlob"]
    clock_kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    clock_kms.cancel_key_deletion(KeyId=key)
    clock_server.advance("P60D")
    clock_kms.enable_key(KeyId=key)
    assert clock_kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"


def test_a_spec_without_a_usage_is_refused(kms):
    message = (
        "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."
    )
    with refused("ValidationException", message):
        kms.create_key(KeySpec="RSA_2048")


def test_a_usage_that_does_not_fit_the_spec_is_refused(kms):
    message = "KeyUsage ENCRYPT_DECRYPT is not compatible with KeySpec ECC_NIST_P256"
    with refused("ValidationException", message):
        kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="ENCRYPT_DECRYPT")


def test_a_key_in_an_unknown_key_store_is_refused(kms):
    codes = {
        "CustomKeyStoreNotFoundException",
        "UnsupportedOperationException",
        "ValidationException",
    }
    with refused_with_any(codes):
        kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId="cks-1234567890abcdef0")
