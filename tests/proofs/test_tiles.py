"""Tiles: growing them, reading trees of any size from them, and a second reader of the whole."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.errors import MalformedError
from ledger.proofs import checkpoint, entries, merkle, note, tiles
from tests.oracles import rfc9162, tlog_reader

ORIGIN = "fenqile.example/consumer-2026"
SIGNER = note.Signer.from_seed(ORIGIN, b"\x07" * 32)
COUNT = 70_000
ENTRIES = [entries.record_entry(rfc9162.sha256(b"%d" % i)) for i in range(COUNT)]
HASHES = [merkle.leaf_hash(entry) for entry in ENTRIES]


class Store:
    """Tiles as a log keeps them: one value for each tile, replaced as it widens."""

    def __init__(self) -> None:
        self.size = 0
        self.edge: dict[int, bytes] = {}
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.reads = 0

    def append(self, hashes: list[bytes]) -> tiles.Growth:
        growth = tiles.extend(self.size, self.edge, hashes)
        for level, found in growth.tiles.items():
            self.tiles.update({(level, n): data for n, data in found.items()})
        self.size, self.edge = growth.size, growth.edge
        return growth

    def read(self, level: int, n: int, width: int) -> bytes:
        self.reads += 1
        return self.tiles[level, n]


@pytest.fixture(scope="module")
def store() -> Store:
    full = Store()
    at = 0
    for step in (1, 254, 1, 1, 255, 256, 257, 1000, 10_000, COUNT):
        full.append(HASHES[at : at + step])
        at += step
    assert full.size == COUNT
    return full


def test_the_example_of_the_specification() -> None:
    found = [tile for tile in tiles.tiles_for(70_000) if tile.width < 256]
    assert list(map(str, found)) == ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]
    assert len(list(tiles.tiles_for(70_000))) == 274 + 2 + 1
    assert list(map(str, tiles.tiles_for(256))) == ["tile/0/000", "tile/1/000.p/1"]
    assert list(tiles.tiles_for(0)) == []
    assert tiles.tile_path(0, 1_234_067) == "tile/0/x001/x234/067"
    assert [str(tile) for tile in tiles.bundles_for(257)] == ["tile/entries/000", "tile/entries/001.p/1"]


def test_stored_tiles_are_those_of_the_tree(store: Store) -> None:
    assert {(tile.level, tile.n): tile.width * 32 for tile in tiles.tiles_for(COUNT)} == {
        key: len(data) for key, data in store.tiles.items()
    }
    assert b"".join(store.tiles[0, n] for n in range(274)) == b"".join(HASHES)
    assert tiles.edge_root(COUNT, store.edge) == merkle.root(HASHES)


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 69_999, COUNT])
def test_a_tree_of_any_older_size(store: Store, size: int) -> None:
    tree = tiles.TileTree(store.read, size)
    assert tree.root() == merkle.root(HASHES[:size])
    for index in {0, 1, size // 3, size // 2, size - 2, size - 1} - {-1, size}:
        assert tree.leaf_hash(index) == HASHES[index]
        merkle.verify_inclusion(index, size, HASHES[index], tree.inclusion_proof(index), tree.root())
    for older in {1, size // 3, size // 2, size - 1, size} - {0}:
        proof = tree.consistency_proof(older)
        merkle.verify_consistency(older, size, merkle.root(HASHES[:older]), tree.root(), proof)


def test_proofs_from_tiles_are_the_recursive_ones(store: Store) -> None:
    for size in (300, 1000, 1024):
        tree = tiles.TileTree(store.read, size)
        for index in range(0, size, 97):
            assert tree.inclusion_proof(index) == rfc9162.path(index, HASHES[:size])
        for older in range(1, size, 97):
            assert tree.consistency_proof(older) == rfc9162.proof(older, HASHES[:size])


def test_tiles_are_read_once_and_not_kept_without_bound(store: Store) -> None:
    tree = tiles.TileTree(store.read, COUNT)
    store.reads = 0
    tree.inclusion_proof(5)
    first = store.reads
    assert first <= 5
    tree.inclusion_proof(6)
    assert store.reads == first
    for index in range(0, COUNT, 64):
        tree.leaf_hash(index)
    assert len(tree._kept) <= tree.MAX_KEPT


def test_growth_names_only_what_changed(store: Store) -> None:
    growth = tiles.extend(COUNT, store.edge, [HASHES[0]])
    assert {level: list(found) for level, found in growth.tiles.items()} == {0: [273]}
    assert growth.root() == merkle.root([*HASHES, HASHES[0]])
    assert tiles.extend(COUNT, store.edge, []) == tiles.Growth(COUNT, {}, store.edge)
    full = tiles.extend(255, {0: b"".join(HASHES[:255])}, [HASHES[255]])
    assert full.edge == {1: merkle.root(HASHES[:256])}
    assert {level: list(found) for level, found in full.tiles.items()} == {0: [0], 1: [0]}


def test_the_frontier_of_an_edge(store: Store) -> None:
    expected = merkle.CompactRange()
    expected.extend(HASHES)
    assert tiles.edge_frontier(COUNT, store.edge).frontier == expected.frontier


@pytest.mark.parametrize(
    ("size", "edge"),
    [
        (1, {}),
        (0, {0: HASHES[0]}),
        (1, {0: HASHES[0] * 2}),
        (256, {0: b"", 1: HASHES[0]}),
        (256, {0: HASHES[0]}),
        (1, {0: HASHES[0], 1: HASHES[0]}),
        (-1, {}),
        (2**63, {}),
    ],
)
def test_an_edge_that_does_not_fit(size: int, edge: dict[int, bytes]) -> None:
    with pytest.raises(MalformedError):
        tiles.extend(size, edge, [HASHES[0]])
    with pytest.raises(MalformedError):
        tiles.edge_root(size, edge)


@pytest.mark.parametrize(
    "cut", [lambda data: data[:-32], lambda data: data[:-1], lambda data: data * 200, lambda _: b""]
)
def test_a_source_of_bad_tiles(cut: object, store: Store) -> None:
    tree = tiles.TileTree(lambda level, n, width: cut(store.tiles[level, n][: width * 32]), 100)  # type: ignore[operator]
    with pytest.raises(MalformedError, match=r"tile/0/000\.p/100"):
        tree.root()


def test_indexes_outside_the_tree(store: Store) -> None:
    tree = tiles.TileTree(store.read, 10)
    for index in (-1, 10):
        with pytest.raises(MalformedError):
            tree.leaf_hash(index)
        with pytest.raises(MalformedError):
            tree.inclusion_proof(index)
    for size in (-1, 2**63):
        with pytest.raises(MalformedError):
            tiles.TileTree(store.read, size)
    assert tiles.TileTree(store.read, 0).root() == merkle.EMPTY_ROOT


@pytest.mark.parametrize(
    ("level", "n", "width"), [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 2**63, 1), (0, 0, 0), (0, 0, 257)]
)
def test_tiles_that_cannot_be(level: int, n: int, width: int) -> None:
    with pytest.raises(MalformedError):
        tiles.tile_path(level, n, width)


def test_bundles() -> None:
    data = tiles.bundle(ENTRIES[:256])
    assert len(data) == 256 * 39
    assert tiles.parse_bundle(data, 256) == ENTRIES[:256]
    for width in (0, 255, 257):
        with pytest.raises(MalformedError):
            tiles.parse_bundle(data, width)
    with pytest.raises(MalformedError, match="longer"):
        tiles.bundle([bytes(65_536)])
    assert tiles.parse_bundle(tiles.bundle([bytes(65_535)]), 1) == [bytes(65_535)]


def export(folder: Path, size: int) -> None:
    """A static log, as another implementation would mirror it."""
    store = Store()
    store.append(HASHES[:size])
    point = checkpoint.Checkpoint(ORIGIN, size, tiles.edge_root(size, store.edge))
    files = {"checkpoint": point.sign([SIGNER])}
    files |= {str(tile): store.tiles[tile.level or 0, tile.n] for tile in tiles.tiles_for(size)}
    files |= {
        str(tile): tiles.bundle(ENTRIES[tile.n * 256 : tile.n * 256 + tile.width])
        for tile in tiles.bundles_for(size)
    }
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


class TestSecondReader:
    vkey = SIGNER.verifier.vkey

    @pytest.mark.parametrize("size", [0, 1, 256, 257, 1000])
    def test_reads_a_directory(self, tmp_path: Path, size: int) -> None:
        export(tmp_path, size)
        log = tlog_reader.read(tmp_path, self.vkey, origin=ORIGIN)
        assert (log.size, log.root, log.entries) == (size, merkle.root(HASHES[:size]), ENTRIES[:size])
        assert [log.addenda(i) for i in range(size)] == [[entry[:32]] for entry in ENTRIES[:size]]

    def test_notices_a_changed_byte_in_any_file(self, tmp_path: Path) -> None:
        export(tmp_path, 300)
        files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
        assert len(files) == 1 + 3 + 2
        for path in files:
            data = path.read_bytes()
            for bad in (data[:-1], data + b"\x00", data[:20] + bytes([data[20] ^ 1]) + data[21:]):
                path.write_bytes(bad)
                with pytest.raises((tlog_reader.WrongLogError, tlog_reader.signed_note.RefusedError)):
                    tlog_reader.read(tmp_path, self.vkey)
            path.unlink()
            with pytest.raises(tlog_reader.WrongLogError, match="No such file"):
                tlog_reader.read(tmp_path, self.vkey)
            path.write_bytes(data)
        tlog_reader.read(tmp_path, self.vkey)

    def test_another_origin_and_another_key(self, tmp_path: Path) -> None:
        export(tmp_path, 3)
        with pytest.raises(tlog_reader.WrongLogError, match="origin"):
            tlog_reader.read(tmp_path, self.vkey, origin="other.example")
        other = note.Signer.from_seed(ORIGIN, b"\x08" * 32).verifier.vkey
        with pytest.raises(tlog_reader.signed_note.RefusedError):
            tlog_reader.read(tmp_path, other)

    @pytest.fixture
    def address(self, tmp_path: Path) -> Iterator[str]:
        class Quiet(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

        with http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path))
        ) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()
            thread.join()

    def test_reads_over_http(self, tmp_path: Path, address: str) -> None:
        export(tmp_path, 300)
        assert tlog_reader.read(address, self.vkey).entries == ENTRIES[:300]
        (tmp_path / "tile/1/000.p/1").unlink()
        with pytest.raises(tlog_reader.WrongLogError, match=r"tile/1/000\.p/1: .*404"):
            tlog_reader.read(address, self.vkey)

    def test_as_a_program(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        export(tmp_path, 3)
        assert tlog_reader.main([str(tmp_path), self.vkey]) == 0
        assert '"size": 3' in capsys.readouterr().out
        (tmp_path / "tile/0/000.p/3").write_bytes(b"")
        assert tlog_reader.main([str(tmp_path), self.vkey]) == 1
        assert tlog_reader.main([]) == 2
