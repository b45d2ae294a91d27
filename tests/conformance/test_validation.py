"""What a request's members must be, in AWS's words. The client checks nothing here."""

import re

import pytest
from expect import IS_NULL, refused

FAILED = "failed to satisfy constraint: Member must"


def one(text):
    return f"1 validation error detected: {text}"


@pytest.mark.parametrize(
    "operation, parameters, text",
    [
        (
            "list_keys",
            {"Limit": 0},
            f"Value '0' at 'limit' {FAILED} have value greater than or equal to 1",
        ),
        (
            "list_keys",
            {"Limit": 1001},
            f"Value '1001' at 'limit' {FAILED} have value less than or equal to 1000",
        ),
        (
            "list_keys",
            {"Marker": ""},
            f"Value '' at 'marker' {FAILED} have length greater than or equal to 1",
        ),
        (
            "describe_key",
            {"KeyId": "k" * 2049},
            f"Value '{'k' * 2049}' at 'keyId' {FAILED} have length less than or equal to 2048",
        ),
        (
            "decrypt",
            {"CiphertextBlob": b"x" * 6145},
            f"Value at 'ciphertextBlob' {FAILED} have length less than or equal to 6144",
        ),
        (
            "schedule_key_deletion",
            {"KeyId": "k", "PendingWindowInDays": 366},
            f"Value '366' at 'pendingWindowInDays' {FAILED} have value less than or equal to 365",
        ),
        (
            "create_key",
            {"Description": "d" * 8193},
            f"Value '{'d' * 8193}' at 'description' {FAILED} "
            "have length less than or equal to 8192",
        ),
    ],
)
def test_lengths_and_ranges(unchecked_kms, operation, parameters, text):
    with refused("ValidationException", one(text)):
        getattr(unchecked_kms, operation)(**parameters)


@pytest.mark.parametrize(
    "operation, parameters, member",
    [
        ("describe_key", {}, "keyId"),
        ("encrypt", {"KeyId": "k"}, "plaintext"),
        ("re_encrypt", {"CiphertextBlob": b"x"}, "destinationKeyId"),
        ("create_alias", {"AliasName": "alias/a"}, "targetKeyId"),
        ("update_key_description", {"KeyId": "k"}, "description"),
        ("tag_resource", {"KeyId": "k"}, "tags"),
        ("put_key_policy", {"KeyId": "k"}, "policy"),
    ],
)
def test_what_is_required(unchecked_kms, operation, parameters, member):
    with refused("ValidationException", IS_NULL) as caught:
        getattr(unchecked_kms, operation)(**parameters)
    assert f"at '{member}'" in str(caught.value)


def test_an_unknown_enum_value_names_the_known_ones(unchecked_kms, key):
    pattern = re.compile(
        r"1 validation error detected: Value 'AES_512' at 'keySpec' failed to satisfy "
        r"constraint: Member must satisfy enum value set: \[(AES_\d+), (AES_\d+)\]"
    )
    with refused("ValidationException", pattern) as caught:
        unchecked_kms.generate_data_key(KeyId=key, KeySpec="AES_512")
    named = pattern.search(caught.value.response["Error"]["Message"]).groups()
    # The order is AWS's own.
    assert set(named) == {"AES_128", "AES_256"}


def test_several_faults_are_told_together(unchecked_kms):
    with refused("ValidationException") as caught:
        unchecked_kms.generate_data_key(KeyId="k", KeySpec="AES_512", NumberOfBytes=0)
    head, faults = caught.value.response["Error"]["Message"].split(": ", 1)
    assert head == "2 validation errors detected"
    parts = faults.split("; Value ")
    assert len(parts) == 2
    assert any("at 'keySpec'" in part for part in parts)
    assert any("at 'numberOfBytes'" in part for part in parts)


def test_shape_is_checked_before_the_key_is_looked_for(unchecked_kms):
    with refused("ValidationException"):
        unchecked_kms.encrypt(KeyId="nobody", Plaintext=b"")


def test_a_list_has_bounds(unchecked_kms, key):
    message = re.compile(r"1 validation error detected: Value .*at 'grantTokens' failed .*10")
    with refused("ValidationException", message):
        unchecked_kms.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=["t"] * 11)
