"""What a pool's page of tapes shows: the breaks to work on, the files that its records commit to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger.access import Caller, Scope
from ledger.audit import pool as pools
from ledger.audit.reconcile import breaks
from ledger.audit.reconcile.breaks import StandingBreak
from ledger.domain import calendar, money
from ledger.domain.events import EVENTS
from ledger.domain.fold import Indexed
from ledger.errors import NotFoundError
from ledger.log import Ledger
from ledger.reading import Reader

#: Breaks and files on a page; the API lists all.
MOST_BREAKS, MOST_TAPES = 50, 25
#: Words by which a side says how a break ends, in the order in which they are offered.
RESOLUTIONS = ("file_wrong", "record_corrected", "timing", "immaterial", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkBreak:
    """A break to work on. ``age`` in days; ``mine``: the reader's side may say a word and has not said one.

    ``waits_for`` are whose words are missing: of each, one party's; an empty one is any that has not said its own.
    """

    standing: StandingBreak
    age: int
    difference: str | None
    mine: bool
    waits_for: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedTape:
    """A file that the pool's records commit to."""

    index: int
    party: str
    sender: str
    form: str
    cut_off: str
    records: int
    sha256: str
    posted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TapesPage:
    """Everything that the page shows. ``more`` breaks are not on it, ``closed`` have been closed."""

    pool: str
    breaks: tuple[WorkBreak, ...]
    more: int
    closed: int
    tapes: tuple[ReceivedTape, ...]
    more_tapes: int


def page(ledger: Ledger, reader: Reader, pool: str) -> TapesPage:
    """The page for a reader who sees the pool: as of today, with every record that the log has."""
    today = calendar.business_date(ledger.clock(), reader.log.zone, reader.log.day_cut)
    own = _own(reader, pool)
    standing = list(breaks.standing(own, pool=pool).values())
    left = sorted((one for one in standing if one.status != "closed"), key=lambda one: -one.age(today))
    received = list(reversed(breaks.tapes_received(own)))
    return TapesPage(
        pool=pool,
        breaks=tuple(_break(one, today, reader.caller) for one in left[:MOST_BREAKS]),
        more=max(0, len(left) - MOST_BREAKS),
        closed=len(standing) - len(left),
        tapes=tuple(_tape(one) for one in received[:MOST_TAPES]),
        more_tapes=max(0, len(received) - MOST_TAPES),
    )


def may_close(caller: Caller) -> bool:
    """Whether a reader's key and roles are enough to speak for its party of a break."""
    return Scope.WRITE in caller.scopes and bool(caller.roles & EVENTS["break.closed"].posted_by)


def closing(
    ledger: Ledger, reader: Reader, pool: str, name: str, *, resolution: str, note: str
) -> dict[str, Any]:
    """The event by which the reader's party says how a break ends. Raises :class:`NotFoundError` for no such break."""
    what = breaks.standing(_own(reader, pool), pool=pool).get(name)
    if what is None:
        raise NotFoundError(f"no break {name!r} of pool {pool!r}")
    today = calendar.business_date(ledger.clock(), reader.log.zone, reader.log.day_cut)
    return breaks.closing(
        what, party=reader.caller.party, resolution=resolution, explanation=note, today=today
    )


def _own(reader: Reader, pool: str) -> tuple[Indexed, ...]:
    before = reader.log.size
    return pools.load(reader.connection, reader.log, pool, before=before, as_of=date.max).records


def _break(one: StandingBreak, today: date, caller: Caller) -> WorkBreak:
    said, what = {word.party for word in one.closings}, one.what
    difference = None
    if what.difference is not None and what.currency is not None:
        difference = money.format(what.difference, what.currency)
    return WorkBreak(
        standing=one, age=one.age(today), difference=difference,
        mine=may_close(caller) and caller.party not in said,
        waits_for=one.missing,
    )  # fmt: skip


def _tape(received: tuple[Indexed, Any]) -> ReceivedTape:
    (index, one), event = received
    return ReceivedTape(
        index=index, party=one.party, sender=event.sender if isinstance(event.sender, str) else one.party,
        form=event.form, cut_off=event.cut_off, records=event.records, sha256=event.tape, posted=one.posted,
    )  # fmt: skip
