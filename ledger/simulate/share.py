"""A share of a simulation's loans: what they do on each day, for whoever puts the shares together.

Loans know nothing of each other, so a book can be simulated in shares, each in a process of its own. They are dealt out
in blocks of numbers in a row, and all that a share gives for a day names its loan or its block and is put in that
order: the whole is the same however it was shared out.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from ledger.simulate.borrowers import Borrowers
from ledger.simulate.course import CourseDay
from ledger.simulate.desk import Desk, Totals
from ledger.simulate.frauds import Frauds
from ledger.simulate.loan import Loan, block_of
from ledger.simulate.options import SCENARIOS, Options
from ledger.simulate.origination import Originator
from ledger.simulate.plans import Calendar
from ledger.simulate.platform import POOLS, signers
from ledger.simulate.shelf import Shelf, ShelfDay

_number, _block = attrgetter("number"), attrgetter("block")

#: A block of loans, and the lines of these loans.
Block = tuple[int, bytes]


class Reported(NamedTuple):
    """What a month's tape says of a loan, and the number of the event that says so."""

    name: str
    seq: int
    balance: int
    days_past_due: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareDay:
    """A day of a share: lines that are posted on it, and those of a wallet file that comes ``late``, by blocks.

    ``shelves`` and, at a month's end, ``reported`` are by pool; ``totals`` and ``doubles`` are of all days so far.
    """

    said: list[Block]
    late: list[Block]
    shelves: list[ShelfDay]
    reported: list[list[Reported]]
    totals: Totals
    doubles: int


class Share:
    """Some of the loans, from their first day on: beside share 0 there are ``others``, numbered from 1.

    Share 0 has the blocks with planted loans, for what is planted is done by pools, too; where it is alone, it has all.
    """

    def __init__(self, options: Options, frauds: Frauds, number: int = 0, others: int = 0) -> None:
        self._number = number
        self._others = others
        self._planted = {block_of(planted) for planted in frauds.planted}
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
        waiting.sort(key=_number)
        blocks = []
        for block, loans in groupby(waiting, key=_block):
            for loan in loans:
                loan.step(loan)
            blocks.append((block, *desk.cut()))
        self._originator.open(today.numbers.start)
        for block, numbers in groupby(today.numbers, key=block_of):
            if self._has(block):
                for number in numbers:
                    self._originate(number)
                blocks.append((block, *desk.cut()))
        return ShareDay(
            said=[(block, said) for block, said, _ in blocks],
            late=[(block, said) for block, _, said in blocks] if late else [],
            shelves=[shelf.close() for shelf in self._shelves],
            reported=self._report() if today.ends_month else [],
            totals=desk.totals(),
            doubles=self._originator.doubles,
        )

    def _has(self, block: int) -> bool:
        if not self._others or block in self._planted:
            return self._number == 0
        return self._number == 1 + block % self._others

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
