"""Was it recorded when it happened? Days from an event's effective day to the block that anchored it.

An event is anchored by the first anchored size that covers its record; the block's time is read as a business date of
the log. A month counts as its last day, and a payment as its value date where that is earlier: from that day on it
cures days past due. Left out, and counted, are what tells no event of its own day: the position of
a seasoned loan and whatever is effective on or before it, what tapes said, and corrections.

Three findings follow.

**back_dating.batch**, by the ledger's own clock: on one day events were recorded for days more than a week before (the
pool's tolerance ``back_dating``, in days, replaces the week). A batch that touches few of the pool's loans is reported
on each of them; any other, such as a history that was written in one go, on the pool.

**pledge.back_dated**, by the same clock: claims that were pledged or sold into the pool on one day for days as long
before. They may have been eligible then and not be when anybody first heard of it, so that eligibility is asked for the
day of record as well (:mod:`ledger.audit.checks.eligibility`).

**back_dating.jump**, by the blocks' times: of the events effective in the three days up to a month's end or a cut-off,
more were anchored more than three days later than chance explains:

- at least :data:`MIN_LATE` of them, so that no small book can trip it, and at least :data:`MIN_USUAL` events on other
  days to compare with;
- at least three times the share of late ones on other days, ``p``;
- above what a binomial law of ``n`` events with ``p`` gives, by four standard deviations:
  ``(late − n·p)² > 16·n·p·(1 − p)``, with ``p = (late elsewhere + 1) / (events elsewhere + 2)``, in whole numbers.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final, Self

from ledger.audit.checks.case import Case
from ledger.audit.findings import Evidence, Notes
from ledger.audit.pool import Pool
from ledger.audit.rules import USUAL_DELAY, PoolRules
from ledger.audit.scan.cash import flow_of
from ledger.domain import calendar
from ledger.domain.events.corrections import CorrectionMade
from ledger.domain.events.files import BalanceReported
from ledger.domain.events.loans import LoanOpened
from ledger.domain.position import opening_day
from ledger.domain.record import Record
from ledger.proofs.encumbrance import WHOLE

#: Days that the report counts by.
WITHIN: Final = (1, 3, 30)
#: Loans on which a batch is reported one by one, if they are at most one in so many of the pool's; records that one
#: finding names.
MAX_LOANS: Final = 20
ONE_IN: Final = 4
MAX_EVIDENCE: Final = 20
#: The days up to a cut-off that are looked at, and what counts as late there: the middle one of :data:`WITHIN`.
WINDOW: Final = 3
LATE: Final = 1
MIN_LATE: Final = 30
MIN_USUAL: Final = 100

_NO_ANCHOR: Final = "no anchor's block time was given"
_NOT_YET: Final = "the record is not anchored yet"


@dataclass(frozen=True, slots=True)
class Clock:
    """When things were known. ``anchors`` are (size, block time in seconds), ascending; None: no chain was asked."""

    zone: str
    day_cut: str
    anchors: tuple[tuple[int, int], ...] | None

    def anchored(self, index: int) -> int | None:
        """The business date (ordinal) of the first block whose size covers the record."""
        assert self.anchors is not None
        place = bisect_right(self.anchors, index, key=lambda row: row[0])
        if place == len(self.anchors):
            return None
        return _date(datetime.fromtimestamp(self.anchors[place][1], UTC), self.zone, self.day_cut)

    def recorded(self, posted: str) -> int:
        """The business date (ordinal) of the ledger's clock."""
        return _posted(posted, self.zone, self.day_cut)


@functools.lru_cache(maxsize=4_096)  # a batch has one clock, a block many records
def _date(instant: datetime, zone: str, day_cut: str) -> int:
    return calendar.business_date(instant, zone, day_cut).toordinal()


@functools.lru_cache(maxsize=4_096)
def _posted(posted: str, zone: str, day_cut: str) -> int:
    return calendar.business_date(calendar.parse_instant(posted), zone, day_cut).toordinal()


@dataclass(slots=True)
class _Batch:
    """What was recorded on one day for days long before. ``records`` and ``loans`` are the first ones met."""

    count: int = 0
    most: int = 0
    records: list[Evidence] = field(default_factory=list)
    loans: dict[str, _Batch] = field(default_factory=dict)

    def note(self, count: int, most: int, records: Sequence[Evidence]) -> None:
        self.count += count
        self.most = max(self.most, most)
        self.records.extend(records[: MAX_EVIDENCE - len(self.records)])

    def of(self, loan: str) -> _Batch | None:
        """The part of one loan; None where there are too many of them."""
        if loan not in self.loans and len(self.loans) > MAX_LOANS:
            return None
        return self.loans.setdefault(loan, _Batch())

    def add(self, other: _Batch) -> None:
        self.note(other.count, other.most, other.records)
        for loan, theirs in other.loans.items():
            mine = self.of(loan)
            if mine is not None:
                mine.note(theirs.count, theirs.most, theirs.records)


@dataclass(slots=True)
class BackDating:
    """Collects over the pool's loans."""

    clock: Clock
    delay: int = USUAL_DELAY
    loans: int = 0
    events: int = 0
    left_out: int = 0
    not_anchored: int = 0
    #: effective day (ordinal) → (anchored events, those later than each of :data:`WITHIN`)
    days: dict[int, list[int]] = field(default_factory=dict)
    #: day of the ledger's clock (ordinal) → what came late on it
    batches: dict[int, _Batch] = field(default_factory=dict)

    @classmethod
    def of(cls, clock: Clock, rules: PoolRules) -> Self:
        """By a pool's rules."""
        return cls(clock, rules.delay)

    def take(self, case: Case) -> None:
        """Count a loan's records."""
        self.loans += 1
        opened = opening_day(case.terms)
        for index, one in case.records:
            effective = one.when.ordinal
            if effective > case.as_of.toordinal():
                continue
            if isinstance(one.event, LoanOpened | BalanceReported | CorrectionMade) or effective <= opened:
                self.left_out += 1
                continue
            self.events += 1
            effective = _since(one)
            self._count(index, effective)
            posted = self.clock.recorded(one.posted)
            if posted - effective > self.delay:
                records = [Evidence(index, one.digest.hex())]
                batch = self.batches.setdefault(posted, _Batch())
                batch.note(1, posted - effective, records)
                part = batch.of(case.subject)
                if part is not None:
                    part.note(1, posted - effective, records)

    def _count(self, index: int, effective: int) -> None:
        if self.clock.anchors is None:
            return
        anchored = self.clock.anchored(index)
        if anchored is None:
            self.not_anchored += 1
            return
        row = self.days.setdefault(effective, [0] * (1 + len(WITHIN)))
        row[0] += 1
        for place, days in enumerate(WITHIN, start=1):
            row[place] += anchored - effective > days

    def add(self, other: Self) -> None:
        """Take in what the next range of loans gave."""
        self.loans += other.loans
        self.events += other.events
        self.left_out += other.left_out
        self.not_anchored += other.not_anchored
        for day, theirs in other.days.items():
            mine = self.days.setdefault(day, [0] * len(theirs))
            self.days[day] = [a + b for a, b in zip(mine, theirs, strict=True)]
        for day, batch in other.batches.items():
            self.batches.setdefault(day, _Batch()).add(batch)

    def numbers(self) -> dict[str, int]:
        """For the report: how many events, and which part of those anchored came within 1, 3 and 30 days, in ppm.

        Without an anchor there is no part to tell.
        """
        anchored = sum(row[0] for row in self.days.values())
        shown = {
            "dated_events": self.events,
            "undated": self.left_out,
            "not_anchored": self.events - anchored,
        }
        for place, days in enumerate(WITHIN if anchored else (), start=1):
            late = sum(row[place] for row in self.days.values())
            shown[f"anchored_within_{days}_days_ppm"] = (anchored - late) * WHOLE // anchored
        return shown

    # -- findings ------------------------------------------------------------------------------------------

    def check(self, notes: Notes, pool: str, cut_offs: Iterable[date] = ()) -> None:
        """Perform the procedure back_dating; ``pool`` is its subject, ``cut_offs`` those of its seals and tapes."""
        procedure = notes.procedure("back_dating")
        if self.clock.anchors is None:
            if self.events:
                procedure.undecided(_NO_ANCHOR, self.events)
        else:
            procedure.answered(self.events - self.not_anchored)
            if self.not_anchored:
                procedure.undecided(_NOT_YET, self.not_anchored)
        for day, batch in sorted(self.batches.items()):
            if len(batch.loans) > min(MAX_LOANS, self.loans // ONE_IN):
                _report(notes, "back_dating.batch", pool, day, batch)
            else:
                for loan, part in sorted(batch.loans.items()):
                    _report(notes, "back_dating.batch", loan, day, part)
        self._jumps(notes, pool, cut_offs)

    def _jumps(self, notes: Notes, pool: str, cut_offs: Iterable[date]) -> None:
        ends = sorted({*self._month_ends(), *(day.toordinal() for day in cut_offs)})
        watched = {day for end in ends for day in range(end - WINDOW + 1, end + 1)}
        usual = [row for day, row in self.days.items() if day not in watched]
        events, late = sum(row[0] for row in usual), sum(row[1 + LATE] for row in usual)
        if events < MIN_USUAL:
            return
        for end in ends:
            rows = [self.days[day] for day in range(end - WINDOW + 1, end + 1) if day in self.days]
            count, found = sum(row[0] for row in rows), sum(row[1 + LATE] for row in rows)
            if exceeds(count, found, events, late):
                notes.find(
                    "back_dating.jump", pool, late=found, count=count, days=WITHIN[LATE],
                    usual=f"{late} of {events}", first=_text(end - WINDOW + 1), last=_text(end),
                )  # fmt: skip

    def _month_ends(self) -> Iterator[int]:
        for month in {(date.fromordinal(day).year, date.fromordinal(day).month) for day in self.days}:
            following = date(month[0] + month[1] // 12, month[1] % 12 + 1, 1)
            yield (following - timedelta(days=1)).toordinal()


def check_transfers(notes: Notes, pool: Pool, as_of: date) -> None:
    """Tell of what came into the pool and was recorded too late for its day; part of the procedure back_dating."""
    batches: dict[int, _Batch] = {}
    for index, one in pool.records:
        recorded = pool.late.get(index)
        if recorded is not None and one.when.last_day <= as_of:
            days = recorded - one.when.ordinal
            batches.setdefault(recorded, _Batch()).note(1, days, [Evidence(index, one.digest.hex())])
    for day, batch in sorted(batches.items()):
        _report(notes, "pledge.back_dated", pool.subject, day, batch)


def exceeds(count: int, late: int, usual_count: int, usual_late: int) -> bool:
    """Whether ``late`` of ``count`` are more than chance explains; the rule of the module's first lines."""
    if late < MIN_LATE or late * usual_count < 3 * usual_late * count:
        return False
    of, part = usual_count + 2, usual_late + 1
    above = late * of - count * part
    return above > 0 and above * above > 16 * count * part * (of - part)


def _report(notes: Notes, code: str, subject: str, day: int, batch: _Batch) -> None:
    notes.find(
        code, subject, evidence=batch.records, count=batch.count, posted=_text(day),
        days=batch.most,
    )  # fmt: skip


def _since(one: Record) -> int:
    """The day (ordinal) from which on a record counts: its effective day, or a payment's earlier value date."""
    flow = flow_of(one.event, one.amounts, one.when)
    return one.when.ordinal if flow is None else min(one.when.ordinal, flow.when.ordinal)


def _text(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()
