"""PostgreSQL's protocol by Python's own means: a login that is cheap enough to be tried all the
time, and a statement."""

import base64
import hashlib
import hmac
import os
import socket
import struct


def logs_in(port, user, password):
    """Whether PostgreSQL takes a user's password, by SCRAM-SHA-256."""
    with connected(port) as stream:
        return authenticated(stream, stream.makefile("rb"), user, password)


def run(port, user, password, statement):
    """Runs a statement as a user."""
    with connected(port) as stream:
        reader = stream.makefile("rb")
        assert authenticated(stream, reader, user, password), "the password is refused"
        body = statement.encode() + b"\0"
        stream.sendall(b"Q" + struct.pack("!i", len(body) + 4) + body)
        # Of the answer to the login the end is still to come.
        ends = 0
        while ends < 2:
            kind, body = message(reader)
            assert kind != b"E", body
            ends += kind == b"Z"


def connected(port):
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def message(reader):
    kind, length = struct.unpack("!ci", reader.read(5))
    return kind, reader.read(length - 4)


def authenticated(stream, reader, user, password):
    body = struct.pack("!i", 196608)
    body += f"user\0{user}\0database\0postgres\0\0".encode()
    stream.sendall(struct.pack("!i", len(body) + 4) + body)
    bare = f"n=,r={base64.b64encode(os.urandom(18)).decode()}"
    while True:
        kind, body = message(reader)
        if kind == b"E":
            assert b"C28P01\0" in body, body
            return False
        assert kind == b"R", kind
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
