"""Events into the log in batches, with an account of what went in: what ``append`` and ``import`` share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import typer

from ledger.errors import RefusedError

if TYPE_CHECKING:
    from ledger.cli.frame import Output
    from ledger.log import Ledger

#: Refusals printed one by one; a file of the wrong kind is refused line by line, and a terminal has an end.
MAX_SHOWN = 20
#: Refusals kept with their reasons; more are only counted, so that memory does not grow with a bad file.
MAX_KEPT = 1_000
_EXIT_REFUSED = 2


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

    def lines(self, *, dry_run: bool) -> list[str]:
        """The account for the eye."""
        verb = "would be accepted" if dry_run else "accepted"
        where = (
            f", entries {self.first_index} to {self.last_index}"
            if self.first_index is not None and not dry_run
            else ""
        )
        return [
            f"{self.accepted} events {verb}{where}; {self.repeated} were there before; {self.refused} refused"
        ]

    def show(self, out: Output, *, source: str, dry_run: bool) -> None:
        """Print the account; exit code 2 if anything was refused."""
        self.say_refusals(out)
        out.show({"source": source, "dry_run": dry_run, **self.to_json()}, *self.lines(dry_run=dry_run))
        if self.refused:
            raise typer.Exit(_EXIT_REFUSED)

    def say_refusals(self, out: Output) -> None:
        """The first refusals, by line and field, on standard error."""
        for one in self.refusals[:MAX_SHOWN]:
            place = f"line {one['line']}" if one["line"] is not None else f"event {one['id']}"
            out.say(": ".join(filter(None, (place, one["field"], one["reason"]))))
        if self.refused > MAX_SHOWN:
            out.say(f"… and {self.refused - MAX_SHOWN} more" + ("" if out.as_json else "; --json lists them"))


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
    ) -> None:
        self._ledger = ledger
        self._party = party
        self._on_error = on_error
        self._dry_run = dry_run
        self._batch = batch if on_error == "report" and not dry_run else None
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
            error.line = self._place(error)
            raise
        account = self.account
        for one in done.accepted:
            if one.repeated:
                account.repeated += 1
                continue
            account.accepted += 1
            account.first_index = (
                one.index if account.first_index is None else min(account.first_index, one.index)
            )
            account.last_index = (
                one.index if account.last_index is None else max(account.last_index, one.index)
            )
        for refusal in done.rejects:
            account.refuse(
                {
                    "line": self._place(refusal),
                    "id": self._event_id(refusal),
                    "field": refusal.field,
                    "reason": refusal.reason,
                    "rule": refusal.rule,
                    "details": refusal.details,
                }
            )
        self._waiting, self._places = [], []

    def _place(self, error: RefusedError) -> int | None:
        """The line in the file of the event at ``error.line`` of this batch."""
        return self._places[error.line - 1] if error.line is not None else None

    def _event_id(self, error: RefusedError) -> str | None:
        """The refused event's id, where it was handed in as a value."""
        event = self._waiting[error.line - 1] if error.line is not None else None
        return str(event.get("id")) if isinstance(event, dict) else None
