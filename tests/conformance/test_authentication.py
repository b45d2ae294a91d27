"""`bulla serve` lets in only what its own keys have signed, whole and lately."""

import re

import pytest
import wire
from conftest import client
from expect import refused

BAD_SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)
UNKNOWN_KEY = "The security token included in the request is invalid."
MISSING = {"Missing Authentication Token", "Request is missing Authentication Token"}


@pytest.fixture(scope="module")
def root(strict_server):
    return wire.Signer.root_of(strict_server)


def request(server, signer, body=b"{}", when=None):
    return signer.headers(server, wire.kms_headers(), body, when)


def assert_refused(answer, code, message=None):
    assert (answer.status, answer.code) == (400, code), answer.body
    if isinstance(message, re.Pattern):
        assert message.fullmatch(answer.message), answer.message
    elif message is not None:
        assert answer.message.startswith(message), answer.message


def test_the_root_key_is_let_in(strict_server, root):
    assert wire.signed(strict_server, root).status == 200


def test_a_query_signature_is_let_in(strict_server, root):
    path = root.presigned(strict_server, wire.kms_headers(), b"{}")
    answer = wire.send(strict_server, wire.kms_headers(), b"{}", path=path)
    assert answer.status == 200, answer.body


def test_no_signature(strict_server):
    answer = wire.unsigned(strict_server)
    assert_refused(answer, "MissingAuthenticationTokenException")
    assert answer.message in MISSING


def test_a_wrong_secret(strict_server, root):
    signer = wire.Signer(root.access_key, "not the secret")
    assert_refused(
        wire.signed(strict_server, signer), "InvalidSignatureException", BAD_SIGNATURE
    )


@pytest.mark.parametrize("name", ["test", "000000000000", "AKIAIOSFODNN7EXAMPLE", "nobody"])
def test_a_key_that_was_never_issued(strict_server, name):
    signer = wire.Signer(name, "test")
    answer = wire.signed(strict_server, signer)
    assert_refused(answer, "UnrecognizedClientException", UNKNOWN_KEY)


@pytest.mark.parametrize("name", ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"])
def test_dev_too_refuses_a_key_that_looks_real(server, name):
    with refused("UnrecognizedClientException", UNKNOWN_KEY):
        client(server, account=name).list_keys()


class TestAlterations:
    """Each part that was signed is altered in turn."""

    def test_body(self, strict_server, root):
        headers = request(strict_server, root, b'{"Limit":1}')
        answer = wire.send(strict_server, headers, b'{"Limit":2}')
        assert_refused(answer, "InvalidSignatureException", BAD_SIGNATURE)

    def test_target(self, strict_server, root):
        headers = {**request(strict_server, root), "X-Amz-Target": "TrentService.CreateKey"}
        answer = wire.send(strict_server, headers, b"{}")
        assert_refused(answer, "InvalidSignatureException", BAD_SIGNATURE)

    def test_path_and_query(self, strict_server, root):
        headers = request(strict_server, root)
        for path in ("/?a=b", "/x"):
            answer = wire.send(strict_server, headers, b"{}", path=path)
            assert answer.status in (400, 403, 404)
            assert b"Keys" not in answer.body

    def test_host(self, strict_server, root):
        headers = {**request(strict_server, root), "Host": "elsewhere.example"}
        answer = wire.send(strict_server, headers, b"{}")
        assert_refused(answer, "InvalidSignatureException", BAD_SIGNATURE)

    def test_date(self, strict_server, root):
        headers = request(strict_server, root)
        headers["X-Amz-Date"] = wire.now(minutes=-1).strftime("%Y%m%dT%H%M%SZ")
        answer = wire.send(strict_server, headers, b"{}")
        assert_refused(answer, "InvalidSignatureException")

    def test_region_in_the_scope(self, strict_server, root):
        headers = request(strict_server, root)
        headers["Authorization"] = headers["Authorization"].replace(root.region, "us-west-2")
        answer = wire.send(strict_server, headers, b"{}")
        assert_refused(answer, "InvalidSignatureException")

    def test_every_digit_of_the_signature(self, strict_server, root):
        headers = request(strict_server, root)
        head, signature = headers["Authorization"].split("Signature=")
        for at, digit in enumerate(signature):
            other = "0" if digit != "0" else "1"
            altered = f"{head}Signature={signature[:at]}{other}{signature[at + 1:]}"
            answer = wire.send(strict_server, {**headers, "Authorization": altered}, b"{}")
            assert_refused(answer, "InvalidSignatureException", BAD_SIGNATURE)

    def test_a_signature_cut_short_or_drawn_out(self, strict_server, root):
        headers = request(strict_server, root)
        for text in (headers["Authorization"][:-2], headers["Authorization"] + "00"):
            answer = wire.send(strict_server, {**headers, "Authorization": text}, b"{}")
            assert_refused(answer, "InvalidSignatureException", BAD_SIGNATURE)

    def test_a_token_that_was_never_issued(self, strict_server, root):
        signer = wire.Signer(root.access_key, root.secret, token="made-up")
        answer = wire.signed(strict_server, signer)
        assert_refused(answer, "UnrecognizedClientException", UNKNOWN_KEY.rstrip("."))


class TestDates:
    EXPIRED = re.compile(
        r"Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z "
        r"\(\d{8}T\d{6}Z - 15 min\.\)"
    )
    EARLY = re.compile(
        r"Signature not yet current: \d{8}T\d{6}Z is still later than \d{8}T\d{6}Z "
        r"\(\d{8}T\d{6}Z \+ 15 min\.\)"
    )

    @pytest.mark.parametrize("minutes", [-14, 14])
    def test_a_quarter_of_an_hour_is_forgiven(self, strict_server, root, minutes):
        answer = wire.signed(strict_server, root, when=wire.now(minutes=minutes))
        assert answer.status == 200, answer.body

    def test_an_old_signature(self, strict_server, root):
        answer = wire.signed(strict_server, root, when=wire.now(minutes=-16))
        assert_refused(answer, "InvalidSignatureException", self.EXPIRED)

    def test_a_signature_of_tomorrow(self, strict_server, root):
        answer = wire.signed(strict_server, root, when=wire.now(minutes=16))
        assert_refused(answer, "InvalidSignatureException", self.EARLY)

    def test_a_date_that_is_none(self, strict_server, root):
        headers = {**request(strict_server, root), "X-Amz-Date": "201"}
        message = "Date must be in ISO-8601 'basic format'. Got '201'."
        answer = wire.send(strict_server, headers, b"{}")
        assert_refused(answer, "IncompleteSignatureException", message)

    def test_a_presigned_request_expires(self, strict_server, root):
        path = root.presigned(strict_server, wire.kms_headers(), b"{}", expires=300)
        older = re.sub(r"X-Amz-Date=[^&]+", "X-Amz-Date=20200101T000000Z", path)
        answer = wire.send(strict_server, wire.kms_headers(), b"{}", path=older)
        assert_refused(answer, "InvalidSignatureException")


class TestMalformedHeaders:
    def authorization(self, server, root, change):
        headers = request(server, root)
        headers["Authorization"] = change(headers["Authorization"])
        return wire.send(server, headers, b"{}")

    @pytest.mark.parametrize("piece", ["Credential", "Signature", "SignedHeaders"])
    def test_a_missing_piece_is_named(self, strict_server, root, piece):
        def without(text):
            kind, pieces = text.split(" ", 1)
            kept = [p for p in pieces.split(", ") if not p.startswith(f"{piece}=")]
            return f"{kind} {', '.join(kept)}"

        answer = self.authorization(strict_server, root, without)
        message = f"Authorization header requires '{piece}' parameter. Authorization="
        assert_refused(answer, "IncompleteSignatureException", message)

    def test_a_scope_of_four_parts(self, strict_server, root):
        def shorter(text):
            return text.replace("/aws4_request", "")

        answer = self.authorization(strict_server, root, shorter)
        message = (
            "Credential must have exactly 5 slash-delimited elements, "
            "e.g. keyid/date/region/service/term, got '"
        )
        assert_refused(answer, "IncompleteSignatureException", message)

    def test_another_terminator(self, strict_server, root):
        def other(text):
            return text.replace("aws4_request", "aws5_request")

        answer = self.authorization(strict_server, root, other)
        message = (
            "Credential should be scoped with a valid terminator: 'aws4_request', "
            "not 'aws5_request'."
        )
        assert_refused(answer, "InvalidSignatureException", message)

    def test_a_scope_of_another_day(self, strict_server, root):
        def other(text):
            return re.sub(r"/\d{8}/", "/20130608/", text)

        answer = self.authorization(strict_server, root, other)
        message = (
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "
            "from HTTP: '20130608' != '"
        )
        assert_refused(answer, "InvalidSignatureException", message)

    def test_a_scope_of_another_service(self, strict_server, root):
        signer = wire.Signer(root.access_key, root.secret, service="glue")
        answer = wire.signed(strict_server, signer)
        message = "Credential should be scoped to correct service: 'kms'."
        assert_refused(answer, "InvalidSignatureException", message)

    def test_the_host_must_be_signed(self, strict_server, root):
        def without_host(text):
            return text.replace(";host", "").replace("=host;", "=")

        answer = self.authorization(strict_server, root, without_host)
        must = re.compile(
            r"'Host'( or ':authority')? must be a 'SignedHeader' in the AWS Authorization\."
        )
        assert_refused(answer, "InvalidSignatureException", must)

    def test_another_algorithm(self, strict_server, root):
        def other(text):
            return text.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-MD5")

        answer = self.authorization(strict_server, root, other)
        assert_refused(
            answer, "IncompleteSignatureException", "Unsupported AWS 'algorithm': 'AWS4-HMAC-MD5'"
        )

    def test_header_and_query_signature_together(self, strict_server, root):
        path = root.presigned(strict_server, wire.kms_headers(), b"{}")
        answer = wire.send(strict_server, request(strict_server, root), b"{}", path=path)
        message = (
            "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as "
            "HTTP header."
        )
        assert_refused(answer, "InvalidSignatureException", message)

    @pytest.mark.parametrize(
        "text", ["Bearer abc", "Basic dGVzdDp0ZXN0", "AWS4-HMAC-SHA256", "AWS4-"]
    )
    def test_what_is_no_signature_opens_nothing(self, strict_server, root, text):
        answer = self.authorization(strict_server, root, lambda _: text)
        codes = {"MissingAuthenticationTokenException", "IncompleteSignatureException"}
        assert answer.status == 400 and answer.code in codes

    def test_two_authorization_headers_open_nothing(self, strict_server, root):
        good = request(strict_server, root)["Authorization"]
        answer = self.authorization(strict_server, root, lambda _: f"{good}, {good}")
        assert answer.status == 400 and b"Keys" not in answer.body
