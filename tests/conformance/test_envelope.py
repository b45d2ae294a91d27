"""Messages of `bulla encrypt` opened by the AWS Encryption SDK for Python, and the reverse."""

import json
import os
import pathlib
import urllib.request

import aws_encryption_sdk
import pytest
from aws_encryption_sdk import CommitmentPolicy, StrictAwsKmsMasterKeyProvider
from aws_encryption_sdk.identifiers import (
    AlgorithmSuite,
    EncryptionKeyType,
    WrappingAlgorithm,
)
from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
from aws_encryption_sdk.key_providers.raw import RawMasterKeyProvider
from conftest import new_key
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import program

LENIENT = CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT
STRICT = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
SUITES = {
    "0014": AlgorithmSuite.AES_128_GCM_IV12_TAG16,
    "0046": AlgorithmSuite.AES_192_GCM_IV12_TAG16,
    "0078": AlgorithmSuite.AES_256_GCM_IV12_TAG16,
    "0114": AlgorithmSuite.AES_128_GCM_IV12_TAG16_HKDF_SHA256,
    "0146": AlgorithmSuite.AES_192_GCM_IV12_TAG16_HKDF_SHA256,
    "0178": AlgorithmSuite.AES_256_GCM_IV12_TAG16_HKDF_SHA256,
    "0214": AlgorithmSuite.AES_128_GCM_IV12_TAG16_HKDF_SHA256_ECDSA_P256,
    "0346": AlgorithmSuite.AES_192_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384,
    "0378": AlgorithmSuite.AES_256_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384,
    "0478": AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
    "0578": AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384,
}
# Empty, less than a frame, a frame, two frames and a bit.
LENGTHS = [0, 100, 4096, 9000]
CONTEXT = {"project": "nile", "purpose": "archive"}
PAIRS = [part for key, value in CONTEXT.items() for part in ("--context", f"{key}={value}")]
EXIT_IO, EXIT_USAGE, EXIT_MESSAGE, EXIT_KEY = 1, 2, 4, 5


def policies(suite):
    """What each side calls the policy under which a suite encrypts."""
    if suite in ("0478", "0578"):
        return STRICT, "require-encrypt-require-decrypt"
    return LENIENT, "forbid-encrypt-allow-decrypt"


def run(*args, status=0, **options):
    done = program.run(*args, **options)
    assert done.returncode == status, done.stderr
    return done


class RawProvider(RawMasterKeyProvider):
    """The SDK's raw keys: one, given."""

    provider_id = "tests"

    def __new__(cls, key):
        self = super().__new__(cls)
        self._key = key
        return self

    def __init__(self, key):
        super().__init__()
        self.add_master_key(b"key 1")

    def _get_raw_key(self, key_id):
        return self._key


PADDINGS = {
    "pkcs1": WrappingAlgorithm.RSA_PKCS1,
    "oaep-sha1": WrappingAlgorithm.RSA_OAEP_SHA1_MGF1,
    "oaep-sha256": WrappingAlgorithm.RSA_OAEP_SHA256_MGF1,
    "oaep-sha384": WrappingAlgorithm.RSA_OAEP_SHA384_MGF1,
    "oaep-sha512": WrappingAlgorithm.RSA_OAEP_SHA512_MGF1,
}
AES = {
    16: WrappingAlgorithm.AES_128_GCM_IV12_TAG16_NO_PADDING,
    24: WrappingAlgorithm.AES_192_GCM_IV12_TAG16_NO_PADDING,
    32: WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING,
}


@pytest.fixture(scope="module")
def rsa_pem():
    key = rsa.generate_private_key(65537, 2048)
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, pkcs8, plain)


@pytest.fixture(params=["kms", "kms-two", *map(str, AES), *PADDINGS])
def both(request, key, kms, tmp_path, rsa_pem):
    """One wrapping key as options of the command, and as the SDK's provider."""
    if request.param == "kms":
        return ["--key", key], StrictAwsKmsMasterKeyProvider(key_ids=[key])
    if request.param == "kms-two":
        keys = [key, new_key(kms)]
        options = [part for one in keys for part in ("--key", one)]
        return options, StrictAwsKmsMasterKeyProvider(key_ids=keys)
    file = tmp_path / "key"
    options = ["--raw-key", file, "--raw-name", "tests/key 1"]
    if request.param in PADDINGS:
        file.write_bytes(rsa_pem)
        private = EncryptionKeyType.PRIVATE
        raw = WrappingKey(PADDINGS[request.param], rsa_pem, private)
        return [*options, "--rsa-padding", request.param], RawProvider(raw)
    length = int(request.param)
    file.write_bytes(os.urandom(length))
    symmetric = EncryptionKeyType.SYMMETRIC
    return options, RawProvider(WrappingKey(AES[length], file.read_bytes(), symmetric))


def test_every_suite_in_both_directions(both, server, tmp_path):
    options, provider = both
    for suite, algorithm in SUITES.items():
        policy, name = policies(suite)
        sdk = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=policy)
        lenient = [*options, "--commitment-policy", name, *PAIRS]
        for length in LENGTHS:
            plain, sealed, opened = (tmp_path / f"{part}{suite}{length}" for part in "pso")
            plain.write_bytes(os.urandom(length))
            run("encrypt", *lenient, "--suite", suite, "-i", plain, "-o", sealed)
            text, header = sdk.decrypt(source=sealed.read_bytes(), key_provider=provider)
            assert text == plain.read_bytes()
            assert CONTEXT.items() <= header.encryption_context.items()

            message, _ = sdk.encrypt(
                source=plain.read_bytes(),
                key_provider=provider,
                algorithm=algorithm,
                encryption_context=CONTEXT,
            )
            theirs = tmp_path / f"t{suite}{length}"
            theirs.write_bytes(message)
            run("decrypt", *lenient, "-i", theirs, "-o", opened)
            assert opened.read_bytes() == plain.read_bytes()


def test_python_without_frames(key, server, tmp_path):
    sdk = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=STRICT)
    provider = StrictAwsKmsMasterKeyProvider(key_ids=[key])
    for suite in ("0478", "0578"):
        message, header = sdk.encrypt(
            source=b"text" * 9999, key_provider=provider, frame_length=0, algorithm=SUITES[suite]
        )
        assert header.frame_length == 0
        sealed, opened = tmp_path / f"sealed{suite}", tmp_path / f"opened{suite}"
        sealed.write_bytes(message)
        run("decrypt", "--key", key, "-i", sealed, "-o", opened)
        assert opened.read_bytes() == b"text" * 9999


def test_an_alias_and_discovery(kms, key, server, tmp_path):
    alias = f"alias/envelope-{os.urandom(4).hex()}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    plain, sealed = tmp_path / "plain", tmp_path / "sealed"
    plain.write_bytes(b"text")
    run("encrypt", "--key", alias, "-i", plain, "-o", sealed)
    account = key.split(":")[4]
    for index, options in enumerate(
        [
            ["--key", alias],
            ["--discovery"],
            ["--discovery", "--discovery-account", account],
        ]
    ):
        opened = tmp_path / f"opened{index}"
        run("decrypt", *options, "-i", sealed, "-o", opened)
        assert opened.read_bytes() == b"text"
    nobody = ["--discovery", "--discovery-account", "999999999999"]
    run("decrypt", *nobody, "-i", sealed, "-o", tmp_path / "none", status=EXIT_KEY)
    china = ["--discovery", "--discovery-account", account, "--discovery-partition", "aws-cn"]
    run("decrypt", *china, "-i", sealed, "-o", tmp_path / "none", status=EXIT_KEY)


def test_pipes(key, server):
    plain = os.urandom(300_000)
    for suite in ("0478", "0578"):
        options = ["--key", key]
        sealed = program.pipe(plain, "encrypt", *options, "--suite", suite)
        assert program.pipe(sealed, "decrypt", *options) == plain


def test_nothing_unverified_comes_out(key, server, tmp_path):
    """Neither as a file nor, of a signed message, through a pipe."""
    sealed = bytearray(program.pipe(os.urandom(100_000), "encrypt", "--key", key))
    sealed[-1] ^= 1
    assert program.pipe(bytes(sealed), "decrypt", "--key", key, status=EXIT_MESSAGE) == b""
    message, opened = tmp_path / "message", tmp_path / "opened"
    message.write_bytes(sealed)
    run("decrypt", "--key", key, "-i", message, "-o", opened, status=EXIT_MESSAGE)
    assert [path.name for path in tmp_path.iterdir()] == ["message"]


def test_an_output_that_is_there_stays(key, server, tmp_path):
    plain, sealed = tmp_path / "plain", tmp_path / "sealed"
    plain.write_bytes(b"text")
    sealed.write_bytes(b"precious")
    options = ["encrypt", "--key", key, "-i", plain, "-o", sealed]
    refused = run(*options, status=EXIT_IO)
    assert "--overwrite" in refused.stderr
    assert sealed.read_bytes() == b"precious"
    run(*options, "--overwrite")
    assert sealed.read_bytes() != b"precious"


def test_exit_codes(kms, key, server, tmp_path):
    plain, sealed, out = tmp_path / "plain", tmp_path / "sealed", tmp_path / "out"
    plain.write_bytes(b"text")
    run("encrypt", "--key", key, *PAIRS, "-i", plain, "-o", sealed)
    decrypt = ["decrypt", "--key", key, "-o", out]
    for options, status in [
        (["-i", tmp_path / "missing"], EXIT_IO),
        (["-i", sealed, "--context", "no pair"], EXIT_USAGE),
        (["-i", sealed, "--cache", "max-messages=1"], EXIT_USAGE),
        (["-i", plain], EXIT_MESSAGE),
        (["-i", sealed, "--context", "project=rhine"], EXIT_MESSAGE),
        (["-i", sealed, "--required", "tenant"], EXIT_MESSAGE),
    ]:
        run(*decrypt, *options, status=status)
    nobody = ["decrypt", "--key", "alias/nobodys", "-i", sealed, "-o", out]
    assert "NotFoundException" in run(*nobody, status=EXIT_KEY).stderr
    run("encrypt", "-i", plain, "-o", out, status=EXIT_USAGE)
    run("encrypt", "--raw-key", plain, "-i", plain, "-o", out, status=EXIT_USAGE)
    other = ["--suite", "0178"]
    run("encrypt", "--key", key, *other, "-i", plain, "-o", out, status=EXIT_USAGE)
    kms.disable_key(KeyId=key)
    refused = run(*decrypt, "-i", sealed, status=EXIT_KEY)
    assert "DisabledException" in refused.stderr
    assert not out.exists()
    kms.enable_key(KeyId=key)


def test_required_pairs(key, server, tmp_path):
    plain, sealed, opened = (tmp_path / name for name in ("plain", "sealed", "opened"))
    plain.write_bytes(b"text")
    required = ["--required", "project", *PAIRS]
    run("encrypt", "--key", key, *required, "-i", plain, "-o", sealed)
    assert b"nile" not in sealed.read_bytes() and b"archive" in sealed.read_bytes()
    run("decrypt", "--key", key, *required, "-i", sealed, "-o", opened)
    assert opened.read_bytes() == b"text"


def test_inspect_needs_no_key(key, server, tmp_path):
    plain, sealed = tmp_path / "plain", tmp_path / "sealed"
    plain.write_bytes(b"text")
    log = tmp_path / "log"
    run("encrypt", "--key", key, *PAIRS, "-i", plain, "-o", sealed, "--metadata", log)
    alone = {"env": {"PATH": os.environ["PATH"]}}
    header = json.loads(run("inspect", "--json", sealed, **alone).stdout)
    assert header["suite"] == "0578" and header["version"] == 2
    assert header["frameLength"] == 4096
    assert CONTEXT.items() <= header["encryptionContext"].items()
    (data_key,) = header["encryptedDataKeys"]
    assert (data_key["providerId"], data_key["providerInfo"]) == ("aws-kms", key)
    told = run("inspect", sealed, **alone).stdout
    assert '"project" = "nile"' in told and key in told
    (line,) = log.read_text().splitlines()
    line = json.loads(line)
    assert line["header"] == header
    assert (line["mode"], line["plaintextLength"]) == ("encrypt", 4)
    run("inspect", plain, status=EXIT_MESSAGE, **alone)


def calls(kms_calls, folder, out, *options):
    before = kms_calls()
    run(*options, "-i", folder, "-o", out)
    return kms_calls() - before


@pytest.fixture
def kms_calls(server):
    """How many calls of KMS the server has answered."""

    def count():
        total = 0
        with urllib.request.urlopen(f"{server.endpoint}/_bulla/metrics") as answer:
            text = answer.read().decode()
        for line in text.splitlines():
            if line.startswith('bulla_requests_total{service="kms"'):
                total += float(line.rsplit(" ", 1)[1])
        return int(total)

    return count


def test_a_folder_of_10000_files_makes_as_many_calls_as_the_cache_says(
    key, server, kms_calls, tmp_path
):
    folder, sealed, opened = (tmp_path / name for name in ("folder", "sealed", "opened"))
    for index in range(10_000):
        file = folder / f"{index // 1000}" / f"{index}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"file {index}")
    cache = ["--cache", "max-age=600,max-messages=1000"]
    suite = ["--suite", "0478"]
    log = tmp_path / "log"
    encrypt = ["encrypt", "--key", key, *cache, *suite, "--metadata", log]
    assert calls(kms_calls, folder, sealed, *encrypt) == 10
    assert len(log.read_text().splitlines()) == 10_000
    # Each of the ten data keys is unwrapped once.
    assert calls(kms_calls, sealed, opened, "decrypt", "--key", key, *cache) == 10
    names = sorted(path.relative_to(folder) for path in folder.rglob("*.txt"))
    assert names == sorted(path.relative_to(opened) for path in opened.rglob("*.txt"))
    for name in names[::97]:
        assert (opened / name).read_bytes() == (folder / name).read_bytes()


def test_one_bad_file_of_a_folder_does_not_keep_the_others(key, server, tmp_path):
    folder, sealed, opened = (tmp_path / name for name in ("folder", "sealed", "opened"))
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / name).write_text(name)
    run("encrypt", "--key", key, "-i", folder, "-o", sealed)
    (sealed / "b.encrypted").write_bytes(b"no message")
    refused = run("decrypt", "--key", key, "-i", sealed, "-o", opened, status=EXIT_MESSAGE)
    assert "b.encrypted" in refused.stderr
    assert sorted(path.name for path in pathlib.Path(opened).iterdir()) == ["a", "c"]
