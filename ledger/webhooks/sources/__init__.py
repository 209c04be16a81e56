"""Where messages come from: what happened since the last look, one module for each place to look at.

A source is looked through up to a position (an index, a size, a block), which is stored together with the messages
that were found up to there. A new source is a class with the three members of :class:`Source`, and its place in
:data:`LOCAL` if it needs the database only, else among what :func:`ledger.home.duties.courier` hands in.
What happens at a known place in the code needs no source: :func:`ledger.webhooks.messages.announce` is called there.
"""

from __future__ import annotations

from typing import Final, Protocol

from ledger.store import webhooks as rows
from ledger.store.engine import ReadConnection, WriteConnection
from ledger.store.logs import LogRow
from ledger.webhooks.messages import Occurrence
from ledger.webhooks.sources.anchored import Anchored
from ledger.webhooks.sources.recorded import Recorded


class Source(Protocol):
    """One place to look at."""

    @property
    def name(self) -> str:
        """Names its cursor; never changes."""

    def end(self, connection: ReadConnection, log: LogRow) -> int:
        """The position after all that has happened so far."""

    def look(self, connection: ReadConnection, log: LogRow, position: int) -> tuple[list[Occurrence], int]:
        """What happened since ``position``, and the position after it.

        Raises :class:`~ledger.errors.UnavailableError` where that cannot be told now.
        """


LOCAL: Final[tuple[Source, ...]] = (Anchored(), Recorded())


def begin(connection: WriteConnection, log: LogRow) -> None:
    """Look from now on only: the first webhook of a log hears nothing of what happened before it."""
    rows.drop_cursors(connection, log.id)
    for source in LOCAL:
        rows.move_cursor(connection, log.id, source.name, start=None, to=source.end(connection, log))
