"""A share of a simulation's loans: what they do on each day, for whoever puts the shares together.

Loans know nothing of each other, so a book can be simulated in shares, each in a process of its own. They are dealt out
over lanes: a day has one lane's lines after the other's, and in a lane the loans act in the order in which they were
filed, before new ones come. So the whole is the same however the lanes are shared out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ledger.simulate.borrowers import Borrowers
from ledger.simulate.course import CourseDay
from ledger.simulate.desk import Desk, Totals
from ledger.simulate.frauds import Frauds
from ledger.simulate.loan import LANES, Loan
from ledger.simulate.options import SCENARIOS, Options
from ledger.simulate.origination import Originator
from ledger.simulate.plans import Calendar
from ledger.simulate.platform import POOLS, signers
from ledger.simulate.shelf import Shelf, ShelfDay

#: A lane, and the lines of its loans.
Said = tuple[int, bytes]


class Reported(NamedTuple):
    """What a month's tape says of a loan, and the number of the event that says so."""

    name: str
    seq: int
    balance: int
    days_past_due: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareDay:
    """A day of a share: lines that are posted on it, and those of a wallet file that comes ``late``, by lanes.

    ``shelves`` and, at a month's end, ``reported`` are by pool; ``totals`` and ``doubles`` are of all days so far.
    """

    said: list[Said]
    late: list[Said]
    shelves: list[ShelfDay]
    reported: list[list[Reported]]
    totals: Totals
    doubles: int


class Share:
    """Some of the loans, from their first day on: beside share 0 there are ``others``, numbered from 1.

    Share 0 has the planted loans, for what is planted is done by pools, too; where it is alone, it has all.
    """

    def __init__(self, options: Options, frauds: Frauds, number: int = 0, others: int = 0) -> None:
        self._lanes = LANES
        if others:
            self._lanes = LANES[number::others] if number else LANES[:1]
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

    def day(self, today: CourseDay) -> ShareDay:
        """Loans that are filed for the day act, and the share's part of its new ones come into being."""
        desk, late = self._desk, today.late_until is not None
        if today.turns:
            self._borrowers.behave(self._scenario)
        waiting = desk.open(today.day, late=late)
        for shelf in self._shelves:
            shelf.take_in(today.date.weekday(), at_end=today.ends_month)
        acting: list[list[Loan]] = [[] for _ in LANES]
        for loan in waiting:
            acting[loan.lane].append(loan)
        new: list[list[int]] = [[] for _ in LANES]
        for number in today.numbers:
            new[self._frauds.lane(number)].append(number)
        self._originator.open(today.numbers.start)
        said = []
        for lane in self._lanes:
            self._borrowers.act(acting[lane])
            for number in new[lane]:
                self._originate(number)
            said.append((lane, *desk.cut()))
        return ShareDay(
            said=[(lane, lines) for lane, lines, _ in said],
            late=[(lane, lines) for lane, _, lines in said] if late else [],
            shelves=[shelf.close() for shelf in self._shelves],
            reported=self._report() if today.ends_month else [],
            totals=desk.totals(),
            doubles=self._originator.doubles,
        )

    def _originate(self, number: int) -> None:
        loan = self._originator.originate(number)
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
