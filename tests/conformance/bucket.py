"""A stand-in for S3: serves the folder that trails deliver to, as far as `validate-logs` asks.

It knows ListObjects (the first version), GetObject with user metadata, GetBucketLocation,
HeadObject and PutObject, and looks at no signature: what is tested is the chain of digests, not S3.
It hands out what `opened` makes of an object, as S3 does with one that it encrypted. While its
`answers` hold a status, it answers puts with that.
"""

import contextlib
import http.server
import json
import pathlib
import threading
import urllib.parse
from xml.sax.saxutils import escape

METADATA = ".metadata"
PAGE = 1000


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        bucket, _, key = urllib.parse.unquote(url.path).lstrip("/").partition("/")
        folder = self.server.folder / bucket
        if "location" in query:
            self._answer(200, b"<LocationConstraint>eu-central-1</LocationConstraint>")
        elif key:
            self._object(folder / key)
        else:
            self._list(folder, query)

    do_HEAD = do_GET

    def _object(self, path):
        if not path.is_file():
            body = b"<Error><Code>NoSuchKey</Code><Message>It is not there.</Message></Error>"
            return self._answer(404, body)
        beside = path.with_name(path.name + METADATA)
        metadata = json.loads(beside.read_text()) if beside.exists() else {}
        headers = {f"x-amz-meta-{name}": value for name, value in metadata.items()}
        return self._answer(200, self.server.opened(path.read_bytes()), **headers)

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        bucket, _, key = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)[1:].partition("/")
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.lock:
            self.server.puts.append((f"{bucket}/{key}", headers))
            status = self.server.answers[0] if self.server.answers else 200
        if status != 200:
            return self._answer(status, b"<Error><Code>SlowDown</Code><Message>Later.</Message></Error>")
        path = self.server.folder / bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        start = "x-amz-meta-"
        metadata = {n[len(start) :]: v for n, v in headers.items() if n.startswith(start)}
        if metadata:
            path.with_name(path.name + METADATA).write_text(json.dumps(metadata))
        return self._answer(200, b"", ETag='"etag"')

    def _list(self, folder, query):
        prefix, marker = (query.get(name, [""])[0] for name in ("prefix", "marker"))
        files = (file for file in folder.rglob("*") if file.is_file() and file.suffix == ".gz")
        keys = sorted(str(file.relative_to(folder)) for file in files)
        keys = [key for key in keys if key.startswith(prefix) and key > marker]
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>1</Size>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            for key in keys[:PAGE]
        )
        truncated = str(len(keys) > PAGE).lower()
        body = f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{contents}</ListBucketResult>"
        self._answer(200, body.encode())

    def _answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextlib.contextmanager
def running(folder, opened=bytes):
    """A server at which a folder's folders are buckets, and its endpoint."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.folder, server.opened = pathlib.Path(folder), opened
    server.lock, server.puts, server.answers = threading.Lock(), [], []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def served(folder, opened=bytes):
    """The endpoint at which a folder's folders are buckets."""
    with running(folder, opened) as (_, endpoint):
        yield endpoint
