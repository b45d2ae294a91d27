"""DryRun: everything that could fail fails first, then nothing is done."""

import pytest
from conftest import new_key
from expect import EMPTY, refused

WOULD_SUCCEED = "The request would have succeeded, but the DryRun option is set."

CALLS = {
    "encrypt": lambda kms, key, blob: kms.encrypt(KeyId=key, Plaintext=b"x", DryRun=True),
    "decrypt": lambda kms, key, blob: kms.decrypt(CiphertextBlob=blob, DryRun=True),
    "re_encrypt": lambda kms, key, blob: kms.re_encrypt(
        CiphertextBlob=blob, DestinationKeyId=key, DryRun=True
    ),
    "generate_data_key": lambda kms, key, blob: kms.generate_data_key(
        KeyId=key, KeySpec="AES_256", DryRun=True
    ),
    "generate_data_key_without_plaintext": lambda kms, key, blob: (
        kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256", DryRun=True)
    ),
}


@pytest.fixture
def blob(kms, key):
    return kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]


@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_would_succeed_says_so(kms, key, blob, name):
    with refused("DryRunOperationException", WOULD_SUCCEED):
        CALLS[name](kms, key, blob)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_on_a_disabled_key_fails_as_it_would(kms, key, blob, name):
    kms.disable_key(KeyId=key)
    with refused("DisabledException", f"{key} is disabled."):
        CALLS[name](kms, key, blob)


@pytest.mark.parametrize("name", CALLS)
def test_a_denied_call_fails_as_it_would(kms, key, blob, name):
    operations = ["Encrypt", "Decrypt", "ReEncrypt*", "GenerateDataKey*"]
    actions = ",".join(f'"kms:{operation}"' for operation in operations)
    statements = (
        '{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"},'
        '{"Effect":"Deny","Principal":"*","Action":[%s],"Resource":"*"}' % actions
    )
    kms.put_key_policy(
        KeyId=key, Policy='{"Version":"2012-10-17","Statement":[%s]}' % statements
    )
    with refused("AccessDeniedException"):
        CALLS[name](kms, key, blob)


def test_the_ciphertext_is_checked_too(kms, key, blob):
    altered = blob[:-1] + bytes([blob[-1] ^ 1])
    with refused("InvalidCiphertextException", EMPTY):
        kms.decrypt(CiphertextBlob=altered, DryRun=True)
    with refused("IncorrectKeyException"):
        kms.decrypt(CiphertextBlob=blob, KeyId=new_key(kms), DryRun=True)


def test_a_dry_run_false_is_a_call(kms, key):
    assert kms.encrypt(KeyId=key, Plaintext=b"x", DryRun=False)["KeyId"] == key


def test_a_dry_run_is_no_use_of_the_key(kms, key):
    with refused("DryRunOperationException"):
        kms.encrypt(KeyId=key, Plaintext=b"x", DryRun=True)
    assert kms.get_key_last_usage(KeyId=key)["KeyLastUsage"] == {}


def test_the_ciphertext_can_be_left_out(kms, key):
    modifiers = {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}
    with refused("DryRunOperationException", WOULD_SUCCEED):
        kms.decrypt(KeyId=key, **modifiers)
    with refused("DryRunOperationException", WOULD_SUCCEED):
        kms.re_encrypt(SourceKeyId=key, DestinationKeyId=key, **modifiers)
    with refused("ValidationException"):
        kms.decrypt(**modifiers)
