"""Breaks: disagreements between a file and the records, with a name, an owner, an age and a status.

A break is opened once (``break.opened``), carried on by every later file that shows the same disagreement, and closed
when both sides have said so (``break.closed``); who they are stands in :mod:`.sides`. Its name is a digest of what
disagrees and not of how much::

    "b-" || first 24 hex digits of SHA-256 of canonical [pool, loan, claim, item, currency]

so the same disagreement has the same name in every file, on every machine. Where things stand is folded from the
pool's own records in the order of the log, which is the order in which the parties knew of each other's word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, Literal

from msgspec import UNSET

from ledger.audit.reconcile.sides import AnyOf, Known, Sides
from ledger.domain import money
from ledger.domain.events.files import BreakClosed, BreakOpened, TapeReceived
from ledger.domain.fold import Indexed
from ledger.proofs import canonical

ABSENT: Final = "absent_in_tape"
EXTRA: Final = "extra_in_tape"

Status = Literal["open", "agreed", "closed"]

#: How a break ends without going away: a later file that shows the same figures again does not open it anew.
_LASTING: Final = frozenset({"immaterial", "other"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One disagreement as a file shows it. ``difference`` is reported less derived, in units of 1e-8.

    ``loan`` None: a total. ``reported`` or ``derived`` None: that side says nothing. ``since`` is the cut-off of the
    file that showed it first, as far as is known.
    """

    pool: str
    loan: str | None
    claim: str | None
    item: str
    reported: str | None
    derived: str | None
    currency: str | None = None
    difference: int | None = None
    owner: str = ""
    tape: str = ""
    since: date

    @property
    def name(self) -> str:
        """The same for the same disagreement."""
        what = [self.pool, self.loan, self.claim, self.item, self.currency if self.loan is None else None]
        return "b-" + hashlib.sha256(canonical.encode(what)).hexdigest()[:24]

    @property
    def subject(self) -> str:
        """What it is about, as findings name it."""
        return f"pool:{self.pool}" if self.loan is None else f"loan:{self.loan}"

    def to_json(self) -> dict[str, Any]:
        """The break as commands print it."""
        difference = None
        if self.difference is not None and self.currency is not None:
            difference = money.format(self.difference, self.currency)
        return {
            "name": self.name,
            "loan": self.loan,
            "claim": self.claim,
            "item": self.item,
            "reported": self.reported,
            "derived": self.derived,
            "difference": difference,
            "currency": self.currency,
            "owner": self.owner or None,
            "since": self.since.isoformat(),
            "tape": self.tape,
        }

    def event(self, party: str) -> dict[str, Any]:
        """The submission that opens it."""
        data: dict[str, Any] = {
            "name": self.name, "tape": self.tape, "item": self.item, "reported": self.reported,
            "derived": self.derived, "owner": self.owner,
        }  # fmt: skip
        optional = {"loan": self.loan, "claim": self.claim, "currency": self.currency}
        data |= {member: value for member, value in optional.items() if value is not None}
        if self.difference is not None and self.currency is not None:
            data["difference"] = money.format(self.difference, self.currency)
        return {
            "id": f"{self.name}:{self.tape[:16]}:{self.since.isoformat()}",
            "type": "break.opened",
            "subject": f"pool:{self.pool}",
            "effective": self.since.isoformat(),
            "party": party,
            "data": data,
        }


@dataclass(frozen=True, slots=True)
class Closing:
    """One side's word that a break is settled. ``signed``: it carries the party's own signature."""

    party: str
    resolution: str
    explanation: str
    day: date
    signed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingBreak:
    """A break of the log. ``records`` are (index, digest) of what opened and closed it; ``closings`` by party, newest.

    ``name`` is the one in the log; another program than this one may have given it. ``sides`` are whose words close
    it, ``opener`` is who posted it.
    """

    name: str
    what: Break
    opener: str
    sides: Sides
    records: tuple[tuple[int, str], ...]
    closings: tuple[Closing, ...] = ()

    @property
    def missing(self) -> tuple[AnyOf, ...]:
        """Whose words are missing to close it: of each, one party's; an empty one is any party that has not said so."""
        return self.sides.missing({one.party for one in self.closings})

    @property
    def status(self) -> Status:
        """Closed once all sides have said so; agreed where somebody has."""
        if not self.closings:
            return "open"
        return "agreed" if self.missing else "closed"

    def age(self, day: date) -> int:
        """Days since the cut-off of the file that showed it first."""
        return max(0, (day - self.what.since).days)

    def settles(self, found: Break) -> bool:
        """Whether this break, closed, still answers for a disagreement that a file shows now.

        It does for the file that it was opened from and for older ones, and for the same figures in any file where
        its owner, with the others, lets them stand. What was to go away and is there again is opened anew.
        """
        if self.status != "closed":
            return False
        if found.since <= self.what.since:
            return True
        [resolution] = {one.resolution for one in self.closings if one.party == self.what.owner}
        same = (found.reported, found.derived) == (self.what.reported, self.what.derived)
        return same and resolution in _LASTING

    def to_json(self, day: date) -> dict[str, Any]:
        """The break as commands print it, aged as of a day."""
        return self.what.to_json() | {
            "name": self.name,
            "status": self.status,
            "age_days": self.age(day),
            "waits_for": [list(some) for some in self.missing],
            "agreed_by": [
                {
                    "party": one.party,
                    "resolution": one.resolution,
                    "explanation": one.explanation,
                    "day": one.day.isoformat(),
                    "signed": one.signed,
                }
                for one in self.closings
            ],
            "records": [{"index": index, "digest": digest} for index, digest in self.records],
        }


def standing(own: Iterable[Indexed], *, pool: str, day: date | None = None) -> dict[str, StandingBreak]:
    """A pool's breaks by name, out of its own records with an effective day until ``day``."""
    found: dict[str, StandingBreak] = {}
    parties = Known()
    for index, one in own:
        if day is not None and one.when.last_day > day:
            continue
        parties.take(one)
        place = (index, one.digest.hex())
        event = one.event
        if isinstance(event, BreakOpened):
            known = found.get(event.name)
            if known is None or known.status == "closed":
                what = _read(event, pool, one.when.last_day)
                sides = parties.sides(owner=event.owner, tape=event.tape, opener=one.party)
                found[event.name] = StandingBreak(
                    name=event.name, what=what, opener=one.party, sides=sides, records=(place,)
                )
        elif isinstance(event, BreakClosed) and event.name in found:
            known = found[event.name]
            if known.status == "closed":
                continue
            word = Closing(
                one.party, event.resolution, event.explanation, one.when.last_day, one.sig is not None
            )
            closings = (*(old for old in known.closings if old.party != one.party), word)
            # Who is who may have become clear since it was opened.
            sides = parties.sides(owner=known.what.owner, tape=known.what.tape, opener=known.opener)
            found[event.name] = replace(
                known, sides=sides, closings=closings, records=(*known.records, place)
            )
    return found


def _read(event: BreakOpened, pool: str, since: date) -> Break:
    difference = None
    if isinstance(event.difference, str) and isinstance(event.currency, str):
        sign = -1 if event.difference.startswith("-") else 1
        difference = sign * money.parse_total(event.difference.removeprefix("-"), event.currency)
    return Break(
        pool=pool,
        loan=None if event.loan is UNSET else event.loan,
        claim=None if event.claim is UNSET else event.claim,
        item=event.item,
        reported=event.reported,
        derived=event.derived,
        currency=None if event.currency is UNSET else event.currency,
        difference=difference,
        owner=event.owner,
        tape=event.tape,
        since=since,
    )


def tapes_received(own: Iterable[Indexed], *, day: date | None = None) -> list[tuple[Indexed, TapeReceived]]:
    """The files that a pool's records commit to, until a day, in the order of the log."""
    return [
        ((index, one), one.event)
        for index, one in own
        if isinstance(one.event, TapeReceived) and (day is None or one.when.last_day <= day)
    ]


def closing(
    what: StandingBreak, *, party: str, resolution: str, explanation: str, today: date
) -> dict[str, Any]:
    """The submission by which a party agrees that a break is settled."""
    opened = what.records[0][0]
    return {
        "id": f"{what.name}:closed:{opened}:{len(what.records)}",
        "type": "break.closed",
        "subject": f"pool:{what.what.pool}",
        "effective": today.isoformat(),
        "party": party,
        "data": {"name": what.name, "resolution": resolution, "explanation": explanation},
    }
