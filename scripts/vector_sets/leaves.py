"""Vectors of tiles, entry bundles and entries."""

from __future__ import annotations

from typing import Any

from ledger.proofs import canonical, entries, merkle, tiles
from scripts.vector_sets import cases, hexes, leaf_hashes, vectors

BAD_PATHS = [
    "",
    "checkpoint",
    "tile",
    "/tile/0/000",
    "tile/0/000/",
    "tile/0/000\n",
    "tile/00/000",
    "tile/64/000",
    "tile/-1/000",
    "tile/data/000",
    "tile/0/0",
    "tile/0/0000",
    "tile/0/x000/000",
    "tile/0/x001",
    "tile/0/001/000",
    "tile/0/x001/x000",
    "tile/0/x999/x999/x999/x999/x999/x999/999",
    "tile/0/\u0660\u0660\u0660",
    "tile/0/000.p",
    "tile/0/000.p/",
    "tile/0/000.p/0",
    "tile/0/000.p/01",
    "tile/0/000.p/256",
    "tile/0/000.p/1/2",
]


@vectors("tiles")
def tiles_vectors() -> Any:
    """Paths, tiles of whole trees (as SHA-256 of their bytes), entry bundles."""
    hashes = leaf_hashes(300)
    paths = [(0, 0, 256), (0, 7, 112), (1, 999, 256), (2, 1000, 1), (0, 1234067, 256), (63, 123_456_789, 255)]
    bundles = [[b""], [b"abc"], [b"a", b"", b"bcd"], [entries.record_entry(bytes(32))] * 2]
    return {
        "paths": [
            *(
                {"level": level, "n": n, "width": w, "path": tiles.tile_path(level, n, w)}
                for level, n, w in paths
            ),
            *({"level": None, "n": n, "width": w, "path": tiles.entries_path(n, w)} for _, n, w in paths),
        ],
        "bad_paths": BAD_PATHS,
        "trees": [
            {
                "size": size,
                "tiles": {
                    str(tiles.TilePath(level, n, len(data) // 32)): canonical.sha256(data).hex()
                    for level, found in tiles.extend(0, {}, hashes[:size]).tiles.items()
                    for n, data in found.items()
                },
            }
            for size in (0, 1, 2, 255, 256, 257, 300)
        ],
        "bundles": [{"entries": hexes(one), "bundle": tiles.bundle(one).hex()} for one in bundles],
        "bad_bundles": [
            {"case": "too few entries", "width": 2, "bundle": "000161"},
            {"case": "too many entries", "width": 1, "bundle": "000161000162"},
            {"case": "ends within a length", "width": 1, "bundle": "00"},
            {"case": "ends within an entry", "width": 1, "bundle": "000261"},
            {"case": "bytes after the last entry", "width": 1, "bundle": "00016100"},
        ],
    }


@vectors("entries")
def entries_vectors() -> Any:
    """The two kinds of leaves."""
    digest = canonical.sha256(b"a record")
    record = entries.record_entry(digest)
    register = entries.RegisterEntry(index=2**40, count=123_456, root=canonical.sha256(b"a register"))
    encoded = register.encode()
    return {
        "records": [
            {"digest": digest.hex(), "entry": record.hex(), "leaf_hash": merkle.leaf_hash(record).hex()}
        ],
        "registers": [
            {
                "index": register.index,
                "count": register.count,
                "root": register.root.hex(),
                "entry": encoded.hex(),
                "leaf_hash": merkle.leaf_hash(encoded).hex(),
            }
        ],
        "bad": cases(
            "entry",
            {
                "empty": "",
                "a record entry one byte short": record[:-1].hex(),
                "a record entry one byte long": (record + b"\x00").hex(),
                "a record entry without addenda": (record[:-1] + b"\x00").hex(),
                "a record entry whose addendum is elsewhere": (digest + b"\x00\x00\x00\x01\x01").hex(),
                "a register entry one byte short": encoded[:-1].hex(),
                "a register entry one byte long": (encoded + b"\x00").hex(),
                "a register entry of another version": (b"PPR2" + encoded[4:]).hex(),
                "a register entry with addenda": (encoded[:-1] + b"\x01").hex(),
            },
        ),
    }
