"""``pool.sealed`` and ``break.opened``: records of the log, told once they are published; the position is an index."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec import UNSET

from ledger.domain import record
from ledger.domain.events.files import BreakOpened
from ledger.domain.events.pools import PoolSealed
from ledger.domain.record import Record
from ledger.store import records
from ledger.store.engine import ReadConnection
from ledger.store.logs import LogRow
from ledger.webhooks.messages import Occurrence

#: Entries looked through in one step: more than arrive between two, few enough to be read in a moment.
MOST: Final = 100_000


class Recorded:
    """Published records about pools."""

    name = "recorded"

    def end(self, connection: ReadConnection, log: LogRow) -> int:  # noqa: ARG002
        """After the newest published entry."""
        return log.published

    def look(self, connection: ReadConnection, log: LogRow, position: int) -> tuple[list[Occurrence], int]:
        """Seals and breaks published since."""
        stop = min(log.published, position + MOST)
        found: list[Occurrence] = []
        for row in records.of_pools(connection, log.id, position, stop) if stop > position else ():
            if row.record is None:
                continue
            one = record.parse(bytes(row.record))
            tell = _TOLD.get(one.kind.name)
            if tell is not None:
                place = {"index": row.index, "digest": row.digest.hex(), "party": one.party}
                found.append(
                    Occurrence(
                        type=one.kind.name,
                        at=one.posted,
                        key=str(row.index),
                        data=place | tell(one),
                        pool=one.subject.removeprefix("pool:"),
                    )
                )
        return found, stop


def _sealed(one: Record) -> dict[str, Any]:
    event = one.event
    assert isinstance(event, PoolSealed)
    return {
        "pool": one.subject.removeprefix("pool:"),
        "seal": event.seal,
        "currency": event.currency,
        "size": event.size,
        "as_of": event.as_of,
        "count": event.count,
        "restates": event.restates,
    }


def _break(one: Record) -> dict[str, Any]:
    event = one.event
    assert isinstance(event, BreakOpened)
    optional = {"loan": event.loan, "claim": event.claim, "currency": event.currency}
    optional |= {"difference": event.difference}
    return {
        "pool": one.subject.removeprefix("pool:"),
        "name": event.name,
        "item": event.item,
        "owner": event.owner,
        "tape": event.tape,
    } | {name: None if value is UNSET else value for name, value in optional.items()}


_TOLD: Final[dict[str, Callable[[Record], dict[str, Any]]]] = {
    "pool.sealed": _sealed,
    "break.opened": _break,
}
