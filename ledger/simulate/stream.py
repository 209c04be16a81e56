"""The simulation: day by day, the lines that a platform posts on it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from ledger.simulate import lines
from ledger.simulate.borrowers import Borrowers
from ledger.simulate.desk import Desk
from ledger.simulate.frauds import Frauds, Unrecorded
from ledger.simulate.loan import Loan
from ledger.simulate.options import SCENARIOS, Options
from ledger.simulate.origination import Originator
from ledger.simulate.plans import Calendar
from ledger.simulate.platform import POOLS, signers, yuan
from ledger.simulate.pools import Pool

#: Loans of a day, against an ordinary weekday's: weekends, and the days of sales.
_WEEKDAY: Final = 10
_WEEKEND: Final = 13
_SALES: Final = {(6, 18): 45, (11, 11): 60, (12, 12): 35}
#: Of a thousand days so many have a wallet file that comes late, by one to four days.
_LATE_DAYS: Final = 40
_MOST_LATE: Final = 4

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
        return ("\n".join(self.lines) + "\n").encode() if self.lines else b""


class Simulation:
    """A book of loans by its options: the same options, the same bytes. It can be run once.

    Memory holds the loans that live, a few thousand plans and the options' days; not what was said.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self._first, self._last = options.start.toordinal(), options.last.toordinal()
        self._days = Calendar(options.start, options.last)
        self._desk = Desk(self._days, origin=options.origin, signers=signers(options.seed))
        self._pools = [Pool(terms, self._desk) for terms in POOLS]
        self._frauds = Frauds(options)
        self._borrowers = Borrowers(self._desk, self._frauds)
        self._frauds.bind(self._desk, self._borrowers, self._pools)
        self._originator = Originator(options, self._desk, self._borrowers, self._frauds, self._pools)
        self._scenario = SCENARIOS[options.scenario]
        self._middle = self._first + (self._last - self._first) // 2
        self._reported: list[Loan] = []
        #: value dates whose wallet file comes late → the day on which it does
        self._files: dict[int, int] = {}
        self._lines = 0

    def days(self) -> Iterator[Day]:
        """Each day in its order, also those on which nothing is posted."""
        made = 0
        arrivals = self._arrivals()
        for day in range(self._first, self._last + 1):
            today = date.fromordinal(day)
            if day == self._middle:
                self._borrowers.behave(self._scenario)
            waiting = self._desk.open(day, self._late_until(day))
            upto = next(arrivals)
            tapes = self._work(today, waiting, range(made, upto))
            made = upto
            self._lines += len(self._desk.lines)
            unrecorded, self._frauds.unrecorded = self._frauds.unrecorded, []
            yield Day(
                date=today, lines=self._desk.lines, tapes=tapes, unrecorded=unrecorded,
                settles=[self._days.text(one) for one in self._settled_on(day)], last=day == self._last,
            )  # fmt: skip

    def answered(self, kind: str) -> None:
        """Count an event that the clerk gave."""
        self._desk.count(kind)
        self._lines += 1

    def summary(self) -> dict[str, Any]:
        """Counts and sums by type of what was said so far, types left out for want of a log, all that was planted."""
        options, by_type = self.options, self._desk.totals()
        return {
            "seed": options.seed,
            "origin": options.origin,
            "first": options.start.isoformat(),
            "last": options.last.isoformat(),
            "scenario": options.scenario,
            "loans": options.loans,
            "events": self._lines,
            "by_type": by_type,
            "double_purchases": self._originator.doubles,
            "frauds": [plot.to_json() for plot in self._frauds.plots],
            "left_out": [kind for kind in NEEDS_A_LOG if kind not in by_type],
        }

    def _work(self, today: date, waiting: list[Loan], numbers: range) -> dict[str, bytes]:
        """A day's work in its order. Returns the tapes of a month's end."""
        desk, pools, frauds = self._desk, self._pools, self._frauds
        at_end = date.fromordinal(desk.day + 1).day == 1
        if desk.day == self._first:
            for pool in pools:
                pool.create()
        for pool in pools:
            pool.take_in(today.weekday(), at_end=at_end)
        every = self.options.report_every
        for number in numbers:
            loan = self._originator.originate(number)
            if loan is None:
                continue
            if frauds.on_tape(loan) if loan.plot else every and number % every == 0:
                self._reported.append(loan)
        for loan in waiting:
            if loan.plot is None:
                loan.step(loan)
            else:
                frauds.act(loan)
        frauds.move(today, month_end=at_end)
        for pool in pools:
            pool.close_day()
        if not at_end:
            return {}
        month = (today.year - self.options.start.year) * 12 + today.month - self.options.start.month
        for pool in pools:
            pool.close_month(f"{desk.text[:8]}01", kept=frauds.keeps(pool.terms.name, month))
        return self._report()

    def _report(self) -> dict[str, bytes]:
        """The month's tape of each pool, as a file, and what it says of its loans."""
        desk, day = self._desk, self._desk.day
        self._reported = [loan for loan in self._reported if not loan.ended]
        tapes = {}
        for pool in self._pools:
            rows = [
                (loan, *self._frauds.reported(loan, loan.principal, loan.days_past_due(day)))
                for loan in self._reported
                if loan.pool is pool
            ]
            if not rows:
                continue
            text = "loan,cut_off,balance,days_past_due\n" + "".join(
                f"{loan.name},{desk.text},{yuan(balance)},{late}\n" for loan, balance, late in rows
            )
            tape = text.encode()
            tapes[f"{pool.terms.name}-{desk.text[:7]}.csv"] = tape
            digest = hashlib.sha256(tape).hexdigest()
            pool.tape(digest, len(rows), sum(balance for _, balance, _ in rows))
            for place, (loan, balance, late) in enumerate(rows, 2):
                line = lines.balance_reported(loan, desk.text, digest, place, balance=balance, days=late)
                desk.say("balance.reported", line)
        return tapes

    def _arrivals(self) -> Iterator[int]:
        """How many loans there are at the end of each day; after the last one all of them."""
        weights = []
        for day in range(self._first, self._last + 1):
            today = date.fromordinal(day)
            ordinary = _WEEKEND if today.weekday() >= 5 else _WEEKDAY
            weights.append(_SALES.get((today.month, today.day), ordinary))
        total, so_far = sum(weights), 0
        for weight in weights:
            so_far += weight
            yield self.options.loans * so_far // total

    def _late_until(self, day: int) -> int | None:
        """The day on which this one's wallet file comes, None where it comes in time."""
        share = _LATE_DAYS * (self._scenario.late_files if day >= self._middle else 100) // 100
        draw = int.from_bytes(
            hashlib.sha256(b"poolproof/simulate/late/%d/%d" % (self.options.seed, day)).digest()[:8]
        )
        if draw % 1_000 >= share:
            return None
        late = min(day + 1 + (draw >> 32) % _MOST_LATE, self._last)
        if late == day:
            return None
        self._files[day] = late
        return late

    def _settled_on(self, day: int) -> list[int]:
        """Value dates that the bank settles today: yesterday, unless a file of it was missing, and what waited."""
        if day == self._last:
            due = [
                one for one in range(max(self._first, day - _MOST_LATE - 1), day) if self._when(one) >= day
            ]
            return [*due, day]
        return [one for one in range(max(self._first, day - _MOST_LATE - 1), day) if self._when(one) == day]

    def _when(self, day: int) -> int:
        """The day on which a value date is settled: the next one, or when the last of its files has come."""
        return max(day + 1, self._files.get(day, 0))
