"""GetKeyLastUsage: what a key was last used for."""

from datetime import datetime, timedelta, timezone

import pytest
from conftest import new_key
from expect import refused, refused_with_any


def last(kms, key):
    return kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]


def test_a_new_key_was_never_used(kms, key):
    answer = kms.get_key_last_usage(KeyId=key)
    created = kms.describe_key(KeyId=key)["KeyMetadata"]["CreationDate"]
    assert answer["KeyLastUsage"] == {}
    assert abs(answer["KeyCreationDate"] - created) < timedelta(seconds=1)
    assert answer["TrackingStartDate"] >= answer["KeyCreationDate"]


def test_a_use_is_known_by_its_request(kms, key):
    request_id = kms.encrypt(KeyId=key, Plaintext=b"x")["ResponseMetadata"]["RequestId"]
    usage = last(kms, key)
    assert usage["Operation"] == "Encrypt"
    assert usage["KmsRequestId"] == request_id
    assert abs(usage["Timestamp"] - datetime.now(timezone.utc)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "operation, call",
    [
        ("GenerateDataKey", lambda kms, key: kms.generate_data_key(KeyId=key, KeySpec="AES_256")),
        (
            "GenerateDataKeyWithoutPlaintext",
            lambda kms, key: kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=9),
        ),
    ],
)
def test_each_cryptographic_call_counts(kms, key, operation, call):
    call(kms, key)
    assert last(kms, key)["Operation"] == operation


def test_the_last_call_counts(kms, key):
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.decrypt(CiphertextBlob=blob)
    assert last(kms, key)["Operation"] == "Decrypt"


def test_re_encrypt_counts_for_both_keys(kms, key):
    other = new_key(kms)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)
    assert last(kms, key)["Operation"] == "ReEncrypt"
    assert last(kms, other)["Operation"] == "ReEncrypt"


def test_re_encrypt_has_an_event_for_each_key(kms, key):
    other = new_key(kms)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)
    assert last(kms, key)["CloudTrailEventId"] != last(kms, other)["CloudTrailEventId"]


def test_a_call_that_failed_does_not_count(kms, key):
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with refused("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})
    assert last(kms, key)["Operation"] == "Encrypt"


def test_management_does_not_count(kms, key):
    kms.describe_key(KeyId=key)
    kms.disable_key(KeyId=key)
    kms.enable_key(KeyId=key)
    assert last(kms, key) == {}


def test_an_alias_is_not_taken(kms, key, alias):
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    with refused_with_any({"InvalidArnException", "NotFoundException", "ValidationException"}):
        kms.get_key_last_usage(KeyId=alias)
