"""Keyrings of AWS's material providers library against those of `bulla encrypt`: key agreement, RSA
keys of KMS, branch keys; every suite, both directions."""

import os

import aws_encryption_sdk
import boto3
import pytest
from aws_cryptographic_material_providers.keystore.client import KeyStore
from aws_cryptographic_material_providers.keystore.config import KeyStoreConfig
from aws_cryptographic_material_providers.keystore.models import (
    CreateKeyInput,
    KMSConfigurationKmsKeyArn,
    VersionKeyInput,
)
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import (
    CreateAwsKmsEcdhKeyringInput,
    CreateAwsKmsHierarchicalKeyringInput,
    CreateAwsKmsRsaKeyringInput,
    CreateRawEcdhKeyringInput,
    EphemeralPrivateKeyToStaticPublicKeyInput,
    KmsEcdhStaticConfigurationsKmsPrivateKeyToStaticPublicKey,
    KmsEcdhStaticConfigurationsKmsPublicKeyDiscovery,
    KmsPrivateKeyToStaticPublicKeyInput,
    KmsPublicKeyDiscoveryInput,
    PublicKeyDiscoveryInput,
    RawEcdhStaticConfigurationsEphemeralPrivateKeyToStaticPublicKey,
    RawEcdhStaticConfigurationsPublicKeyDiscovery,
    RawEcdhStaticConfigurationsRawPrivateKeyToStaticPublicKey,
    RawPrivateKeyToStaticPublicKeyInput,
)
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from branch_table import BranchTable
from test_envelope import CONTEXT, EXIT_KEY, EXIT_USAGE, PAIRS, SUITES, policies, run

UNSIGNED = [suite for suite in SUITES if suite[1] in "014"]
CURVES = {
    "ECC_NIST_P256": ec.SECP256R1(),
    "ECC_NIST_P384": ec.SECP384R1(),
    "ECC_NIST_P521": ec.SECP521R1(),
}
PKIX = serialization.PublicFormat.SubjectPublicKeyInfo
# Every suite on one curve; on the others only the derivation of the wrapping key differs.
SUITES_ON = {curve: ["0478", "0578"] for curve in CURVES} | {"ECC_NIST_P384": list(SUITES)}
# A frame and a bit.
PLAIN = os.urandom(5000)


@pytest.fixture(scope="module")
def providers():
    return AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())


class Pair:
    """A key pair of one's own, in the forms that either side takes."""

    def __init__(self, curve, folder, name):
        key = ec.generate_private_key(curve)
        pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        self.private = key.private_bytes(serialization.Encoding.PEM, pkcs8, plain)
        self.public = key.public_key().public_bytes(serialization.Encoding.DER, PKIX)
        self.private_file = folder / f"{name}.pem"
        self.private_file.write_bytes(self.private)
        self.public_file = pem_file(self.public, folder / f"{name}.pub.pem")


def pem_file(der, path):
    key = serialization.load_der_public_key(der)
    path.write_bytes(key.public_bytes(serialization.Encoding.PEM, PKIX))
    return path


def ours_to_theirs(options, keyring, folder, suites):
    for suite in suites:
        policy, name = policies(suite)
        sdk = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=policy)
        plain, sealed = folder / f"p{suite}", folder / f"s{suite}"
        plain.write_bytes(PLAIN)
        lenient = [*options, "--commitment-policy", name, *PAIRS, "--overwrite"]
        run("encrypt", *lenient, "--suite", suite, "-i", plain, "-o", sealed)
        text, header = sdk.decrypt(
            source=sealed.read_bytes(), keyring=keyring, encryption_context=CONTEXT
        )
        assert text == PLAIN
        assert CONTEXT.items() <= header.encryption_context.items()


def theirs_to_ours(options, keyring, folder, suites):
    for suite in suites:
        policy, name = policies(suite)
        sdk = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=policy)
        message, _ = sdk.encrypt(
            source=PLAIN, keyring=keyring, algorithm=SUITES[suite], encryption_context=CONTEXT
        )
        sealed, opened = folder / f"t{suite}", folder / f"o{suite}"
        sealed.write_bytes(message)
        lenient = [*options, "--commitment-policy", name, *PAIRS, "--overwrite"]
        run("decrypt", *lenient, "-i", sealed, "-o", opened)
        assert opened.read_bytes() == PLAIN


@pytest.mark.parametrize("curve", CURVES)
def test_key_pairs_of_ones_own_agree(curve, providers, server, tmp_path):
    suites = SUITES_ON[curve]
    a, b = (Pair(CURVES[curve], tmp_path, name) for name in "ab")

    def keyring(scheme):
        request = CreateRawEcdhKeyringInput(curve_spec=curve, key_agreement_scheme=scheme)
        return providers.create_raw_ecdh_keyring(input=request)

    both = keyring(
        RawEcdhStaticConfigurationsRawPrivateKeyToStaticPublicKey(
            RawPrivateKeyToStaticPublicKeyInput(
                sender_static_private_key=a.private, recipient_public_key=b.public
            )
        )
    )
    of_a = ["--raw-key", a.private_file, "--agree-with", b.public_file]
    of_b = ["--raw-key", b.private_file, "--agree-with", a.public_file]
    anybody = ["--raw-key", b.private_file, "--agree-with-any"]
    theirs_to_ours(of_b, both, tmp_path, suites)
    theirs_to_ours(anybody, both, tmp_path, suites)
    ours_to_theirs(of_a, both, tmp_path, suites)
    ours_to_theirs(of_b, both, tmp_path, suites)

    for_b = keyring(
        RawEcdhStaticConfigurationsEphemeralPrivateKeyToStaticPublicKey(
            EphemeralPrivateKeyToStaticPublicKeyInput(recipient_public_key=b.public)
        )
    )
    theirs_to_ours(anybody, for_b, tmp_path, suites)
    discovery = keyring(
        RawEcdhStaticConfigurationsPublicKeyDiscovery(
            PublicKeyDiscoveryInput(recipient_static_private_key=b.private)
        )
    )
    ours_to_theirs(["--agree-with", b.public_file], discovery, tmp_path, suites)


@pytest.mark.parametrize("curve", CURVES)
def test_a_key_pair_of_kms_agrees(curve, providers, kms, server, tmp_path):
    suites = SUITES_ON[curve]
    peer = Pair(CURVES[curve], tmp_path, "peer")
    made = kms.create_key(KeySpec=curve, KeyUsage="KEY_AGREEMENT")
    arn = made["KeyMetadata"]["Arn"]
    held = kms.get_public_key(KeyId=arn)["PublicKey"]
    held_file = pem_file(held, tmp_path / "held.pem")

    def keyring(scheme):
        request = CreateAwsKmsEcdhKeyringInput(
            curve_spec=curve, key_agreement_scheme=scheme, kms_client=kms
        )
        return providers.create_aws_kms_ecdh_keyring(input=request)

    both = keyring(
        KmsEcdhStaticConfigurationsKmsPrivateKeyToStaticPublicKey(
            KmsPrivateKeyToStaticPublicKeyInput(
                sender_kms_identifier=arn, recipient_public_key=peer.public
            )
        )
    )
    options = ["--key", arn, "--agree-with", peer.public_file]
    theirs_to_ours(options, both, tmp_path, suites)
    ours_to_theirs(options, both, tmp_path, suites)
    # The peer's own private key unwraps as well.
    peers = ["--raw-key", peer.private_file, "--agree-with", held_file]
    theirs_to_ours(peers, both, tmp_path, suites)
    anybody = keyring(
        KmsEcdhStaticConfigurationsKmsPublicKeyDiscovery(
            KmsPublicKeyDiscoveryInput(recipient_kms_identifier=arn)
        )
    )
    ours_to_theirs(["--agree-with", held_file], anybody, tmp_path, suites)
    for_held = providers.create_raw_ecdh_keyring(
        input=CreateRawEcdhKeyringInput(
            curve_spec=curve,
            key_agreement_scheme=RawEcdhStaticConfigurationsEphemeralPrivateKeyToStaticPublicKey(
                EphemeralPrivateKeyToStaticPublicKeyInput(recipient_public_key=held)
            ),
        )
    )
    theirs_to_ours(["--key", arn, "--agree-with-any"], for_held, tmp_path, suites)


@pytest.mark.parametrize("padding", ["oaep-sha1", "oaep-sha256"])
def test_an_rsa_key_of_kms(padding, providers, kms, server, tmp_path):
    made = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    arn = made["KeyMetadata"]["Arn"]
    held = pem_file(kms.get_public_key(KeyId=arn)["PublicKey"], tmp_path / "held.pem")
    keyring = providers.create_aws_kms_rsa_keyring(
        input=CreateAwsKmsRsaKeyringInput(
            kms_key_id=arn,
            encryption_algorithm=f"RSAES_{padding.upper().replace('-SHA', '_SHA_')}",
            public_key=held.read_bytes(),
            kms_client=kms,
        )
    )
    options = ["--key", arn, "--kms-rsa", "--rsa-padding", padding]
    ours_to_theirs(options, keyring, tmp_path, UNSIGNED)
    theirs_to_ours(options, keyring, tmp_path, UNSIGNED)
    plain = tmp_path / "p0478"
    refused = run("encrypt", *options, "-i", plain, "-o", tmp_path / "none", status=EXIT_KEY)
    assert "COMMIT_KEY_ECDSA" in refused.stderr
    pkcs1 = [*options[:-1], "pkcs1"]
    run("encrypt", *pkcs1, "-i", plain, "-o", tmp_path / "none", status=EXIT_USAGE)


@pytest.fixture
def branches(key, kms, tmp_path):
    """A folder of branch keys, and the same as a key store of the library."""
    folder = tmp_path / "branches"
    folder.mkdir()
    table = BranchTable(folder)
    store = KeyStore(
        config=KeyStoreConfig(
            ddb_client=boto3.client("dynamodb", endpoint_url=table.endpoint),
            ddb_table_name="table",
            logical_key_store_name="store",
            kms_client=kms,
            kms_configuration=KMSConfigurationKmsKeyArn(value=key),
        )
    )
    yield folder, store
    table.close()


def test_branch_keys_that_either_side_made(branches, providers, key, server, tmp_path):
    folder, store = branches
    where = ["--key", key, "--branch-keys", folder, "--branch-store", "store"]
    request = CreateKeyInput(branch_key_identifier="theirs", encryption_context={"team": "nile"})
    store.create_key(input=request)
    run("branch-key", "create", "ours", *where)
    run("branch-key", "create", "ours", *where, status=EXIT_KEY)
    run("branch-key", "rotate", "nobodys", *where, status=EXIT_KEY)

    def keyring(branch):
        request = CreateAwsKmsHierarchicalKeyringInput(
            branch_key_id=branch, key_store=store, ttl_seconds=60
        )
        return providers.create_aws_kms_hierarchical_keyring(input=request)

    for branch in ("theirs", "ours"):
        options = [*where, "--branch-key", branch]
        ours_to_theirs(options, keyring(branch), tmp_path, SUITES)
        theirs_to_ours(options, keyring(branch), tmp_path, SUITES)
        before = (tmp_path / "t0478").read_bytes()
        # Each rotates what the other made; older versions still unwrap.
        if branch == "ours":
            store.version_key(input=VersionKeyInput(branch_key_identifier="ours"))
        else:
            run("branch-key", "rotate", "theirs", *where)
        ours_to_theirs(options, keyring(branch), tmp_path, ["0478"])
        theirs_to_ours(options, keyring(branch), tmp_path, ["0478"])
        (tmp_path / "before").write_bytes(before)
        opened = tmp_path / f"opened-{branch}"
        run("decrypt", *options, "-i", tmp_path / "before", "-o", opened)
        assert opened.read_bytes() == PLAIN
