"""What a client can do to the service over a real socket: bodies that trickle, never come or are said to be packed,
request targets and heads that no library would send."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import uvicorn

from api import batches, bodies, connection
from api.connection import Connection
from ledger.access import Scope
from tests.api.conftest import ORIGIN, Site, make_site, new_key, pool
from tests.databases import sqlite_in

#: A megabyte of zeros in a kilobyte.
BOMB = gzip.compress(bytes(1 << 20))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A log with a pool, since who asks for one that is not there is told so before a body is read."""
    site = make_site(sqlite_in(tmp_path_factory.mktemp("sockets")))
    with site.client:
        assert site.post(pool("P1")).status_code == 201
        yield site
    site.ledger.store.close()


@pytest.fixture(scope="module")
def port(site: Site) -> Iterator[int]:
    """The service as ``poolproof api`` starts it."""
    site.tokens["admin"] = new_key(site.ledger, "fenqile", *Scope)
    config = uvicorn.Config(
        site.client.app, port=0, http=Connection, lifespan="off", log_config=None, server_header=False
    )
    server = uvicorn.Server(config)
    with config.bind_socket() as bound:
        bound.listen()
        thread = threading.Thread(target=server.run, args=([bound],))
        thread.start()
        yield int(bound.getsockname()[1])
        server.should_exit = True
        thread.join(30)


def uploads(site: Site) -> list[tuple[str, str, str]]:
    """Every operation that reads a body, with each media type that it takes."""
    paths = site.client.get("/openapi.json").json()["paths"]
    return [
        (method.upper(), path, media_type)
        for path, operations in paths.items()
        for method, operation in operations.items()
        for media_type in operation.get("requestBody", {}).get("content", {})
    ]


def filled(path: str) -> str:
    """With something in place of each parameter, of the form that most have."""
    names = {"webhook_id": "hook_" + "0" * 16, "key_id": "0" * 16, "audit_id": "audit_" + "0" * 24}
    parts = path.split("/")
    return "/".join(names.get(part[1:-1], "P1") if part.startswith("{") else part for part in parts)


def head(site: Site, method: str, target: str, *lines: str) -> bytes:
    token = site.tokens["admin"]
    return "\r\n".join(
        [f"{method} {target} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", *lines, "", ""]
    ).encode("latin-1")


def exchange(port: int, *parts: bytes, wait: float = 0.0, timeout: float = 20.0) -> bytes:
    """What a client gets that sends these parts and reads until the service ends the connection."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as client:
        try:
            for part in parts:
                client.sendall(part)
                time.sleep(wait)
            while data := client.recv(65_536):
                got += data
        except ConnectionError:
            pass
    return got


# -- bodies -------------------------------------------------------------------------------------------------------


def test_a_body_that_does_not_come_is_given_up_on_every_route(
    site: Site, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in ((bodies, "BODY_SECONDS"), (batches, "UPLOAD_SECONDS"), (connection, "REST_SECONDS")):
        monkeypatch.setattr(module, name, 0.2)
    found = uploads(site)
    assert len(found) >= 7
    for method, path, media_type in found:
        begun = b"-" if media_type.startswith("multipart/") else b"{"
        for more in ([], ["Prefer: respond-async"]):
            lines = [f"Content-Type: {media_type}; boundary=b", "Content-Length: 1000", *more]
            got = exchange(port, head(site, method, filled(path), *lines) + begun)
            assert got.startswith(b"HTTP/1.1 408"), (method, path, got[:200])
    assert site.client.get("/healthz").status_code == 200


def test_a_packed_body_is_refused_unread_on_every_route(site: Site) -> None:
    for method, path, media_type in uploads(site):
        for encoding in ("gzip", "deflate", "br", "zstd", "identity, gzip", "x-gzip", "GZIP"):
            headers = site.auth("admin") | {"Content-Type": media_type, "Content-Encoding": encoding}
            answer = site.client.request(method, filled(path), content=BOMB, headers=headers)
            assert answer.status_code == 415, (method, path, encoding, answer.text)


def test_a_body_has_one_end(site: Site, port: int) -> None:
    """Whoever tells two lengths of one body could hide a request in it from a proxy before us."""
    for lines in (
        ["Transfer-Encoding: gzip"],
        ["Transfer-Encoding: chunked", "Content-Length: 5"],
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: 5, 6"],
        ["Content-Length: -5"],
        ["Content-Length: 0x5"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding : chunked"],
    ):
        request = head(site, "POST", "/v1/events", "Content-Type: application/json", *lines)
        got = exchange(port, request + b"5\r\n[1,2]\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP/1.1 2" not in got, (lines, got[:300])
        assert got.count(b"HTTP/1.1") <= 1, (lines, got[:600])


def test_a_body_that_is_packed_on_the_way_only_is_not_unpacked(site: Site, port: int) -> None:
    lines = ["Content-Type: application/json", "Transfer-Encoding: gzip, chunked", "Connection: close"]
    request = head(site, "POST", "/v1/events", *lines)
    got = exchange(port, request + b"%x\r\n%b\r\n0\r\n\r\n" % (len(BOMB), BOMB))
    assert got.startswith((b"HTTP/1.1 4", b"HTTP/1.1 501")), got[:300]


@pytest.mark.parametrize("target", ["/v1/events", "/nowhere", "/healthz", "/v1/pools"])
@pytest.mark.parametrize("later", [b"", b"x"])
def test_a_body_that_nobody_wants_keeps_no_connection(
    site: Site, port: int, monkeypatch: pytest.MonkeyPatch, target: str, later: bytes
) -> None:
    """Answered before its end, a request has a moment for its rest; then the connection is closed."""
    monkeypatch.setattr(connection, "REST_SECONDS", 0.3)
    request = head(site, "POST", target, "Content-Type: text/plain", "Content-Length: 1000000")
    begun = time.monotonic()
    got = exchange(port, request + b"x", later, wait=0.1)
    assert got.startswith(b"HTTP/1.1 4")
    assert time.monotonic() - begun < 15


def test_a_rest_that_comes_in_time_leaves_the_connection_in_use(site: Site, port: int) -> None:
    request = head(site, "POST", "/nowhere", "Content-Length: 4")
    last = head(site, "GET", "/healthz", "Connection: close")
    got = exchange(port, request + b"ab", b"cd", last, wait=0.1)
    assert [got.count(b"HTTP/1.1 404"), got.count(b"HTTP/1.1 200")] == [1, 1]


def test_an_answer_that_nobody_reads_is_given_up(
    site: Site, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "READ_SECONDS", 0.3)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(("127.0.0.1", port))
        client.settimeout(20)
        # Each answer is some hundred kilobytes; nobody takes them in.
        with pytest.raises(ConnectionError):
            for _ in range(2_000):
                client.sendall(head(site, "GET", "/openapi.json"))
                time.sleep(0.01)


# -- request targets ----------------------------------------------------------------------------------------------

TILE = f"/log/{ORIGIN}/tile/0/000"
TARGETS = [
    f"/log/{ORIGIN}/../../v1/keys",
    f"/log/{ORIGIN}/%2e%2e/%2e%2e/v1/keys",
    f"/log/{ORIGIN}/..%2f..%2fv1%2fkeys",
    f"/log/{ORIGIN}/%252e%252e/checkpoint",
    f"/log/{ORIGIN}/tile/0/..%5c..%5ccheckpoint",
    f"/log/{ORIGIN}/tile/0/../../checkpoint",
    f"/log/{ORIGIN}/./checkpoint",
    f"/log//{ORIGIN}/checkpoint",
    f"//log/{ORIGIN}/checkpoint",
    f"/log/{ORIGIN}/checkpoint%00",
    f"/log/{ORIGIN}/checkpoint%0a",
    f"/log/{ORIGIN}/checkpoint/",
    f"/log/{ORIGIN}/checkpoint;x=1",
    f"/log/{ORIGIN}/checkpoint.",
    f"/log/{ORIGIN}/%63heckpoint%20",
    f"/log/{ORIGIN.upper()}/checkpoint",
    f"/LOG/{ORIGIN}/checkpoint",
    f"/log/{ORIGIN}/tile/0/%c0%af",
    f"/log/{ORIGIN}/tile/0/%e0%80%af",
    f"/log/{ORIGIN}/tile/0/%ff",
    f"/log/{ORIGIN}/tile/0/%u0030",
    f"/log/{ORIGIN}/tile/0/" + quote("٠٠٠"),
    f"/log/{ORIGIN}/tile/" + quote("𝟎") + "/000",
    f"/log/{ORIGIN}/tile/0/+00",
    f"/log/{ORIGIN}/tile/0/-00",
    f"/log/{ORIGIN}/tile/0/0x0",
    f"/log/{ORIGIN}/tile/0/1e3",
    f"/log/{ORIGIN}/tile/0/" + "9" * 10_000,
    f"/log/{ORIGIN}/tile/" + "9" * 400 + "/000",
    f"/log/{ORIGIN}/tile/0/" + "x999/" * 5_000 + "999",
    f"/log/{ORIGIN}/tile/0/000.p/" + "9" * 5_000,
    f"/log/{ORIGIN}/tile/entries/" + "x000/" * 30 + "000",
]


@pytest.mark.parametrize("target", TARGETS, ids=range(len(TARGETS)))
def test_another_spelling_is_another_path(site: Site, port: int, target: str) -> None:
    got = exchange(port, head(site, "GET", target, "Connection: close"))
    assert got.startswith(b"HTTP/1.1 404"), got[:300]
    assert b"cache-control: no-store" in got.lower()


@pytest.mark.parametrize(
    "target",
    [
        "/log/\x00",
        "/log/\x7f",
        "/log/é",
        "log/x",
        "*",
        "?",
        "/log/ x",
        "/log/\tx",
        "http://",
        "\\log",
        "/log/x\r",
    ],
)
def test_what_is_no_target_is_no_fault(site: Site, port: int, target: str) -> None:
    got = exchange(port, head(site, "GET", target, "Connection: close"))
    assert got[:10] in (b"HTTP/1.1 4", b""), got[:300]


def test_the_host_in_a_target_is_not_believed(site: Site, port: int) -> None:
    """Nor the one in ``Host``: no answer is made of it."""
    for target in ("http://evil.example/sign-in", "/sign-in"):
        got = exchange(port, head(site, "GET", target, "Host: evil.example", "Connection: close"))
        assert b"evil.example" not in got
        assert b"HTTP/1.1 5" not in got
