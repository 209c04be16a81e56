"""Connections over a real socket: a head has an end, and others are served meanwhile."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from api import connection
from api.connection import HEAD_BYTES, Connection


async def hello(_scope: object, receive: object, send: object) -> None:
    """Answers everything with two bytes."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b"ok"})  # type: ignore[operator]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    config = uvicorn.Config(
        hello, port=0, http=Connection, lifespan="off", log_config=None, timeout_keep_alive=30
    )
    server = uvicorn.Server(config)
    with config.bind_socket() as bound:
        thread = threading.Thread(target=server.run, args=([bound],))
        bound.listen()  # who comes before the server runs waits for it
        thread.start()
        yield int(bound.getsockname()[1])
        server.should_exit = True
        thread.join(30)


def exchange(port: int, *parts: bytes) -> bytes:
    """What a client gets that sends these parts and reads until the end; empty for a connection that is cut."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        got = b""
        try:
            for part in parts:
                client.sendall(part)
            while data := client.recv(65_536):
                got += data
        except ConnectionError:
            pass
        return got


HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"


def test_requests_are_answered_one_after_the_other(port: int) -> None:
    large = b"X-Large: " + b"a" * 50_000 + b"\r\n\r\n"
    got = exchange(port, HEAD + large, HEAD + large, HEAD + b"Connection: close\r\n\r\n")
    assert got.count(b"HTTP/1.1 200") == 3


@pytest.mark.parametrize("line", [b"X: a\r\n", b"a"])
def test_a_head_without_an_end_is_cut(port: int, line: bytes) -> None:
    got = exchange(port, HEAD + b"Y: ", line * (HEAD_BYTES // len(line)), line * 10_000)
    assert got == b"" or got.startswith(b"HTTP/1.1 400")
    assert b"200" not in got
    assert b"200 OK" in exchange(port, HEAD + b"Connection: close\r\n\r\n")


def test_a_client_that_says_nothing_is_not_waited_for(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    assert exchange(port) == b""
    assert exchange(port, HEAD) == b""


def test_a_kept_connection_has_the_time_of_keeping(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        for _ in range(2):
            client.sendall(HEAD + b"\r\n")
            assert b"200 OK" in client.recv(65_536)
            time.sleep(0.4)


def test_a_request_line_cannot_smuggle_a_header(port: int) -> None:
    got = exchange(port, b"GET /x\r\nSet-Cookie: a=b HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"set-cookie" not in got.lower()  # it is a request of HTTP/0.9, and what follows is none
    assert got.count(b"HTTP/1.1") == 1
    twice = HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert exchange(port, twice).startswith(b"HTTP/1.1 400")
