"""A stand-in for S3: serves the folder that trails deliver to, as far as `validate-logs` asks.

It knows ListObjects (the first version), GetObject with user metadata, GetBucketLocation and
HeadObject, and looks at no signature: what is tested is the chain of digests, not S3.
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
        return self._answer(200, path.read_bytes(), **headers)

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
def served(folder):
    """The endpoint at which a folder's folders are buckets."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.folder = pathlib.Path(folder)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
