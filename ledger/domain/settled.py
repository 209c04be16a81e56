"""What has been paid of each instalment, and by whom: the table that a reader compares a schedule and payments in.

The rule is that of :mod:`ledger.domain.position`, instalment by instalment. The obligor's money goes to the instalment
that it names; what is over, or names none, goes to the oldest one that is due and open. Others' money is shown at the
instalment that it names, settles the creditor's claim and cures nothing: what the obligor owes is told apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ledger.domain.position import OBLIGOR, Life
from ledger.domain.schedule import Due


@dataclass(frozen=True, slots=True, kw_only=True)
class Instalment:
    """One instalment on a day, amounts in units of 1e-8. ``open`` is what the obligor has not paid of it.

    ``others`` are (payer, units) of those who paid in the obligor's place. ``past`` says whether it is due already.
    """

    due: Due
    past: bool
    paid: int
    others: tuple[tuple[str, int], ...]

    @property
    def open(self) -> int:
        """What the obligor still owes of it."""
        return self.due.total - self.paid


def instalments_on(life: Life, day: date) -> tuple[Instalment, ...]:
    """Each instalment of the plan in force on ``day``, with what was paid of it until the close of that day.

    Raises :class:`~ledger.errors.UndeterminedError` where the plan or the payments cannot be told by instalment.
    """
    plan = life.plan(day)
    totals = {due.number: due.total for due in plan}
    named: dict[int, int] = {}
    others: dict[int, dict[str, int]] = {}
    pot = 0
    last = day.toordinal()
    for credit in life.credits():
        if credit.day > last:
            continue
        if credit.payer != OBLIGOR:
            mine = others.setdefault(credit.instalment if credit.instalment is not None else -1, {})
            mine[credit.payer] = mine.get(credit.payer, 0) + credit.units
        elif credit.instalment in totals:
            named[credit.instalment] = named.get(credit.instalment, 0) + credit.units
        else:
            pot += credit.units
    pot += sum(max(0, units - totals[number]) for number, units in named.items())
    pot = max(0, pot)
    shown = []
    for due in plan:
        past = due.date <= day
        paid = min(due.total, named.get(due.number, 0))
        if past and paid < due.total:
            taken = min(due.total - paid, pot)
            paid += taken
            pot -= taken
        by_others = tuple(sorted(others.get(due.number, {}).items()))
        shown.append(Instalment(due=due, past=past, paid=paid, others=by_others))
    return tuple(shown)
