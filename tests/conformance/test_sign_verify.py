"""Sign, Verify and GetPublicKey: OpenSSL takes what we sign, and we take nothing else."""

import pytest
from asymmetric import (
    ML_DSA,
    NIST,
    RSA,
    SIGNING,
    digest,
    high_s,
    key_of,
    public_key,
    verifies,
)
from conftest import client, new_key
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSAMuHasher
from expect import EMPTY, refused

EVERY = [(spec, algorithm) for spec, all_of in SIGNING.items() for algorithm in all_of]
WOULD_SUCCEED = "The request would have succeeded, but the DryRun option is set."
MESSAGE = b"message"

# secp256k1's and P-256's orders.
ORDERS = {
    "ECC_NIST_P256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ECC_SECG_P256K1": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
}


def message_for(algorithm):
    """What an algorithm is given: type and content. Ed25519ph takes digests only."""
    if algorithm == "ED25519_PH_SHA_512":
        return {"MessageType": "DIGEST", "Message": digest("512", MESSAGE)}
    return {"MessageType": "RAW", "Message": MESSAGE}


def sign(kms, key, algorithm, **message):
    message = message or message_for(algorithm)
    return kms.sign(KeyId=key, SigningAlgorithm=algorithm, **message)["Signature"]


def verify(kms, key, algorithm, signature, **message):
    message = message or message_for(algorithm)
    return kms.verify(KeyId=key, SigningAlgorithm=algorithm, Signature=signature, **message)


@pytest.mark.parametrize("spec", SIGNING)
def test_a_key_tells_what_it_is(kms, spec):
    key = key_of(kms, spec)
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    public = kms.get_public_key(KeyId=key)
    assert metadata["Arn"] == public["KeyId"] == key
    for answer in metadata, public:
        assert answer["KeySpec"] == answer["CustomerMasterKeySpec"] == spec
        assert answer["KeyUsage"] == "SIGN_VERIFY"
        assert answer["SigningAlgorithms"] == SIGNING[spec]
        others = {"EncryptionAlgorithms", "KeyAgreementAlgorithms", "EncapsulationAlgorithms"}
        assert not others & set(answer)
    assert "CurrentKeyMaterialId" not in metadata
    assert public["PublicKey"] == kms.get_public_key(KeyId=key)["PublicKey"]


@pytest.mark.parametrize("spec, algorithm", EVERY)
def test_what_was_signed_verifies_here_and_there(kms, spec, algorithm):
    key = key_of(kms, spec)
    given = message_for(algorithm)
    answer = kms.sign(KeyId=key, SigningAlgorithm=algorithm, **given)
    assert (answer["KeyId"], answer["SigningAlgorithm"]) == (key, algorithm)
    verified = verify(kms, key, algorithm, answer["Signature"])
    assert verified["SignatureValid"] is True
    assert (verified["KeyId"], verified["SigningAlgorithm"]) == (key, algorithm)
    if algorithm != "ED25519_PH_SHA_512":  # which `cryptography` has not
        public = public_key(kms, key)
        assert verifies(public, algorithm, MESSAGE, answer["Signature"])
        assert not verifies(public, algorithm, b"massage", answer["Signature"])


@pytest.mark.parametrize("spec, algorithm", EVERY)
def test_what_was_altered_does_not_verify(kms, spec, algorithm):
    key = key_of(kms, spec)
    signature = sign(kms, key, algorithm)
    middle = len(signature) // 2
    for other in (
        signature[:middle] + bytes([signature[middle] ^ 1]) + signature[middle + 1 :],
        signature[:-1],
        signature + b"\0",
        b"\0",
    ):
        with refused("KMSInvalidSignatureException", EMPTY):
            verify(kms, key, algorithm, other)
        with refused("KMSInvalidSignatureException", EMPTY):
            verify(kms, key, algorithm, other, DryRun=True, **message_for(algorithm))
    given = message_for(algorithm)
    given["Message"] = bytes(len(given["Message"]))
    with refused("KMSInvalidSignatureException", EMPTY):
        verify(kms, key, algorithm, signature, **given)


@pytest.mark.parametrize("algorithm", SIGNING["RSA_2048"])
def test_an_rsa_signature_is_of_one_algorithm(kms, algorithm):
    key = key_of(kms, "RSA_2048")
    signature = sign(kms, key, algorithm)
    for other in SIGNING["RSA_2048"]:
        if other != algorithm:
            with refused("KMSInvalidSignatureException", EMPTY):
                verify(kms, key, other, signature)


@pytest.mark.parametrize(
    "spec, algorithm", [case for case in EVERY if not case[1].startswith(("ED", "ML"))]
)
def test_a_digest_is_signed_as_its_message(kms, spec, algorithm):
    key = key_of(kms, spec)
    hashed = digest(algorithm, MESSAGE)
    signature = sign(kms, key, algorithm, MessageType="DIGEST", Message=hashed)
    assert verifies(public_key(kms, key), algorithm, MESSAGE, signature)
    assert verify(kms, key, algorithm, signature)["SignatureValid"]
    assert verify(kms, key, algorithm, signature, MessageType="DIGEST", Message=hashed)
    text = f"Digest is invalid length for algorithm {algorithm}."
    for wrong in (hashed[1:], hashed + b"\0", b"x"):
        with refused("ValidationException", text):
            sign(kms, key, algorithm, MessageType="DIGEST", Message=wrong)
        with refused("ValidationException", text):
            verify(kms, key, algorithm, signature, MessageType="DIGEST", Message=wrong)


@pytest.mark.parametrize("spec", ORDERS)
def test_both_signatures_of_a_pair_verify(kms, spec):
    key = key_of(kms, spec)
    signature = sign(kms, key, "ECDSA_SHA_256")
    assert verify(kms, key, "ECDSA_SHA_256", high_s(signature, ORDERS[spec]))["SignatureValid"]


@pytest.mark.parametrize(
    "spec, curve",
    [
        ("ECC_NIST_P256", "secp256r1"),
        ("ECC_NIST_P384", "secp384r1"),
        ("ECC_NIST_P521", "secp521r1"),
        ("ECC_SECG_P256K1", "secp256k1"),
    ],
)
def test_a_public_key_names_its_curve(kms, spec, curve):
    public = public_key(kms, key_of(kms, spec))
    assert isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name == curve


@pytest.mark.parametrize("spec", RSA)
def test_an_rsa_modulus_has_its_length(kms, spec):
    public = public_key(kms, key_of(kms, spec))
    assert public.key_size == int(spec[-4:]) and public.public_numbers().e == 65537


def test_which_signatures_repeat(kms):
    for spec, algorithm, repeats in (
        ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512", True),
        ("ECC_NIST_EDWARDS25519", "ED25519_PH_SHA_512", True),
        ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256", True),
        ("RSA_2048", "RSASSA_PSS_SHA_256", False),
        ("ECC_NIST_P256", "ECDSA_SHA_256", False),
        ("ML_DSA_44", "ML_DSA_SHAKE_256", False),
    ):
        key = key_of(kms, spec)
        assert (sign(kms, key, algorithm) == sign(kms, key, algorithm)) is repeats, algorithm


@pytest.mark.parametrize("spec, length", [("ML_DSA_44", 1334), ("ECC_NIST_EDWARDS25519", 44)])
def test_public_keys_have_the_recorded_length(kms, spec, length):
    assert len(kms.get_public_key(KeyId=key_of(kms, spec))["PublicKey"]) == length


@pytest.mark.parametrize("spec", ML_DSA)
def test_ml_dsa_signs_a_representative(kms, spec):
    key = key_of(kms, spec)
    public = public_key(kms, key)
    hasher = MLDSAMuHasher(public)
    hasher.update(MESSAGE)
    mu = {"MessageType": "EXTERNAL_MU", "Message": hasher.finalize()}
    signature = sign(kms, key, "ML_DSA_SHAKE_256", **mu)
    assert verifies(public, "ML_DSA_SHAKE_256", MESSAGE, signature)
    assert verify(kms, key, "ML_DSA_SHAKE_256", signature)["SignatureValid"]
    raw = sign(kms, key, "ML_DSA_SHAKE_256")
    assert verify(kms, key, "ML_DSA_SHAKE_256", raw, **mu)["SignatureValid"]
    with refused("ValidationException"):
        sign(kms, key, "ML_DSA_SHAKE_256", MessageType="EXTERNAL_MU", Message=bytes(63))


@pytest.mark.parametrize(
    "spec, algorithm, kind, length, text",
    [
        (
            "ECC_NIST_P256",
            "ECDSA_SHA_256",
            "EXTERNAL_MU",
            64,
            "Message type EXTERNAL_MU is incompatible with key spec ECC_NIST_P256.",
        ),
        (
            "ECC_NIST_P256",
            "ML_DSA_SHAKE_256",
            "EXTERNAL_MU",
            64,
            "Message type EXTERNAL_MU is incompatible with key spec ECC_NIST_P256.",
        ),
        (
            "ECC_NIST_EDWARDS25519",
            "ED25519_PH_SHA_512",
            "RAW",
            64,
            "Message type RAW is incompatible with algorithm ED25519_PH_SHA_512.",
        ),
        (
            "ECC_NIST_EDWARDS25519",
            "ED25519_SHA_512",
            "DIGEST",
            64,
            "Message type DIGEST is incompatible with algorithm ED25519_SHA_512.",
        ),
        (
            "ECC_NIST_EDWARDS25519",
            "ED25519_SHA_512",
            "DIGEST",
            1,
            "Message type DIGEST is incompatible with algorithm ED25519_SHA_512.",
        ),
        (
            "ECC_NIST_EDWARDS25519",
            "ED25519_PH_SHA_512",
            "DIGEST",
            32,
            "Digest is invalid length for algorithm ED25519_PH_SHA_512.",
        ),
        (
            "ML_DSA_44",
            "ML_DSA_SHAKE_256",
            "DIGEST",
            64,
            "Message type DIGEST is incompatible with algorithm ML_DSA_SHAKE_256.",
        ),
    ],
)
def test_types_that_do_not_fit(kms, spec, algorithm, kind, length, text):
    key = key_of(kms, spec)
    with refused("ValidationException", text):
        sign(kms, key, algorithm, MessageType=kind, Message=bytes(length))
    with refused("ValidationException", text):
        verify(kms, key, algorithm, b"x", MessageType=kind, Message=bytes(length))


def test_an_algorithm_of_another_spec(kms):
    key = key_of(kms, "ECC_NIST_P256")
    text = "Algorithm RSASSA_PSS_SHA_256 is incompatible with key spec ECC_NIST_P256."
    with refused("InvalidKeyUsageException", text):
        sign(kms, key, "RSASSA_PSS_SHA_256")
    with refused("InvalidKeyUsageException", text):
        verify(kms, key, "RSASSA_PSS_SHA_256", b"x")


def test_a_key_of_another_use(kms, key):
    agreeing = key_of(kms, "ECC_NIST_P256", "KEY_AGREEMENT")
    for other, usage in ((key, "ENCRYPT_DECRYPT"), (agreeing, "KEY_AGREEMENT")):
        with refused(
            "InvalidKeyUsageException", f"{other} key usage is {usage} which is not valid for Sign."
        ):
            sign(kms, other, "ECDSA_SHA_256")
        with refused(
            "InvalidKeyUsageException",
            f"{other} key usage is {usage} which is not valid for Verify.",
        ):
            verify(kms, other, "ECDSA_SHA_256", b"x")


def test_symmetric_keys_have_no_public_half(kms, key):
    macs = new_key(kms, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    for symmetric in (key, macs):
        with refused("UnsupportedOperationException", EMPTY):
            kms.get_public_key(KeyId=symmetric)


def test_states(kms):
    key = new_key(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    signature = sign(kms, key, "ECDSA_SHA_256")
    kms.disable_key(KeyId=key)
    assert kms.get_public_key(KeyId=key)["KeyUsage"] == "SIGN_VERIFY"
    with refused("DisabledException", f"{key} is disabled."):
        sign(kms, key, "RSASSA_PSS_SHA_256")
    with refused("DisabledException", f"{key} is disabled."):
        verify(kms, key, "ECDSA_SHA_256", signature)
    kms.schedule_key_deletion(KeyId=key)
    going = f"{key} is pending deletion."
    with refused("KMSInvalidStateException", going):
        sign(kms, key, "ECDSA_SHA_256")
    with refused("KMSInvalidStateException", going):
        verify(kms, key, "ECDSA_SHA_256", signature)
    with refused("KMSInvalidStateException", going):
        kms.get_public_key(KeyId=key)


def test_a_dry_run_signs_nothing(kms):
    key = new_key(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    signature = sign(kms, key, "ECDSA_SHA_256")
    verify(kms, key, "ECDSA_SHA_256", signature)
    assert kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]["Operation"] == "Verify"
    with refused("DryRunOperationException", WOULD_SUCCEED):
        sign(kms, key, "ECDSA_SHA_256", Message=b"m", DryRun=True)
    with refused("DryRunOperationException", WOULD_SUCCEED):
        verify(kms, key, "ECDSA_SHA_256", signature, Message=MESSAGE, DryRun=True)
    assert kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]["Operation"] == "Verify"


def test_grants_let_others_sign(server, kms, account):
    key = new_key(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    other = client(server, account=account)
    with refused("AccessDeniedException"):
        sign(other, key, "ECDSA_SHA_256")
    with refused("AccessDeniedException"):
        other.get_public_key(KeyId=key)
    operations = ["Sign", "Verify", "GetPublicKey", "DescribeKey"]
    kms.create_grant(KeyId=key, GranteePrincipal=account, Operations=operations)
    signature = sign(other, key, "ECDSA_SHA_256")
    assert verify(other, key, "ECDSA_SHA_256", signature)["SignatureValid"]
    assert verifies(public_key(other, key), "ECDSA_SHA_256", MESSAGE, signature)


@pytest.mark.parametrize("spec", [*NIST, "RSA_2048"])
def test_a_usage_must_fit_its_spec(kms, spec):
    text = f"KeyUsage GENERATE_VERIFY_MAC is not compatible with KeySpec {spec}"
    with refused("ValidationException", text):
        kms.create_key(KeySpec=spec, KeyUsage="GENERATE_VERIFY_MAC")
    with refused(
        "ValidationException",
        "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
    ):
        kms.create_key(KeySpec=spec)
