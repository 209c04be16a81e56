"""The log as static files: tiles of hashes and bundles of entries.

Follows `tlog-tiles <https://c2sp.org/tlog-tiles>`_: a tile at level L holds 256 hashes of perfect subtrees
of 256^L leaves, a partial one fewer; ``tile/<L>/<N>[.p/<W>]``, ``tile/entries/<N>[.p/<W>]``, N in groups of
three digits, all but the last with an ``x`` before it (1234067 → ``x001/x234/067``). A bundle is
``uint16 length || entry``, repeated.

A partial tile is a prefix of the later, wider one, so that a tree of any older size can be read from the
tiles stored for a newer one; what lies above the ragged edge is computed from below.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.errors import MalformedError
from ledger.proofs.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    MAX_SIZE,
    CompactRange,
    consistency_nodes,
    cover,
    fold,
    inclusion_nodes,
    parents,
    read_proof,
)

HEIGHT: Final = 8
WIDTH: Final = 256
TILE_BYTES: Final = WIDTH * HASH_SIZE
#: Levels above it are empty for every size below 2^63; the format itself allows up to 63.
MAX_LEVEL: Final = 63
#: A bundle of 256 of the longest entries that a uint16 can announce.
MAX_BUNDLE_BYTES: Final = WIDTH * (2 + 65_535)

_LEVEL = r"(?P<level>0|[1-9][0-9]?|entries)"
_PATH = re.compile(
    rf"tile/{_LEVEL}/(?P<n>(?:x[0-9]{{3}}/)*[0-9]{{3}})(?:\.p/(?P<width>[1-9][0-9]{{0,2}}))?", re.ASCII
).fullmatch
_sha256 = hashlib.sha256


@dataclass(frozen=True, slots=True)
class TilePath:
    """One tile (``level`` 0 to 63) or entry bundle (``level`` None); ``width`` 256 when it is full."""

    level: int | None
    n: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        if self.level is not None and not 0 <= self.level <= MAX_LEVEL:
            raise MalformedError("tile path", "the level is not from 0 to 63")
        if not 0 <= self.n <= MAX_SIZE:
            raise MalformedError("tile path", "the index is not from 0 to 2^63 − 1")
        if not 1 <= self.width <= WIDTH:
            raise MalformedError("tile path", "the width is not from 1 to 256")

    def __str__(self) -> str:
        groups: list[str] = []
        n = self.n
        while True:
            n, group = divmod(n, 1000)
            groups.append(f"{group:03d}" if not groups else f"x{group:03d}")
            if not n:
                break
        level = "entries" if self.level is None else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"


def tile_path(level: int, n: int, width: int = WIDTH) -> str:
    """``tile/<L>/<N>[.p/<W>]``, without a slash in front."""
    return str(TilePath(level, n, width))


def entries_path(n: int, width: int = WIDTH) -> str:
    """``tile/entries/<N>[.p/<W>]``, without a slash in front."""
    return str(TilePath(None, n, width))


def parse_path(path: str) -> TilePath:
    """Read a path as :func:`tile_path` and :func:`entries_path` print it, and no other spelling."""
    match = _PATH(path) if len(path) <= 64 else None
    if match is None:
        raise MalformedError("tile path", "not tile/<level>/<index>[.p/<width>]")
    level = None if match["level"] == "entries" else int(match["level"])
    tile = TilePath(level, int(match["n"].replace("/", "").replace("x", "")), int(match["width"] or WIDTH))
    if str(tile) != path:
        raise MalformedError("tile path", "not the one spelling of its tile")
    return tile


def bundle(entries: Iterable[bytes]) -> bytes:
    """``uint16 length || entry`` for each of ``entries``."""
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > 65_535:
            raise MalformedError("entry bundle", "an entry is longer than 65,535 bytes")
        parts += (struct.pack(">H", len(entry)), entry)
    return b"".join(parts)


def parse_bundle(data: bytes, width: int) -> list[bytes]:
    """The exactly ``width`` entries of a bundle."""
    entries: list[bytes] = []
    at = 0
    for _ in range(width):
        start = at + 2
        end = start + int.from_bytes(data[at:start])
        if start > len(data) or end > len(data):
            raise MalformedError("entry bundle", f"ends within entry {len(entries)} of {width}")
        entries.append(data[start:end])
        at = end
    if at != len(data):
        raise MalformedError("entry bundle", f"holds more than {width} entries")
    return entries


def tile_width(size: int, level: int, n: int) -> int:
    """How many hashes tile ``n`` at ``level`` has in a tree of ``size``; 0 when there is no such tile."""
    return max(0, min(WIDTH, (size >> HEIGHT * level) - n * WIDTH))


def tiles_for(size: int) -> Iterator[TilePath]:
    """Every tile of a tree of ``size``, level by level, left to right; without the entry bundles."""
    level = 0
    while count := size >> HEIGHT * level:
        for n in range(-(-count // WIDTH)):
            yield TilePath(level, n, tile_width(size, level, n))
        level += 1


def bundles_for(size: int) -> Iterator[TilePath]:
    """Every entry bundle of a log of ``size``."""
    for n in range(-(-size // WIDTH)):
        yield TilePath(None, n, tile_width(size, 0, n))


@dataclass(frozen=True, slots=True)
class Growth:
    """What appending leaves changed. ``tiles[level][n]`` are all tiles that are new or wider than before.

    ``edge[level]`` is the partial tile at the right of each level that has one: the input of the next call.
    """

    size: int
    tiles: dict[int, dict[int, bytes]]
    edge: dict[int, bytes]

    def root(self) -> bytes:
        """The root of the tree that has grown."""
        return edge_root(self.size, self.edge)


def extend(size: int, edge: Mapping[int, bytes], leaf_hashes: Iterable[bytes]) -> Growth:
    """Append ``leaf_hashes`` to a tree of ``size`` whose partial right-edge tiles are ``edge``.

    ``edge`` has a tile for exactly the levels at which ``size`` leaves one partial (:func:`edge_tiles`).
    Costs one node hash for each leaf.
    """
    _check_edge(size, edge)
    tiles: dict[int, dict[int, bytes]] = {}
    new_edge = dict(edge)
    added = list(leaf_hashes)
    new_size = size + len(added)
    if new_size > MAX_SIZE:
        raise MalformedError("tree", "grows beyond 2^63 − 1 leaves")
    level = 0
    while added:
        n = size >> HEIGHT * (level + 1)
        stored = new_edge.pop(level, b"")
        hashes = [stored[at : at + HASH_SIZE] for at in range(0, len(stored), HASH_SIZE)] + added
        changed: dict[int, bytes] = {}
        added = []
        for at in range(0, len(hashes), WIDTH):
            tile = hashes[at : at + WIDTH]
            data = changed[n] = b"".join(tile)
            n += 1
            if len(tile) == WIDTH:
                added.append(_full_root(data))
            else:
                new_edge[level] = data
        tiles[level] = changed
        level += 1
    return Growth(new_size, tiles, new_edge)


def _full_root(tile: bytes) -> bytes:
    """The root over the 256 hashes of a full tile."""
    sha = _sha256
    level = [sha(b"\x01" + tile[at : at + 64]).digest() for at in range(0, TILE_BYTES, 64)]
    while len(level) > 1:
        level = parents(level)
    return level[0]


def edge_tiles(size: int) -> list[TilePath]:
    """The partial tiles at the right of a tree of ``size``, from level 0 up: what :func:`extend` needs."""
    tiles = []
    level = 0
    while count := size >> HEIGHT * level:
        if width := count % WIDTH:
            tiles.append(TilePath(level, count // WIDTH, width))
        level += 1
    return tiles


def edge_frontier(size: int, edge: Mapping[int, bytes]) -> CompactRange:
    """The compact range of a tree, from the partial tiles at its right."""
    _check_edge(size, edge)
    frontier: list[bytes] = []
    for level in sorted(edge, reverse=True):
        layers = _layers(edge[level])
        frontier += [layers[height][index] for height, index in cover(0, len(layers[0]))]
    return CompactRange(size, frontier)


def edge_root(size: int, edge: Mapping[int, bytes]) -> bytes:
    """The root of a tree, from the partial tiles at its right."""
    return edge_frontier(size, edge).root()


def _check_edge(size: int, edge: Mapping[int, bytes]) -> None:
    if not 0 <= size <= MAX_SIZE:
        raise MalformedError("tree", "the size is not from 0 to 2^63 − 1")
    expected = {tile.level: tile.width * HASH_SIZE for tile in edge_tiles(size)}
    if {level: len(tile) for level, tile in edge.items()} != expected:
        raise MalformedError("tiles", f"these are not the right-edge tiles of a tree of size {size}")


def _layers(tile: bytes) -> list[list[bytes]]:
    """The hashes of a tile and, above them, of its perfect subtrees."""
    layers = [[tile[at : at + HASH_SIZE] for at in range(0, len(tile), HASH_SIZE)]]
    while len(layers[-1]) > 1:
        layers.append(parents(layers[-1]))
    return layers


class TileTree:
    """The tree of one ``size``, read from its tiles.

    ``read_tile(level, n, width)`` returns the tile's bytes: at least ``width`` hashes, since a tile that was
    stored for a larger tree begins with the narrower one. What it returns is trusted only as far as the
    roots and proofs made from it verify. Tiles are kept, so a tree serves many proofs from few reads; threads
    may share one if ``read_tile`` can be.
    """

    #: Tiles kept with their inner layers, 30 KiB each; enough for proofs all over a log of 10^7 entries.
    MAX_KEPT: Final = 512

    __slots__ = ("_kept", "_read", "size")

    def __init__(self, read_tile: Callable[[int, int, int], bytes], size: int) -> None:
        if not 0 <= size <= MAX_SIZE:
            raise MalformedError("tree", "the size is not from 0 to 2^63 − 1")
        self.size = size
        self._read = read_tile
        self._kept: dict[tuple[int, int], Sequence[Sequence[bytes]]] = {}

    def leaf_hash(self, index: int) -> bytes:
        """The hash of leaf ``index``."""
        if not 0 <= index < self.size:
            raise MalformedError("leaf index", f"{index} is not in a tree of size {self.size}")
        return self.node(0, index)

    def node(self, level: int, index: int) -> bytes:
        """The hash of the perfect subtree over leaves ``[index << level, (index + 1) << level)``."""
        tile_level, height = divmod(level, HEIGHT)
        n, at = divmod(index << height, WIDTH)
        return self._tile(tile_level, n)[height][at >> height]

    def root(self) -> bytes:
        """The root of the tree."""
        if not self.size:
            return EMPTY_ROOT
        return fold([self.node(level, index) for level, index in cover(0, self.size)])

    def inclusion_proof(self, index: int) -> list[bytes]:
        """The inclusion proof of leaf ``index``."""
        return read_proof(inclusion_nodes(index, self.size), self.node)

    def consistency_proof(self, size1: int) -> list[bytes]:
        """The proof that this tree extends the one of ``size1``."""
        return read_proof(consistency_nodes(size1, self.size), self.node)

    def _tile(self, level: int, n: int) -> Sequence[Sequence[bytes]]:
        layers = self._kept.get((level, n))
        if layers is None:
            width = tile_width(self.size, level, n)
            data = self._read(level, n, width)
            if len(data) < width * HASH_SIZE or len(data) > TILE_BYTES or len(data) % HASH_SIZE:
                raise MalformedError("tile", f"{tile_path(level, n, width)} has {len(data)} bytes")
            layers = _layers(data[: width * HASH_SIZE])
            if len(self._kept) >= self.MAX_KEPT:
                self._kept = {}  # a new one, since another thread may be reading the old
            self._kept[level, n] = layers
        return layers
