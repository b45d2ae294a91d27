"""The program under test: found, started on a free port, ended by its own handle."""

import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

READY_SECONDS = 30
END_SECONDS = 15
START_ATTEMPTS = 3


def binary():
    """The release binary that `cargo xtask` names."""
    path = os.environ.get("BULLA_BIN")
    if not path:
        raise RuntimeError("BULLA_BIN is not set: run the suite by `cargo xtask conformance`")
    return path


def run(*args, timeout=120, **options):
    """Runs one command of the program to its end, output as text."""
    return subprocess.run(
        [binary(), *map(str, args)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        **options,
    )


def pipe(text, *args, status=0, timeout=120):
    """Runs one command of the program on bytes from a pipe; gives what it writes to another."""
    command = [binary(), *map(str, args)]
    done = subprocess.run(command, input=text, capture_output=True, timeout=timeout)
    assert done.returncode == status, done.stderr
    return done.stdout


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds, what):
    """Asks until `condition` holds; fails when it does not in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {seconds} s: {what}")
        time.sleep(0.01)


class Server:
    """One running `bulla dev` or `bulla serve`; a context manager."""

    def __init__(self, *command, env=None):
        self._command = command
        self._env = {**os.environ, **(env or {})}
        self._log = tempfile.TemporaryFile()
        self.process = None
        self.port = None

    @classmethod
    def dev(cls, data=None, *more, **options):
        return cls("dev", *(["--data", str(data)] if data else []), *more, **options)

    @classmethod
    def serve(cls, data, *more, **options):
        # AWS's request rates would slow down tests that are about other things.
        rates = [] if "--quotas" in more else ["--quotas", "none"]
        return cls("serve", "--data", str(data), *rates, *more, **options)

    def argument(self, option):
        """What the server was given for an option."""
        return self._command[self._command.index(option) + 1]

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        # Another process may take the free port first: then the program ends at once.
        for attempt in range(START_ATTEMPTS):
            self.start()
            try:
                wait_until(self._ready_or_ended, READY_SECONDS, "the server is ready")
            except BaseException:
                self.stop()
                raise
            if self.process.poll() is None:
                return self
        raise AssertionError(f"the server ended at once:\n{self.output()[-2000:]}")

    def __exit__(self, *_):
        self.stop()
        self._log.close()

    def start(self):
        self.port = free_port()
        self.process = subprocess.Popen(
            [binary(), *self._command, "--listen", f"127.0.0.1:{self.port}"],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=self._env,
        )

    def _ready_or_ended(self):
        return self.process.poll() is not None or self.healthy()

    def healthy(self):
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_bulla/health", timeout=5) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def stop(self):
        """Asks the program to end, and makes it if it does not. Gives the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def kill(self):
        """Ends the program as a power cut would."""
        self.process.kill()
        self.process.wait()

    def output(self):
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def control(self, path, body=None):
        """Calls one of the program's own addresses: (status, text)."""
        request = urllib.request.Request(
            f"{self.endpoint}/_bulla/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")

    def advance(self, duration):
        """Turns the clock on by an ISO 8601 duration; due jobs have run on return."""
        status, text = self.control("clock", {"advance": duration})
        assert status == 200, text
        return json.loads(text)["now"]

    def reset(self):
        status, text = self.control("reset", {})
        assert status == 200, text
        return json.loads(text)["now"]


def init(data, *options):
    """Makes a data directory; gives the root access key as `bulla init --json` prints it."""
    answer = run("init", "--data", data, "--json", *options)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def files_under(folder):
    return [path for path in pathlib.Path(folder).rglob("*") if path.is_file()]
