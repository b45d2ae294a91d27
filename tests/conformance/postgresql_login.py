"""A login to PostgreSQL by Python's own means, cheap enough to be tried all the time."""

import base64
import hashlib
import hmac
import os
import socket
import struct


def logs_in(port, user, password):
    """Whether PostgreSQL takes a user's password, by SCRAM-SHA-256."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as stream:
        body = struct.pack("!i", 196608)
        body += f"user\0{user}\0database\0postgres\0\0".encode()
        stream.sendall(struct.pack("!i", len(body) + 4) + body)
        reader = stream.makefile("rb")
        nonce = base64.b64encode(os.urandom(18)).decode()
        bare = f"n=,r={nonce}"
        while True:
            kind, length = struct.unpack("!ci", reader.read(5))
            body = reader.read(length - 4)
            if kind == b"E":
                assert b"C28P01\0" in body, body
                return False
            if kind != b"R":
                return True
            ask = struct.unpack("!i", body[:4])[0]
            if ask == 0:
                return True
            if ask == 10:
                first = f"n,,{bare}".encode()
                answer = b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first
            elif ask == 11:
                answer = last(bare, body[4:].decode(), password)
            else:
                continue
            stream.sendall(b"p" + struct.pack("!i", len(answer) + 4) + answer)


def last(bare, server_first, password):
    parts = dict(part.split("=", 1) for part in server_first.split(","))
    salt = base64.b64decode(parts["s"])
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, int(parts["i"]))
    client = hmac.digest(salted, b"Client Key", "sha256")
    without = f"c=biws,r={parts['r']}"
    text = f"{bare},{server_first},{without}".encode()
    signature = hmac.digest(hashlib.sha256(client).digest(), text, "sha256")
    proof = bytes(a ^ b for a, b in zip(client, signature))
    return f"{without},p={base64.b64encode(proof).decode()}".encode()
