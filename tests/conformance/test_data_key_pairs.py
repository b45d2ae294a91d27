"""GenerateDataKeyPair and its quiet sister: OpenSSL reads both halves, and they belong together."""

import pytest
from asymmetric import ML_KEM, SIGNING, verifies
from conftest import client, new_key
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)
from expect import refused

# Specs, with the recorded length of a private key where there is one.
SPECS = {
    "RSA_2048": None,
    "RSA_3072": None,
    "ECC_NIST_P256": 150,
    "ECC_NIST_P384": None,
    "ECC_NIST_P521": None,
    "ECC_SECG_P256K1": None,
    "ECC_NIST_EDWARDS25519": 48,
    "ML_KEM_512": 86,
    "ML_KEM_768": 86,
    "ML_KEM_1024": 86,
}
CONTEXT = {"team": "blue"}
USAGE = "key usage is GENERATE_VERIFY_MAC which is not valid for"


def generate(kms, key, spec="ECC_NIST_P256", **more):
    return kms.generate_data_key_pair(KeyId=key, KeyPairSpec=spec, **more)


def quiet(kms, key, spec="ECC_NIST_P256", **more):
    return kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec=spec, **more)


def decrypt(kms, answer):
    blob = answer["PrivateKeyCiphertextBlob"]
    return kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)


@pytest.mark.parametrize("spec, length", SPECS.items())
def test_both_halves_belong_together(kms, key, spec, length):
    answer = generate(kms, key, spec, EncryptionContext=CONTEXT)
    assert (answer["KeyId"], answer["KeyPairSpec"]) == (key, spec)
    private = answer["PrivateKeyPlaintext"]
    assert length in (None, len(private))
    opened = decrypt(kms, answer)
    assert opened["Plaintext"] == private
    assert answer["KeyMaterialId"] == opened["KeyMaterialId"]
    if spec == "ML_KEM_512":  # which `cryptography` has not
        return
    half = load_der_private_key(private, None)
    public = load_der_public_key(answer["PublicKey"])
    encoded = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert half.public_key().public_bytes(*encoded) == public.public_bytes(*encoded)
    uses(spec, half, public)


def uses(spec, half, public):
    """The halves do what such halves do."""
    if spec in ML_KEM:
        secret, sealed = public.encapsulate()
        assert half.decapsulate(sealed) == secret
    elif spec.startswith("RSA"):
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        assert half.decrypt(public.encrypt(b"m", oaep), oaep) == b"m"
        assert public.key_size == int(spec[-4:])
    elif spec.endswith("25519"):
        assert verifies(public, "ED25519_SHA_512", b"m", half.sign(b"m"))
    else:
        algorithm = SIGNING[spec][0]
        chosen = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
        signature = half.sign(b"m", ec.ECDSA(chosen[algorithm[-3:]]()))
        assert verifies(public, algorithm, b"m", signature)


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "ECC_NIST_EDWARDS25519", "ML_KEM_768"])
def test_the_quiet_one_tells_no_private_key(kms, key, spec):
    answer = quiet(kms, key, spec, EncryptionContext=CONTEXT)
    assert "PrivateKeyPlaintext" not in answer
    assert (answer["KeyId"], answer["KeyPairSpec"]) == (key, spec)
    opened = decrypt(kms, answer)
    half = load_der_private_key(opened["Plaintext"], None)
    encoded = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert half.public_key().public_bytes(*encoded) == answer["PublicKey"]
    assert answer["KeyMaterialId"] == opened["KeyMaterialId"]


def test_pairs_differ(kms, key):
    assert generate(kms, key)["PublicKey"] != generate(kms, key)["PublicKey"]


@pytest.mark.parametrize("call", [generate, quiet])
def test_the_context_counts(kms, key, call):
    blob = call(kms, key, EncryptionContext=CONTEXT)["PrivateKeyCiphertextBlob"]
    with refused("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob)


@pytest.mark.parametrize(
    "call, operation",
    [(generate, "GenerateDataKeyPair"), (quiet, "GenerateDataKeyPairWithoutPlaintext")],
)
def test_refusals(server, kms, key, account, call, operation):
    macs = new_key(kms, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    with refused("InvalidKeyUsageException", f"{macs} {USAGE} {operation}."):
        call(kms, macs)
    with refused("ValidationException"):
        call(kms, key, "ML_DSA_44")
    with refused("DryRunOperationException"):
        call(kms, key, "RSA_4096", DryRun=True)
    assert kms.get_key_last_usage(KeyId=key)["KeyLastUsage"] == {}
    call(kms, key)
    assert kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]["Operation"] == operation
    other = client(server, account=account)
    with refused("AccessDeniedException"):
        call(other, key)
    kms.create_grant(KeyId=key, GranteePrincipal=account, Operations=[operation])
    assert call(other, key)["KeyId"] == key
    kms.disable_key(KeyId=key)
    with refused("DisabledException", f"{key} is disabled."):
        call(kms, key)
    kms.schedule_key_deletion(KeyId=key)
    with refused("KMSInvalidStateException", f"{key} is pending deletion."):
        call(kms, key)
