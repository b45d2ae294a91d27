"""A peer that speaks MongoDB's protocol as far as logins and changes of users go, and checks every
byte of SCRAM (RFC 5802, RFC 7677). Its BSON is pymongo's; its SCRAM is Python's own hashlib."""

import base64
import hashlib
import hmac
import os
import re
import socketserver
import struct
import threading

import bson

OP_MSG = 2013
OP_QUERY = 2004
ITERATIONS = {"SCRAM-SHA-1": 10000, "SCRAM-SHA-256": 15000}
FIRST = re.compile(r"n,,(n=((?:[^,=]|=2C|=3D)+),r=([!-+\--~]{16,}))")
LAST = re.compile(r"(c=biws,r=([!-+\--~]+)),p=([A-Za-z0-9+/]+=*)")


class Refusal(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Keys:
    """What a server keeps of a password in one mechanism."""

    def __init__(self, mechanism, user, password):
        self.hash = "sha256" if mechanism == "SCRAM-SHA-256" else "sha1"
        if self.hash == "sha1":
            password = hashlib.md5(f"{user}:mongo:{password}".encode()).hexdigest()
        self.salt, self.iterations = os.urandom(16), ITERATIONS[mechanism]
        salted = hashlib.pbkdf2_hmac(self.hash, password.encode(), self.salt, self.iterations)
        client = self.hmac(salted, b"Client Key")
        self.stored = hashlib.new(self.hash, client).digest()
        self.server = self.hmac(salted, b"Server Key")

    def hmac(self, key, text):
        return hmac.new(key, text, self.hash).digest()


class Peer(socketserver.ThreadingTCPServer):
    """`users` are passwords and roles by name; `faults` what was not as it must be."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, mechanisms=("SCRAM-SHA-1", "SCRAM-SHA-256"), tells=True):
        super().__init__(("127.0.0.1", 0), Session)
        self.mechanisms, self.tells = mechanisms, tells
        self.users, self.keys, self.faults, self.logins = {}, {}, [], []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    def make(self, user, password, roles=()):
        self.users[user] = {"password": password, "roles": list(roles)}
        self.keys[user] = {name: Keys(name, user, password) for name in self.mechanisms}

    def close(self):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        pass


class Session(socketserver.BaseRequestHandler):
    user = None
    scram = None

    def read(self, length):
        data = b""
        while len(data) < length:
            more = self.request.recv(length - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def handle(self):
        try:
            while True:
                head = self.read(16)
                length, number, _, opcode = struct.unpack("<iiii", head)
                self.message(number, opcode, self.read(length - 16))
        except (EOFError, ConnectionError):
            pass
        except Exception as error:  # the test looks at it
            self.server.faults.append(repr(error))

    def message(self, number, opcode, body):
        if opcode == OP_QUERY:
            # Drivers begin with a query of old.
            end = body.index(b"\0", 4) + 1
            answer = self.command(bson.decode(body[end + 8:]))
            reply = struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(answer)
            opcode = 1
        else:
            assert opcode == OP_MSG, opcode
            flags, kind = struct.unpack("<IB", body[:5])
            assert (flags, kind) == (0, 0), (flags, kind)
            answer = self.command(bson.decode(body[5:]))
            reply = struct.pack("<IB", 0, 0) + bson.encode(answer)
        head = struct.pack("<iiii", 16 + len(reply), 1, number, opcode)
        self.request.sendall(head + reply)

    def command(self, command):
        name = next(iter(command))
        handler = getattr(self, f"do_{name.lower()}", None)
        try:
            if handler is None:
                raise Refusal(59, "CommandNotFound")
            return {**handler(command), "ok": 1.0}
        except Refusal as refusal:
            return {"ok": 0.0, "code": refusal.code, "errmsg": str(refusal), "codeName": "x"}

    def do_hello(self, command):
        answer = {
            "isWritablePrimary": True, "ismaster": True, "helloOk": True, "maxWireVersion": 21,
            "minWireVersion": 0, "maxBsonObjectSize": 16777216, "maxMessageSizeBytes": 48000000,
            "maxWriteBatchSize": 100000,
        }
        asked = command.get("saslSupportedMechs")
        if asked and self.server.tells:
            user = asked.partition(".")[2]
            if user in self.server.users:
                answer["saslSupportedMechs"] = list(self.server.mechanisms)
        speculative = command.get("speculativeAuthenticate")
        if speculative:
            try:
                answer["speculativeAuthenticate"] = self.do_saslstart(speculative)
            except Refusal:
                self.scram = None
        return answer

    do_ismaster = do_hello

    def do_saslstart(self, command):
        mechanism, payload = command["mechanism"], bytes(command["payload"]).decode()
        if mechanism not in self.server.mechanisms:
            raise Refusal(334, "MechanismUnavailable")
        first = FIRST.fullmatch(payload)
        if not first:
            self.server.faults.append(f"the first message is {payload!r}")
            raise Refusal(18, "AuthenticationFailed")
        bare, user, nonce = first[1], first[2].replace("=2C", ",").replace("=3D", "="), first[3]
        keys = self.server.keys.get(user, {}).get(mechanism) or Keys(mechanism, user, "nobody's")
        whole = nonce + base64.b64encode(os.urandom(18)).decode()
        salt = base64.b64encode(keys.salt).decode()
        server_first = f"r={whole},s={salt},i={keys.iterations}"
        self.scram = (user, mechanism, keys, bare, whole, server_first)
        return {"conversationId": 1, "done": False, "payload": server_first.encode()}

    def do_saslcontinue(self, command):
        assert command["conversationId"] == 1
        payload = bytes(command["payload"]).decode()
        if self.scram is None:
            assert payload == "" and self.user
            return {"conversationId": 1, "done": True, "payload": b""}
        user, mechanism, keys, bare, whole, server_first = self.scram
        self.scram = None
        last = LAST.fullmatch(payload)
        if not last or last[2] != whole:
            self.server.faults.append(f"the last message is {payload!r}")
            raise Refusal(18, "AuthenticationFailed")
        text = f"{bare},{server_first},{last[1]}".encode()
        signature = keys.hmac(keys.stored, text)
        proof = base64.b64decode(last[3], validate=True)
        if len(proof) != len(signature):
            self.server.faults.append(f"the proof has {len(proof)} bytes")
        client = bytes(a ^ b for a, b in zip(proof, signature))
        if hashlib.new(keys.hash, client).digest() != keys.stored:
            raise Refusal(18, "AuthenticationFailed")
        self.user = user
        self.server.logins.append((user, mechanism))
        verifier = base64.b64encode(keys.hmac(keys.server, text))
        return {"conversationId": 1, "done": False, "payload": b"v=" + verifier}

    def must(self, condition):
        if not (self.user and condition):
            raise Refusal(13, "Unauthorized")

    def is_root(self):
        return {"role": "root", "db": "admin"} in self.server.users[self.user]["roles"]

    def do_ping(self, command):
        self.must(True)
        return {}

    do_endsessions = do_ping

    def do_updateuser(self, command):
        user = command["updateUser"]
        self.must(user == self.user or self.is_root())
        if user not in self.server.users:
            raise Refusal(11, "UserNotFound")
        self.server.make(user, command["pwd"], self.server.users[user]["roles"])
        return {}

    def do_createuser(self, command):
        self.must(self.is_root())
        if command["createUser"] in self.server.users:
            raise Refusal(51003, "exists")
        self.server.make(command["createUser"], command["pwd"], command["roles"])
        return {}

    def do_usersinfo(self, command):
        asked = command["usersInfo"]
        self.must(self.is_root())
        known = self.server.users.get(asked["user"])
        found = [{"user": asked["user"], "db": asked["db"], "roles": known["roles"]}] if known else []
        return {"users": found}
