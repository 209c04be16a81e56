"""Snapshots of pools' figures: derived, and made again whenever they are gone."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import delete, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger.store.engine import ReadConnection, WriteConnection
from ledger.store.tables import pool_snapshots

_TABLE = pool_snapshots.c


class SnapshotRow(NamedTuple):
    """A snapshot of a published size; ``document`` is JSON, empty where it was not asked for."""

    size: int
    made: str
    took_ms: int
    document: bytes


def newest(
    connection: ReadConnection, log_id: int, pool_id: int, *, at_most: int | None = None, with_document: bool = True
) -> SnapshotRow | None:  # fmt: skip
    """Of the greatest size, not above ``at_most``; one that is being worked out is none."""
    document = _TABLE.document if with_document else literal(b"")
    where = [*_mine(log_id, pool_id), _TABLE.document.is_not(None)]
    if at_most is not None:
        where.append(_TABLE.size <= at_most)
    columns = select(_TABLE.size, _TABLE.made, _TABLE.took_ms, document)
    row = connection.execute(columns.where(*where).order_by(_TABLE.size.desc()).limit(1)).one_or_none()
    return None if row is None else SnapshotRow(row[0], row[1], row[2], bytes(row[3]))


def claim(connection: WriteConnection, log_id: int, pool_id: int, size: int, *, now: str, stale: str) -> bool:
    """Take the work on a snapshot; False where another has it, and has begun it after ``stale``."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    values = {"log_id": log_id, "pool_id": pool_id, "size": size, "made": now, "took_ms": 0}
    statement = dialect.insert(pool_snapshots).values(values).on_conflict_do_nothing()
    if connection.execute(statement).rowcount == 1:
        return True
    overtaken = (
        update(pool_snapshots)
        .where(*_mine(log_id, pool_id), _TABLE.size == size, _TABLE.document.is_(None), _TABLE.made < stale)
        .values(made=now)
    )
    return connection.execute(overtaken).rowcount == 1


def put(connection: WriteConnection, log_id: int, pool_id: int, row: SnapshotRow, *, keep: int) -> None:
    """Store a snapshot that was claimed, and drop all but the newest ``keep``."""
    mine = _mine(log_id, pool_id)
    connection.execute(
        update(pool_snapshots)
        .where(*mine, _TABLE.size == row.size)
        .values(made=row.made, took_ms=row.took_ms, document=row.document)
    )
    sizes = connection.execute(select(_TABLE.size).where(*mine).order_by(_TABLE.size.desc())).scalars().all()
    if len(sizes) > keep:
        connection.execute(delete(pool_snapshots).where(*mine, _TABLE.size < sizes[keep - 1]))


def _mine(log_id: int, pool_id: int) -> tuple[Any, Any]:
    return _TABLE.log_id == log_id, _TABLE.pool_id == pool_id
