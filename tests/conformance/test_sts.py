"""STS GetCallerIdentity, and the errors of the Query protocol."""

import re
import xml.etree.ElementTree as xml

import pytest
import wire
from conftest import ACCOUNT, client

BODY = b"Action=GetCallerIdentity&Version=2011-06-15"
STS = "{https://sts.amazonaws.com/doc/2011-06-15/}"


def call(server, signer, body=BODY, **changed):
    headers = signer.headers(server, {"Content-Type": wire.FORM}, body)
    return wire.send(server, {**headers, **changed}, body)


@pytest.fixture(scope="module")
def root(strict_server):
    return wire.Signer.root_of(strict_server, service="sts")


def error(answer):
    text = answer.text
    get = lambda name: re.search(f"<{name}>(.*?)</{name}>", text, re.S).group(1)  # noqa: E731
    assert re.search("<RequestId>.+</RequestId>", text)
    return answer.status, get("Code"), get("Message")


def test_test_is_the_root_user_of_the_default_account(sts):
    answer = sts.get_caller_identity()
    assert answer["Account"] == ACCOUNT
    assert answer["UserId"] == ACCOUNT
    assert answer["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"


def test_twelve_digits_are_the_root_user_of_that_account(server):
    answer = client(server, "sts", account="123456789012").get_caller_identity()
    assert (answer["Account"], answer["Arn"]) == (
        "123456789012",
        "arn:aws:iam::123456789012:root",
    )


def test_the_issued_key_is_the_root_user_of_its_account(strict_server, root):
    sts = client(strict_server, "sts", account=root.access_key, secret=root.secret)
    answer = sts.get_caller_identity()
    account = strict_server.root["AccountId"]
    assert (answer["Account"], answer["Arn"]) == (account, f"arn:aws:iam::{account}:root")


def test_the_answer_is_xml_as_aws_writes_it(strict_server, root):
    answer = call(strict_server, root)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/xml")
    document = xml.fromstring(answer.body)
    assert document.tag == f"{STS}GetCallerIdentityResponse"
    assert [child.tag for child in document] == [
        f"{STS}GetCallerIdentityResult",
        f"{STS}ResponseMetadata",
    ]


def test_a_missing_signature(strict_server):
    answer = wire.send(strict_server, {"Content-Type": wire.FORM}, BODY)
    expected = (403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    assert error(answer) == expected


def test_an_unknown_key(strict_server):
    answer = call(strict_server, wire.Signer("nobody", "secret", service="sts"))
    message = "The security token included in the request is invalid."
    assert error(answer) == (403, "InvalidClientTokenId", message)


def test_a_bad_signature(strict_server, root):
    signer = wire.Signer(root.access_key, "x", service="sts")
    status, code, message = error(call(strict_server, signer))
    assert (status, code) == (403, "SignatureDoesNotMatch")
    assert message.startswith("The request signature we calculated does not match")


def test_a_malformed_header(strict_server, root):
    answer = call(strict_server, root, Authorization="AWS4-HMAC-SHA256 Credential=a")
    assert error(answer)[:2] == (400, "IncompleteSignature")


def test_an_unknown_action(strict_server, root):
    answer = call(strict_server, root, b"Action=NoSuchAction&Version=2011-06-15")
    assert error(answer)[:2] == (400, "InvalidAction")
