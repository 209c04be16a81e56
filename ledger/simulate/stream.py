"""The simulation: day by day, the lines that a platform posts on it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any, Final

from ledger.simulate import lines
from ledger.simulate.course import Course, CourseDay
from ledger.simulate.desk import Desk, add_totals
from ledger.simulate.frauds import Frauds, Unrecorded
from ledger.simulate.options import Options
from ledger.simulate.plans import Calendar
from ledger.simulate.platform import CURRENCY, POOLS, signers, yuan
from ledger.simulate.pools import Pool
from ledger.simulate.processes import sensible, shares
from ledger.simulate.share import Reported, Share, ShareDay, loan_of

#: Types that say something about a record, so that only one who has it in a log can post them.
NEEDS_A_LOG: Final = ("cash.settled", "repayment.confirmed", "correction.made", "day.closed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What is posted on ``date``, in this order. ``last`` is the simulation's last day."""

    date: date
    lines: list[str]
    tapes: dict[str, bytes]
    unrecorded: list[Unrecorded]
    settles: list[str]
    last: bool

    def ndjson(self) -> bytes:
        """The lines as a file."""
        return "\n".join([*self.lines, ""]).encode()


class Simulation:
    """A book of loans by its options: the same options, the same bytes. It can be run once.

    With more than one of ``processes`` (0: as many as make sense) the loans are shared out to so many others, and what
    these say is put together here; the bytes are the same. Memory holds the loans that live, a few thousand plans and
    the options' days; not what was said.
    """

    def __init__(self, options: Options, *, processes: int = 1) -> None:
        self.options = options
        self._processes = processes or sensible(options.loans)
        self._days = Calendar(options.start, options.last)
        self._desk = Desk(self._days, origin=options.origin, signers=signers(options.seed))
        self._pools = [Pool(terms, self._desk) for terms in POOLS]
        self._frauds = Frauds(options)
        #: All loans, or the planted ones where others have the rest: what is planted is done by pools, too.
        self._own = Share(options, self._frauds)
        #: day → the lines of wallet files that come late, on that day
        self._late: dict[int, list[str]] = {}
        self._said: list[ShareDay] = []
        self._lines = 0

    def days(self) -> Iterator[Day]:
        """Each day in its order, also those on which nothing is posted."""
        options = self.options
        with shares(options, 0 if self._processes == 1 else self._processes) as others:
            for today in Course(options):
                self._said = [self._own_day(today), *(next(one) for one in others)]
                tapes = self._put_together(today)
                self._lines += len(self._desk.lines)
                unrecorded, self._frauds.unrecorded = self._frauds.unrecorded, []
                yield Day(
                    date=today.date, lines=self._desk.lines, tapes=tapes, unrecorded=unrecorded,
                    settles=[self._days.text(one) for one in today.settles], last=today.date == options.last,
                )  # fmt: skip

    def answered(self, kind: str) -> None:
        """Count an event that the clerk gave."""
        self._desk.count(kind)
        self._lines += 1

    def summary(self) -> dict[str, Any]:
        """Counts and sums by type of what was said so far, types left out for want of a log, all that was planted."""
        options, totals = self.options, self._desk.totals()
        for one in self._said:
            add_totals(totals, one.totals)
        by_type = {
            kind: {"count": count} | ({"sum": yuan(fen), "currency": CURRENCY} if fen else {})
            for kind, (count, fen) in sorted(totals.items())
        }
        return {
            "seed": options.seed,
            "origin": options.origin,
            "first": options.start.isoformat(),
            "last": options.last.isoformat(),
            "scenario": options.scenario,
            "loans": options.loans,
            "events": self._lines,
            "by_type": by_type,
            "double_purchases": sum(one.doubles for one in self._said),
            "frauds": [plot.to_json() for plot in self._frauds.plots],
            "left_out": [kind for kind in NEEDS_A_LOG if kind not in by_type],
        }

    def _own_day(self, today: CourseDay) -> ShareDay:
        numbers: Iterable[int] = today.numbers
        if self._processes > 1:
            numbers = [number for number in numbers if self._frauds.cast(number) is not None]
        return self._own.day(today, numbers)

    def _put_together(self, today: CourseDay) -> dict[str, bytes]:
        """A day's lines in their order. Returns the tapes of a month's end."""
        desk, pools, frauds, said = self._desk, self._pools, self._frauds, self._said
        desk.open(today.day)
        desk.lines += self._late.pop(today.day, ())
        if today.date == self.options.start:
            for pool in pools:
                pool.create()
        heard = [[one.shelves[place] for one in said] for place in range(len(pools))]
        for pool, shelves in zip(pools, heard, strict=True):
            pool.take_in(sorted(chain.from_iterable(one.taken for one in shelves)))
        desk.lines += _by_loan([one.lines for one in said])
        if today.late_until is not None:
            file = _by_loan([one.late for one in said])
            self._late.setdefault(today.late_until, []).extend(file)
        frauds.move(today.date, pools, month_end=today.ends_month)
        for pool, shelves in zip(pools, heard, strict=True):
            pool.close_day(shelves)
        return self._end_month(today) if today.ends_month else {}

    def _end_month(self, today: CourseDay) -> dict[str, bytes]:
        """What pools do at a month's end; returns the tape of each pool, as a file."""
        first, last = self.options.start, today.date
        month = (last.year - first.year) * 12 + last.month - first.month
        for pool in self._pools:
            pool.close_month(f"{self._desk.text[:8]}01", kept=self._frauds.keeps(pool.terms.name, month))
        tapes = {}
        for place, pool in enumerate(self._pools):
            rows = sorted(chain.from_iterable(one.reported[place] for one in self._said))
            if rows:
                tapes[f"{pool.terms.name}-{self._desk.text[:7]}.csv"] = self._report(pool, rows)
        return tapes

    def _report(self, pool: Pool, rows: Sequence[Reported]) -> bytes:
        """The month's tape of a pool, and what it says of its loans."""
        desk = self._desk
        text = "loan,cut_off,balance,days_past_due\n" + "".join(
            f"{row.name},{desk.text},{yuan(row.balance)},{row.days_past_due}\n" for row in rows
        )
        tape = text.encode()
        digest = hashlib.sha256(tape).hexdigest()
        pool.tape(digest, len(rows), sum(row.balance for row in rows))
        for place, row in enumerate(rows, 2):
            line = lines.balance_reported(
                row.name, row.seq, desk.text, digest, place, balance=row.balance, days=row.days_past_due
            )
            desk.say("balance.reported", line)
        return tape


def _by_loan(shares: list[list[str]]) -> list[str]:
    """The lines of all shares by names of loans, as each share has its own."""
    return shares[0] if len(shares) == 1 else sorted(chain.from_iterable(shares), key=loan_of)
