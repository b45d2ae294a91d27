"""Wrapping key material, as its owner does it."""

import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from cryptography.hazmat.primitives.serialization import load_der_public_key

FOREVER = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}


def parameters(kms, key, algorithm="RSAES_OAEP_SHA_256", spec="RSA_2048"):
    return kms.get_parameters_for_import(
        KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec=spec
    )


def wrap(given, material, algorithm="RSAES_OAEP_SHA_256"):
    chosen = hashes.SHA1 if algorithm.endswith("SHA_1") else hashes.SHA256
    oaep = padding.OAEP(mgf=padding.MGF1(chosen()), algorithm=chosen(), label=None)
    public = load_der_public_key(given["PublicKey"])
    if algorithm.startswith("RSAES"):
        return public.encrypt(material, oaep)
    kek = os.urandom(32)
    return public.encrypt(kek, oaep) + aes_key_wrap_with_padding(kek, material)


def bring(kms, key, material, given=None, algorithm="RSAES_OAEP_SHA_256", spec="RSA_2048", **more):
    """Imports material under new or given parameters; for ever unless it is said otherwise."""
    given = given or parameters(kms, key, algorithm, spec)
    if "ValidTo" not in more and "ExpirationModel" not in more:
        more |= FOREVER
    return kms.import_key_material(
        KeyId=key,
        ImportToken=given["ImportToken"],
        EncryptedKeyMaterial=wrap(given, material, algorithm),
        **more,
    )
