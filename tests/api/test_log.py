"""The log over HTTP as C2SP tlog-tiles: exact paths, exact bytes, and caching that may be trusted."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

import anyio
import httpx2
import pytest
import uvicorn
from sqlalchemy import event

from api.routes.log import prefix
from api.tiles import Tiles
from ledger.proofs import tiles
from tests.api.conftest import LOG, ORIGIN, Site, make_site, ndjson, new_key, originated
from tests.databases import sqlite_in
from tests.oracles import signed_note, tlog_reader

BASE = f"/log/{ORIGIN}/"
IMMUTABLE = "public, max-age=31536000, immutable"
#: Above one full tile of level 0, so that there are a full and a partial one.
EVENTS = 300


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = make_site(sqlite_in(tmp_path_factory.mktemp("log")))
    with site.client:
        assert site.post_batch(ndjson(*(originated(f"L{i}") for i in range(EVENTS)))).status_code == 201
        site.ledger.publish()
        site.post(originated("later"))  # recorded, not published: it must not show
        yield site
    site.ledger.store.close()


def get(site: Site, name: str) -> Any:
    return site.client.get(BASE + name)


def test_every_resource_of_the_tree_is_served_as_stored(published: Site) -> None:
    size = published.ledger.status().published
    assert size == EVENTS + 1
    for tile in [*tiles.tiles_for(size), *tiles.bundles_for(size)]:
        answer = get(published, str(tile))
        assert answer.status_code == 200, tile
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["cache-control"] == IMMUTABLE
        if tile.level is None:
            assert len(tiles.parse_bundle(answer.content, tile.width)) == tile.width
        else:
            assert len(answer.content) == 32 * tile.width


def test_full_tiles_are_kept_and_no_more_than_so_many(published: Site) -> None:
    asked: list[str] = []

    def ask(*_: object) -> None:
        asked.append("")

    kept, full = Tiles(published.ledger, keep=1), tiles.parse_path("tile/0/000")
    engine = published.ledger.store.engine
    event.listen(engine, "before_cursor_execute", ask)
    try:
        for path, reads in (("tile/0/000", True), ("tile/0/000", False), ("tile/0/000.p/7", True),
                            ("tile/0/000.p/7", True), ("tile/entries/000", True), ("tile/0/000", True)):  # fmt: skip
            asked.clear()
            anyio.run(kept.read, tiles.parse_path(path))
            assert bool(asked) == reads, path
    finally:
        event.remove(engine, "before_cursor_execute", ask)
    assert anyio.run(kept.read, full) == get(published, "tile/0/000").content


def test_a_narrower_tile_stays_what_it_was(published: Site) -> None:
    wide = get(published, "tile/0/000").content
    assert get(published, "tile/0/000.p/7").content == wide[: 7 * 32]


def test_the_checkpoint_is_text_and_asked_for_each_time(published: Site) -> None:
    answer = get(published, "checkpoint")
    assert answer.content == published.ledger.checkpoint()
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    latest = published.client.get("/v1/checkpoints/latest").json()
    assert (latest["note"].encode(), latest["size"]) == (answer.content, EVENTS + 1)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "checkpoint/",
        "Checkpoint",
        "tile",
        "tile/0",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/07",
        "tile/0/000/.p/7",
        "tile/0/002",
        "tile/0/001",
        "tile/0/001.p/46",
        "tile/1/000",
        "tile/1/000.p/2",
        "tile/2/000.p/1",
        "tile/entries/001",
        "tile/entries/001.p/46",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/0/000%00",
        "tile/0/%EF%BC%90%EF%BC%90%EF%BC%90",
        "../checkpoint",
        "%2e%2e/checkpoint",
        "..%2fcheckpoint",
        "/checkpoint",
        "tile//0/000",
    ],
)
def test_other_paths_are_not_found_and_not_cached(published: Site, name: str) -> None:
    answer = get(published, name)
    assert answer.status_code == 404, answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_a_shared_prefix_is_another_log(published: Site) -> None:
    for path in (
        f"/log/{ORIGIN}-2/checkpoint",
        "/log/fenqile.example/checkpoint",
        f"/log/x/{ORIGIN}/checkpoint",
    ):
        assert published.client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("origin", "path"),
    [
        (ORIGIN, f"/log/{ORIGIN}/"),
        ("a.example/b?c#d%e", "/log/a.example/b%3Fc%23d%25e/"),
        ("a.example/../b", "/log/a.example%2F..%2Fb/"),
        ("a.example//b", "/log/a.example%2F%2Fb/"),
        ("a.example/.", "/log/a.example%2F./"),
        ("plain", "/log/plain/"),
    ],
)
def test_an_origin_has_one_safe_prefix(origin: str, path: str) -> None:
    assert prefix(origin) == path
    assert unquote(path) == f"/log/{origin}/"


@contextmanager
def serving(site: Site) -> Iterator[str]:
    """A real server on a free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)  # who connects before the server looks waits
        config = uvicorn.Config(site.client.app, log_config=None, access_log=False, ws="none", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        host, port = listener.getsockname()
        yield f"http://{host}:{port}"
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def address(published: Site) -> Iterator[str]:
    with serving(published) as address:
        yield address


def test_an_independent_reader_reads_the_whole_log(published: Site, address: str) -> None:
    log = tlog_reader.read(address + prefix(ORIGIN), LOG.verifier.vkey, origin=ORIGIN)
    assert (log.size, log.root) == published.ledger.latest_checkpoint()
    receipt = published.get("/v1/events/o-L17/receipt").json()
    digest = published.get("/v1/events/o-L17").json()["digest"]
    assert log.entries[receipt["index"]][:32].hex() == digest
    body, _ = signed_note.open_note(receipt["checkpoint"].encode(), [signed_note.key(LOG.verifier.vkey)])
    assert signed_note.checkpoint(body).root == log.root


def test_the_server_speaks_as_the_test_client_does(published: Site, address: str) -> None:
    with httpx2.Client(base_url=address) as client:
        assert client.get(BASE + "checkpoint").content == published.ledger.checkpoint()
        missing = client.get(BASE + "tile/0/777")
        assert missing.status_code == 404
        assert missing.headers["content-type"] == "application/problem+json"
        big = client.post(
            "/v1/events",
            content=b"x" * 3_000_000,
            headers=published.auth() | {"Content-Type": "application/json"},
        )
        assert big.status_code == 413
        assert client.get("/healthz").json() == {"status": "alive"}


def raw(address: str, request: bytes) -> bytes:
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
    return received


@pytest.mark.parametrize(
    "path",
    [
        "/log/../../etc/passwd",
        f"{BASE}tile/0/../../../../etc/passwd",
        "/log//etc/passwd",
        f"{BASE}%2e%2e/%2e%2e/etc/passwd",
    ],
)
def test_paths_that_no_client_would_send_are_not_found(address: str, path: str) -> None:
    answer = raw(address, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"application/problem+json" in answer


def test_a_length_that_is_none_is_refused(address: str, published: Site) -> None:
    token = published.tokens["fenqile"]
    head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n"
    answer = raw(address, f"{head}Content-Type: application/json\r\nContent-Length: -1\r\n\r\n".encode())
    assert answer.split(b" ")[1] in {b"400", b"413"}


def test_a_log_limited_to_parties_takes_a_key(fresh_sqlite: str) -> None:
    site = make_site(fresh_sqlite, log_readers="parties")
    with site.client:
        assert site.post(originated("L1")).status_code == 201
        site.ledger.publish()
        for name in ("checkpoint", "tile/0/000.p/2", "tile/entries/000.p/2", "tile/0/777"):
            assert site.get(BASE + name, party=None).status_code == 401
        tile = site.get(BASE + "tile/0/000.p/2", "fund")
        assert tile.status_code == 200
        assert tile.headers["cache-control"] == "private, max-age=31536000, immutable"
        writer = {"Authorization": f"Bearer {new_key(site.ledger, 'fund', 'write')}"}
        assert site.client.get(BASE + "checkpoint", headers=writer).status_code == 403
    site.ledger.store.close()


def test_the_service_keeps_full_tiles(published: Site) -> None:
    asked: list[str] = []
    engine = published.ledger.store.engine
    first = get(published, "tile/0/000").content

    def ask(*_: object) -> None:
        asked.append("")

    event.listen(engine, "before_cursor_execute", ask)
    try:
        assert get(published, "tile/0/000").content == first
    finally:
        event.remove(engine, "before_cursor_execute", ask)
    assert asked == []
