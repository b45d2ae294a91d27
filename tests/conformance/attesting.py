"""Attestation documents as a Nitro Security Module makes them, under a root of our own."""

import datetime
import hashlib
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

ES384 = -35


def cbor(item):
    """The encoding of an item (RFC 8949), for what documents are made of."""

    def head(major, number):
        for size, short in ((1, 24), (2, 25), (4, 26), (8, 27)):
            if number < 24:
                return bytes([major << 5 | number])
            if number < 1 << 8 * size:
                return bytes([major << 5 | short]) + number.to_bytes(size, "big")
        raise ValueError(number)

    if item is None:
        return b"\xf6"
    if isinstance(item, int):
        return head(0, item) if item >= 0 else head(1, -1 - item)
    if isinstance(item, bytes):
        return head(2, len(item)) + item
    if isinstance(item, str):
        return head(3, len(item.encode())) + item.encode()
    if isinstance(item, list):
        return head(4, len(item)) + b"".join(cbor(each) for each in item)
    pairs = b"".join(cbor(key) + cbor(value) for key, value in item.items())
    return head(5, len(item)) + pairs


def certificate(name, key, issuer=None, issuer_key=None, ca=True, days=(-1, 1)):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    return builder.sign(issuer_key or key, hashes.SHA384())


class Authority:
    """A root, an authority below it, and the module that signs."""

    def __init__(self, leaf_days=(-1, 1)):
        root_key, between_key, self.key = (
            ec.generate_private_key(ec.SECP384R1()) for _ in range(3)
        )
        self.root = certificate("root", root_key)
        between = certificate("between", between_key, self.root, root_key)
        leaf = certificate("module", self.key, between, between_key, ca=False, days=leaf_days)
        self.leaf = leaf.public_bytes(Encoding.DER)
        self.bundle = [each.public_bytes(Encoding.DER) for each in (self.root, between)]

    def pem(self):
        return self.root.public_bytes(Encoding.PEM)

    def document(self, public_key, registers=None, age=0, key=None, **changes):
        """A signed document; `changes` replace members of its payload."""
        made = datetime.datetime.now(datetime.timezone.utc).timestamp() - age
        payload = {
            "module_id": "i-0-enc0",
            "digest": "SHA384",
            "timestamp": int(made * 1000),
            "pcrs": registers or {0: bytes(48), 1: b"\x01" * 48, 8: b"\x08" * 48},
            "certificate": self.leaf,
            "cabundle": self.bundle,
            "public_key": public_key,
            "user_data": None,
            "nonce": None,
        }
        payload = cbor({**payload, **changes})
        protected = cbor({1: ES384})
        signed = cbor(["Signature1", protected, b"", payload])
        signature = (key or self.key).sign(signed, ec.ECDSA(hashes.SHA384()))
        r, s = utils.decode_dss_signature(signature)
        raw = r.to_bytes(48, "big") + s.to_bytes(48, "big")
        return cbor([protected, {}, payload, raw])


class Enclave:
    """Who attests: an RSA key, and OpenSSL to open what is for it."""

    def __init__(self, folder):
        self.folder = folder
        private = rsa.generate_private_key(65537, 2048)
        self.public = private.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        self.key = folder / "enclave.pem"
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.key.write_bytes(pem)

    def open(self, enveloped):
        path = self.folder / hashlib.sha256(enveloped).hexdigest()
        path.write_bytes(enveloped)
        command = ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER"]
        command += ["-in", str(path), "-inkey", str(self.key)]
        return subprocess.run(command, check=True, capture_output=True).stdout
