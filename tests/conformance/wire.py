"""Requests made by hand, down to the bytes, and signed by botocore's own signer."""

import dataclasses
import datetime
import hashlib
import http.client
import json

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION = "eu-central-1"
JSON = "application/x-amz-json-1.1"
FORM = "application/x-www-form-urlencoded; charset=utf-8"


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["__type"].rsplit("#", 1)[-1]

    @property
    def message(self):
        return self.json.get("message", self.json.get("Message", ""))

    @property
    def text(self):
        return self.body.decode()


def send(server, headers, body=b"", method="POST", path="/"):
    """Sends exactly this and reads the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, names, answer.read())
    finally:
        connection.close()


def kms_headers(operation="ListKeys"):
    return {"Content-Type": JSON, "X-Amz-Target": f"TrentService.{operation}"}


@dataclasses.dataclass
class Signer:
    """Signs as botocore does, for any time, region and service."""

    access_key: str
    secret: str
    region: str = REGION
    service: str = "kms"
    token: str | None = None

    @classmethod
    def root_of(cls, server, **more):
        return cls(server.root["AccessKeyId"], server.root["SecretAccessKey"], **more)

    def headers(self, server, headers, body=b"", when=None, path="/", method="POST"):
        """`headers` with those of the signature."""
        request = AWSRequest(method, f"{server.endpoint}{path}", headers=headers, data=body)
        self._sign(SigV4Auth, request, when)
        host = {"Host": f"127.0.0.1:{server.port}"}
        return {**dict(request.headers.items()), **host}

    def presigned(self, server, headers, body=b"", expires=300):
        """The path of a presigned request."""
        request = AWSRequest("POST", f"{server.endpoint}/", headers=headers)
        credentials = Credentials(self.access_key, self.secret, self.token)
        auth = SigV4QueryAuth(credentials, self.service, self.region, expires=expires)
        # botocore would move a body into the query; here the body stays, and is signed.
        auth.payload = lambda _: hashlib.sha256(body).hexdigest()
        auth.add_auth(request)
        return request.url.removeprefix(server.endpoint)

    def _sign(self, kind, request, when):
        credentials = Credentials(self.access_key, self.secret, self.token)
        auth = kind(credentials, self.service, self.region)
        if when is None:
            auth.add_auth(request)
            return
        # botocore reads the clock in `add_auth`; its parts take the time from the context.
        request.context["timestamp"] = when.strftime("%Y%m%dT%H%M%SZ")
        auth._modify_request_before_signing(request)
        canonical = auth.canonical_request(request)
        to_sign = auth.string_to_sign(request, canonical)
        auth._inject_signature_to_request(request, auth.signature(to_sign, request))


def now(**away):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**away)


def signed(server, signer, operation="ListKeys", body=b"{}", when=None):
    """A signed KMS call, sent."""
    return send(server, signer.headers(server, kms_headers(operation), body, when), body)


def unsigned(server, operation="ListKeys", body=b"{}", **headers):
    """A KMS call without a signature, sent."""
    return send(server, {**kms_headers(operation), **headers}, body)
