"""Key pairs as the tests make them, and what OpenSSL (through `cryptography`) says of them."""

import hashlib

from conftest import new_key
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.serialization import load_der_public_key

RSA = ("RSA_2048", "RSA_3072", "RSA_4096")
NIST = ("ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521")
ML_DSA = ("ML_DSA_44", "ML_DSA_65", "ML_DSA_87")
ML_KEM = ("ML_KEM_512", "ML_KEM_768", "ML_KEM_1024")

RSASSA = [
    f"RSASSA_{padding}_SHA_{bits}"
    for padding in ("PKCS1_V1_5", "PSS")
    for bits in (256, 384, 512)
]

# The signing algorithms of a spec, in AWS's order.
SIGNING = {
    **{spec: RSASSA for spec in RSA},
    "ECC_NIST_P256": ["ECDSA_SHA_256"],
    "ECC_NIST_P384": ["ECDSA_SHA_384"],
    "ECC_NIST_P521": ["ECDSA_SHA_512"],
    "ECC_SECG_P256K1": ["ECDSA_SHA_256"],
    "ECC_NIST_EDWARDS25519": ["ED25519_PH_SHA_512", "ED25519_SHA_512"],
    **{spec: ["ML_DSA_SHAKE_256"] for spec in ML_DSA},
}

HASHES = {256: hashes.SHA256, 384: hashes.SHA384, 512: hashes.SHA512}

_keys = {}


def key_of(kms, spec, usage="SIGN_VERIFY"):
    """A key that tests share, as primes take long to find; they must leave it as it is."""
    if (spec, usage) not in _keys:
        _keys[spec, usage] = new_key(kms, KeySpec=spec, KeyUsage=usage)
    return _keys[spec, usage]


def public_key(kms, key):
    return load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])


def hash_of(algorithm):
    return HASHES[int(algorithm[-3:])]()


def digest(algorithm, message):
    return hashlib.new(f"sha{algorithm[-3:]}", message).digest()


def _padding(algorithm):
    if "PKCS1" in algorithm:
        return padding.PKCS1v15()
    chosen = hash_of(algorithm)
    return padding.PSS(mgf=padding.MGF1(chosen), salt_length=chosen.digest_size)


def verifies(public, algorithm, message, signature):
    """Whether OpenSSL takes the signature of a message."""
    try:
        if algorithm.startswith("RSASSA"):
            public.verify(signature, message, _padding(algorithm), hash_of(algorithm))
        elif algorithm.startswith("ECDSA"):
            public.verify(signature, message, ec.ECDSA(hash_of(algorithm)))
        else:
            public.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def high_s(signature, order):
    """The other ECDSA signature of the same message."""
    r, s = utils.decode_dss_signature(signature)
    return utils.encode_dss_signature(r, order - s)
