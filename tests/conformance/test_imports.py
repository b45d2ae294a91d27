"""Imported key material: every wrapping, every kind of key, tokens, expiry, several materials."""

import hashlib
import hmac
import os
import re
from datetime import datetime, timedelta, timezone

import pytest
from asymmetric import digest, verifies
from conftest import client, new_key
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from expect import EMPTY, refused
from importing import FOREVER, bring, parameters, wrap

OAEP = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
BY_AES = ("RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256")
CURVES = {
    "ECC_NIST_P256": ec.SECP256R1(),
    "ECC_NIST_P384": ec.SECP384R1(),
    "ECC_NIST_P521": ec.SECP521R1(),
    "ECC_SECG_P256K1": ec.SECP256K1(),
}


def external(kms, **more):
    return new_key(kms, Origin="EXTERNAL", **more)


def described(kms, key):
    return kms.describe_key(KeyId=key)["KeyMetadata"]


def materials(kms, key):
    answer = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")
    return answer["Rotations"]


def pkcs8(private):
    return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def now(kms, key):
    return parameters(kms, key)["ParametersValidTo"] - timedelta(days=1)


@pytest.fixture
def key(kms):
    return external(kms)


def test_a_key_waits_for_its_material(kms, key):
    metadata = described(kms, key)
    assert (metadata["Origin"], metadata["KeyState"]) == ("EXTERNAL", "PendingImport")
    assert metadata["Enabled"] is False
    assert metadata["EncryptionAlgorithms"] == ["SYMMETRIC_DEFAULT"]
    assert not {"ExpirationModel", "ValidTo", "CurrentKeyMaterialId"} & set(metadata)
    waits = f"{key} is pending import."
    for call in (
        lambda: kms.encrypt(KeyId=key, Plaintext=b"x"),
        lambda: kms.enable_key(KeyId=key),
        lambda: kms.disable_key(KeyId=key),
        lambda: kms.rotate_key_on_demand(KeyId=key),
    ):
        with refused("KMSInvalidStateException", waits):
            call()
    assert materials(kms, key) == []
    deleted = kms.delete_imported_key_material(KeyId=key)
    assert deleted["KeyId"] == key and "KeyMaterialId" not in deleted


def test_what_the_parameters_are(kms, key):
    given = parameters(kms, key, "RSAES_OAEP_SHA_1", "RSA_3072")
    assert given["KeyId"] == key
    ahead = given["ParametersValidTo"] - datetime.now(timezone.utc)
    assert abs(ahead - timedelta(days=1)) < timedelta(minutes=1)
    other = parameters(kms, key)
    assert given["PublicKey"] != other["PublicKey"]
    assert given["ImportToken"] != other["ImportToken"]


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_3072", "RSA_4096"])
@pytest.mark.parametrize("algorithm", OAEP)
def test_symmetric_material_comes_by_oaep(kms, key, algorithm, spec):
    answer = bring(kms, key, os.urandom(32), algorithm=algorithm, spec=spec)
    metadata = described(kms, key)
    assert answer["KeyId"] == key
    assert metadata["KeyState"] == "Enabled" and metadata["Enabled"] is True
    assert metadata["CurrentKeyMaterialId"] == answer["KeyMaterialId"]
    assert metadata["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE"
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


@pytest.mark.parametrize("algorithm", [*BY_AES, "RSAES_PKCS1_V1_5"])
def test_symmetric_material_comes_no_other_way(kms, key, algorithm):
    text = (
        f"Wrapping algorithm {algorithm} and wrapping key spec RSA_2048 cannot be used to import "
        "a SYMMETRIC_DEFAULT key."
    )
    with refused("ValidationException", text):
        parameters(kms, key, algorithm)


@pytest.mark.parametrize("size", [224, 256, 384, 512])
@pytest.mark.parametrize("algorithm", OAEP)
def test_a_key_of_macs(kms, size, algorithm):
    key = external(kms, KeySpec=f"HMAC_{size}", KeyUsage="GENERATE_VERIFY_MAC")
    material = os.urandom(size // 8)
    answer = bring(kms, key, material, algorithm=algorithm)
    assert "KeyMaterialId" not in answer
    mac = kms.generate_mac(KeyId=key, Message=b"m", MacAlgorithm=f"HMAC_SHA_{size}")["Mac"]
    assert mac == hmac.digest(material, b"m", f"sha{size}")
    with refused("InvalidCiphertextException", EMPTY):
        bring(kms, key, material + b"\0")


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
@pytest.mark.parametrize("algorithm", BY_AES)
def test_an_rsa_key(kms, bits, algorithm):
    private = rsa.generate_private_key(65537, bits)
    key = external(kms, KeySpec=f"RSA_{bits}", KeyUsage="SIGN_VERIFY")
    bring(kms, key, pkcs8(private), algorithm=algorithm)
    answer = kms.sign(KeyId=key, Message=b"m", SigningAlgorithm="RSASSA_PSS_SHA_256")
    public = private.public_key()
    assert verifies(public, "RSASSA_PSS_SHA_256", b"m", answer["Signature"])
    encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert kms.get_public_key(KeyId=key)["PublicKey"] == encoded
    for wrong in OAEP:
        with refused("ValidationException"):
            parameters(kms, key, wrong)


def test_an_rsa_key_of_another_length(kms):
    key = external(kms, KeySpec="RSA_3072", KeyUsage="ENCRYPT_DECRYPT")
    for bits in (2048, 4096):
        with refused("InvalidCiphertextException", EMPTY):
            bring(kms, key, pkcs8(rsa.generate_private_key(65537, bits)), algorithm=BY_AES[1])
    private = rsa.generate_private_key(65537, 3072)
    bring(kms, key, pkcs8(private), algorithm=BY_AES[1])
    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
    blob = private.public_key().encrypt(b"m", oaep)
    opened = kms.decrypt(KeyId=key, CiphertextBlob=blob, EncryptionAlgorithm="RSAES_OAEP_SHA_1")
    assert opened["Plaintext"] == b"m"


@pytest.mark.parametrize("spec", CURVES)
@pytest.mark.parametrize("algorithm", [*OAEP, *BY_AES])
def test_a_key_on_a_curve(kms, spec, algorithm):
    private = ec.generate_private_key(CURVES[spec])
    key = external(kms, KeySpec=spec, KeyUsage="SIGN_VERIFY")
    wrapping = "RSA_3072" if spec == "ECC_NIST_P521" else "RSA_2048"
    if spec == "ECC_NIST_P521" and algorithm in OAEP:
        with refused("ValidationException"):
            parameters(kms, key, algorithm, "RSA_2048")
    bring(kms, key, pkcs8(private), algorithm=algorithm, spec=wrapping)
    signing = {"1": "ECDSA_SHA_512", "4": "ECDSA_SHA_384"}.get(spec[-1], "ECDSA_SHA_256")
    if spec.endswith("K1"):
        signing = "ECDSA_SHA_256"
    hashed = digest(signing, b"m")
    answer = kms.sign(KeyId=key, Message=hashed, MessageType="DIGEST", SigningAlgorithm=signing)
    assert verifies(private.public_key(), signing, b"m", answer["Signature"])
    other = next(curve for name, curve in CURVES.items() if name != spec)
    with refused("InvalidCiphertextException", EMPTY):
        bring(kms, key, pkcs8(ec.generate_private_key(other)), algorithm=BY_AES[0])


def test_an_edwards_key(kms):
    private = ed25519.Ed25519PrivateKey.generate()
    key = external(kms, KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")
    bring(kms, key, pkcs8(private))
    answer = kms.sign(KeyId=key, Message=b"m", SigningAlgorithm="ED25519_SHA_512")
    assert answer["Signature"] == private.sign(b"m")


def test_a_key_of_agreement(kms):
    private, other = (ec.generate_private_key(ec.SECP384R1()) for _ in range(2))
    key = external(kms, KeySpec="ECC_NIST_P384", KeyUsage="KEY_AGREEMENT")
    bring(kms, key, pkcs8(private))
    peer = other.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    answer = kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=peer)
    assert answer["SharedSecret"] == private.exchange(ec.ECDH(), other.public_key())
    assert answer["KeyOrigin"] == "EXTERNAL"


@pytest.mark.parametrize("spec", ["ML_DSA_44", "ML_KEM_512"])
def test_lattice_keys_are_made_here_only(kms, spec):
    usage = "SIGN_VERIFY" if "DSA" in spec else "ENCAPSULATE_DECAPSULATE"
    with refused("UnsupportedOperationException"):
        external(kms, KeySpec=spec, KeyUsage=usage)


def test_what_does_not_unwrap(kms, key):
    given = parameters(kms, key)
    good = wrap(given, os.urandom(32))
    for wrapped in (
        good[:-1],
        good + b"\0",
        bytes([good[0] ^ 1]) + good[1:],
        wrap(given, os.urandom(32), "RSAES_OAEP_SHA_1"),
        wrap(parameters(kms, key), os.urandom(32)),
        wrap(given, os.urandom(31)),
        wrap(given, os.urandom(33)),
        b"x",
    ):
        with refused("InvalidCiphertextException", EMPTY):
            kms.import_key_material(
                KeyId=key,
                ImportToken=given["ImportToken"],
                EncryptedKeyMaterial=wrapped,
                **FOREVER,
            )
    assert described(kms, key)["KeyState"] == "PendingImport"
    by_aes = external(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    given = parameters(kms, by_aes, BY_AES[1])
    good = wrap(given, pkcs8(ec.generate_private_key(ec.SECP256R1())), BY_AES[1])
    for wrapped in (good[:-8], good[:256], good[:255], good[:300] + bytes(8) + good[308:]):
        with refused("InvalidCiphertextException", EMPTY):
            kms.import_key_material(
                KeyId=by_aes,
                ImportToken=given["ImportToken"],
                EncryptedKeyMaterial=wrapped,
                **FOREVER,
            )


def test_tokens(kms, key):
    material = os.urandom(32)
    given, newer = parameters(kms, key), parameters(kms, key)
    token = given["ImportToken"]
    for wrong in (
        parameters(kms, external(kms))["ImportToken"],
        token[:-1] + bytes([token[-1] ^ 1]),
        token[:10],
        b"x",
    ):
        with refused("InvalidImportTokenException", EMPTY):
            bring(kms, key, material, {**given, "ImportToken": wrong})
    # An older one stays good, and each is good more than once.
    first = bring(kms, key, material, given)
    assert bring(kms, key, material, given) == first | {"ResponseMetadata": AnyMetadata()}
    assert bring(kms, key, material, newer)["KeyMaterialId"] == first["KeyMaterialId"]
    with refused("IncorrectKeyMaterialException"):
        bring(kms, key, os.urandom(32), given)


class AnyMetadata:
    def __eq__(self, other):
        return True


def test_a_token_is_good_for_a_day(clock_server, clock_kms):
    key = external(clock_kms)
    given = parameters(clock_kms, key)
    clock_server.advance("PT23H59M")
    bring(clock_kms, key, b"m" * 32, given)
    clock_server.advance("PT2M")
    with refused("ExpiredImportTokenException"):
        bring(clock_kms, key, b"m" * 32, given)


def test_dates(kms, key):
    given = parameters(kms, key)
    soon = datetime.now(timezone.utc)
    for more, text in (
        (
            {"ExpirationModel": "KEY_MATERIAL_EXPIRES"},
            "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES",
        ),
        (
            {**FOREVER, "ValidTo": soon + timedelta(days=1)},
            "A validTo date cannot be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE",
        ),
        ({"ValidTo": soon - timedelta(days=1)}, "ValidTo must be in the future"),
        (
            {"ValidTo": soon + timedelta(days=366)},
            "ValidTo must be less than 365 days in the future",
        ),
    ):
        with refused("ValidationException", text):
            bring(kms, key, os.urandom(32), given, **more)
    ends = (soon + timedelta(days=9)).replace(microsecond=123000)
    bring(kms, key, os.urandom(32), given, ValidTo=ends)
    metadata = described(kms, key)
    assert metadata["ExpirationModel"] == "KEY_MATERIAL_EXPIRES"
    assert metadata["ValidTo"] == ends.replace(microsecond=0)


def test_expiry(clock_server, clock_kms):
    kms = clock_kms
    key, material = external(kms), os.urandom(32)
    ends = now(kms, key) + timedelta(days=2)
    first = bring(kms, key, material, ValidTo=ends)["KeyMaterialId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    clock_server.advance("P1D")
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    clock_server.advance("P1DT1S")
    metadata = described(kms, key)
    assert (metadata["KeyState"], metadata["Enabled"]) == ("PendingImport", False)
    assert not {"ExpirationModel", "ValidTo"} & set(metadata)
    assert metadata["CurrentKeyMaterialId"] == first
    with refused("KMSInvalidStateException", f"{key} is pending import."):
        kms.decrypt(CiphertextBlob=blob)
    with refused(
        "IncorrectKeyMaterialException",
        f"Imported key material does not have the expected identifier ({first}).",
    ):
        bring(kms, key, os.urandom(32))
    assert bring(kms, key, material)["KeyMaterialId"] == first
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert described(kms, key)["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE"


def test_a_date_that_was_moved_counts(clock_server, clock_kms):
    kms = clock_kms
    key, material = external(kms), os.urandom(32)
    start = now(kms, key)
    bring(kms, key, material, ValidTo=start + timedelta(days=2))
    bring(kms, key, material, ValidTo=start + timedelta(days=4))
    clock_server.advance("P3D")
    assert described(kms, key)["KeyState"] == "Enabled"
    clock_server.advance("P2D")
    assert described(kms, key)["KeyState"] == "PendingImport"
    bring(kms, key, material, ValidTo=start + timedelta(days=9))
    bring(kms, key, material)
    clock_server.advance("P9D")
    assert described(kms, key)["KeyState"] == "Enabled"


def test_deletion_and_return(kms, key):
    material = os.urandom(32)
    first = bring(kms, key, material)["KeyMaterialId"]
    assert re.fullmatch("[0-9a-f]{64}", first)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    for _ in range(2):
        deleted = kms.delete_imported_key_material(KeyId=key)
        assert (deleted["KeyId"], deleted["KeyMaterialId"]) == (key, first)
        metadata = described(kms, key)
        assert metadata["KeyState"] == "PendingImport"
        assert metadata["CurrentKeyMaterialId"] == first
        with refused("KMSInvalidStateException", f"{key} is pending import."):
            kms.decrypt(CiphertextBlob=blob)
    assert bring(kms, key, material)["KeyMaterialId"] == first
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    never = hashlib.sha256(b"never").hexdigest()
    text = f"Key material (id: {never}) has never been imported into KMS key {key}."
    with refused("ValidationException", text):
        kms.delete_imported_key_material(KeyId=key, KeyMaterialId=never)


def test_the_same_material_is_another_keys_stranger(kms, key):
    material, other = os.urandom(32), external(kms)
    ids = {bring(kms, k, material)["KeyMaterialId"] for k in (key, other)}
    assert len(ids) == 2
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with refused("IncorrectKeyException"):
        kms.decrypt(KeyId=other, CiphertextBlob=blob)


def test_a_disabled_key_takes_material_and_is_enabled_by_it(kms, key):
    material = os.urandom(32)
    bring(kms, key, material)
    kms.disable_key(KeyId=key)
    bring(kms, key, material)
    assert described(kms, key)["KeyState"] == "Enabled"


def test_what_awaits_its_end(kms, key):
    material = os.urandom(32)
    given = parameters(kms, key)
    bring(kms, key, material, given)
    kms.schedule_key_deletion(KeyId=key)
    going = f"{key} is pending deletion."
    with refused("KMSInvalidStateException", going):
        parameters(kms, key)
    with refused("KMSInvalidStateException", going):
        bring(kms, key, material, given)
    kms.cancel_key_deletion(KeyId=key)
    assert described(kms, key)["KeyState"] == "Disabled"
    kms.schedule_key_deletion(KeyId=key)
    kms.delete_imported_key_material(KeyId=key)
    assert described(kms, key)["KeyState"] == "PendingDeletion"
    kms.cancel_key_deletion(KeyId=key)
    assert described(kms, key)["KeyState"] == "PendingImport"


def test_keys_made_here_take_no_material(kms):
    key = new_key(kms)
    text = f"{key} origin is AWS_KMS which is not valid for this operation."
    with refused("UnsupportedOperationException", text):
        parameters(kms, key)
    with refused("UnsupportedOperationException", text):
        kms.import_key_material(KeyId=key, ImportToken=b"x", EncryptedKeyMaterial=b"x", **FOREVER)
    with refused("UnsupportedOperationException", text):
        kms.delete_imported_key_material(KeyId=key)


def test_others_take_no_part(server, kms, key, account):
    other = client(server, account=account)
    for call in (
        lambda: parameters(other, key),
        lambda: other.delete_imported_key_material(KeyId=key),
        lambda: other.import_key_material(KeyId=key, ImportToken=b"x", EncryptedKeyMaterial=b"x"),
    ):
        with refused("AccessDeniedException"):
            call()


def test_new_material_waits_for_a_rotation(clock_server, clock_kms):
    kms = clock_kms
    key, old, new = external(kms), os.urandom(32), os.urandom(32)
    first = bring(kms, key, old, KeyMaterialDescription="first")["KeyMaterialId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with refused(
        "KMSInvalidStateException",
        f"No available key material pending rotation for the key: {key}.",
    ):
        kms.rotate_key_on_demand(KeyId=key)
    with refused("IncorrectKeyMaterialException"):
        bring(kms, key, new)
    second = bring(kms, key, new, ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
    assert described(kms, key)["CurrentKeyMaterialId"] == first
    states = [(entry["KeyMaterialId"], entry["KeyMaterialState"]) for entry in materials(kms, key)]
    assert states == [(first, "CURRENT"), (second, "PENDING_ROTATION")]
    third = os.urandom(32)
    with refused("KMSInvalidStateException") as caught:
        bring(kms, key, third, ImportType="NEW_KEY_MATERIAL")
    assert f"(id: {second}) is pending rotation." in str(caught.value)
    for known in (old, new):
        with refused("IncorrectKeyMaterialException"):
            bring(kms, key, known, ImportType="NEW_KEY_MATERIAL")
    kms.rotate_key_on_demand(KeyId=key)
    assert "OnDemandRotationStartDate" in kms.get_key_rotation_status(KeyId=key)
    clock_server.advance("PT5M")
    assert described(kms, key)["CurrentKeyMaterialId"] == second
    one, two = materials(kms, key)
    assert (one["KeyMaterialState"], two["KeyMaterialState"]) == ("NON_CURRENT", "CURRENT")
    assert one["KeyMaterialDescription"] == "first" and "KeyMaterialDescription" not in two
    assert two["RotationType"] == "ON_DEMAND" and "RotationDate" not in one
    assert one["ImportState"] == two["ImportState"] == "IMPORTED"
    assert kms.decrypt(CiphertextBlob=blob)["KeyMaterialId"] == first
    assert kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"][5:37].hex() == second
    # Every generation must be there.
    kms.delete_imported_key_material(KeyId=key, KeyMaterialId=first)
    assert described(kms, key)["KeyState"] == "PendingImport"
    gone = materials(kms, key)[0]
    assert gone["ImportState"] == "PENDING_IMPORT" and "ExpirationModel" not in gone
    with refused("KMSInvalidStateException", f"{key} is pending import."):
        kms.encrypt(KeyId=key, Plaintext=b"x")
    bring(kms, key, old, KeyMaterialId=first)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert materials(kms, key)[0]["KeyMaterialDescription"] == "first"


def test_pending_material_that_is_deleted_leaves_no_trace(kms, key):
    first, new = bring(kms, key, os.urandom(32))["KeyMaterialId"], os.urandom(32)
    more = {"ImportType": "NEW_KEY_MATERIAL"}
    second = bring(kms, key, new, KeyMaterialDescription="d", **more)["KeyMaterialId"]
    kms.delete_imported_key_material(KeyId=key, KeyMaterialId=second)
    assert [entry["KeyMaterialId"] for entry in materials(kms, key)] == [first]
    assert described(kms, key)["KeyState"] == "Enabled"
    assert bring(kms, key, new, **more)["KeyMaterialId"] == second
    assert "KeyMaterialDescription" not in materials(kms, key)[1]


def test_parameters_that_exclude_each_other(kms, key):
    with refused(
        "ValidationException",
        "Input parameter keyMaterialId cannot be used with NEW_KEY_MATERIAL importType.",
    ):
        bring(kms, key, bytes(32), ImportType="NEW_KEY_MATERIAL", KeyMaterialId="0" * 64)
    macs = external(kms, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    with refused("ValidationException"):
        bring(kms, macs, bytes(32), KeyMaterialDescription="d")


def test_imported_keys_do_not_rotate_by_themselves(kms, key):
    text = f"{key} origin is EXTERNAL which is not valid for this operation."
    for _ in range(2):
        with refused("UnsupportedOperationException", text):
            kms.enable_key_rotation(KeyId=key)
        with refused("UnsupportedOperationException", text):
            kms.disable_key_rotation(KeyId=key)
        status = kms.get_key_rotation_status(KeyId=key)
        assert (status["KeyRotationEnabled"], status["KeyId"]) == (False, key)
        bring(kms, key, bytes(32))
