"""What people do with KMS by the AWS CLI: files, `--query`, documents, and OpenSSL at the other end."""

import base64
import json
import subprocess

import pytest
from conftest import ACCOUNT, REGION

FAR = "us-west-2"
TEXT = ("--output", "text", "--query")


def openssl(*words, **options):
    """Runs OpenSSL; gives what it writes."""
    command = ["openssl", *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, **options).stdout


@pytest.fixture
def kms(aws):
    return lambda *words, **options: aws("kms", *words, **options)


@pytest.fixture
def make(kms):
    """Makes a key; gives its id as `--query` has it."""
    return lambda *words: kms("create-key", *words, *TEXT, "KeyMetadata.KeyId")


@pytest.fixture
def file(tmp_path):
    """Writes a file; gives the words by which the CLI reads it."""

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content)
        return f"fileb://{path}"

    return write


def decoded(text):
    return base64.b64decode(text)


def test_one_value_goes_from_one_command_to_the_next(kms, make, file):
    key = make()
    sealed = kms(
        *("encrypt", "--key-id", key, "--plaintext", file("plain", b"a secret")),
        *TEXT,
        "CiphertextBlob",
    )
    opened = kms(
        "decrypt", "--ciphertext-blob", file("sealed", decoded(sealed)), *TEXT, "Plaintext"
    )
    assert decoded(opened) == b"a secret"


def test_a_ciphertext_moves_to_another_key(kms, make, file):
    old, new = make(), make()
    plain = file("plain", b"moved")
    sealed = kms("encrypt", "--key-id", old, "--plaintext", plain)["CiphertextBlob"]
    blob = file("sealed", decoded(sealed))
    moved = kms("re-encrypt", "--ciphertext-blob", blob, "--destination-key-id", new)
    assert moved["SourceKeyId"].endswith(old) and moved["KeyId"].endswith(new)
    blob = file("moved", decoded(moved["CiphertextBlob"]))
    opened = kms("decrypt", "--ciphertext-blob", blob, "--key-id", new)
    assert decoded(opened["Plaintext"]) == b"moved"


def test_data_keys_and_random_bytes(kms, make, file):
    key = make()
    data = kms("generate-data-key", "--key-id", key, "--key-spec", "AES_256")
    blob = file("data", decoded(data["CiphertextBlob"]))
    assert kms("decrypt", "--ciphertext-blob", blob)["Plaintext"] == data["Plaintext"]
    bare = kms("generate-data-key-without-plaintext", "--key-id", key, "--number-of-bytes", "64")
    assert "Plaintext" not in bare
    random = kms("generate-random", "--number-of-bytes", "32", *TEXT, "Plaintext")
    assert len(decoded(random)) == 32


def test_a_data_key_pair_is_openssls(kms, make, tmp_path):
    pair = kms(
        "generate-data-key-pair", "--key-id", make(), "--key-pair-spec", "ECC_NIST_P384"
    )
    private = decoded(pair["PrivateKeyPlaintext"])
    public = openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER", input=private)
    assert public == decoded(pair["PublicKey"])


@pytest.mark.parametrize("spec, algorithm", (("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256"),
                                             ("ECC_NIST_P256", "ECDSA_SHA_256")))
def test_openssl_verifies_a_file_that_was_signed(kms, make, file, tmp_path, spec, algorithm):
    key = make("--key-spec", spec, "--key-usage", "SIGN_VERIFY")
    by = ("--key-id", key, "--signing-algorithm", algorithm)
    message = file("message", b"a message\n")
    signature = kms("sign", *by, "--message", message, "--message-type", "RAW", *TEXT, "Signature")
    public = kms("get-public-key", "--key-id", key, *TEXT, "PublicKey")
    file("public.der", decoded(public))
    openssl("pkey", "-pubin", "-inform", "DER", "-in", tmp_path / "public.der",
            "-out", tmp_path / "public.pem")
    signed = file("signature", decoded(signature))
    openssl("dgst", "-sha256", "-verify", tmp_path / "public.pem",
            "-signature", tmp_path / "signature", tmp_path / "message")
    digest = file("digest", openssl("dgst", "-sha256", "-binary", tmp_path / "message"))
    for content in ((message, "RAW"), (digest, "DIGEST")):
        said = kms("verify", *by, "--message", content[0], "--message-type", content[1],
                   "--signature", signed)
        assert said["SignatureValid"] is True
    errors = kms("verify", *by, "--message", file("other", b"another"), "--signature", signed,
                 fails=True)
    assert "(KMSInvalidSignatureException)" in errors


def test_a_file_that_openssl_encrypted_is_decrypted(kms, make, file, tmp_path):
    key = make("--key-spec", "RSA_2048", "--key-usage", "ENCRYPT_DECRYPT")
    file("public.der", decoded(kms("get-public-key", "--key-id", key, *TEXT, "PublicKey")))
    file("plain", b"offline")
    sealed = openssl(
        *("pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", tmp_path / "public.der"),
        *("-in", tmp_path / "plain", "-pkeyopt", "rsa_padding_mode:oaep"),
        *("-pkeyopt", "rsa_oaep_md:sha256", "-pkeyopt", "rsa_mgf1_md:sha256"),
    )
    by = ("--key-id", key, "--encryption-algorithm", "RSAES_OAEP_SHA_256")
    opened = kms("decrypt", "--ciphertext-blob", file("sealed", sealed), *by)
    assert decoded(opened["Plaintext"]) == b"offline"


def test_a_secret_is_shared_with_openssl(kms, make, file, tmp_path):
    key = make("--key-spec", "ECC_NIST_P256", "--key-usage", "KEY_AGREEMENT")
    own = tmp_path / "own.pem"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", own)
    public = file("own.der", openssl("ec", "-in", own, "-pubout", "-outform", "DER"))
    agree = ("--key-agreement-algorithm", "ECDH", "--public-key", public)
    derived = kms("derive-shared-secret", "--key-id", key, *agree)
    file("theirs.der", decoded(kms("get-public-key", "--key-id", key, *TEXT, "PublicKey")))
    secret = openssl("pkeyutl", "-derive", "-inkey", own, "-peerform", "DER",
                     "-peerkey", tmp_path / "theirs.der")
    assert decoded(derived["SharedSecret"]) == secret


def test_message_authentication_codes(kms, make, file):
    key = make("--key-spec", "HMAC_512", "--key-usage", "GENERATE_VERIFY_MAC")
    by = ("--key-id", key, "--mac-algorithm", "HMAC_SHA_512", "--message", file("m", b"message"))
    mac = file("mac", decoded(kms("generate-mac", *by, *TEXT, "Mac")))
    assert kms("verify-mac", *by, "--mac", mac)["MacValid"] is True


def test_material_that_openssl_wrapped_is_imported(kms, make, file, tmp_path):
    key = make("--origin", "EXTERNAL")
    wrapping = ("--wrapping-algorithm", "RSAES_OAEP_SHA_256", "--wrapping-key-spec", "RSA_2048")
    parameters = kms("get-parameters-for-import", "--key-id", key, *wrapping)
    file("wrapping.der", decoded(parameters["PublicKey"]))
    file("material", bytes(range(32)))
    wrapped = openssl(
        *("pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", tmp_path / "wrapping.der"),
        *("-in", tmp_path / "material", "-pkeyopt", "rsa_padding_mode:oaep"),
        *("-pkeyopt", "rsa_oaep_md:sha256", "-pkeyopt", "rsa_mgf1_md:sha256"),
    )
    kms("import-key-material", "--key-id", key, "--encrypted-key-material",
        file("wrapped", wrapped), "--import-token", file("token", decoded(parameters["ImportToken"])),
        "--expiration-model", "KEY_MATERIAL_DOES_NOT_EXPIRE")
    described = kms("describe-key", "--key-id", key)["KeyMetadata"]
    assert (described["KeyState"], described["Origin"]) == ("Enabled", "EXTERNAL")
    kms("delete-imported-key-material", "--key-id", key)
    state = kms("describe-key", "--key-id", key, *TEXT, "KeyMetadata.KeyState")
    assert state == "PendingImport"


def test_aliases_are_made_moved_listed_and_deleted(kms, make, alias):
    one, two = make(), make()
    kms("create-alias", "--alias-name", alias, "--target-key-id", one)
    kms("update-alias", "--alias-name", alias, "--target-key-id", two)
    named = kms("list-aliases", "--query", f"Aliases[?AliasName=='{alias}']")
    assert [entry["TargetKeyId"] for entry in named] == [two]
    assert kms("list-aliases", "--key-id", one)["Aliases"] == []
    kms("delete-alias", "--alias-name", alias)
    assert "(NotFoundException)" in kms("describe-key", "--key-id", alias, fails=True)


def test_tags_and_descriptions(kms, make):
    key = make("--tags", "TagKey=Purpose,TagValue=Test", "TagKey=CostCenter,TagValue=4711")
    kms("tag-resource", "--key-id", key, "--tags", "TagKey=Purpose,TagValue=Other")
    kms("untag-resource", "--key-id", key, "--tag-keys", "CostCenter")
    tags = kms("list-resource-tags", "--key-id", key)["Tags"]
    assert tags == [{"TagKey": "Purpose", "TagValue": "Other"}]
    kms("update-key-description", "--key-id", key, "--description", "another one")
    described = kms("describe-key", "--key-id", key, *TEXT, "KeyMetadata.Description")
    assert described == "another one"


def test_a_policy_comes_from_a_file_and_goes_into_one(kms, make, tmp_path):
    key = make()
    policy = json.loads(
        kms("get-key-policy", "--key-id", key, "--policy-name", "default", *TEXT, "Policy")
    )
    policy["Statement"].append({
        "Sid": "Roles", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "kms:DescribeKey", "Resource": "*",
    })
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(policy))
    kms("put-key-policy", "--key-id", key, "--policy", f"file://{path}")
    kept = kms("get-key-policy", "--key-id", key, *TEXT, "Policy")
    assert [statement.get("Sid") for statement in json.loads(kept)["Statement"]][-1] == "Roles"
    assert kms("list-key-policies", "--key-id", key)["PolicyNames"] == ["default"]


def test_grants(kms, make):
    key = make()
    made = kms(
        *("create-grant", "--key-id", key, "--grantee-principal", f"arn:aws:iam::{ACCOUNT}:root"),
        *("--operations", "Encrypt", "Decrypt", "--name", "one"),
        *("--constraints", "EncryptionContextSubset={Department=IT}"),
    )
    listed = kms("list-grants", "--key-id", key)["Grants"]
    assert [grant["GrantId"] for grant in listed] == [made["GrantId"]]
    assert listed[0]["Constraints"] == {"EncryptionContextSubset": {"Department": "IT"}}
    kms("revoke-grant", "--key-id", key, "--grant-id", made["GrantId"])
    assert kms("list-grants", "--key-id", key)["Grants"] == []


def test_rotation(kms, make):
    key = make()
    kms("enable-key-rotation", "--key-id", key, "--rotation-period-in-days", "180")
    status = kms("get-key-rotation-status", "--key-id", key)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 180)
    kms("rotate-key-on-demand", "--key-id", key)
    listed = kms("list-key-rotations", "--key-id", key, "--include-key-material",
                 "ALL_KEY_MATERIAL")
    assert listed["Rotations"][0]["KeyMaterialState"] == "CURRENT"
    kms("disable-key-rotation", "--key-id", key)


def test_states_and_deletion(kms, make):
    key = make()
    state = lambda: kms("describe-key", "--key-id", key, *TEXT, "KeyMetadata.KeyState")  # noqa: E731
    kms("disable-key", "--key-id", key)
    assert state() == "Disabled"
    kms("enable-key", "--key-id", key)
    assert state() == "Enabled"
    going = kms("schedule-key-deletion", "--key-id", key, "--pending-window-in-days", "7")
    assert (going["KeyState"], going["PendingWindowInDays"]) == ("PendingDeletion", 7)
    kms("cancel-key-deletion", "--key-id", key)
    assert state() == "Disabled"


def test_a_key_in_two_regions(kms, make, file):
    key = make("--multi-region")
    assert key.startswith("mrk-")
    copy = kms("replicate-key", "--key-id", key, "--replica-region", FAR)["ReplicaKeyMetadata"]
    assert copy["MultiRegionConfiguration"]["PrimaryKey"]["Region"] == REGION
    sealed = kms("encrypt", "--key-id", key, "--plaintext", file("plain", b"here"))
    blob = file("sealed", decoded(sealed["CiphertextBlob"]))
    opened = kms("decrypt", "--ciphertext-blob", blob, "--key-id", key, "--region", FAR)
    assert decoded(opened["Plaintext"]) == b"here"
    kms("update-primary-region", "--key-id", key, "--primary-region", FAR)
    kind = kms("describe-key", "--key-id", key, "--region", FAR, *TEXT,
               "KeyMetadata.MultiRegionConfiguration.MultiRegionKeyType")
    assert kind == "PRIMARY"


def test_a_dry_run_tells_what_would_have_been(kms, make, file):
    errors = kms("encrypt", "--key-id", make(), "--plaintext", file("plain", b"x"), "--dry-run",
                 fails=True)
    assert "(DryRunOperationException)" in errors

