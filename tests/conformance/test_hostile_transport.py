"""Bytes that are no fair HTTP: bounded in time and size, and others are served meanwhile."""

import select
import socket
import time

import pytest
import wire

# No connection that sends nothing whole may be held open longer.
PATIENCE_SECONDS = 100
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: TrentService.ListKeys\r\n"


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS)


def read_all(connection):
    """What comes until the other side closes, or says no more for now."""
    received = b""
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            return received
        if not piece:
            return received
        received += piece
        if b"\r\n\r\n" in received:
            return received


def exchange(server, request):
    with connect(server) as connection:
        try:
            connection.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read_all(connection)


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else None


@pytest.fixture(autouse=True)
def still_serving(server):
    yield
    assert server.process.poll() is None
    assert wire.signed(server, wire.Signer("test", "test")).status == 200


def test_a_body_that_says_it_is_huge_is_refused_unread(server):
    answer = exchange(server, HEAD + b"Content-Length: 68719476736\r\n\r\n{")
    assert status(answer) in (400, 413)


def test_a_body_over_the_limit_is_refused(server):
    body = b'{"Marker":"' + b"a" * (32 << 20) + b'"}'
    answer = exchange(server, HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert status(answer) in (400, 413, None)


def test_a_chunked_body_over_the_limit_is_refused(server):
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    request = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 512 + b"0\r\n\r\n"
    assert status(exchange(server, request)) in (400, 413, None)


@pytest.mark.parametrize("length", [b"-1", b"many", b"1, 2", b"99999999999999999999999"])
def test_a_length_that_is_none_is_refused(server, length):
    assert status(exchange(server, HEAD + b"Content-Length: " + length + b"\r\n\r\n{}")) == 400


def test_length_and_chunks_together_smuggle_nothing(server):
    smuggled = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    request = (
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled
    )
    answer = exchange(server, request)
    assert status(answer) == 400


def test_a_body_shorter_than_it_says_is_no_request(server):
    with connect(server) as connection:
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n{}")
        connection.shutdown(socket.SHUT_WR)
        assert status(read_all(connection)) in (400, 408, None)


def test_what_is_not_http_is_refused(server):
    client_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    for rubbish in (client_hello * 9, b"hello\r\n\r\n", b"\0" * 99):
        answer = exchange(server, rubbish + b"\r\n\r\n")
        assert status(answer) in (400, None)


@pytest.mark.parametrize(
    "headers",
    [
        b"X-Long: " + b"a" * (4 << 20) + b"\r\n",
        b"".join(b"X-%d: a\r\n" % number for number in range(20000)),
    ],
    ids=["one long header", "many headers"],
)
def test_headers_are_bounded(server, headers):
    answer = exchange(server, HEAD + headers + b"Content-Length: 2\r\n\r\n{}")
    assert status(answer) in (400, 413, 431, None)


def test_a_request_that_never_ends_is_ended(server):
    """Headers that never end and a body that never comes; good clients do not notice."""
    beginnings = [b"", b"POST", HEAD, HEAD + b"X-Half", HEAD + b"Content-Length: 10\r\n\r\n{"]
    waiting = []
    try:
        for beginning in beginnings * 8:
            connection = connect(server)
            connection.sendall(beginning)
            waiting.append(connection)
        for _ in range(20):
            assert wire.signed(server, wire.Signer("test", "test")).status == 200
        deadline = time.monotonic() + PATIENCE_SECONDS
        open_ones = list(waiting)
        while open_ones and time.monotonic() < deadline:
            ready, _, _ = select.select(open_ones, [], [], deadline - time.monotonic())
            open_ones = [each for each in open_ones if not (each in ready and ended(each))]
        assert not open_ones, f"{len(open_ones)} of {len(waiting)} are still open"
    finally:
        for connection in waiting:
            connection.close()


def ended(connection):
    try:
        return not connection.recv(65536)
    except ConnectionResetError:
        return True
