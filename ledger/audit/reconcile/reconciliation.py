"""What a reconciliation says: breaks with their standing in the log, totals, and what stays undetermined."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger.audit.reconcile.breaks import Break, StandingBreak
from ledger.audit.reconcile.sums import Sums
from ledger.domain.calendar import Effective
from ledger.tapes.positions import Form


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A break that the file shows. ``standing`` is the log's, where it has one of this name."""

    what: Break
    standing: StandingBreak | None = None

    @property
    def status(self) -> str:
        """new, open, agreed by one side, closed, or reopened: it was closed and is there again."""
        if self.standing is None:
            return "new"
        if self.standing.status != "closed":
            return self.standing.status
        return "closed" if self.standing.settles(self.what) else "reopened"

    @property
    def since(self) -> date:
        """The cut-off of the file that showed it first."""
        carried = self.standing is not None and self.status != "reopened"
        return self.standing.what.since if carried and self.standing else self.what.since

    def to_json(self) -> dict[str, Any]:
        """The break as commands print it; figures are those of this file."""
        return self.what.to_json() | {"status": self.status, "since": self.since.isoformat()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What a comparison gave. ``explained`` counts loans that the file rightly leaves out or still has, by reason."""

    pool: str
    form: Form
    tape: str
    mapping: str | None
    cut_off: Effective
    size: int
    records: int
    partial: bool
    sender: str
    found: tuple[Found, ...]
    #: breaks of earlier files that are not closed and that this one does not show
    gone: tuple[StandingBreak, ...]
    totals: Sums
    compared: int
    #: (item, reason) → how often
    undetermined: Mapping[tuple[str, str], int]
    explained: Mapping[str, int]
    received: bool

    @property
    def open(self) -> list[Found]:
        """What is not closed."""
        return [one for one in self.found if one.status != "closed"]

    @property
    def exit_code(self) -> int:
        """1 with a break that is not closed, 3 where something is undetermined, else 0."""
        if self.open or self.gone:
            return 1
        return 3 if self.undetermined else 0

    @property
    def receipt_id(self) -> str:
        """The id of the event by which a party commits to this file at this cut-off."""
        return f"tape:{_short(self.pool, self.tape)}:{self.cut_off.text}"

    def events(self, party: str) -> list[dict[str, Any]]:
        """What ``party`` posts: the file's digest, unless the log has it, and the breaks that the log has not."""
        fresh = [one.what.event(party) for one in self.found if one.status in {"new", "reopened"}]
        return fresh if self.received else [self._received(party), *fresh]

    def _received(self, party: str) -> dict[str, Any]:
        data: dict[str, Any] = {
            "tape": self.tape, "form": self.form, "cut_off": self.cut_off.text, "records": self.records,
            "totals": self.totals.stated(),
        }  # fmt: skip
        if self.mapping is not None:
            data["mapping"] = self.mapping
        if self.sender and self.sender != party:
            data["sender"] = self.sender
        if self.partial:
            data["partial"] = True
        return {
            "id": self.receipt_id,
            "type": "tape.received",
            "subject": f"pool:{self.pool}",
            "effective": self.cut_off.text,
            "party": party,
            "data": data,
        }

    def to_json(self) -> dict[str, Any]:
        """The whole result, made of facts only."""
        return {
            "pool": self.pool,
            "form": self.form,
            "tape": self.tape,
            "cut_off": self.cut_off.text,
            "size": self.size,
            "records": self.records,
            "compared": self.compared,
            "partial": self.partial,
            "outcome": {0: "agrees", 1: "open breaks", 3: "undetermined"}[self.exit_code],
            "breaks": [one.to_json() for one in self.found],
            "gone": [one.to_json(self.cut_off.last_day) for one in self.gone],
            "totals": self.totals.to_json(),
            "undetermined": [
                {"item": item, "reason": reason, "count": count}
                for (item, reason), count in sorted(self.undetermined.items())
            ],
            "explained": dict(sorted(self.explained.items())),
        }


def _short(pool: str, tape: str) -> str:
    """32 hex digits that stand for a file and the pool that it is about: it may be about several."""
    return hashlib.sha256(f"{pool} {tape}".encode()).hexdigest()[:32]
