"""The leaves of recorded seals, in chunks that are subtrees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import select

from ledger.store import bulk
from ledger.store.engine import ReadConnection, WriteConnection, streamed
from ledger.store.tables import seal_chunks


class ChunkRow(NamedTuple):
    """Chunk ``n`` of a seal: key of its first leaf, hash and sums of its subtree, its leaves one after another."""

    n: int
    first: bytes
    node: bytes
    leaves: bytes


_COLUMNS = ("log_id", "seal", *ChunkRow._fields)


def put(connection: WriteConnection, log_id: int, seal: bytes, rows: Iterable[ChunkRow]) -> None:
    """Store chunks; the same ones again change nothing."""
    values = [(log_id, seal, *row) for row in rows]
    bulk.upsert(connection, seal_chunks, ("log_id", "seal", "n"), _COLUMNS, values)


def nodes(connection: ReadConnection, log_id: int, seal: bytes) -> list[tuple[bytes, bytes]]:
    """(first key, node) of each chunk, in order; empty where the leaves are not kept."""
    statement = (
        select(seal_chunks.c.first, seal_chunks.c.node)
        .where(seal_chunks.c.log_id == log_id, seal_chunks.c.seal == seal)
        .order_by(seal_chunks.c.n)
    )
    return [(bytes(row[0]), bytes(row[1])) for row in connection.execute(statement)]


def leaves(connection: ReadConnection, log_id: int, seal: bytes, n: int) -> bytes:
    """The leaves of one chunk; empty where it is not there."""
    statement = select(seal_chunks.c.leaves).where(
        seal_chunks.c.log_id == log_id, seal_chunks.c.seal == seal, seal_chunks.c.n == n
    )
    found: bytes | None = connection.execute(statement).scalar_one_or_none()
    return bytes(found) if found is not None else b""


def kept(connection: ReadConnection, log_id: int) -> list[bytes]:
    """The seals whose leaves are kept."""
    statement = select(seal_chunks.c.seal).where(seal_chunks.c.log_id == log_id).distinct()
    return sorted(bytes(seal) for seal in connection.execute(statement).scalars())


def chunks(connection: ReadConnection, log_id: int, seal: bytes) -> Iterator[ChunkRow]:
    """Every chunk of a seal in order, streamed."""
    columns = [seal_chunks.c[name] for name in ChunkRow._fields]
    statement = select(*columns).where(seal_chunks.c.log_id == log_id, seal_chunks.c.seal == seal)
    result = streamed(connection, statement.order_by(seal_chunks.c.n), at_a_time=100)
    return (ChunkRow(row[0], bytes(row[1]), bytes(row[2]), bytes(row[3])) for row in result)
