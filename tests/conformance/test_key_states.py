"""AWS's table of key states, row by row, for the operations that are served.

Unavailable is a key whose custom key store is not connected. Creating and Updating pass while a
multi-Region key is being copied or moved, which takes no time here.
"""

import dataclasses

import pytest
import softhsm
from conftest import client, new_key
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from expect import refused
from importing import FOREVER, bring, parameters, wrap

OK = "ok"
DISABLED = ("DisabledException", "{key} is disabled.")
PENDING = ("KMSInvalidStateException", "{key} is pending deletion.")
IMPORT = ("KMSInvalidStateException", "{key} is pending import.")
ORIGIN = "{{key}} origin is {} which is not valid for this operation."
OURS = ("UnsupportedOperationException", ORIGIN.format("AWS_KMS"))
THEIRS = ("UnsupportedOperationException", ORIGIN.format("EXTERNAL"))
REPLICAS = ("KMSInvalidStateException", "{key} is pending replica deletion.")
NOT_PENDING = ("KMSInvalidStateException", "{key} is not pending deletion.")


@dataclasses.dataclass
class Scene:
    """A key with an alias, a grant and a ciphertext, and another key to go with it."""

    key: str
    other: str
    blob: bytes
    other_blob: bytes
    alias: str
    grant: str
    account: str


ROOT = "000000000000"
MATERIAL = bytes(range(32))


@pytest.fixture
def scene(kms, alias, state, operation):
    other = new_key(kms)
    key = new_key(kms, MultiRegion=state == "PendingReplicaDeletion" or operation in MOVES)
    if state == "PendingImport":
        key = new_key(kms, Origin="EXTERNAL", MultiRegion=operation in MOVES)
        bring(kms, key, MATERIAL)
    if state == "PendingReplicaDeletion" or (operation, state) == ("UpdatePrimaryRegion", "Enabled"):
        kms.replicate_key(KeyId=key, ReplicaRegion=FAR)
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    seal = lambda name: kms.encrypt(KeyId=name, Plaintext=b"x")["CiphertextBlob"]  # noqa: E731
    grant = kms.create_grant(KeyId=key, GranteePrincipal=ROOT, Operations=["Encrypt"])["GrantId"]
    return Scene(key, other, seal(key), seal(other), alias, grant, ROOT)


# What is done to multi-Region keys alone, and where to.
MOVES = ("ReplicateKey", "UpdatePrimaryRegion")
FAR, FURTHER = "us-west-2", "ap-east-1"

TAG = {"TagKey": "a", "TagValue": "b"}

CALLS = {
    "CancelKeyDeletion": lambda kms, s: kms.cancel_key_deletion(KeyId=s.key),
    "CreateAlias": lambda kms, s: kms.create_alias(AliasName=f"{s.alias}-2", TargetKeyId=s.key),
    "CreateGrant": lambda kms, s: kms.create_grant(
        KeyId=s.key, GranteePrincipal=s.account, Operations=["Encrypt"]
    ),
    "Decrypt": lambda kms, s: kms.decrypt(CiphertextBlob=s.blob),
    "DeleteImportedKeyMaterial": lambda kms, s: kms.delete_imported_key_material(KeyId=s.key),
    "DeleteAlias": lambda kms, s: kms.delete_alias(AliasName=s.alias),
    "DescribeKey": lambda kms, s: kms.describe_key(KeyId=s.key),
    "DisableKey": lambda kms, s: kms.disable_key(KeyId=s.key),
    "DisableKeyRotation": lambda kms, s: kms.disable_key_rotation(KeyId=s.key),
    "EnableKey": lambda kms, s: kms.enable_key(KeyId=s.key),
    "EnableKeyRotation": lambda kms, s: kms.enable_key_rotation(KeyId=s.key),
    "Encrypt": lambda kms, s: kms.encrypt(KeyId=s.key, Plaintext=b"x"),
    "GenerateDataKey": lambda kms, s: kms.generate_data_key(KeyId=s.key, NumberOfBytes=1),
    "GenerateDataKeyPair": lambda kms, s: kms.generate_data_key_pair(
        KeyId=s.key, KeyPairSpec="ECC_NIST_P256"
    ),
    "GenerateDataKeyPairWithoutPlaintext": lambda kms, s: (
        kms.generate_data_key_pair_without_plaintext(KeyId=s.key, KeyPairSpec="ECC_NIST_P256")
    ),
    "GenerateDataKeyWithoutPlaintext": lambda kms, s: kms.generate_data_key_without_plaintext(
        KeyId=s.key, NumberOfBytes=1
    ),
    "GetKeyLastUsage": lambda kms, s: kms.get_key_last_usage(KeyId=s.key),
    "GetKeyPolicy": lambda kms, s: kms.get_key_policy(KeyId=s.key),
    "GetKeyRotationStatus": lambda kms, s: kms.get_key_rotation_status(KeyId=s.key),
    "GetParametersForImport": lambda kms, s: parameters(kms, s.key),
    "ListAliases": lambda kms, s: kms.list_aliases(KeyId=s.key),
    "ListGrants": lambda kms, s: kms.list_grants(KeyId=s.key),
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
    "ReplicateKey": lambda kms, s: kms.replicate_key(KeyId=s.key, ReplicaRegion=FURTHER),
    "RetireGrant": lambda kms, s: kms.retire_grant(KeyId=s.key, GrantId=s.grant),
    "RevokeGrant": lambda kms, s: kms.revoke_grant(KeyId=s.key, GrantId=s.grant),
    "RotateKeyOnDemand": lambda kms, s: kms.rotate_key_on_demand(KeyId=s.key),
    "ScheduleKeyDeletion": lambda kms, s: kms.schedule_key_deletion(KeyId=s.key),
    "TagResource": lambda kms, s: kms.tag_resource(KeyId=s.key, Tags=[TAG]),
    "UntagResource": lambda kms, s: kms.untag_resource(KeyId=s.key, TagKeys=["a"]),
    "UpdateAlias from": lambda kms, s: kms.update_alias(AliasName=s.alias, TargetKeyId=s.other),
    "UpdateAlias to": lambda kms, s: kms.update_alias(AliasName=s.alias, TargetKeyId=s.key),
    "UpdateKeyDescription": lambda kms, s: kms.update_key_description(
        KeyId=s.key, Description="d"
    ),
    "UpdatePrimaryRegion": lambda kms, s: kms.update_primary_region(
        KeyId=s.key, PrimaryRegion=FAR
    ),
}

# Operation: when Enabled, when Disabled, when PendingDeletion, when PendingImport.
TABLE = {
    "CancelKeyDeletion": (NOT_PENDING, NOT_PENDING, OK, NOT_PENDING),
    "CreateAlias": (OK, OK, PENDING, OK),
    "CreateGrant": (OK, DISABLED, PENDING, IMPORT),
    "Decrypt": (OK, DISABLED, PENDING, IMPORT),
    "DeleteAlias": (OK, OK, OK, OK),
    "DeleteImportedKeyMaterial": (OURS, OURS, OURS, OK),
    "DescribeKey": (OK, OK, OK, OK),
    "DisableKey": (OK, OK, PENDING, IMPORT),
    "DisableKeyRotation": (OK, DISABLED, PENDING, THEIRS),
    "EnableKey": (OK, OK, PENDING, IMPORT),
    "EnableKeyRotation": (OK, DISABLED, PENDING, THEIRS),
    "Encrypt": (OK, DISABLED, PENDING, IMPORT),
    "GenerateDataKey": (OK, DISABLED, PENDING, IMPORT),
    "GenerateDataKeyPair": (OK, DISABLED, PENDING, IMPORT),
    "GenerateDataKeyPairWithoutPlaintext": (OK, DISABLED, PENDING, IMPORT),
    "GenerateDataKeyWithoutPlaintext": (OK, DISABLED, PENDING, IMPORT),
    "GetKeyLastUsage": (OK, OK, OK, OK),
    "GetKeyPolicy": (OK, OK, OK, OK),
    "GetKeyRotationStatus": (OK, OK, OK, OK),
    "GetParametersForImport": (OURS, OURS, OURS, OK),
    "ListAliases": (OK, OK, OK, OK),
    "ListGrants": (OK, OK, OK, OK),
    "ListKeyPolicies": (OK, OK, OK, OK),
    "ListKeyRotations": (OK, OK, OK, OK),
    "ListResourceTags": (OK, OK, OK, OK),
    "PutKeyPolicy": (OK, OK, OK, OK),
    "ReEncrypt from": (OK, DISABLED, PENDING, IMPORT),
    "ReEncrypt to": (OK, DISABLED, PENDING, IMPORT),
    "ReplicateKey": (OK, DISABLED, PENDING, IMPORT),
    "RetireGrant": (OK, OK, OK, OK),
    "RevokeGrant": (OK, OK, OK, OK),
    "RotateKeyOnDemand": (OK, DISABLED, PENDING, IMPORT),
    "ScheduleKeyDeletion": (OK, OK, PENDING, OK),
    "TagResource": (OK, OK, PENDING, OK),
    "UntagResource": (OK, OK, PENDING, OK),
    "UpdateAlias from": (OK, OK, OK, OK),
    "UpdateAlias to": (OK, OK, PENDING, OK),
    "UpdateKeyDescription": (OK, OK, PENDING, OK),
    "UpdatePrimaryRegion": (OK, DISABLED, PENDING, IMPORT),
}

STATES = ("Enabled", "Disabled", "PendingDeletion", "PendingImport")


def cell(operation, state):
    if state == "PendingReplicaDeletion":
        # The table has one column for both.
        expected = cell(operation, "PendingDeletion")
        return REPLICAS if expected == PENDING else expected
    return TABLE[operation][STATES.index(state)]


def put_into(kms, key, state):
    if state == "Disabled":
        kms.disable_key(KeyId=key)
    if state in ("PendingDeletion", "PendingReplicaDeletion"):
        kms.schedule_key_deletion(KeyId=key)
    if state == "PendingImport":
        kms.delete_imported_key_material(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == state


def check(call, expected, key):
    if expected == OK:
        call()
        return
    code, message = expected
    with refused(code, message.format(key=key)):
        call()


@pytest.mark.parametrize("state", (*STATES, "PendingReplicaDeletion"))
@pytest.mark.parametrize("operation", TABLE)
def test_the_table(kms, scene, operation, state):
    put_into(kms, scene.key, state)
    check(lambda: CALLS[operation](kms, scene), cell(operation, state), scene.key)


HSM = ("UnsupportedOperationException", ORIGIN.format("AWS_CLOUDHSM"))
UNAVAILABLE = ("KMSInvalidStateException", "{key} is unavailable.")

# Operation: when Unavailable. All that is not named here works.
WHEN_UNAVAILABLE = {
    "CancelKeyDeletion": NOT_PENDING,
    "DeleteImportedKeyMaterial": HSM,
    "DisableKeyRotation": HSM,
    "EnableKeyRotation": HSM,
    "GetKeyRotationStatus": HSM,
    "GetParametersForImport": HSM,
    "ListKeyRotations": HSM,
    "RotateKeyOnDemand": HSM,
    **dict.fromkeys(
        (
            "Decrypt",
            "Encrypt",
            "GenerateDataKey",
            "GenerateDataKeyPair",
            "GenerateDataKeyPairWithoutPlaintext",
            "GenerateDataKeyWithoutPlaintext",
            "ReEncrypt from",
            "ReEncrypt to",
        ),
        UNAVAILABLE,
    ),
}


@pytest.fixture
def stored_kms(token_server, account):
    return client(token_server, account=account)


@pytest.fixture
def stored_scene(stored_kms, account, alias):
    """As `scene`, in a key store that is no longer connected."""
    kms = stored_kms
    store = softhsm.connected(kms)
    key, other = softhsm.new_key(kms, store), new_key(kms)
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    seal = lambda name: kms.encrypt(KeyId=name, Plaintext=b"x")["CiphertextBlob"]  # noqa: E731
    grant = kms.create_grant(KeyId=key, GranteePrincipal=account, Operations=["Encrypt"])
    scene = Scene(key, other, seal(key), seal(other), alias, grant["GrantId"], account)
    kms.disconnect_custom_key_store(CustomKeyStoreId=store)
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (metadata["KeyState"], metadata["Enabled"]) == ("Unavailable", False)
    return scene


# Keys in custom key stores are of a single Region.
@pytest.mark.parametrize("operation", [name for name in TABLE if name not in MOVES])
def test_the_column_of_unavailable_keys(stored_kms, stored_scene, operation):
    expected = WHEN_UNAVAILABLE.get(operation, OK)
    check(lambda: CALLS[operation](stored_kms, stored_scene), expected, stored_scene.key)


@pytest.mark.parametrize("disable, state", ((True, "Disabled"), (False, "Enabled")))
def test_what_a_state_becomes_shows_when_the_store_is_connected_again(
    stored_kms, stored_scene, disable, state
):
    key = stored_scene.key
    if disable:
        stored_kms.disable_key(KeyId=key)
    metadata = stored_kms.describe_key(KeyId=key)["KeyMetadata"]
    assert metadata["KeyState"] == "Unavailable"
    stored_kms.connect_custom_key_store(CustomKeyStoreId=metadata["CustomKeyStoreId"])
    assert stored_kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == state


def test_deletion_shows_through_unavailability(stored_kms, stored_scene):
    key = stored_scene.key
    stored_kms.schedule_key_deletion(KeyId=key)
    assert stored_kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    with refused(*(PENDING[0], PENDING[1].format(key=key))):
        stored_kms.encrypt(KeyId=key, Plaintext=b"x")
    stored_kms.cancel_key_deletion(KeyId=key)
    assert stored_kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Unavailable"


def test_every_row_has_a_call():
    assert set(TABLE) == set(CALLS)


def private(key):
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def public(key):
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


PAIR = ec.derive_private_key(1 << 200, ec.SECP256R1())
SIGN = {"Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
MAC = {"Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
AGREE = {"KeyAgreementAlgorithm": "ECDH", "PublicKey": public(PAIR)}
KEM = {"EncapsulationAlgorithm": "ML_KEM"}

# Kinds of keys, each with material that it can be given, if any.
KINDS = {
    "mac": ({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}, MATERIAL),
    "signing": ({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}, private(PAIR)),
    "agreement": ({"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"}, private(PAIR)),
    "kem": ({"KeySpec": "ML_KEM_512", "KeyUsage": "ENCAPSULATE_DECAPSULATE"}, None),
}

# Operation: kind of key, the call, and what it is when Enabled, Disabled, PendingDeletion and
# PendingImport. `made` is what the call before the change of state gave.
OF_KINDS = {
    "GenerateMac": ("mac", lambda kms, key, made: kms.generate_mac(KeyId=key, **MAC)),
    "VerifyMac": ("mac", lambda kms, key, made: kms.verify_mac(KeyId=key, Mac=made["Mac"], **MAC)),
    "Sign": ("signing", lambda kms, key, made: kms.sign(KeyId=key, **SIGN)),
    "Verify": (
        "signing",
        lambda kms, key, made: kms.verify(KeyId=key, Signature=made["Signature"], **SIGN),
    ),
    "GetPublicKey": ("signing", lambda kms, key, made: kms.get_public_key(KeyId=key)),
    "DeriveSharedSecret": (
        "agreement",
        lambda kms, key, made: kms.derive_shared_secret(KeyId=key, **AGREE),
    ),
    "Encapsulate": ("kem", lambda kms, key, made: kms.encapsulate(KeyId=key, **KEM)),
    "Decapsulate": (
        "kem",
        lambda kms, key, made: kms.decapsulate(
            KeyId=key, SharedSecretCiphertextBlob=made["SharedSecretCiphertextBlob"], **KEM
        ),
    ),
}
FIRST = {
    "mac": "GenerateMac",
    "signing": "Sign",
    "agreement": "DeriveSharedSecret",
    "kem": "Encapsulate",
}
# Keys made here never wait for material, and some kinds cannot be brought in.
CELLS = [
    (operation, state, origin)
    for operation, (kind, _) in OF_KINDS.items()
    for state in STATES
    for origin in ("AWS_KMS", "EXTERNAL")
    if (KINDS[kind][1] is not None if origin == "EXTERNAL" else state != "PendingImport")
]


@pytest.mark.parametrize("operation, state, origin", CELLS)
def test_the_table_of_other_kinds(kms, operation, state, origin):
    kind, call = OF_KINDS[operation]
    parameters_of, material = KINDS[kind]
    key = new_key(kms, Origin=origin, **parameters_of)
    if origin == "EXTERNAL":
        bring(kms, key, material)
    made = OF_KINDS[FIRST[kind]][1](kms, key, None)
    put_into(kms, key, state)
    # A disabled key shows its public half (recorded).
    disabled = OK if operation == "GetPublicKey" else DISABLED
    expected = (OK, disabled, PENDING, IMPORT)[STATES.index(state)]
    check(lambda: call(kms, key, made), expected, key)


@pytest.mark.parametrize("state", STATES)
def test_the_table_of_imports(kms, state):
    key = new_key(kms, Origin="EXTERNAL")
    given = parameters(kms, key)
    bring(kms, key, MATERIAL, given)
    put_into(kms, key, state)
    expected = PENDING if state == "PendingDeletion" else OK
    check(lambda: parameters(kms, key), expected, key)
    token, wrapped = given["ImportToken"], wrap(given, MATERIAL)
    check(
        lambda: kms.import_key_material(
            KeyId=key, ImportToken=token, EncryptedKeyMaterial=wrapped, **FOREVER
        ),
        expected,
        key,
    )
    check(lambda: kms.delete_imported_key_material(KeyId=key), OK, key)


@pytest.mark.parametrize("state", ("Enabled", "Disabled", "PendingDeletion"))
def test_keys_that_do_not_rotate_say_so_in_every_state(kms, state):
    key = new_key(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    put_into(kms, key, state)
    for call in (
        kms.enable_key_rotation,
        kms.disable_key_rotation,
        kms.get_key_rotation_status,
        kms.rotate_key_on_demand,
        kms.list_key_rotations,
    ):
        with refused("UnsupportedOperationException", ""):
            call(KeyId=key)
