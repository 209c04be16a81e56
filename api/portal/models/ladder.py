"""The life of a record as a ladder: recorded → included → published → (cosigned) → anchored → final."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from api.portal.formats import number
from ledger.domain.calendar import format_instant
from ledger.store import ReadConnection, anchors, trees
from ledger.store.logs import LogRow

STATES: Final = ("recorded", "included", "published", "cosigned", "anchored", "final")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A state: whether it is reached, a value beside it, and the instant since when."""

    state: str
    reached: bool
    value: str | None = None
    at: str | None = None
    note: str | None = None

    @property
    def optional(self) -> bool:
        """Whether a record may go on without it."""
        return self.state == "cosigned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far a log has come: the size of each state, and when that was."""

    size: int
    published: int
    published_at: str | None
    cosigned: int
    anchored: int
    anchored_at: str | None
    final: int
    final_at: str | None

    def state_of(self, index: int) -> str:
        """The highest state that the entry at ``index`` has reached."""
        if index < self.final:
            return "final"
        if index < self.anchored:
            return "anchored"
        return "published" if index < self.published else "included"


def reach(connection: ReadConnection, log: LogRow) -> Reach:
    """How far the log has come."""
    newest = trees.checkpoint(connection, log.id) if log.published else None
    anchored = anchors.newest_size(connection, log.id, *anchors.ANCHORED)
    final = anchors.newest_size(connection, log.id, "final")
    return Reach(
        size=log.size,
        published=log.published,
        published_at=None if newest is None else newest.published,
        cosigned=0 if newest is None or not _cosigned(newest.note) else newest.size,
        anchored=anchored,
        anchored_at=_block_time(connection, log, anchored),
        final=final,
        final_at=_block_time(connection, log, final),
    )


def of_log(found: Reach, posted: str | None) -> tuple[Step, ...]:
    """The ladder of a whole log, with the size of each state."""
    return (
        Step(state="recorded", reached=found.size > 0, value=number(found.size), at=posted),
        Step(state="included", reached=found.size > 0, value=number(found.size), at=posted),
        Step(
            state="published",
            reached=found.published > 0,
            value=number(found.published),
            at=found.published_at,
        ),
        Step(
            state="cosigned",
            reached=found.cosigned > 0,
            value=number(found.cosigned) if found.cosigned else None,
        ),
        Step(
            state="anchored", reached=found.anchored > 0, value=number(found.anchored), at=found.anchored_at
        ),
        Step(state="final", reached=found.final > 0, value=number(found.final), at=found.final_at),
    )


def of_record(connection: ReadConnection, log: LogRow, index: int, posted: str | None) -> tuple[Step, ...]:
    """The ladder of one entry, with when it reached each state."""
    checkpoint = trees.first_checkpoint_above(connection, log.id, index)
    rows = [one for one in anchors.listed(connection, log.id, after=index) if one.state in anchors.ANCHORED]
    first = rows[0] if rows else None
    final = next((one for one in rows if one.state == "final"), None)
    return (
        Step(state="recorded", reached=True, at=posted),
        Step(state="included", reached=True, at=posted),
        Step(
            state="published", reached=checkpoint is not None,
            at=None if checkpoint is None else checkpoint.published,
            value=None if checkpoint is None else number(checkpoint.size),
        ),
        Step(state="cosigned", reached=checkpoint is not None and _cosigned(checkpoint.note)),
        Step(
            state="anchored", reached=first is not None, at=None if first is None else _instant(first.block_time),
            value=None if first is None else number(first.size),
        ),
        Step(
            state="final", reached=final is not None, at=None if final is None else _instant(final.block_time),
            value=None if final is None else number(final.size),
        ),
    )  # fmt: skip


def _cosigned(note: bytes) -> bool:
    """Whether a checkpoint carries another signature beside the log's own; who may be believed is for a verifier."""
    _, _, signatures = note.decode().rpartition("\n\n")
    return len(signatures.splitlines()) > 1


def _block_time(connection: ReadConnection, log: LogRow, size: int) -> str | None:
    row = anchors.get(connection, log.id, size) if size else None
    return None if row is None else _instant(row.block_time)


def _instant(seconds: int | None) -> str | None:
    return None if seconds is None else format_instant(datetime.fromtimestamp(seconds, UTC))
