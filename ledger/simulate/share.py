"""A share of a simulation's loans: what they do on each day, for whoever puts the shares together.

Loans know nothing of each other, so a book can be simulated in shares, each in a process of its own. All that a share
gives for a day names its loan and is put in the order of names: the whole is the same however it was shared out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import NamedTuple

from ledger.simulate.borrowers import Borrowers
from ledger.simulate.course import CourseDay
from ledger.simulate.desk import Desk, Totals
from ledger.simulate.frauds import Frauds
from ledger.simulate.loan import Loan
from ledger.simulate.options import SCENARIOS, Options
from ledger.simulate.origination import Originator
from ledger.simulate.plans import Calendar
from ledger.simulate.platform import POOLS, signers
from ledger.simulate.shelf import Shelf, ShelfDay

#: The name of the loan that a line of one is about: lines begin with ``{"id":"L00000042.`` and a number.
loan_of = itemgetter(slice(7, 16))
_number = attrgetter("number")


class Reported(NamedTuple):
    """What a month's tape says of a loan, and the number of the event that says so."""

    name: str
    seq: int
    balance: int
    days_past_due: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareDay:
    """A day of a share: lines that are posted on it, and those of a wallet file that comes late, by names of loans.

    ``shelves`` and, at a month's end, ``reported`` are by pool; ``totals`` and ``doubles`` are of all days so far.
    """

    lines: list[str]
    late: list[str]
    shelves: list[ShelfDay]
    reported: list[list[Reported]]
    totals: Totals
    doubles: int


class Share:
    """Some of the loans, from their first day on."""

    def __init__(self, options: Options, frauds: Frauds) -> None:
        self._every = options.report_every
        self._frauds = frauds
        self._desk = desk = Desk(
            Calendar(options.start, options.last), origin=options.origin, signers=signers(options.seed)
        )
        self._shelves = [Shelf(terms) for terms in POOLS]
        self._borrowers = Borrowers(desk)
        self._originator = Originator(options, desk, self._borrowers, frauds, self._shelves)
        self._scenario = SCENARIOS[options.scenario]
        self._reported: list[Loan] = []
        frauds.bind(desk, self._borrowers, self._shelves)

    def day(self, today: CourseDay, numbers: Iterable[int]) -> ShareDay:
        """Loans of these of the day's numbers come into being, and those that are filed for the day act."""
        desk, late = self._desk, today.late_until is not None
        if today.turns:
            self._borrowers.behave(self._scenario)
        waiting = desk.open(today.day, late=late)
        for shelf in self._shelves:
            shelf.take_in(today.date.weekday(), at_end=today.ends_month)
        waiting.sort(key=_number)
        for loan in waiting:
            loan.step(loan)
        for number in numbers:
            self._originate(number, today.numbers.start)
        if self._frauds.plots:  # what a loan does may be told of another name, too
            desk.lines.sort(key=loan_of)
        return ShareDay(
            lines=desk.lines,
            late=desk.wallet if late else [],
            shelves=[shelf.close() for shelf in self._shelves],
            reported=self._report() if today.ends_month else [],
            totals=desk.totals(),
            doubles=self._originator.doubles,
        )

    def _originate(self, number: int, first: int) -> None:
        loan = self._originator.originate(number, first)
        if loan is None:
            return
        if self._frauds.on_tape(loan) if loan.plot else self._every and number % self._every == 0:
            self._reported.append(loan)

    def _report(self) -> list[list[Reported]]:
        """What the month's tape of each pool says."""
        self._reported = [loan for loan in self._reported if not loan.ended]
        return [[self._row(loan) for loan in self._reported if loan.pool is shelf] for shelf in self._shelves]

    def _row(self, loan: Loan) -> Reported:
        days = loan.days_past_due(self._desk.day)
        balance, days = self._frauds.reported(loan, loan.principal, days)
        loan.seq += 1
        return Reported(loan.name, loan.seq, balance, days)
