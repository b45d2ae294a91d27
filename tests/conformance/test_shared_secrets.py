"""DeriveSharedSecret, Encapsulate and Decapsulate, with OpenSSL as the other side."""

import pytest
from asymmetric import ML_KEM, NIST, key_of, public_key
from conftest import client, new_key
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM1024PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)
from expect import EMPTY, refused

CURVES = {
    "ECC_NIST_P256": ec.SECP256R1(),
    "ECC_NIST_P384": ec.SECP384R1(),
    "ECC_NIST_P521": ec.SECP521R1(),
}
CIPHERTEXTS = {"ML_KEM_512": 768, "ML_KEM_768": 1088, "ML_KEM_1024": 1568}
AGREE, KEM = "KEY_AGREEMENT", "ENCAPSULATE_DECAPSULATE"


def spki(key):
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


# A key of somebody else.
OTHER = spki(ec.generate_private_key(ec.SECP256R1()))


def derive(kms, key, peer, **more):
    return kms.derive_shared_secret(
        KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=peer, **more
    )


def encapsulate(kms, key, **more):
    return kms.encapsulate(KeyId=key, EncapsulationAlgorithm="ML_KEM", **more)


def decapsulate(kms, key, sealed, **more):
    return kms.decapsulate(
        KeyId=key,
        EncapsulationAlgorithm="ML_KEM",
        SharedSecretCiphertextBlob=sealed,
        **more,
    )


@pytest.mark.parametrize("spec", NIST)
def test_both_sides_derive_the_same(kms, spec):
    key = key_of(kms, spec, AGREE)
    metadata, public = kms.describe_key(KeyId=key)["KeyMetadata"], kms.get_public_key(KeyId=key)
    for answer in metadata, public:
        assert answer["KeyAgreementAlgorithms"] == ["ECDH"]
        assert "SigningAlgorithms" not in answer
    other = ec.generate_private_key(CURVES[spec])
    answer = derive(kms, key, spki(other))
    assert answer["SharedSecret"] == other.exchange(ec.ECDH(), public_key(kms, key))
    assert (answer["KeyId"], answer["KeyAgreementAlgorithm"]) == (key, "ECDH")
    assert answer["KeyOrigin"] == "AWS_KMS"
    own = derive(kms, key, public["PublicKey"])
    assert len(own["SharedSecret"]) == {"6": 32, "4": 48, "1": 66}[spec[-1]]


@pytest.mark.parametrize("dry", [False, True])
def test_what_is_no_key_of_the_curve(kms, dry):
    key = key_of(kms, "ECC_NIST_P256", AGREE)
    good = spki(ec.generate_private_key(ec.SECP256R1()))
    off_curve = good[:-1] + bytes([good[-1] ^ 1])
    point = good[-65:]
    for peer in (
        off_curve,
        good[:-1],
        good + b"\0",
        good[:-64] + bytes(64),
        point,
        b"x",
        spki(ec.generate_private_key(ec.SECP384R1())),
        spki(ec.generate_private_key(ec.SECP256K1())),
        spki(ed25519.Ed25519PrivateKey.generate()),
    ):
        with refused("ValidationException", EMPTY):
            derive(kms, key, peer, DryRun=dry)


def test_agreement_needs_a_key_for_it(kms):
    signing = key_of(kms, "ECC_NIST_P256")
    usage = f"{signing} key usage is SIGN_VERIFY which is not valid for DeriveSharedSecret."
    with refused("InvalidKeyUsageException", usage):
        derive(kms, signing, b"x")


@pytest.mark.parametrize("spec", ML_KEM)
def test_a_secret_comes_through(kms, spec):
    key = key_of(kms, spec, KEM)
    for answer in kms.describe_key(KeyId=key)["KeyMetadata"], kms.get_public_key(KeyId=key):
        assert answer["EncapsulationAlgorithms"] == ["ML_KEM"]
        assert (answer["KeySpec"], answer["KeyUsage"]) == (spec, KEM)
    answer = encapsulate(kms, key)
    assert (answer["KeyId"], answer["EncapsulationAlgorithm"]) == (key, "ML_KEM")
    sealed = answer["SharedSecretCiphertextBlob"]
    assert (len(sealed), len(answer["SharedSecret"])) == (CIPHERTEXTS[spec], 32)
    opened = decapsulate(kms, key, sealed)
    assert opened["SharedSecret"] == answer["SharedSecret"]
    assert (opened["KeyId"], opened["EncapsulationAlgorithm"]) == (key, "ML_KEM")


@pytest.mark.parametrize("spec", ["ML_KEM_768", "ML_KEM_1024"])
def test_openssl_encapsulates_for_us(kms, spec):
    key = key_of(kms, spec, KEM)
    public = load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    assert isinstance(public, MLKEM1024PublicKey) is (spec == "ML_KEM_1024")
    secret, sealed = public.encapsulate()
    assert decapsulate(kms, key, sealed)["SharedSecret"] == secret


@pytest.mark.parametrize("spec", ML_KEM)
def test_altered_ciphertexts_are_not_told_apart(kms, spec):
    key = key_of(kms, spec, KEM)
    answer = encapsulate(kms, key)
    sealed = answer["SharedSecretCiphertextBlob"]
    altered = bytes([sealed[0] ^ 1]) + sealed[1:]
    first = decapsulate(kms, key, altered)["SharedSecret"]
    assert first != answer["SharedSecret"]
    assert first == decapsulate(kms, key, altered)["SharedSecret"]
    for other in (sealed[:-1], sealed + b"\0", b"x"):
        with refused("InvalidCiphertextException", EMPTY):
            decapsulate(kms, key, other)
        with refused("InvalidCiphertextException", EMPTY):
            decapsulate(kms, key, other, DryRun=True)


def test_encapsulation_needs_a_key_for_it(kms, key):
    usage = f"{key} key usage is ENCRYPT_DECRYPT which is not valid for"
    with refused("InvalidKeyUsageException", f"{usage} Encapsulate."):
        encapsulate(kms, key)
    with refused("InvalidKeyUsageException", f"{usage} Decapsulate."):
        decapsulate(kms, key, b"x")


@pytest.mark.parametrize(
    "spec, usage, calls",
    [
        (
            "ECC_NIST_P256",
            AGREE,
            {"DeriveSharedSecret": lambda kms, key, **more: derive(kms, key, OTHER, **more)},
        ),
        (
            "ML_KEM_512",
            KEM,
            {
                "Encapsulate": lambda kms, key, **more: encapsulate(kms, key, **more),
                "Decapsulate": lambda kms, key, **more: decapsulate(kms, key, bytes(768), **more),
            },
        ),
    ],
)
def test_grants_dry_runs_and_states(server, kms, account, spec, usage, calls):
    key = new_key(kms, KeySpec=spec, KeyUsage=usage)
    other = client(server, account=account)
    for operation, call in calls.items():
        with refused("AccessDeniedException"):
            call(other, key)
        with refused("DryRunOperationException"):
            call(kms, key, DryRun=True)
        assert kms.get_key_last_usage(KeyId=key)["KeyLastUsage"].get("Operation") != operation
        call(kms, key)
        assert kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]["Operation"] == operation
    kms.create_grant(KeyId=key, GranteePrincipal=account, Operations=list(calls))
    for call in calls.values():
        call(other, key)
    kms.disable_key(KeyId=key)
    for call in calls.values():
        with refused("DisabledException", f"{key} is disabled."):
            call(kms, key)
    kms.schedule_key_deletion(KeyId=key)
    for call in calls.values():
        with refused("KMSInvalidStateException", f"{key} is pending deletion."):
            call(kms, key)
