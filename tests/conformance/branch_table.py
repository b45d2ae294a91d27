"""A folder of branch keys' records as a DynamoDB table: as much of DynamoDB as key stores ask for.

The files are those of `bulla branch-key`: lines `NAME VALUE`, both in hexadecimal."""

import base64
import http.server
import json
import pathlib
import threading

ID, TYPE, CIPHERTEXT, NUMBERS = "branch-key-id", "type", "enc", {"hierarchy-version"}


class BranchTable:
    """Serves a folder until it is closed. Conditions of writes are not looked at."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        table = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                answer = json.dumps(table.answer(operation, request)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, operation, request):
        if operation == "GetItem":
            path = self.path(request["Key"])
            return {"Item": read(path)} if path.exists() else {}
        assert operation == "TransactWriteItems", operation
        for write in request["TransactItems"]:
            item = write["Put"]["Item"]
            self.path(item).write_text(written(item))
        return {}

    def path(self, item):
        return self.folder / ".".join(item[name]["S"].encode().hex() for name in (ID, TYPE))


def read(path):
    """A record as an item."""
    item = {}
    for line in path.read_text().splitlines():
        name, value = (bytes.fromhex(part) for part in line.split(" "))
        name = name.decode()
        if name == CIPHERTEXT:
            item[name] = {"B": base64.b64encode(value).decode()}
        else:
            item[name] = {"N" if name in NUMBERS else "S": value.decode()}
    return item


def written(item):
    """An item as a record."""
    lines = []
    for name, value in item.items():
        ((kind, text),) = value.items()
        raw = base64.b64decode(text) if kind == "B" else text.encode()
        lines.append(f"{name.encode().hex()} {raw.hex()}\n")
    return "".join(lines)
