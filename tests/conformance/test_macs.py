"""Keys for message authentication codes: GenerateMac and VerifyMac, against Python's own HMAC."""

import hashlib
import hmac

import pytest
from conftest import client, new_key
from expect import EMPTY, ONE, denied, refused

SIZES = (224, 256, 384, 512)

NO_USAGE = (
    "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."
)
WOULD_SUCCEED = "The request would have succeeded, but the DryRun option is set."


def mac_key(kms, size=256):
    return new_key(kms, KeySpec=f"HMAC_{size}", KeyUsage="GENERATE_VERIFY_MAC")


@pytest.fixture
def key_of_macs(kms):
    return mac_key(kms)


def generate(kms, key, message=b"message", size=256, **more):
    answer = kms.generate_mac(
        KeyId=key, Message=message, MacAlgorithm=f"HMAC_SHA_{size}", **more
    )
    return answer["Mac"]


def verify(kms, key, mac, message=b"message", size=256, **more):
    return kms.verify_mac(
        KeyId=key, Message=message, Mac=mac, MacAlgorithm=f"HMAC_SHA_{size}", **more
    )


@pytest.mark.parametrize("size", SIZES)
def test_a_key_tells_what_it_is(kms, size):
    made = kms.create_key(KeySpec=f"HMAC_{size}", KeyUsage="GENERATE_VERIFY_MAC")
    metadata = kms.describe_key(KeyId=made["KeyMetadata"]["KeyId"])["KeyMetadata"]
    assert metadata == made["KeyMetadata"]
    assert metadata["KeySpec"] == metadata["CustomerMasterKeySpec"] == f"HMAC_{size}"
    assert metadata["KeyUsage"] == "GENERATE_VERIFY_MAC"
    assert metadata["MacAlgorithms"] == [f"HMAC_SHA_{size}"]
    assert not {"EncryptionAlgorithms", "SigningAlgorithms", "CurrentKeyMaterialId"} & set(metadata)


@pytest.mark.parametrize("size", SIZES)
def test_a_mac_verifies_and_repeats(kms, size):
    key = mac_key(kms, size)
    answer = kms.generate_mac(KeyId=key, Message=b"m" * 4096, MacAlgorithm=f"HMAC_SHA_{size}")
    assert (answer["KeyId"], answer["MacAlgorithm"]) == (key, f"HMAC_SHA_{size}")
    assert len(answer["Mac"]) == size // 8
    assert generate(kms, key, b"m" * 4096, size) == answer["Mac"]
    verified = verify(kms, key, answer["Mac"], b"m" * 4096, size)
    assert verified["MacValid"] is True
    assert (verified["KeyId"], verified["MacAlgorithm"]) == (key, f"HMAC_SHA_{size}")


def test_keys_differ(kms):
    assert generate(kms, mac_key(kms)) != generate(kms, mac_key(kms))


@pytest.mark.parametrize(
    "alter",
    [
        lambda mac: mac[:-1] + bytes([mac[-1] ^ 1]),
        lambda mac: mac[:-1],
        lambda mac: mac + b"\0",
        lambda mac: hmac.digest(b"another key", b"message", hashlib.sha256),
    ],
)
@pytest.mark.parametrize("dry", [False, True])
def test_another_mac_is_refused(kms, key_of_macs, alter, dry):
    mac = generate(kms, key_of_macs)
    with refused("KMSInvalidMacException", EMPTY):
        verify(kms, key_of_macs, alter(mac), DryRun=dry)
    with refused("KMSInvalidMacException", EMPTY):
        verify(kms, key_of_macs, mac, b"another message", DryRun=dry)


def test_a_spec_has_one_algorithm(kms, key_of_macs):
    text = "Algorithm HMAC_SHA_512 is incompatible with key spec HMAC_256."
    with refused("InvalidKeyUsageException", text):
        generate(kms, key_of_macs, size=512)
    with refused("InvalidKeyUsageException", text):
        verify(kms, key_of_macs, b"mac", size=512)


def test_an_empty_message_is_refused(unchecked_kms, kms, key_of_macs):
    text = ONE + (
        "Value at 'message' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1"
    )
    with refused("ValidationException", text):
        generate(unchecked_kms, key_of_macs, b"")


def test_each_use_needs_its_kind_of_key(kms, key, key_of_macs):
    with refused(
        "InvalidKeyUsageException",
        f"{key} key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac.",
    ):
        generate(kms, key)
    with refused(
        "InvalidKeyUsageException",
        f"{key} key usage is ENCRYPT_DECRYPT which is not valid for VerifyMac.",
    ):
        verify(kms, key, b"mac")
    usage = f"{key_of_macs} key usage is GENERATE_VERIFY_MAC which is not valid for"
    with refused("InvalidKeyUsageException", f"{usage} Encrypt."):
        kms.encrypt(KeyId=key_of_macs, Plaintext=b"x")
    with refused("InvalidKeyUsageException", f"{usage} GenerateDataKey."):
        kms.generate_data_key(KeyId=key_of_macs, KeySpec="AES_256")
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with refused(
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    ):
        kms.decrypt(KeyId=key_of_macs, CiphertextBlob=blob)


def test_the_usage_must_be_named_and_fit(kms):
    with refused("ValidationException", NO_USAGE):
        kms.create_key(KeySpec="HMAC_256")
    text = "KeyUsage ENCRYPT_DECRYPT is not compatible with KeySpec HMAC_256"
    with refused("ValidationException", text):
        kms.create_key(KeySpec="HMAC_256", KeyUsage="ENCRYPT_DECRYPT")


def test_such_keys_do_not_rotate(kms, key_of_macs):
    for call in (
        kms.enable_key_rotation,
        kms.disable_key_rotation,
        kms.rotate_key_on_demand,
        kms.get_key_rotation_status,
        kms.list_key_rotations,
    ):
        with refused("UnsupportedOperationException", EMPTY):
            call(KeyId=key_of_macs)


def test_the_state_counts_before_the_algorithm(kms, key_of_macs):
    kms.disable_key(KeyId=key_of_macs)
    with refused("DisabledException", f"{key_of_macs} is disabled."):
        generate(kms, key_of_macs, size=512)
    kms.schedule_key_deletion(KeyId=key_of_macs)
    with refused("KMSInvalidStateException", f"{key_of_macs} is pending deletion."):
        verify(kms, key_of_macs, b"mac")


def test_a_dry_run_makes_nothing(kms, key_of_macs):
    mac = generate(kms, key_of_macs)
    with refused("DryRunOperationException", WOULD_SUCCEED):
        generate(kms, key_of_macs, DryRun=True)
    with refused("DryRunOperationException", WOULD_SUCCEED):
        verify(kms, key_of_macs, mac, DryRun=True)


def test_uses_count(kms, key_of_macs):
    mac = generate(kms, key_of_macs)
    assert kms.get_key_last_usage(KeyId=key_of_macs)["KeyLastUsage"]["Operation"] == "GenerateMac"
    verify(kms, key_of_macs, mac)
    assert kms.get_key_last_usage(KeyId=key_of_macs)["KeyLastUsage"]["Operation"] == "VerifyMac"


def test_aliases_and_other_accounts(server, kms, key_of_macs, alias, account):
    kms.create_alias(AliasName=alias, TargetKeyId=key_of_macs)
    assert verify(kms, alias, generate(kms, alias))["KeyId"] == key_of_macs
    other = client(server, account=account)
    with refused("AccessDeniedException"):
        generate(other, key_of_macs)
    kms.create_grant(
        KeyId=key_of_macs, GranteePrincipal=account, Operations=["GenerateMac", "VerifyMac"]
    )
    assert verify(other, key_of_macs, generate(other, key_of_macs))["MacValid"]


def test_an_alias_stays_with_keys_of_one_use(kms, key, key_of_macs, alias):
    kms.create_alias(AliasName=alias, TargetKeyId=key_of_macs)
    with refused("ValidationException"):
        kms.update_alias(AliasName=alias, TargetKeyId=key)
    kms.update_alias(AliasName=alias, TargetKeyId=mac_key(kms, 512))


def test_what_a_grant_on_such_a_key_can_be(kms, key_of_macs):
    text = (
        "Operations [Encrypt] are not supported when creating a grant for a symmetric KMS key with "
        "key usage GENERATE_VERIFY_MAC. Valid operations are [CreateGrant, RetireGrant, "
        "DescribeKey, GenerateMac, VerifyMac]"
    )
    grant = {"KeyId": key_of_macs, "GranteePrincipal": "000000000000"}
    with refused("ValidationException", text):
        kms.create_grant(**grant, Operations=["Encrypt"])
    text = (
        "EncryptionContext is supported only when creating a grant for a symmetric encryption KMS "
        "key."
    )
    with refused("ValidationException", text):
        kms.create_grant(
            **grant,
            Operations=["GenerateMac"],
            Constraints={"EncryptionContextEquals": {"a": "b"}},
        )


def test_a_policy_may_deny_it(kms, key_of_macs):
    deny = (
        '{"Version":"2012-10-17","Statement":['
        '{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"},'
        '{"Effect":"Deny","Principal":"*","Action":"kms:GenerateMac","Resource":"*"}]}'
    )
    kms.put_key_policy(KeyId=key_of_macs, Policy=deny)
    reason = "with an explicit deny in a resource-based policy"
    with refused("AccessDeniedException", denied("kms:GenerateMac", key_of_macs, reason)):
        generate(kms, key_of_macs)
