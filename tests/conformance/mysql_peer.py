"""A peer that speaks MySQL 8's protocol as far as logins and changes of users go, and checks every
byte of `caching_sha2_password`: the quick way, for users it knows already, and the whole one, over
TLS or by its RSA key (MySQL's "Client/Server Protocol", "Caching_sha2_password information")."""

import hashlib
import os
import re
import socketserver
import ssl
import threading

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

PLUGIN = b"caching_sha2_password\0"
LONG_PASSWORD, CONNECT_WITH_DB, PROTOCOL_41, SSL = 1, 1 << 3, 1 << 9, 1 << 11
TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH = 1 << 13, 1 << 15, 1 << 19
QUIT, QUERY, PING = 1, 3, 14
OK, END = b"\0\0\0\2\0\0\0", b"\xfe\0\0\2\0"
NAME, QUOTED = r"'((?:[^']|'')*)'@'%'", r"'((?:[^']|'')*)'"


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def mixed(one, other):
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


class Refusal(Exception):
    def __init__(self, number, text):
        super().__init__(text)
        self.packet = b"\xff" + number.to_bytes(2, "little") + b"#28000" + text.encode()


class Peer(socketserver.ThreadingTCPServer):
    """`users` are passwords by name, `known` the digests of those who got in the whole way;
    `logins` tells who got in how, `faults` what was not as it must be."""

    daemon_threads = True
    allow_reuse_address = True
    # By RSA's key the password goes under it even where nobody listens.
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def __init__(self, tls=None):
        super().__init__(("127.0.0.1", 0), Session)
        self.tls = None
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(tls / "server.crt", tls / "server.key")
        self.users, self.known, self.grants = {}, {}, {}
        self.logins, self.faults = [], []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    def make(self, user, password):
        self.users[user] = password
        self.known.pop(user, None)
        self.grants.setdefault(user, [f"GRANT SELECT ON `shop`.* TO `{user}`@`%`"])

    def close(self):
        self.shutdown()
        self.server_close()


class Session(socketserver.BaseRequestHandler):
    def handle(self):
        self.number, self.nonce = 0, bytes(33 + byte % 90 for byte in os.urandom(20))
        self.secure = False
        try:
            self.user = self.login()
            self.send(OK)
            self.serve()
        except Refusal as refusal:
            self.send(refusal.packet)
        except (ConnectionError, EOFError, ssl.SSLError):
            pass

    def read(self, count):
        data = b""
        while len(data) < count:
            more = self.request.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def next(self):
        head = self.read(4)
        if head[3] != self.number:
            self.server.faults.append(f"packet {head[3]} in place of {self.number}")
        self.number = (head[3] + 1) % 256
        return self.read(int.from_bytes(head[:3], "little"))

    def send(self, body):
        self.request.sendall(len(body).to_bytes(3, "little") + bytes([self.number]) + body)
        self.number = (self.number + 1) % 256

    def greet(self):
        flags = LONG_PASSWORD | CONNECT_WITH_DB | PROTOCOL_41 | TRANSACTIONS
        flags |= SECURE_CONNECTION | PLUGIN_AUTH | (SSL if self.server.tls else 0)
        flags = flags.to_bytes(4, "little")
        self.send(
            b"\x0a8.0.36\0\x09\0\0\0" + self.nonce[:8] + b"\0" + flags[:2] + b"\x2d\2\0"
            + flags[2:] + b"\x15" + bytes(10) + self.nonce[8:] + b"\0" + PLUGIN
        )

    def login(self):
        self.greet()
        packet = self.next()
        flags = int.from_bytes(packet[:4], "little")
        if flags & SSL:
            if len(packet) != 32:
                self.server.faults.append("more than a head before TLS")
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
            self.secure = True
            packet = self.next()
        user, rest = packet[32:].split(b"\0", 1)
        proof, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
        if flags & CONNECT_WITH_DB:
            rest = rest.split(b"\0", 1)[1]
        if not rest.startswith(PLUGIN):
            self.send(b"\xfe" + PLUGIN + self.nonce + b"\0")
            proof = self.next()
        user = user.decode()
        how = self.quick(user, proof) if user in self.server.known else self.whole(user)
        self.server.logins.append((user, how))
        return user

    def refuse(self, user):
        raise Refusal(1045, f"Access denied for user '{user}'@'127.0.0.1' (using password: YES)")

    def quick(self, user, proof):
        """Nobody who listens learns the password from this, nor its digest."""
        kept = self.server.known[user]
        if len(proof) != 32:
            self.server.faults.append(f"a proof of {len(proof)} bytes")
            self.refuse(user)
        if sha256(mixed(proof, sha256(kept, self.nonce))) != kept:
            self.refuse(user)
        self.send(b"\1\3")
        return "quick"

    def whole(self, user):
        self.send(b"\1\4")
        how, packet = "in clear", self.next()
        if packet == b"\2" and not self.secure:
            public = self.server.key.public_key()
            form = serialization.PublicFormat.SubjectPublicKeyInfo
            self.send(b"\1" + public.public_bytes(serialization.Encoding.PEM, form))
            oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
            plain = self.server.key.decrypt(self.next(), oaep)
            packet = mixed(plain, (self.nonce * len(plain))[: len(plain)])
            how = "rsa"
        elif self.secure:
            how = "tls"
        if not packet.endswith(b"\0"):
            self.server.faults.append("a password without its end")
        password = packet[:-1].decode()
        if self.server.users.get(user) != password:
            self.refuse(user)
        self.server.known[user] = sha256(sha256(password.encode()))
        return how

    def serve(self):
        while True:
            self.number = 0
            packet = self.next()
            if packet[0] == QUIT:
                return
            if packet[0] == PING:
                self.send(OK)
                continue
            assert packet[0] == QUERY, packet
            try:
                rows = self.run(packet[1:].decode())
            except Refusal as refusal:
                self.send(refusal.packet)
                continue
            if rows is None:
                self.send(OK)
                continue
            column = b"\3def" + bytes(3) + b"\1c" + bytes(1) + b"\x0c\x2d\0\0\1\0\0\xfd" + bytes(5)
            lines = [bytes([len(row)]) + row.encode() for row in rows]
            for part in [b"\1", column, END, *lines, END]:
                self.send(part)

    def run(self, statement):
        users, grants = self.server.users, self.server.grants
        whole = lambda pattern: re.fullmatch(pattern, statement)
        plain = lambda text: text.replace("''", "'")
        if statement.upper().startswith(("SET AUTOCOMMIT", "SET NAMES")):
            return None
        if statement == "SELECT 1":
            return ["1"]
        if statement == "SELECT CURRENT_USER()":
            return [f"{self.user}@%"]
        if found := whole(rf"ALTER USER USER\(\) IDENTIFIED BY {QUOTED}"):
            self.server.make(self.user, plain(found[1]))
        elif self.user != "super":
            raise Refusal(1227, "Access denied; you need (at least one of) the CREATE USER")
        elif found := whole(rf"CREATE USER IF NOT EXISTS {NAME} IDENTIFIED BY {QUOTED}"):
            if plain(found[1]) not in users:
                self.server.make(plain(found[1]), plain(found[2]))
                grants[plain(found[1])] = []
        elif found := whole(rf"SHOW GRANTS FOR {NAME}"):
            return grants[plain(found[1])]
        elif found := re.fullmatch(rf"(GRANT .+) TO {NAME}", statement):
            grants[plain(found[2])].append(f"{found[1]} TO `{plain(found[2])}`@`%`")
        elif found := whole(rf"ALTER USER {NAME} IDENTIFIED BY {QUOTED}"):
            self.server.make(plain(found[1]), plain(found[2]))
        else:
            raise Refusal(1064, "You have an error in your SQL syntax")
        return None
