"""The log's tree as it lies in the store: extended leaf by leaf, read as tiles and proofs of any size."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.errors import IntegrityError
from ledger.proofs import tiles
from ledger.store import ReadConnection, WriteConnection, trees


def extend(connection: WriteConnection, log_id: int, size: int, leaf_hashes: Sequence[bytes]) -> tiles.Growth:
    """Add leaves to a tree of ``size`` and store the tiles that change."""
    places = [(tile.level, tile.n) for tile in tiles.edge_tiles(size) if tile.level is not None]
    stored = trees.tiles_at(connection, log_id, places) if places else {}
    if len(stored) != len(places):
        raise _missing(*min(set(places) - set(stored)))
    edge = {level: hashes for (level, _), hashes in stored.items()}
    growth = tiles.extend(size, edge, leaf_hashes)
    trees.put_tiles(
        connection,
        log_id,
        {(level, n): data for level, row in growth.tiles.items() for n, data in row.items()},
    )
    return growth


def tree_at(connection: ReadConnection, log_id: int, size: int) -> tiles.TileTree:
    """The tree at this size, any that the log has had; each tile is read once."""
    return tiles.TileTree(lambda level, n, _width: read_tile(connection, log_id, level, n), size)


def read_tile(connection: ReadConnection, log_id: int, level: int, n: int) -> bytes:
    """A stored tile, as wide as the tree has grown; raises :class:`IntegrityError` if it is missing."""
    hashes = trees.tile(connection, log_id, level, n)
    if hashes is None:
        raise _missing(level, n)
    return bytes(hashes)


def _missing(level: int, n: int) -> IntegrityError:
    return IntegrityError(f"tile {level}/{n} is missing")
