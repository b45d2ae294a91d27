"""The AWS Encryption SDK for Python, unmodified, on a real file under a Bulla key."""

import hashlib
import os

import aws_encryption_sdk
import pytest
from aws_encryption_sdk import CommitmentPolicy, StrictAwsKmsMasterKeyProvider
from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError
from conftest import new_key

CONTEXT = {"project": "nile", "purpose": "archive"}
MEGABYTE = 1 << 20
FILE_MEGABYTES = 100
# The SDK has no one error for this: its own, the KMS client's, or one of the cryptography library.
TAMPERED = Exception


@pytest.fixture(scope="module")
def sdk():
    policy = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    return aws_encryption_sdk.EncryptionSDKClient(commitment_policy=policy)


@pytest.fixture
def provider(key):
    return StrictAwsKmsMasterKeyProvider(key_ids=[key])


def pour(stream, target):
    """Copies a stream piece by piece; gives the digest of what went through."""
    digest = hashlib.sha256()
    while piece := stream.read(MEGABYTE):
        digest.update(piece)
        target.write(piece)
    return digest.hexdigest()


def test_a_file_of_100_mb_goes_there_and_back(sdk, provider, key, tmp_path):
    plain, sealed, opened = (tmp_path / name for name in ("plain", "sealed", "opened"))
    digest = hashlib.sha256()
    with plain.open("wb") as file:
        for _ in range(FILE_MEGABYTES):
            piece = os.urandom(MEGABYTE)
            digest.update(piece)
            file.write(piece)
    encrypt = {"mode": "e", "key_provider": provider, "encryption_context": CONTEXT}
    with plain.open("rb") as source, sealed.open("wb") as target:
        with sdk.stream(source=source, frame_length=MEGABYTE, **encrypt) as stream:
            pour(stream, target)
    assert sealed.stat().st_size > FILE_MEGABYTES * MEGABYTE
    with sealed.open("rb") as source, opened.open("wb") as target:
        with sdk.stream(mode="d", source=source, key_provider=provider) as stream:
            header = stream.header
            got = pour(stream, target)
    assert got == digest.hexdigest()
    assert CONTEXT.items() <= header.encryption_context.items()
    (data_key,) = header.encrypted_data_keys
    assert data_key.key_provider.key_info == key.encode()


def test_a_message_bears_its_context(sdk, provider):
    sealed, _ = sdk.encrypt(source=b"secret", key_provider=provider, encryption_context=CONTEXT)
    plain, header = sdk.decrypt(source=sealed, key_provider=provider)
    assert plain == b"secret"
    assert CONTEXT.items() <= header.encryption_context.items()


def test_a_context_that_was_altered_is_refused(sdk, provider):
    sealed, _ = sdk.encrypt(source=b"secret", key_provider=provider, encryption_context=CONTEXT)
    assert sealed.count(b"nile") == 1
    with pytest.raises(TAMPERED):
        sdk.decrypt(source=sealed.replace(b"nile", b"nilo"), key_provider=provider)


@pytest.mark.parametrize("place", [0.02, 0.3, 0.5, 0.9, 0.999])
def test_a_message_that_was_altered_is_refused(sdk, provider, place):
    sealed, _ = sdk.encrypt(source=b"s" * 5000, key_provider=provider, encryption_context=CONTEXT)
    altered = bytearray(sealed)
    altered[int(len(altered) * place)] ^= 1
    with pytest.raises(TAMPERED):
        sdk.decrypt(source=bytes(altered), key_provider=provider)


def test_another_key_opens_nothing(sdk, provider, kms):
    sealed, _ = sdk.encrypt(source=b"secret", key_provider=provider)
    other = StrictAwsKmsMasterKeyProvider(key_ids=[new_key(kms)])
    with pytest.raises(AWSEncryptionSDKClientError):
        sdk.decrypt(source=sealed, key_provider=other)


def test_a_disabled_key_opens_nothing(sdk, provider, kms, key):
    sealed, _ = sdk.encrypt(source=b"secret", key_provider=provider)
    kms.disable_key(KeyId=key)
    with pytest.raises(AWSEncryptionSDKClientError):
        sdk.decrypt(source=sealed, key_provider=provider)
    kms.enable_key(KeyId=key)
    plain, _ = sdk.decrypt(source=sealed, key_provider=provider)
    assert plain == b"secret"


def test_two_keys_open_one_message(sdk, kms, key):
    other = new_key(kms)
    both = StrictAwsKmsMasterKeyProvider(key_ids=[key, other])
    sealed, _ = sdk.encrypt(source=b"secret", key_provider=both, encryption_context=CONTEXT)
    for each in (key, other):
        one = StrictAwsKmsMasterKeyProvider(key_ids=[each])
        assert sdk.decrypt(source=sealed, key_provider=one)[0] == b"secret"
