"""AWS's table of key states, row by row, for the operations that are served."""

import dataclasses

import pytest
from conftest import new_key
from expect import refused

OK = "ok"
DISABLED = ("DisabledException", "{key} is disabled.")
PENDING = ("KMSInvalidStateException", "{key} is pending deletion.")
NOT_PENDING = ("KMSInvalidStateException", "{key} is not pending deletion.")


@dataclasses.dataclass
class Scene:
    """A key with an alias and a ciphertext, and another key to go with it."""

    key: str
    other: str
    blob: bytes
    other_blob: bytes
    alias: str


@pytest.fixture
def scene(kms, key, alias):
    other = new_key(kms)
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    seal = lambda name: kms.encrypt(KeyId=name, Plaintext=b"x")["CiphertextBlob"]  # noqa: E731
    return Scene(key, other, seal(key), seal(other), alias)


TAG = {"TagKey": "a", "TagValue": "b"}

CALLS = {
    "CancelKeyDeletion": lambda kms, s: kms.cancel_key_deletion(KeyId=s.key),
    "CreateAlias": lambda kms, s: kms.create_alias(AliasName=f"{s.alias}-2", TargetKeyId=s.key),
    "Decrypt": lambda kms, s: kms.decrypt(CiphertextBlob=s.blob),
    "DeleteAlias": lambda kms, s: kms.delete_alias(AliasName=s.alias),
    "DescribeKey": lambda kms, s: kms.describe_key(KeyId=s.key),
    "DisableKey": lambda kms, s: kms.disable_key(KeyId=s.key),
    "DisableKeyRotation": lambda kms, s: kms.disable_key_rotation(KeyId=s.key),
    "EnableKey": lambda kms, s: kms.enable_key(KeyId=s.key),
    "EnableKeyRotation": lambda kms, s: kms.enable_key_rotation(KeyId=s.key),
    "Encrypt": lambda kms, s: kms.encrypt(KeyId=s.key, Plaintext=b"x"),
    "GenerateDataKey": lambda kms, s: kms.generate_data_key(KeyId=s.key, NumberOfBytes=1),
    "GenerateDataKeyWithoutPlaintext": lambda kms, s: kms.generate_data_key_without_plaintext(
        KeyId=s.key, NumberOfBytes=1
    ),
    "GetKeyLastUsage": lambda kms, s: kms.get_key_last_usage(KeyId=s.key),
    "GetKeyPolicy": lambda kms, s: kms.get_key_policy(KeyId=s.key),
    "GetKeyRotationStatus": lambda kms, s: kms.get_key_rotation_status(KeyId=s.key),
    "ListAliases": lambda kms, s: kms.list_aliases(KeyId=s.key),
    "ListKeyPolicies": lambda kms, s: kms.list_key_policies(KeyId=s.key),
    "ListKeyRotations": lambda kms, s: kms.list_key_rotations(KeyId=s.key),
    "ListResourceTags": lambda kms, s: kms.list_resource_tags(KeyId=s.key),
    "PutKeyPolicy": lambda kms, s: kms.put_key_policy(
        KeyId=s.key, Policy=kms.get_key_policy(KeyId=s.key)["Policy"]
    ),
    "ReEncrypt from": lambda kms, s: kms.re_encrypt(
        CiphertextBlob=s.blob, DestinationKeyId=s.other
    ),
    "ReEncrypt to": lambda kms, s: kms.re_encrypt(
        CiphertextBlob=s.other_blob, DestinationKeyId=s.key
    ),
    "RotateKeyOnDemand": lambda kms, s: kms.rotate_key_on_demand(KeyId=s.key),
    "ScheduleKeyDeletion": lambda kms, s: kms.schedule_key_deletion(KeyId=s.key),
    "TagResource": lambda kms, s: kms.tag_resource(KeyId=s.key, Tags=[TAG]),
    "UntagResource": lambda kms, s: kms.untag_resource(KeyId=s.key, TagKeys=["a"]),
    "UpdateAlias from": lambda kms, s: kms.update_alias(AliasName=s.alias, TargetKeyId=s.other),
    "UpdateAlias to": lambda kms, s: kms.update_alias(AliasName=s.alias, TargetKeyId=s.key),
    "UpdateKeyDescription": lambda kms, s: kms.update_key_description(
        KeyId=s.key, Description="d"
    ),
}

# Operation: when Enabled, when Disabled, when PendingDeletion.
TABLE = {
    "CancelKeyDeletion": (NOT_PENDING, NOT_PENDING, OK),
    "CreateAlias": (OK, OK, PENDING),
    "Decrypt": (OK, DISABLED, PENDING),
    "DeleteAlias": (OK, OK, OK),
    "DescribeKey": (OK, OK, OK),
    "DisableKey": (OK, OK, PENDING),
    "DisableKeyRotation": (OK, DISABLED, PENDING),
    "EnableKey": (OK, OK, PENDING),
    "EnableKeyRotation": (OK, DISABLED, PENDING),
    "Encrypt": (OK, DISABLED, PENDING),
    "GenerateDataKey": (OK, DISABLED, PENDING),
    "GenerateDataKeyWithoutPlaintext": (OK, DISABLED, PENDING),
    "GetKeyLastUsage": (OK, OK, OK),
    "GetKeyPolicy": (OK, OK, OK),
    "GetKeyRotationStatus": (OK, OK, OK),
    "ListAliases": (OK, OK, OK),
    "ListKeyPolicies": (OK, OK, OK),
    "ListKeyRotations": (OK, OK, OK),
    "ListResourceTags": (OK, OK, OK),
    "PutKeyPolicy": (OK, OK, OK),
    "ReEncrypt from": (OK, DISABLED, PENDING),
    "ReEncrypt to": (OK, DISABLED, PENDING),
    "RotateKeyOnDemand": (OK, DISABLED, PENDING),
    "ScheduleKeyDeletion": (OK, OK, PENDING),
    "TagResource": (OK, OK, PENDING),
    "UntagResource": (OK, OK, PENDING),
    "UpdateAlias from": (OK, OK, OK),
    "UpdateAlias to": (OK, OK, PENDING),
    "UpdateKeyDescription": (OK, OK, PENDING),
}

STATES = ("Enabled", "Disabled", "PendingDeletion")


def bring(kms, key, state):
    if state == "Disabled":
        kms.disable_key(KeyId=key)
    if state == "PendingDeletion":
        kms.schedule_key_deletion(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == state


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("operation", TABLE)
def test_the_table(kms, scene, operation, state):
    bring(kms, scene.key, state)
    expected = TABLE[operation][STATES.index(state)]
    if expected == OK:
        CALLS[operation](kms, scene)
        return
    code, message = expected
    with refused(code, message.format(key=scene.key)):
        CALLS[operation](kms, scene)


def test_every_row_has_a_call():
    assert set(TABLE) == set(CALLS)
