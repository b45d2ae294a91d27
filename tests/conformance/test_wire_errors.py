"""What is no proper request gets AWS's error, and the next request is served."""

import base64
import json

import pytest
import wire
from conftest import ACCOUNT


@pytest.fixture(scope="module")
def signer(server):
    return wire.Signer("test", "test")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"{",
        b'{"KeyId": }',
        b"{}x",
        b'{"a":1,}',
        b"\xff\xfe{}",
        b"[" * 200000,
    ],
)
def test_what_is_not_json_is_a_serialization_error(server, signer, body):
    answer = wire.signed(server, signer, "DescribeKey", body)
    if body == b"":
        # An empty body may pass for an empty object; then the key is missing.
        assert (answer.status, answer.code) in {
            (400, "SerializationException"),
            (400, "ValidationException"),
        }
        return
    assert (answer.status, answer.code) == (400, "SerializationException")


@pytest.mark.parametrize(
    "operation, body",
    [
        ("DescribeKey", []),
        ("DescribeKey", "text"),
        ("DescribeKey", {"KeyId": 7}),
        ("DescribeKey", {"KeyId": {"a": "b"}}),
        ("DescribeKey", {"KeyId": "a", "GrantTokens": "b"}),
        ("ListKeys", {"Limit": "many"}),
        ("Encrypt", {"KeyId": "a", "Plaintext": "%%%"}),
        ("Encrypt", {"KeyId": "a", "Plaintext": "YQ==", "EncryptionContext": ["a"]}),
        ("Encrypt", {"KeyId": "a", "Plaintext": "YQ==", "EncryptionContext": {"a": 1}}),
        ("Encrypt", {"KeyId": "a", "Plaintext": "YQ==", "DryRun": "perhaps"}),
    ],
)
def test_a_wrong_type_is_a_serialization_error(server, signer, operation, body):
    answer = wire.signed(server, signer, operation, json.dumps(body).encode())
    assert (answer.status, answer.code) == (400, "SerializationException")


def test_deep_json_is_refused_without_falling_over(server, signer):
    deep = b'{"KeyId":' + b'{"a":' * 100000 + b"1" + b"}" * 100001
    answer = wire.signed(server, signer, "DescribeKey", deep)
    assert (answer.status, answer.code) == (400, "SerializationException")
    deep = b'{"Unknown":' + b"[" * 100000 + b"]" * 100000 + b"}"
    answer = wire.signed(server, signer, "ListKeys", deep)
    assert answer.status in (200, 400)
    assert server.healthy()


def test_members_that_are_not_known_are_ignored(server, signer):
    answer = wire.signed(server, signer, "ListKeys", b'{"Unknown": [1, {"a": null}]}')
    assert answer.status == 200


def test_a_null_member_is_an_absent_one(server, signer):
    assert wire.signed(server, signer, "ListKeys", b'{"Limit": null}').status == 200


@pytest.mark.parametrize(
    "target",
    ["TrentService.NoSuchOperation", "TrentService", "TrentService.", "NoSuchService.ListKeys", ""],
)
def test_an_unknown_target_is_an_unknown_operation(server, signer, target):
    headers = {**wire.kms_headers(), "X-Amz-Target": target}
    answer = wire.send(server, signer.headers(server, headers, b"{}"), b"{}")
    assert (answer.status, answer.code) == (400, "UnknownOperationException")
    assert set(answer.json) == {"__type"}


def test_operation_names_keep_their_case(server, signer):
    answer = wire.signed(server, signer, "listkeys")
    assert (answer.status, answer.code) == (400, "UnknownOperationException")


def test_every_answer_bears_its_own_request_id(server, signer):
    answers = [
        wire.signed(server, signer),
        wire.signed(server, signer, "NoSuchOperation"),
        wire.signed(server, signer, "DescribeKey", b"{"),
        wire.unsigned(server),
    ]
    ids = {answer.headers["x-amzn-requestid"] for answer in answers}
    assert len(ids) == len(answers)


def test_answers_are_json_as_aws_writes_it(server, signer):
    answer = wire.signed(server, signer)
    assert answer.headers["content-type"] == wire.JSON
    answer = wire.signed(server, signer, "DescribeKey", b'{"KeyId": "nobody"}')
    assert answer.headers["content-type"] == wire.JSON
    assert answer.json == {"__type": "NotFoundException", "message": "Invalid keyId 'nobody'"}


def test_an_operation_without_output_answers_nothing(server, signer, key):
    body = json.dumps({"KeyId": key}).encode()
    answer = wire.signed(server, signer, "DisableKey", body)
    assert (answer.status, answer.body) == (200, b"")


def test_an_error_without_message_has_no_made_up_one(server, signer):
    blob = base64.b64encode(b"rubbish").decode()
    answer = wire.signed(
        server, signer, "Decrypt", json.dumps({"CiphertextBlob": blob}).encode()
    )
    assert answer.code == "InvalidCiphertextException"
    assert answer.message in ("", None)


def test_times_are_seconds_with_a_fraction(server, signer):
    metadata = wire.signed(server, signer, "CreateKey").json["KeyMetadata"]
    assert isinstance(metadata["CreationDate"], (int, float))
    assert metadata["AWSAccountId"] == ACCOUNT


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_other_methods_are_refused(server, method):
    answer = wire.send(server, wire.kms_headers(), method=method)
    assert 400 <= answer.status < 500


def test_the_signature_is_asked_for_after_body_and_target(server):
    assert wire.unsigned(server, "DescribeKey", b"{").code == "SerializationException"
    assert wire.unsigned(server, "NoSuchOperation").code == "UnknownOperationException"
    answer = wire.unsigned(server)
    assert (answer.status, answer.code) == (400, "MissingAuthenticationTokenException")
    # Shape is looked at last: a stranger learns nothing from it.
    assert wire.unsigned(server, "DescribeKey").code == "MissingAuthenticationTokenException"
