"""`bulla xks serve`: requests as the XKS proxy specification has them, signed by botocore."""

import base64
import hashlib
import http.client
import json
import os
import subprocess
import tempfile
import time
import uuid

import program
import pytest
import xks_proxy
from botocore.credentials import Credentials
from conftest import client

REGION = "us-west-2"
PATIENCE = 60


class Serve:
    """A proxy before a server, on loopback."""

    def __init__(self, server, account, folder):
        self.port = program.free_port()
        printed = program.run("xks", "credential", "--prefix", "conformance/one")
        assert printed.returncode == 0, printed.stderr
        file = folder / f"{uuid.uuid4()}.json"
        file.write_text(printed.stdout)
        told = json.loads(printed.stdout)
        self.path = told["XksProxyUriPath"]
        credential = told["XksProxyAuthenticationCredential"]
        self.credentials = Credentials(credential["AccessKeyId"], credential["RawSecretAccessKey"])
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [
                program.binary(),
                "xks",
                "serve",
                "--credential",
                file,
                "--listen",
                f"127.0.0.1:{self.port}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                "AWS_ENDPOINT_URL": server.endpoint,
                "AWS_ACCESS_KEY_ID": account,
                "AWS_SECRET_ACCESS_KEY": "any",
                "AWS_REGION": REGION,
            },
        )
        program.wait_until(self.alive, program.READY_SECONDS, "the proxy is ready")

    def alive(self):
        try:
            return self.raw("GET", "/_bulla/health")[0] == 200
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(program.END_SECONDS)
        self.log.close()

    def raw(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text)

    def once(self, path, request, offset=0, service="kms-xks-proxy", **changes):
        body = json.dumps(request).encode()
        stamp = xks_proxy.timestamp(offset)
        host = f"127.0.0.1:{self.port}"
        signed = {"host": host, "x-amz-date": stamp}
        credentials = changes.get("credentials", self.credentials)
        found = xks_proxy.signature(
            "POST", f"http://{host}{path}", signed, body, credentials, REGION, stamp
        )
        scope = f"{credentials.access_key}/{stamp[:8]}/{REGION}/{service}/aws4_request"
        authorization = (
            f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, "
            f"Signature={found}"
        )
        headers = {
            "Content-Type": "application/json",
            "X-Amz-Date": stamp,
            "Authorization": authorization,
        }
        return self.raw("POST", path, changes.get("body", body), headers)

    def ask(self, path, request, **changes):
        """Asks until the key manager was in time: a crowded machine may keep it busy."""
        deadline = time.monotonic() + PATIENCE
        while True:
            status, answer = self.once(path, request, **changes)
            if status != 503 or time.monotonic() > deadline:
                return status, answer

    def on(self, key, operation, **request):
        metadata = {
            "awsPrincipalArn": "arn:aws:iam::123456789012:user/Alice",
            "kmsKeyArn": "arn:aws:kms:us-east-2:123456789012:key/x",
            "kmsOperation": "SomethingNew",
            "kmsRequestId": "4112f4d6-db54-4af4-ae30-c55a22a8dfae",
            "kmsViaService": "ebs",
            "andWhatever": ["comes", "later"],
        }
        path = f"{self.path}/keys/{key}/{operation}"
        return self.ask(path, {"requestMetadata": metadata, **request})


@pytest.fixture
def serve(server, account, tmp_path):
    proxy = Serve(server, account, tmp_path)
    yield proxy
    proxy.stop()


@pytest.fixture
def manager(server, account):
    """KMS as the key manager's owner has it."""
    return client(server, account=account, region=REGION)


@pytest.fixture
def key(manager):
    made = manager.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    return made["KeyMetadata"]["KeyId"]


def encrypt(serve, key, plaintext, aad=None, **more):
    request = {"plaintext": xks_proxy.b64(plaintext), "encryptionAlgorithm": "AES_GCM", **more}
    if aad is not None:
        request["additionalAuthenticatedData"] = xks_proxy.b64(aad)
    return serve.on(key, "encrypt", **request)


def decrypt(serve, key, sealed, aad=None, **changes):
    names = ("ciphertext", "ciphertextMetadata", "initializationVector", "authenticationTag")
    request = {name: sealed[name] for name in names if name in sealed}
    request.update(encryptionAlgorithm="AES_GCM", **changes)
    if aad is not None:
        request["additionalAuthenticatedData"] = xks_proxy.b64(aad)
    return serve.on(key, "decrypt", **request)


def test_health_and_metadata(serve, key):
    metadata = {"kmsRequestId": "1", "kmsOperation": "KmsHealthCheck"}
    status, answer = serve.ask(f"{serve.path}/health", {"requestMetadata": metadata})
    assert status == 200
    assert answer["xksProxyFleetSize"] > 0 and answer["ekmVendor"]
    assert answer["xksProxyVendor"] and answer["xksProxyModel"]
    assert [one["healthStatus"] for one in answer["ekmFleetDetails"]] == ["ACTIVE"]
    expected = {"keySpec": "AES_256", "keyUsage": ["ENCRYPT", "DECRYPT"], "keyStatus": "ENABLED"}
    assert serve.on(key, "metadata") == (200, expected)


@pytest.mark.parametrize("plaintext", [b"", b"x", os.urandom(4300)], ids=len)
@pytest.mark.parametrize("aad", [None, b"project=nile", os.urandom(8192)], ids=str)
def test_what_is_encrypted_decrypts_with_its_associated_data_alone(serve, key, plaintext, aad):
    wanted = {"ciphertextDataIntegrityValueAlgorithm": "SHA_256"}
    status, sealed = encrypt(serve, key, plaintext, aad, **wanted)
    assert status == 200, sealed
    raw = {name: base64.b64decode(value) for name, value in sealed.items()}
    assert len(raw["ciphertext"]) == len(plaintext)
    assert len(raw["initializationVector"]) in (12, 16) and len(raw["authenticationTag"]) == 16
    assert len(raw["ciphertextMetadata"]) <= 20
    value = hashlib.sha256(
        (aad or b"")
        + raw["ciphertextMetadata"]
        + raw["initializationVector"]
        + raw["ciphertext"]
        + raw["authenticationTag"]
    ).digest()
    assert raw["ciphertextDataIntegrityValue"] == value
    status, opened = decrypt(serve, key, sealed, aad)
    assert (status, base64.b64decode(opened["plaintext"])) == (200, plaintext)
    status, answer = decrypt(serve, key, sealed, b"another")
    assert (status, answer["errorName"]) == (400, "InvalidCiphertextException")


def test_what_was_changed_does_not_decrypt(serve, key, manager):
    _, sealed = encrypt(serve, key, b"the tokens lie inside", b"aad")
    for name in ("ciphertext", "initializationVector", "authenticationTag", "ciphertextMetadata"):
        changed = bytearray(base64.b64decode(sealed[name]))
        changed[-1] ^= 1
        for wrong in (bytes(changed), bytes(changed[:-1]), bytes(changed) + b"x"):
            status, answer = decrypt(serve, key, {**sealed, name: xks_proxy.b64(wrong)}, b"aad")
            assert (status, answer["errorName"]) == (400, "InvalidCiphertextException"), name
    # What one key made, another does not open.
    other = manager.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    status, answer = decrypt(serve, other["KeyMetadata"]["KeyId"], sealed, b"aad")
    assert (status, answer["errorName"]) == (400, "InvalidCiphertextException")


def test_two_messages_share_no_initialization_vector(serve, key):
    vectors = {encrypt(serve, key, b"same")[1]["initializationVector"] for _ in range(20)}
    assert len(vectors) == 20


def test_a_request_that_is_not_signed_as_it_must_be(serve, key):
    path, request = f"{serve.path}/keys/{key}/metadata", {"requestMetadata": {}}
    stranger = Credentials(serve.credentials.access_key, "another secret")
    nobody = Credentials("ZZZZZZZZZZZZZZZZZZZZ", serve.credentials.secret_key)
    for changes in (
        {"offset": -400},
        {"offset": 400},
        {"service": "kms"},
        {"credentials": stranger},
        {"credentials": nobody},
        {"body": b"{}"},
    ):
        status, answer = serve.once(path, request, **changes)
        assert (status, answer["errorName"]) == (401, "AuthenticationFailedException"), changes
    status, answer = serve.raw("POST", path, b"{}")
    assert (status, answer["errorName"]) == (401, "AuthenticationFailedException")


def test_what_is_nowhere_and_what_is_no_post(serve, key):
    for path in (f"{serve.path}/keys/{key}/sign", "/kms/xks/v1/health", "/", f"{serve.path}/keys"):
        status, answer = serve.once(path, {"requestMetadata": {}})
        assert (status, answer["errorName"]) == (404, "InvalidUriPathException"), path
    for path in ("health", f"keys/{key}/encrypt"):
        assert serve.raw("GET", f"{serve.path}/{path}")[0] == 405
    for name in (str(uuid.uuid4()), "no-id-at-all"):
        status, answer = encrypt(serve, name, b"x")
        assert (status, answer["errorName"]) == (404, "KeyNotFoundException"), name


def test_what_is_no_request(serve, key):
    for wrong in (
        {"plaintext": "no base64", "encryptionAlgorithm": "AES_GCM"},
        {"plaintext": "AAAA"},
        {"encryptionAlgorithm": "AES_GCM"},
        {"plaintext": "AAAA", "encryptionAlgorithm": "AES_CBC"},
        {
            "plaintext": "AAAA",
            "encryptionAlgorithm": "AES_GCM",
            "ciphertextDataIntegrityValueAlgorithm": "MD5",
        },
    ):
        status, answer = serve.on(key, "encrypt", **wrong)
        assert (status, answer["errorName"]) == (400, "ValidationException"), wrong
    for size, aad in ((4301, 0), (1, 8193)):
        status, answer = encrypt(serve, key, bytes(size), bytes(aad))
        assert (status, answer["errorName"]) == (501, "UnsupportedOperationException")


def test_the_owner_of_the_key_decides(serve, key, manager):
    _, sealed = encrypt(serve, key, b"x")
    manager.disable_key(KeyId=key)
    assert serve.on(key, "metadata")[1]["keyStatus"] == "DISABLED"
    status, answer = decrypt(serve, key, sealed)
    assert (status, answer["errorName"]) == (400, "InvalidStateException")
    manager.enable_key(KeyId=key)
    policy = json.loads(manager.get_key_policy(KeyId=key)["Policy"])
    deny = {"Effect": "Deny", "Principal": "*", "Action": "kms:GenerateMac", "Resource": "*"}
    policy["Statement"].append(deny)
    manager.put_key_policy(KeyId=key, Policy=json.dumps(policy))
    status, answer = decrypt(serve, key, sealed)
    assert (status, answer["errorName"]) == (403, "AccessDeniedException")
    policy["Statement"].pop()
    manager.put_key_policy(KeyId=key, Policy=json.dumps(policy))
    assert decrypt(serve, key, sealed)[0] == 200
    other = manager.create_key()["KeyMetadata"]["KeyId"]
    assert serve.on(other, "metadata")[1]["keySpec"] == "SYMMETRIC_DEFAULT"
    status, answer = encrypt(serve, other, b"x")
    assert (status, answer["errorName"]) == (400, "InvalidKeyUsageException")
