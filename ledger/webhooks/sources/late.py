"""``anchor.late``: the position is the size that was told of last, so that one lateness is told once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.domain.calendar import format_instant
from ledger.store import anchors, trees
from ledger.store.anchors import ANCHORED
from ledger.store.engine import ReadConnection
from ledger.store.logs import LogRow
from ledger.webhooks.messages import Occurrence


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """``within`` is what acceptances promise."""

    within: timedelta
    clock: Callable[[], datetime]
    name: str = "late"

    def end(self, connection: ReadConnection, log: LogRow) -> int:  # noqa: ARG002 - what is late now is told
        """Nothing was told yet."""
        return 0

    def look(self, connection: ReadConnection, log: LogRow, position: int) -> tuple[list[Occurrence], int]:
        """The oldest checkpoint without an anchor, once it has waited for longer than was promised."""
        if log.chain is None:
            return [], position
        anchored = anchors.newest_size(connection, log.id, *ANCHORED)
        waiting = trees.first_checkpoint_above(connection, log.id, anchored)
        if waiting is None or waiting.size <= position:
            return [], position
        due = datetime.fromisoformat(waiting.published) + self.within
        if self.clock() <= due:
            return [], position
        data = {
            "size": waiting.size,
            "published": waiting.published,
            "due": format_instant(due),
            "anchored": anchored,
        }
        found = Occurrence(type="anchor.late", at=format_instant(due), key=str(waiting.size), data=data)
        return [found], waiting.size
