"""The simulation: day by day, the lines that a platform posts on it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from ledger.simulate import lines
from ledger.simulate.course import Course, CourseDay
from ledger.simulate.desk import Desk, add_totals
from ledger.simulate.frauds import Frauds
from ledger.simulate.options import Options
from ledger.simulate.plans import Calendar
from ledger.simulate.platform import CURRENCY, POOLS, signers, yuan
from ledger.simulate.plots import Unrecorded
from ledger.simulate.pools import Pool
from ledger.simulate.processes import sensible, shares
from ledger.simulate.share import Reported, Said, Share, ShareDay

#: Types that say something about a record, so that only one who has it in a log can post them.
NEEDS_A_LOG: Final = ("cash.settled", "repayment.confirmed", "correction.made", "day.closed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What is posted on ``date``: ``ndjson`` has a line for each event in its turn. ``last``: no day comes after it."""

    date: date
    ndjson: bytes
    tapes: dict[str, bytes]
    unrecorded: list[Unrecorded]
    settles: list[str]
    last: bool

    @property
    def lines(self) -> list[str]:
        """The events, one JSON object each."""
        return self.ndjson.decode().split("\n")[:-1]


class Simulation:
    """A book of loans by its options: the same options, the same bytes. It can be run once.

    With more than one of ``processes`` (0: as many as make sense) so many others work at the loans, and what these say
    is put together here; the bytes are the same. Memory holds the loans that live, a few thousand plans and the
    options' days; not what was said.
    """

    def __init__(self, options: Options, *, processes: int = 1) -> None:
        self.options = options
        processes = processes or sensible(options.loans)
        self._others = processes if processes > 1 else 0
        self._days = Calendar(options.start, options.last)
        self._desk = Desk(self._days, origin=options.origin, signers=signers(options.seed))
        self._pools = [Pool(terms, self._desk) for terms in POOLS]
        self._frauds = Frauds(options)
        self._own = Share(options, self._frauds, 0, self._others)
        #: day → the lines of wallet files that come late, on that day
        self._late: dict[int, bytes] = {}
        self._said: list[ShareDay] = []

    def days(self) -> Iterator[Day]:
        """Each day in its order, also those on which nothing is posted."""
        options = self.options
        with shares(options, self._others) as others:
            for today in Course(options):
                self._said = [self._own.day(today), *(next(one) for one in others)]
                ndjson, tapes = self._put_together(today)
                unrecorded, self._frauds.unrecorded = self._frauds.unrecorded, []
                yield Day(
                    date=today.date, ndjson=ndjson, tapes=tapes, unrecorded=unrecorded,
                    settles=[self._days.text(one) for one in today.settles], last=today.date == options.last,
                )  # fmt: skip

    def answered(self, kind: str) -> None:
        """Count an event that the clerk gave."""
        self._desk.count(kind)

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
            "events": sum(count for count, _ in totals.values()),
            "by_type": by_type,
            "double_purchases": sum(one.doubles for one in self._said),
            "frauds": [plot.to_json() for plot in self._frauds.plots],
            "left_out": [kind for kind in NEEDS_A_LOG if kind not in by_type],
        }

    def _put_together(self, today: CourseDay) -> tuple[bytes, dict[str, bytes]]:
        """A day's lines, and the tapes of a month's end."""
        desk, pools, frauds, said = self._desk, self._pools, self._frauds, self._said
        desk.open(today.day)
        parts = [self._late.pop(today.day, b"")]
        if today.date == self.options.start:
            for pool in pools:
                pool.create()
        heard = [[one.shelves[place] for one in said] for place in range(len(pools))]
        for pool, shelves in zip(pools, heard, strict=True):
            pool.take_in(sorted(chain.from_iterable(one.taken for one in shelves)))
        parts += [desk.cut()[0], *_by_lane([one.said for one in said])]
        if today.late_until is not None:
            file = b"".join(_by_lane([one.late for one in said]))
            self._late[today.late_until] = self._late.get(today.late_until, b"") + file
        frauds.move(today.date, pools, month_end=today.ends_month)
        for pool, shelves in zip(pools, heard, strict=True):
            pool.close_day(shelves)
        tapes = self._end_month(today) if today.ends_month else {}
        return b"".join([*parts, desk.cut()[0]]), tapes

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


def _by_lane(shares: list[list[Said]]) -> list[bytes]:
    """The lines of all shares, one lane after the other."""
    return [lines for _, lines in sorted(chain.from_iterable(shares), key=itemgetter(0))]
