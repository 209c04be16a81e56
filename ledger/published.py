"""The published tree as any client of the log may read it: checkpoints, tiles and entries, and proofs about them.

Nothing here opens a record: an entry is named by its index, a tree by its size, and only published sizes are answered
for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger.errors import IntegrityError, NotFoundError
from ledger.proofs import tiles
from ledger.proofs.entries import RegisterEntry, record_entry
from ledger.store import records, trees
from ledger.tree import read_tile, tree_at

if TYPE_CHECKING:
    from ledger.store import ReadConnection
    from ledger.store.logs import LogRow
    from ledger.store.trees import CheckpointRow


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """RFC 9162 proof that the entry at ``index`` is in the tree of a checkpoint; ``leaf`` is the entry's hash."""

    index: int
    leaf: bytes
    proof: tuple[bytes, ...]
    checkpoint: CheckpointRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyProof:
    """RFC 9162 proof that the tree of ``second`` extends the one of ``first``."""

    first: CheckpointRow
    second: CheckpointRow
    proof: tuple[bytes, ...]


def checkpoint(connection: ReadConnection, log: LogRow, size: int | None) -> CheckpointRow:
    """A published checkpoint (default: the newest). Raises :class:`NotFoundError`.

    Raises :class:`IntegrityError` where the newest is not there: an older one in its place would hide what came since.
    """
    row = trees.checkpoint(connection, log.id, size)
    if size is None and (row.size if row else 0) < log.published:
        there = f"the newest there is {row.size}" if row else "there is none"
        raise IntegrityError(f"checkpoint {log.published} is not in the table checkpoints, {there}")
    if row is None:
        what = "no checkpoint is published yet" if size is None else f"no checkpoint of size {size}"
        raise NotFoundError(what)
    return row


def register(connection: ReadConnection, log: LogRow, size: int | None) -> trees.RegisterRow:
    """The register at the end of a published tree (default: the newest). Raises :class:`NotFoundError`."""
    end = checkpoint(connection, log, size).size
    row = trees.register_at(connection, log.id, end - 1)
    if row is None:
        raise IntegrityError(f"checkpoint {end} does not end in a register entry")
    return row


def tile(connection: ReadConnection, log: LogRow, level: int, n: int, width: int) -> bytes:
    """A tile of hashes (C2SP tlog-tiles), cut to ``width``. Raises :class:`NotFoundError` beyond the tree."""
    stop = (n * tiles.WIDTH + width) << (tiles.HEIGHT * level)
    if not 0 < width <= tiles.WIDTH or n < 0 or stop > log.published:
        raise NotFoundError(
            f"tile {level}/{n} of width {width}: the published tree has {log.published} entries"
        )
    return read_tile(connection, log.id, level, n)[: 32 * width]


def entries(connection: ReadConnection, log: LogRow, n: int, width: int) -> bytes:
    """A bundle of entries (C2SP tlog-tiles). Raises :class:`NotFoundError` beyond the tree."""
    start, stop = n * tiles.WIDTH, n * tiles.WIDTH + width
    if not 0 < width <= tiles.WIDTH or n < 0 or stop > log.published:
        raise NotFoundError(f"entries {n} of width {width}: the published tree has {log.published} entries")
    leaves = {
        index: record_entry(digest)
        for index, digest in records.digests_between(connection, log.id, start, stop).items()
    }
    for row in trees.registers_between(connection, log.id, start, stop):
        leaves[row.index] = RegisterEntry(index=row.index, count=row.count, root=row.root).encode()
    return tiles.bundle([leaves[index] for index in range(start, stop)])


def inclusion(connection: ReadConnection, log: LogRow, index: int, size: int | None = None) -> InclusionProof:
    """An entry in a published tree (default: the newest). Raises :class:`NotFoundError` for one that is not in it."""
    row = checkpoint(connection, log, size)
    if index >= row.size:
        raise NotFoundError(f"no entry {index} in the tree of size {row.size}")
    tree = tree_at(connection, log.id, row.size)
    return InclusionProof(
        index=index, leaf=tree.leaf_hash(index), proof=tuple(tree.inclusion_proof(index)), checkpoint=row
    )


def consistency(connection: ReadConnection, log: LogRow, first: int, second: int | None) -> ConsistencyProof:
    """Two published trees, ``first`` not above ``second`` (default: the newest). Raises :class:`NotFoundError`."""
    old, new = checkpoint(connection, log, first), checkpoint(connection, log, second)
    if old.size > new.size:
        raise NotFoundError(f"the tree of size {new.size} does not extend the one of size {old.size}")
    proof = tree_at(connection, log.id, new.size).consistency_proof(old.size)
    return ConsistencyProof(first=old, second=new, proof=tuple(proof))
