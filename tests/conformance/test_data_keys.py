"""GenerateDataKey, GenerateDataKeyWithoutPlaintext, GenerateRandom."""

import pytest
from expect import EMPTY, ONE, refused

NEITHER_OR_BOTH = "Please specify either number of bytes or key spec."


@pytest.mark.parametrize(
    "parameters, size",
    [
        ({"KeySpec": "AES_256"}, 32),
        ({"KeySpec": "AES_128"}, 16),
        ({"NumberOfBytes": 1}, 1),
        ({"NumberOfBytes": 64}, 64),
        ({"NumberOfBytes": 1024}, 1024),
    ],
)
def test_a_data_key_comes_in_clear_and_sealed(kms, key, parameters, size):
    context = {"purpose": "books"}
    answer = kms.generate_data_key(KeyId=key, EncryptionContext=context, **parameters)
    assert answer["KeyId"] == key
    assert len(answer["Plaintext"]) == size
    opened = kms.decrypt(CiphertextBlob=answer["CiphertextBlob"], EncryptionContext=context)
    assert opened["Plaintext"] == answer["Plaintext"]
    assert opened["KeyMaterialId"] == answer["KeyMaterialId"]
    with refused("InvalidCiphertextException", EMPTY):
        kms.decrypt(CiphertextBlob=answer["CiphertextBlob"])


def test_a_data_key_can_come_sealed_only(kms, key):
    answer = kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256")
    assert "Plaintext" not in answer
    opened = kms.decrypt(CiphertextBlob=answer["CiphertextBlob"])
    assert len(opened["Plaintext"]) == 32
    assert opened["KeyMaterialId"] == answer["KeyMaterialId"]


@pytest.mark.parametrize("both", [{}, {"KeySpec": "AES_256", "NumberOfBytes": 32}])
def test_either_a_spec_or_a_size(kms, key, both):
    with refused("ValidationException", NEITHER_OR_BOTH):
        kms.generate_data_key(KeyId=key, **both)
    with refused("ValidationException", NEITHER_OR_BOTH):
        kms.generate_data_key_without_plaintext(KeyId=key, **both)


@pytest.mark.parametrize(
    "size, bound", [(0, "greater than or equal to 1"), (1025, "less than or equal to 1024")]
)
def test_sizes_have_bounds(unchecked_kms, key, size, bound):
    message = (
        f"{ONE}Value '{size}' at 'numberOfBytes' failed to satisfy constraint: "
        f"Member must have value {bound}"
    )
    with refused("ValidationException", message):
        unchecked_kms.generate_data_key(KeyId=key, NumberOfBytes=size)
    with refused("ValidationException", message):
        unchecked_kms.generate_random(NumberOfBytes=size)


def test_data_keys_are_all_different(kms, key):
    keys = {kms.generate_data_key(KeyId=key, KeySpec="AES_256")["Plaintext"] for _ in range(50)}
    assert len(keys) == 50


@pytest.mark.parametrize("size", [1, 32, 1024])
def test_random_bytes_in_any_number(kms, size):
    assert len(kms.generate_random(NumberOfBytes=size)["Plaintext"]) == size


def test_random_bytes_are_random(kms):
    one, two = (kms.generate_random(NumberOfBytes=1024)["Plaintext"] for _ in range(2))
    assert one != two
    assert len(set(one + two)) > 200


def test_random_needs_a_number(kms):
    with refused("ValidationException", "NumberOfBytes is required."):
        kms.generate_random()
