"""``file.missing``: files that were due and have not come, each told once. The position says nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ledger.domain.calendar import format_instant
from ledger.store import logs
from ledger.store.engine import ReadConnection
from ledger.store.logs import LogRow
from ledger.webhooks.messages import Occurrence

#: Files are due once a day; all dates of the plan are gone through at each look.
EVERY_SECONDS: Final = 60.0
#: Those who run the platform hear of every file that is missing, besides the party that owes it.
_RUNNING: Final = frozenset({"originator", "servicer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingFile:
    """A file of a business date that its party owes."""

    day: str
    party: str
    name: str
    detail: str


class Missing:
    """What ``missing`` gives, told to the party that owes the file and to those who run the platform."""

    name = "missing"

    def __init__(
        self,
        missing: Callable[[LogRow], Iterable[MissingFile]],
        *,
        clock: Callable[[], datetime],
        every: float = EVERY_SECONDS,
    ) -> None:
        self._missing = missing
        self._clock = clock
        self._every = every
        self._looked: float | None = None

    def end(self, connection: ReadConnection, log: LogRow) -> int:  # noqa: ARG002 - what is missing now is told
        """Nothing was told yet."""
        return 0

    def look(self, connection: ReadConnection, log: LogRow, position: int) -> tuple[list[Occurrence], int]:
        """All that is missing now; what was told before is the same message and is written once."""
        now = time.monotonic()
        if self._looked is not None and now - self._looked < self._every:
            return [], position
        self._looked = now
        at = format_instant(self._clock())
        found = list(self._missing(log))
        parties = logs.list_parties(connection, log.id) if found else []
        running = {one.name for one in parties if _RUNNING & set(one.roles)}
        return [
            Occurrence(
                type="file.missing",
                at=at,
                key=f"{file.day}:{file.party}:{file.name}",
                data={"date": file.day, "party": file.party, "name": file.name, "detail": file.detail},
                party=told,
            )
            for file in found
            for told in sorted(running | {file.party})
        ], position
