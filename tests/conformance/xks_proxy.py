"""An XKS proxy in Python, written from the specification: with TLS, and moods."""

import base64
import datetime
import hashlib
import http.server
import json
import os
import ssl
import threading
import time
import uuid

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

HOST = "proxy.example"
PATH = "/conformance/kms/xks/v1"
ACCESS_KEY_ID = "ABCDEFGHIJKLMNOPQRST"
SECRET = "0123456789012345678901234567890123456789012"


def certificate(folder, host):
    """A self-signed certificate and its key: the paths of two PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert_file, key_file


def b64(data):
    return base64.b64encode(data).decode()


def signature(method, url, headers, body, credentials, region, timestamp):
    """The signature of a request, by botocore."""
    request = AWSRequest(method=method, url=url, data=body, headers=headers)
    request.context["timestamp"] = timestamp
    auth = SigV4Auth(credentials, "kms-xks-proxy", region)
    canonical = auth.canonical_request(request)
    return auth.signature(auth.string_to_sign(request, canonical), request)


class Refused(Exception):
    def __init__(self, status, name):
        super().__init__(name)
        self.status, self.name = status, name


class Proxy:
    """What is asked is kept in `seen`. `mood(operation, answer)` may change or replace an answer."""

    def __init__(self, folder):
        self.cert, key = certificate(folder, HOST)
        self.keys = {}
        self.seen = []
        self.mood = None
        self.tampered = []
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                proxy.respond(self, body)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, key)
        # The handshake takes place in the connection's own thread.
        self.http.socket = context.wrap_socket(
            self.http.socket, server_side=True, do_handshake_on_connect=False
        )
        self.place = f"{HOST}=127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def key(self):
        """A new external key."""
        name = f"{uuid.uuid4()}"
        self.keys[name] = AESGCM(os.urandom(32))
        return name

    def respond(self, handler, body):
        try:
            self.authenticate(handler, body)
            operation, answer = self.work(handler.path, json.loads(body))
            status = 200
        except Refused as refused:
            operation, status = handler.path.rsplit("/", 1)[1], refused.status
            answer = {"errorName": refused.name, "errorMessage": "as it is"}
        text = json.dumps(answer)
        if self.mood:
            changed = self.mood(operation, answer)
            if changed is None:
                handler.close_connection = True
                return
            status, text = changed if isinstance(changed, tuple) else (200, json.dumps(changed))
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text.encode())

    def authenticate(self, handler, body):
        head = handler.headers["Authorization"]
        parts = dict(part.strip().split("=", 1) for part in head.split(" ", 1)[1].split(","))
        scope = parts["Credential"].split("/")
        assert scope[3:] == ["kms-xks-proxy", "aws4_request"], scope
        names = parts["SignedHeaders"].split(";")
        assert {"host", "x-amz-date"} <= set(names)
        expected = signature(
            "POST",
            f"https://{handler.headers['Host']}{handler.path}",
            {name: handler.headers[name] for name in names},
            body,
            Credentials(ACCESS_KEY_ID, SECRET),
            scope[2],
            handler.headers["X-Amz-Date"],
        )
        if scope[0] != ACCESS_KEY_ID or parts["Signature"] != expected:
            raise Refused(401, "AuthenticationFailedException")

    def work(self, path, request):
        self.seen.append((path, request))
        if not path.startswith(PATH):
            raise Refused(404, "InvalidUriPathException")
        if path == f"{PATH}/health":
            manager = {"id": "one", "model": "Python", "healthStatus": "ACTIVE"}
            return "health", {
                "xksProxyFleetSize": 1,
                "xksProxyVendor": "conformance",
                "xksProxyModel": "conformance 1",
                "ekmVendor": "conformance",
                "ekmFleetDetails": [manager],
            }
        name, operation = path.removeprefix(f"{PATH}/keys/").split("/")
        if name not in self.keys:
            raise Refused(404, "KeyNotFoundException")
        return operation, getattr(self, operation)(self.keys[name], request)

    def metadata(self, _key, _request):
        return {"keySpec": "AES_256", "keyUsage": ["ENCRYPT", "DECRYPT"], "keyStatus": "ENABLED"}

    def encrypt(self, key, request):
        aad = base64.b64decode(request.get("additionalAuthenticatedData", ""))
        iv, metadata = os.urandom(12), b"version 1"
        whole = len(aad).to_bytes(2, "big") + aad + bytes([len(metadata)]) + metadata
        sealed = key.encrypt(iv, base64.b64decode(request["plaintext"]), whole)
        sealed, tag = sealed[:-16], sealed[-16:]
        value = hashlib.sha256(aad + metadata + iv + sealed + tag).digest()
        return {
            "ciphertext": b64(sealed),
            "ciphertextMetadata": b64(metadata),
            "initializationVector": b64(iv),
            "authenticationTag": b64(tag),
            "ciphertextDataIntegrityValue": b64(value),
        }

    def decrypt(self, key, request):
        aad = base64.b64decode(request.get("additionalAuthenticatedData", ""))
        metadata = base64.b64decode(request["ciphertextMetadata"])
        whole = len(aad).to_bytes(2, "big") + aad + bytes([len(metadata)]) + metadata
        iv, sealed, tag = (
            base64.b64decode(request[name])
            for name in ("initializationVector", "ciphertext", "authenticationTag")
        )
        try:
            return {"plaintext": b64(key.decrypt(iv, sealed + tag, whole))}
        except InvalidTag:
            raise Refused(400, "InvalidCiphertextException") from None


def timestamp(offset=0):
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + offset))
