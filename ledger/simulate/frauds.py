"""Planted frauds: which loans, what is done with them, and what an auditor must find.

A planted loan is an ordinary one in its looks, whose borrower pays on each due day but for what the plot says; so
the finding stands out for one reason only. All other loans are the same, to the byte, as in the honest book.
"""

from __future__ import annotations

import random
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Final

from ledger.simulate import lines
from ledger.simulate.loan import PLANTED, Loan, Step, lane_of, name_of
from ledger.simulate.options import FIRST_MONTHS_HONEST, Options
from ledger.simulate.platform import POOLS
from ledger.simulate.plots import Plot, Unrecorded

if TYPE_CHECKING:
    from ledger.simulate.borrowers import Borrowers
    from ledger.simulate.desk import Desk
    from ledger.simulate.pools import Pool
    from ledger.simulate.shelf import Shelf

#: The instalment (from 0) from which the platform pays, that is dropped, or that is entered late.
_PAID_BY_PLATFORM: Final = 1
_DROPPED: Final = 2
_BACKDATED: Final = 1
#: Least days between a missed due date and the month's end on which it is entered as paid.
_BACKDATED_BY: Final = 10
#: The day of a month on which a claim goes back to its first lender.
_BACK_ON: Final = 3
#: What the tape shows above what is owed, fen.
_INFLATED_BY: Final = 50_000


class Frauds:
    """All that is planted in one simulation."""

    def __init__(self, options: Options) -> None:
        chosen = random.Random(f"poolproof/simulate/frauds/{options.seed}")  # noqa: S311 - a choice, no secret
        low, high = options.loans // 20, max(options.loans // 4, options.loans // 20 + 1)
        self.plots: list[Plot] = []
        self._cast: dict[int, Plot] = {}
        self._skimmed: dict[tuple[str, int], Plot] = {}
        self._moving: list[Loan] = []
        self._away: list[Loan] = []
        #: Taken by the driver of the simulation each day.
        self.unrecorded: list[Unrecorded] = []
        twin = options.loans
        for kind, count in options.frauds:
            for _ in range(count):
                pool = POOLS[chosen.randrange(2)].name if kind == "kept_cash" else POOLS[0].name
                plot = Plot(kind=kind, pool=pool)
                self.plots.append(plot)
                if kind == "kept_cash":
                    self._skim(plot, chosen, options.months)
                    continue
                number = chosen.randrange(low, high)
                while number in self._cast:
                    number = low + (number - low + 1) % (high - low)
                self._cast[number] = plot
                plot.loans.append(name_of(number))
                if kind == "double_pledge":
                    plot.loans.append(name_of(twin))
                    twin += 1

    def _skim(self, plot: Plot, chosen: random.Random, months: int) -> None:
        month = chosen.randrange(FIRST_MONTHS_HONEST, months)
        while (plot.pool, month) in self._skimmed:
            month = month + 1 if month + 1 < months else FIRST_MONTHS_HONEST
        self._skimmed[plot.pool, month] = plot

    def bind(self, desk: Desk, borrowers: Borrowers, shelves: list[Shelf]) -> None:
        """What they work with."""
        self._desk, self._borrowers, self._shelves = desk, borrowers, shelves

    def lane(self, number: int) -> int:
        """Where loan ``number`` runs."""
        return PLANTED if number in self._cast else lane_of(number)

    def cast(self, number: int) -> Plot | None:
        """The plot that loan ``number`` plays in."""
        return self._cast.get(number)

    def next(self, loan: Loan) -> None:
        """File a planted loan's next act."""
        plot, k, desk = loan.plot, loan.k, self._desk
        assert plot is not None
        loan.draw()  # as the others do, for whom it decides what becomes of the instalment
        day, step = max(loan.due[k], desk.day + 1), self._pay
        if plot.kind == "flip_flop" and k == 0 and loan not in self._moving:
            self._moving.append(loan)
        if plot.kind == "masked_delinquency" and k >= _PAID_BY_PLATFORM:
            step = self._advance
        elif plot.kind == "dropped_payment" and k == _DROPPED:
            step = self._drop
        elif plot.kind == "backdated_batch" and k == _BACKDATED:
            day, step = _month_end(loan.due[k] + _BACKDATED_BY), self._enter_late
        desk.plan(day, loan, partial(self._act, step))

    def _act(self, step: Step, loan: Loan) -> None:
        """Do a planted loan's act; what is said of the one name is said of the other too."""
        plot, desk = loan.plot, self._desk
        assert plot is not None
        first, second = self._shelves[0], self._shelves[1]
        said, collected = len(desk.lines), first.collected
        step(loan)
        if plot.kind == "double_pledge":
            for line in desk.lines[said:]:
                twin = line.replace(loan.name, plot.loans[1])
                kind = line.split('"type":"', 1)[1].split('"', 1)[0]
                desk.say(kind, twin, loan.plan.total[loan.k - 1] if kind == "repayment.received" else 0)
            second.collected += first.collected - collected  # both lenders are paid, or it would show at once
            if loan.ended:
                second.end(plot.loans[1], "repaid")
        if plot.kind in ("double_pledge", "invented_loan", "masked_delinquency"):
            plot.seen(desk.text)

    def _pay(self, loan: Loan) -> None:
        if self._borrowers.pay_instalment(loan):
            self.next(loan)

    def _advance(self, loan: Loan) -> None:
        """The platform pays what the borrower does not."""
        desk, plan, k = self._desk, loan.plan, loan.k
        parts = (plan.principal[k], plan.interest[k], plan.fee[k], 0)
        desk.say("repayment.received", lines.payment(loan, k, desk.text, parts, payer="platform"), sum(parts))
        loan.principal -= parts[0]
        loan.k = k + 1
        if loan.pool is not None:
            loan.pool.collect(loan, parts[0], parts[1])
        if loan.k == loan.terms:
            self._borrowers.end(loan, "matured")
        else:
            self.next(loan)

    def _drop(self, loan: Loan) -> None:
        """The borrower pays, the account bank has it, and nothing is recorded."""
        desk, k, plot = self._desk, loan.k, loan.plot
        assert plot is not None
        self.unrecorded.append(Unrecorded(loan.account, desk.text, loan.plan.total[k]))
        plot.account = f"account:{loan.account}"
        plot.seen(desk.text)
        loan.k = k + 1
        self.next(loan)

    def _enter_late(self, loan: Loan) -> None:
        """On the month's end the missed instalment is entered as paid when due; no money came, so none is passed on."""
        desk, plan, k, plot = self._desk, loan.plan, loan.k, loan.plot
        assert plot is not None
        parts = (plan.principal[k], plan.interest[k], plan.fee[k], 0)
        due = desk.days.text(loan.due[k])
        desk.say("repayment.received", lines.payment(loan, k, due, parts), sum(parts))
        loan.principal -= parts[0]
        loan.k = k + 1
        plot.seen(desk.text)
        self.next(loan)

    def move(self, today: date, pools: list[Pool], *, month_end: bool) -> None:
        """Over each month's end claims of the first pool stand in the second."""
        first = self._shelves[0]
        if month_end:
            self._away = [loan for loan in self._moving if loan.pool is first and not loan.ended]
            self._pass_on(pools, 0, 1)
        elif today.day == _BACK_ON and self._away:
            self._pass_on(pools, 1, 0)
            self._away = []

    def _pass_on(self, pools: list[Pool], giver: int, taker: int) -> None:
        names = [loan.name for loan in self._away]
        if not names:
            return
        pools[giver].release(names, "other")
        pools[taker].take(names)
        for loan in self._away:
            loan.pool = self._shelves[taker]
            assert loan.plot is not None
            loan.plot.seen(self._desk.text)

    def keeps(self, pool: str, month: int) -> bool:
        """Whether the remittance of this month (from 0) keeps cash back."""
        plot = self._skimmed.get((pool, month))
        if plot is not None:
            plot.seen(self._desk.text)
        return plot is not None

    def reported(self, loan: Loan, balance: int, days: int) -> tuple[int, int]:
        """(balance, days past due) as the tape shows them."""
        plot = loan.plot
        if plot is not None and plot.kind == "inflated_balance":
            plot.seen(self._desk.text)
            return balance + _INFLATED_BY, days
        return balance, days

    def on_tape(self, loan: Loan) -> bool:
        """Whether a planted loan must stand on the tapes."""
        return loan.plot is not None and loan.plot.kind in ("inflated_balance", "masked_delinquency")


def _month_end(day: int) -> int:
    found = date.fromordinal(day)
    year, month = divmod(found.year * 12 + found.month, 12)
    return date(year, month + 1, 1).toordinal() - 1
