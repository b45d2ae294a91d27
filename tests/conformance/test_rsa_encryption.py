"""RSA encryption: OpenSSL opens what we encrypt, and we open what it encrypts."""

import pytest
from asymmetric import RSA, key_of, public_key
from conftest import new_key
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from expect import EMPTY, refused

ALGORITHMS = {"RSAES_OAEP_SHA_1": hashes.SHA1, "RSAES_OAEP_SHA_256": hashes.SHA256}
MOST = {
    ("RSA_2048", "RSAES_OAEP_SHA_1"): 214,
    ("RSA_2048", "RSAES_OAEP_SHA_256"): 190,
    ("RSA_3072", "RSAES_OAEP_SHA_1"): 342,
    ("RSA_3072", "RSAES_OAEP_SHA_256"): 318,
    ("RSA_4096", "RSAES_OAEP_SHA_1"): 470,
    ("RSA_4096", "RSAES_OAEP_SHA_256"): 446,
}
USAGE = "ENCRYPT_DECRYPT"
NO_CONTEXT = "EncryptionContext is not supported when encrypting/decrypting with asymmetric CMKs."
INCORRECT = "The key ID in the request does not identify a CMK that can perform this operation."


def oaep(algorithm):
    chosen = ALGORITHMS[algorithm]
    return padding.OAEP(mgf=padding.MGF1(chosen()), algorithm=chosen(), label=None)


def encrypt(kms, key, algorithm, plaintext=b"plain", **more):
    return kms.encrypt(
        KeyId=key, Plaintext=plaintext, EncryptionAlgorithm=algorithm, **more
    )


def decrypt(kms, key, algorithm, blob, **more):
    return kms.decrypt(KeyId=key, CiphertextBlob=blob, EncryptionAlgorithm=algorithm, **more)


@pytest.mark.parametrize("spec", RSA)
def test_a_key_tells_what_it_is(kms, spec):
    key = key_of(kms, spec, USAGE)
    for answer in kms.describe_key(KeyId=key)["KeyMetadata"], kms.get_public_key(KeyId=key):
        assert (answer["KeySpec"], answer["KeyUsage"]) == (spec, USAGE)
        assert answer["EncryptionAlgorithms"] == list(ALGORITHMS)
        assert "SigningAlgorithms" not in answer


@pytest.mark.parametrize("spec, algorithm", MOST)
def test_both_sides_open_what_the_other_encrypts(kms, spec, algorithm):
    key = key_of(kms, spec, USAGE)
    plaintext = b"p" * MOST[spec, algorithm]
    answer = encrypt(kms, key, algorithm, plaintext)
    assert (answer["KeyId"], answer["EncryptionAlgorithm"]) == (key, algorithm)
    assert len(answer["CiphertextBlob"]) == int(spec[-4:]) // 8
    opened = decrypt(kms, key, algorithm, answer["CiphertextBlob"])
    assert (opened["Plaintext"], opened["EncryptionAlgorithm"]) == (plaintext, algorithm)
    assert opened["KeyId"] == key and "KeyMaterialId" not in opened
    theirs = public_key(kms, key).encrypt(b"from outside", oaep(algorithm))
    assert decrypt(kms, key, algorithm, theirs)["Plaintext"] == b"from outside"


@pytest.mark.parametrize("spec, algorithm", MOST)
def test_there_is_a_longest_plaintext(kms, spec, algorithm):
    most = MOST[spec, algorithm]
    names = f"Algorithm {algorithm} and key spec {spec}"
    text = f"{names} cannot encrypt data larger than {most} bytes."
    with refused("ValidationException", text):
        encrypt(kms, key_of(kms, spec, USAGE), algorithm, b"p" * (most + 1))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("dry", [False, True])
def test_what_does_not_open(kms, algorithm, dry):
    key = key_of(kms, "RSA_2048", USAGE)
    blob = encrypt(kms, key, algorithm)["CiphertextBlob"]
    other = next(name for name in ALGORITHMS if name != algorithm)
    altered = bytes([blob[0], blob[1] ^ 1]) + blob[2:]
    for name, ciphertext in (
        (algorithm, altered),
        (algorithm, blob[:-1]),
        (algorithm, blob + b"\0"),
        (algorithm, b"\xff" * 256),
        (algorithm, b"x"),
        (other, blob),
    ):
        with refused("InvalidCiphertextException", EMPTY):
            decrypt(kms, key, name, ciphertext, DryRun=dry)


def test_the_default_algorithm_is_not_one_of_theirs(kms, key):
    rsa = key_of(kms, "RSA_2048", USAGE)
    text = "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048."
    with refused("InvalidKeyUsageException", text):
        kms.encrypt(KeyId=rsa, Plaintext=b"x")
    blob = encrypt(kms, rsa, "RSAES_OAEP_SHA_256")["CiphertextBlob"]
    with refused("InvalidCiphertextException", EMPTY):
        kms.decrypt(KeyId=rsa, CiphertextBlob=blob)
    with refused("ValidationException", "KeyId must not be null"):
        kms.decrypt(CiphertextBlob=blob, EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    symmetric = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with refused("IncorrectKeyException", INCORRECT):
        kms.decrypt(KeyId=rsa, CiphertextBlob=symmetric)
    text = "Algorithm RSAES_OAEP_SHA_1 is incompatible with key spec SYMMETRIC_DEFAULT."
    with refused("InvalidKeyUsageException", text):
        encrypt(kms, key, "RSAES_OAEP_SHA_1")
    with refused("InvalidKeyUsageException", text):
        decrypt(kms, key, "RSAES_OAEP_SHA_1", symmetric)


def test_there_is_no_encryption_context(kms):
    key = key_of(kms, "RSA_2048", USAGE)
    blob = encrypt(kms, key, "RSAES_OAEP_SHA_1", EncryptionContext={})["CiphertextBlob"]
    context = {"EncryptionContext": {"a": "b"}}
    with refused("ValidationException", NO_CONTEXT):
        encrypt(kms, key, "RSAES_OAEP_SHA_1", **context)
    with refused("ValidationException", NO_CONTEXT):
        decrypt(kms, key, "RSAES_OAEP_SHA_1", blob, **context)


def test_there_are_no_data_keys(kms):
    rsa = key_of(kms, "RSA_2048", USAGE)
    with refused("InvalidKeyUsageException"):
        kms.generate_data_key(KeyId=rsa, KeySpec="AES_256")


def test_re_encryption_between_kinds(kms, key):
    rsa = key_of(kms, "RSA_2048", USAGE)
    symmetric = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    there = kms.re_encrypt(
        CiphertextBlob=symmetric,
        DestinationKeyId=rsa,
        DestinationEncryptionAlgorithm="RSAES_OAEP_SHA_256",
    )
    assert (there["SourceKeyId"], there["KeyId"]) == (key, rsa)
    assert there["DestinationEncryptionAlgorithm"] == "RSAES_OAEP_SHA_256"
    assert "SourceKeyMaterialId" in there and "DestinationKeyMaterialId" not in there
    back = kms.re_encrypt(
        CiphertextBlob=there["CiphertextBlob"],
        SourceKeyId=rsa,
        SourceEncryptionAlgorithm="RSAES_OAEP_SHA_256",
        DestinationKeyId=key,
    )
    assert "SourceKeyMaterialId" not in back and "DestinationKeyMaterialId" in back
    assert kms.decrypt(CiphertextBlob=back["CiphertextBlob"])["Plaintext"] == b"x"
    for which in (key, rsa):
        assert kms.get_key_last_usage(KeyId=which)["KeyLastUsage"]["Operation"] in {
            "ReEncrypt",
            "Decrypt",
        }


def test_a_signing_key_decrypts_nothing(kms):
    signing = key_of(kms, "RSA_2048")
    usage = f"{signing} key usage is SIGN_VERIFY which is not valid for Encrypt."
    with refused("InvalidKeyUsageException", usage):
        encrypt(kms, signing, "RSAES_OAEP_SHA_1")
    with refused("IncorrectKeyException", INCORRECT):
        decrypt(kms, signing, "RSAES_OAEP_SHA_1", b"x" * 256)


def test_an_rsa_key_does_not_rotate(kms):
    with refused("UnsupportedOperationException", EMPTY):
        kms.enable_key_rotation(KeyId=key_of(kms, "RSA_2048", USAGE))


def test_states_and_dry_runs(kms):
    key = new_key(kms, KeySpec="RSA_2048", KeyUsage=USAGE)
    blob = encrypt(kms, key, "RSAES_OAEP_SHA_1")["CiphertextBlob"]
    with refused("DryRunOperationException"):
        encrypt(kms, key, "RSAES_OAEP_SHA_1", DryRun=True)
    with refused("DryRunOperationException"):
        decrypt(kms, key, "RSAES_OAEP_SHA_1", blob, DryRun=True)
    kms.disable_key(KeyId=key)
    with refused("DisabledException", f"{key} is disabled."):
        encrypt(kms, key, "RSAES_OAEP_SHA_1")
    with refused("DisabledException", f"{key} is disabled."):
        decrypt(kms, key, "RSAES_OAEP_SHA_1", blob)
