"""A target for events: an HTTP server on loopback that notes what it is sent."""

import http.server
import json
import threading


class Hooks:
    """Notes every request; answers 200, or what it was told to answer next."""

    def __init__(self):
        self._lock = threading.Lock()
        self._seen, self._answers, self._every = [], [], None
        hooks = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body leave together: apart, each answer would wait for a delayed ACK.
            wbufsize = 64 << 10

            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, answer = hooks._note(self.command, self.path, headers, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_PUT = do_GET = do_POST

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def _note(self, method, path, headers, body):
        with self._lock:
            self._seen.append((method, path, headers, body))
            if self._answers:
                return self._answers.pop(0)
            if self._every and len(self._seen) % self._every == 0:
                return 503, b""
            return 200, b"{}"

    def answer(self, status, body=b""):
        """What the next request is answered that nothing was said of yet."""
        with self._lock:
            self._answers.append((status, body))

    def fail_every(self, number):
        """Refuses every so manieth request."""
        with self._lock:
            self._every = number

    @property
    def requests(self):
        with self._lock:
            return list(self._seen)

    @property
    def events(self):
        return [json.loads(body) for _, _, _, body in self.requests]
