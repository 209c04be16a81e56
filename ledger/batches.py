"""Events into the log in batches, with an account of what became of each: what files and streams share.

:class:`BatchWriter` is handed events one by one, commits them some thousands at a time and counts. Who must answer for
each event (a reply file, say) gives ``told``: it is called once for every event, in the order handed in, as soon as the
transaction that settled it is durable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import msgspec

from ledger.append import Accepted
from ledger.errors import RefusedError
from ledger.log import Ledger

#: Refusals kept with their reasons; more are only counted, so that memory does not grow with a bad file.
MAX_KEPT = 1_000

#: Called with (place, event id where it could be read, what became of it).
Told: TypeAlias = Callable[[int | None, str | None, Accepted | RefusedError], None]


class _Named(msgspec.Struct, gc=False):
    id: str


_read_name = msgspec.json.Decoder(_Named).decode


@dataclass(slots=True, kw_only=True)
class Account:
    """What became of the events that were handed in."""

    accepted: int = 0
    repeated: int = 0
    refused: int = 0
    first_index: int | None = None
    last_index: int | None = None
    refusals: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, refusal: dict[str, Any]) -> None:
        """Count a refusal and keep it, as long as there is room."""
        self.refused += 1
        if len(self.refusals) < MAX_KEPT:
            self.refusals.append(refusal)

    def accept(self, index: int) -> None:
        """Count an event that went in at ``index``."""
        self.accepted += 1
        self.first_index = index if self.first_index is None else min(self.first_index, index)
        self.last_index = index if self.last_index is None else max(self.last_index, index)

    def to_json(self) -> dict[str, Any]:
        """The account for ``--json``."""
        return {
            "accepted": self.accepted,
            "repeated": self.repeated,
            "refused": self.refused,
            "first_index": self.first_index,
            "last_index": self.last_index,
            "refusals": self.refusals,
        }


class BatchWriter:
    """Hands events to the ledger, ``batch`` at a time with ``report``, all in one transaction with ``abort``.

    A dry run is one transaction as well: what a later event needs, an earlier one of the same file may bring.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        party: str | None,
        on_error: Literal["abort", "report"],
        dry_run: bool,
        batch: int,
        told: Told | None = None,
    ) -> None:
        self._ledger = ledger
        self._party = party
        self._on_error = on_error
        self._dry_run = dry_run
        self._batch = batch if on_error == "report" and not dry_run else None
        self._told = told
        self._waiting: list[bytes | dict[str, Any]] = []
        self._places: list[int | None] = []
        self.account = Account()

    def add(self, event: bytes | dict[str, Any], place: int | None) -> None:
        """One event; ``place`` is its line in the file, for refusals, None where it has no line of its own."""
        self._waiting.append(event)
        self._places.append(place)
        if self._batch is not None and len(self._waiting) >= self._batch:
            self._flush()

    def finish(self) -> Account:
        """Commit what is left; raises :class:`RefusedError` with ``abort``."""
        self._flush()
        return self.account

    def pause(self) -> None:
        """Commit what waits, where that does not break one transaction in two."""
        if self._batch is not None:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        try:
            done = self._ledger.append(
                self._waiting, party=self._party, on_error=self._on_error, dry_run=self._dry_run
            )
        except RefusedError as error:
            error.line = self._place(error.line)
            raise
        accepted = iter(done.accepted)
        refused = {error.line: error for error in done.rejects}
        for number in range(1, len(self._waiting) + 1):
            self._settle(number, refused[number] if number in refused else next(accepted))
        self._waiting, self._places = [], []

    def _settle(self, number: int, outcome: Accepted | RefusedError) -> None:
        """Count what became of the event that stands at ``number`` of this batch, and tell it."""
        place, name = self._place(number), None
        if isinstance(outcome, RefusedError):
            name = _name_of(self._waiting[number - 1])
            self.account.refuse(
                {
                    "line": place,
                    "id": name,
                    "field": outcome.field,
                    "reason": outcome.reason,
                    "rule": outcome.rule,
                    "details": outcome.details,
                }
            )
        elif outcome.repeated:
            self.account.repeated += 1
        else:
            self.account.accept(outcome.index)
        if self._told is not None:
            self._told(place, name if isinstance(outcome, RefusedError) else outcome.id, outcome)

    def _place(self, line: int | None) -> int | None:
        """The line in the file of the event at ``line`` of this batch."""
        return self._places[line - 1] if line is not None else None


def _name_of(event: bytes | dict[str, Any]) -> str | None:
    """A refused event's id, where that much of it can be read."""
    if isinstance(event, dict):
        return str(event.get("id"))
    try:
        return _read_name(event).id
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
