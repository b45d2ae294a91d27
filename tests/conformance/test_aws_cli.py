"""The AWS CLI, unmodified: an endpoint and credentials in its environment, nothing more."""

import base64

import pytest
from conftest import ACCOUNT, REGION


@pytest.fixture
def key_id(aws):
    return aws("kms", "create-key", "--description", "by the CLI")["KeyMetadata"]["KeyId"]


def test_who_am_i(aws):
    assert aws("sts", "get-caller-identity")["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"


def test_a_file_is_encrypted_and_decrypted(aws, key_id, tmp_path):
    plain, sealed = tmp_path / "plain", tmp_path / "sealed"
    plain.write_bytes(bytes(range(256)) * 16)
    context = ("--encryption-context", "project=nile,team=books")
    answer = aws("kms", "encrypt", "--key-id", key_id, "--plaintext", f"fileb://{plain}", *context)
    sealed.write_bytes(base64.b64decode(answer["CiphertextBlob"]))
    answer = aws("kms", "decrypt", "--ciphertext-blob", f"fileb://{sealed}", *context)
    assert base64.b64decode(answer["Plaintext"]) == plain.read_bytes()
    assert answer["KeyId"] == f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}"
    errors = aws("kms", "decrypt", "--ciphertext-blob", f"fileb://{sealed}", fails=True)
    assert "(InvalidCiphertextException)" in errors


def test_a_key_is_found_by_its_alias(aws, key_id, alias):
    aws("kms", "create-alias", "--alias-name", alias, "--target-key-id", key_id)
    described = aws("kms", "describe-key", "--key-id", alias)["KeyMetadata"]
    assert (described["KeyId"], described["Description"]) == (key_id, "by the CLI")


def test_lists_are_paged_by_the_cli(aws):
    for _ in range(3):
        aws("kms", "create-key")
    keys = aws("kms", "list-keys", "--page-size", "2")["Keys"]
    assert len({entry["KeyId"] for entry in keys}) == len(keys) >= 3


def test_a_refusal_shows_code_and_message(aws):
    errors = aws("kms", "describe-key", "--key-id", "nobody", fails=True)
    assert "An error occurred (NotFoundException) when calling the DescribeKey operation" in errors
    assert "Invalid keyId 'nobody'" in errors
