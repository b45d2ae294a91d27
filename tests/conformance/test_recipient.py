"""Recipient: what KMS answers to those who attest what they are, opened by OpenSSL."""

import json

import pytest
from attesting import Authority, Enclave
from conftest import client, new_key
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
)
from expect import refused
from program import Server

MALFORMED = "The attestation document is malformed."


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture(scope="module")
def enclave(tmp_path_factory):
    return Enclave(tmp_path_factory.mktemp("enclave"))


@pytest.fixture(scope="module")
def attested_server(clean_environment, authority, tmp_path_factory):
    root = tmp_path_factory.mktemp("root") / "root.pem"
    root.write_bytes(authority.pem())
    with Server("dev", "--attestation-root", str(root)) as server:
        yield server


@pytest.fixture
def kms(attested_server, account):
    return client(attested_server, account=account)


@pytest.fixture
def recipient(authority, enclave):
    return of(authority.document(enclave.public))


def of(document):
    return {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": document}


def test_decrypt(kms, key, enclave, recipient):
    blob = kms.encrypt(KeyId=key, Plaintext=b"for the enclave")["CiphertextBlob"]
    answer = kms.decrypt(CiphertextBlob=blob, Recipient=recipient)
    assert not answer.get("Plaintext") and "KeyMaterialId" not in answer
    assert answer["KeyId"] == key
    assert enclave.open(answer["CiphertextForRecipient"]) == b"for the enclave"


def test_generate_data_key(kms, key, enclave, recipient):
    answer = kms.generate_data_key(KeyId=key, KeySpec="AES_256", Recipient=recipient)
    assert not answer.get("Plaintext")
    opened = kms.decrypt(CiphertextBlob=answer["CiphertextBlob"])["Plaintext"]
    assert enclave.open(answer["CiphertextForRecipient"]) == opened


def test_generate_data_key_pair(kms, key, enclave, recipient):
    answer = kms.generate_data_key_pair(
        KeyId=key, KeyPairSpec="ECC_NIST_P256", Recipient=recipient
    )
    assert not answer.get("PrivateKeyPlaintext")
    private = load_der_private_key(enclave.open(answer["CiphertextForRecipient"]), None)
    encoded = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert private.public_key().public_bytes(*encoded) == answer["PublicKey"]


def test_derive_shared_secret(kms, enclave, recipient):
    key = new_key(kms, KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    peer = other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    wanted = {"KeyId": key, "KeyAgreementAlgorithm": "ECDH", "PublicKey": peer}
    answer = kms.derive_shared_secret(**wanted, Recipient=recipient)
    assert not answer.get("SharedSecret")
    plain = kms.derive_shared_secret(**wanted)["SharedSecret"]
    assert enclave.open(answer["CiphertextForRecipient"]) == plain


def test_generate_random(kms, enclave, recipient):
    answers = [kms.generate_random(NumberOfBytes=1024, Recipient=recipient) for _ in range(2)]
    assert not any(answer.get("Plaintext") for answer in answers)
    one, two = (enclave.open(answer["CiphertextForRecipient"]) for answer in answers)
    assert len(one) == len(two) == 1024 and one != two


def test_documents_that_are_not_taken(kms, authority, enclave):
    good, stranger = authority.document(enclave.public), Authority()
    expired = Authority(leaf_days=(-9, -8))
    for document, text in (
        (b"x", MALFORMED),
        (good[:-1], MALFORMED),
        (good + b"\0", MALFORMED),
        (
            good[:-1] + bytes([good[-1] ^ 1]),
            "The attestation document's signature is not valid.",
        ),
        (
            authority.document(enclave.public, key=stranger.key),
            "The attestation document's signature is not valid.",
        ),
        (
            stranger.document(enclave.public),
            "The attestation document's certificate does not lead to the attestation root.",
        ),
        (
            authority.document(enclave.public, certificate=stranger.leaf),
            "The attestation document's certificate does not lead to the attestation root.",
        ),
        (
            authority.document(enclave.public, cabundle=[]),
            "The attestation document's certificate does not lead to the attestation root.",
        ),
        (authority.document(enclave.public, age=600), "The attestation document is not recent."),
        (authority.document(enclave.public, age=-600), "The attestation document is not recent."),
        (authority.document(None), "The attestation document has no RSA public key."),
        (authority.document(b"key"), "The attestation document has no RSA public key."),
        (authority.document(enclave.public, digest="SHA1"), MALFORMED),
        (authority.document(enclave.public, pcrs=1), MALFORMED),
    ):
        with refused("ValidationException", text):
            kms.generate_random(NumberOfBytes=1, Recipient=of(document))
    assert expired.leaf != authority.leaf
    with refused("ValidationException"):
        kms.generate_random(NumberOfBytes=1, Recipient=of(expired.document(enclave.public)))
    with refused("ValidationException"):
        kms.generate_random(
            NumberOfBytes=1, Recipient={"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
        )


def test_a_signed_byte_that_is_altered_is_found_out(kms, authority, enclave):
    good = authority.document(enclave.public)
    at = good.index(b"i-0-enc0")
    altered = good[:at] + b"j" + good[at + 1 :]
    with refused("ValidationException", "The attestation document's signature is not valid."):
        kms.generate_random(NumberOfBytes=1, Recipient=of(altered))


@pytest.mark.parametrize(
    "name, value",
    [("ImageSha384", "00" * 48), ("PCR0", "00" * 48), ("PCR8", "08" * 48)],
)
def test_policies_may_ask_what_was_attested(kms, account, authority, enclave, name, value):
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "NotAction": "kms:Decrypt",
                "Resource": "*",
            },
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": "kms:Decrypt",
                "Resource": "*",
                "Condition": {
                    "StringEqualsIgnoreCase": {f"kms:RecipientAttestation:{name}": value}
                },
            },
        ],
    }
    key = new_key(kms, Policy=json.dumps(policy))
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    right = of(authority.document(enclave.public))
    assert kms.decrypt(CiphertextBlob=blob, Recipient=right)["CiphertextForRecipient"]
    registers = {number: b"\xff" * 48 for number in (0, 1, 8)}
    wrong = of(authority.document(enclave.public, registers))
    with refused("AccessDeniedException"):
        kms.decrypt(CiphertextBlob=blob, Recipient=wrong)
    with refused("AccessDeniedException"):
        kms.decrypt(CiphertextBlob=blob)


def test_a_dry_run_checks_the_document_too(kms, key, authority, enclave, recipient):
    with refused("DryRunOperationException"):
        kms.generate_data_key(KeyId=key, KeySpec="AES_256", Recipient=recipient, DryRun=True)
    with refused("ValidationException"):
        stale = of(authority.document(enclave.public, age=600))
        kms.generate_data_key(KeyId=key, KeySpec="AES_256", Recipient=stale, DryRun=True)


def test_without_a_root_there_are_no_recipients(server, recipient):
    with refused("UnsupportedOperationException"):
        client(server).generate_random(NumberOfBytes=1, Recipient=recipient)
