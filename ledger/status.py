"""How far a log and each of its records have come: recorded → included → published → anchored → final.

Recording and including are one transaction here, so whatever stands in the log is included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger.store import ReadConnection, anchors, trees
from ledger.store.logs import ChainRow, LogRow
from ledger.store.records import RecordRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How far the log has come on each rung of the ladder; sizes are entries, times the ledger's."""

    origin: str
    size: int
    published: int
    published_at: str | None
    anchored: int
    final: int
    pending: int
    last_posted: str | None
    register_count: int
    chain: ChainRow | None


def of_log(connection: ReadConnection, log: LogRow) -> Status:
    """How far the log has come."""
    newest = trees.checkpoint(connection, log.id)
    register = trees.register_at(connection, log.id, log.published - 1) if log.published else None
    return Status(
        origin=log.origin,
        size=log.size,
        published=log.published,
        published_at=newest.published if newest else None,
        anchored=anchors.newest_size(connection, log.id, "mined", "final"),
        final=anchors.newest_size(connection, log.id, "final"),
        pending=log.size - log.published,
        last_posted=log.posted or None,
        register_count=register.count if register else 0,
        chain=log.chain,
    )


def of_record(connection: ReadConnection, log: LogRow, row: RecordRow) -> dict[str, Any]:
    """Where a record is on the ladder, with its index and digest."""
    return {
        "id": row.event_id,
        "party": row.party,
        "index": row.index,
        "digest": row.digest.hex(),
        "state": _reached(connection, log, row.index),
    }


def _reached(connection: ReadConnection, log: LogRow, index: int) -> str:
    """The highest rung that the record at ``index`` stands on."""
    if index < anchors.newest_size(connection, log.id, "final"):
        return "final"
    if index < anchors.newest_size(connection, log.id, "mined", "final"):
        return "anchored"
    return "published" if index < log.published else "included"
