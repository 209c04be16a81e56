"""Where a loan stands on a day: derived from what was agreed and from who paid what, never from what was reported.

Days past due count from the oldest instalment that the **obligor** has not paid. A guarantor's, platform's, merchant's
or insurer's payment settles the creditor's claim and cures nothing; it is remembered who paid. The obligor's payments
(and what the creditor waived) go to the instalment that they name, and what is over or names none goes to the oldest
open one. Principal, interest and fees count towards an instalment, penalties do not.

What the records do not determine is *undetermined*, with the reason: a loan whose terms give no plan, a month's total
that does not say who paid when, a seasoned loan whose arrears at the opening nobody told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec
from msgspec import UNSET

from ledger.domain.calendar import Effective, parse_effective
from ledger.domain.events.changes import AmountWaived, ScheduleChanged
from ledger.domain.events.loans import LoanDisbursed, LoanOpened
from ledger.domain.events.money_in import LoanPrepaid, RepaymentReceived, RepaymentReversed
from ledger.domain.events.terms import Terms
from ledger.domain.fold import Standing, state_of
from ledger.domain.loans import LoanState
from ledger.domain.schedule import Due, instalments, listed, remaining
from ledger.errors import UndeterminedError

OBLIGOR: Final = "obligor"


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A loan on ``day``. Amounts in units of 1e-8.

    ``undetermined`` is empty where the delinquency could be derived; else it says why, and ``days_past_due``,
    ``arrears`` and ``unpaid`` are None. ``paid_by_others`` names who paid instalments that the obligor still owes.
    """

    day: date
    state: LoanState
    days_past_due: int | None
    #: what the obligor has not paid of the instalments due so far
    arrears: int | None
    #: how many of them are not paid in full
    unpaid: int | None
    oldest_unpaid: date | None = None
    paid_by_others: tuple[str, ...] = ()
    undetermined: str = ""


class Credit(msgspec.Struct, frozen=True, gc=False):
    """Money towards instalments: on which day (ordinal), to which one (None: the oldest open), by whom."""

    day: int
    instalment: int | None
    units: int
    payer: str


class Life:
    """A loan's records in force, ready to be asked where it stands on any day. Built once, asked often.

    ``held`` is what :func:`ledger.domain.fold.unsuperseded` gives; ``count`` the number of the loan's records.
    """

    def __init__(self, held: Sequence[Standing], *, count: int) -> None:
        self.held = held
        self.count = count
        first = held[0].event
        assert isinstance(first, Terms)
        self.terms: Terms = first
        #: changes of its schedule, in their order
        self.changes = [one for one in held if isinstance(one.event, ScheduleChanged)]
        self._plans: dict[int, tuple[Due, ...] | str] = {}
        self._credits: list[Credit] | str | None = None

    @property
    def payout(self) -> tuple[int, date]:
        """(units paid out, day of the payout). Raises :class:`UndeterminedError` where they come in parts or late."""
        if isinstance(self.terms, LoanOpened):
            raise UndeterminedError("the loan was opened with a history that the ledger was not told")
        paid = [one for one in self.held if isinstance(one.event, LoanDisbursed)]
        if not paid:
            raise UndeterminedError("nothing is paid out")
        days = {_day(one, one.event.value_date) for one in paid if isinstance(one.event, LoanDisbursed)}
        if len(days) != 1:
            raise UndeterminedError("the payout came in parts on several days")
        return sum(one.amounts for one in paid), days.pop()

    def plan(self, day: date) -> tuple[Due, ...]:
        """The instalments in force on ``day``, changes until then applied. Raises :class:`UndeterminedError`."""
        count = len(self.changes)
        if count:
            last = day.toordinal()
            count = sum(one.record.when.ordinal <= last for one in self.changes)
        known = self._plans.get(count)
        if known is None:
            try:
                known = self._derive(self.changes[:count])
            except UndeterminedError as error:
                known = str(error)
            self._plans[count] = known
        if isinstance(known, str):
            raise UndeterminedError(known)
        return known

    def at(self, day: date, *, state: LoanState | None = None) -> Position:
        """Where the loan stands at the close of ``day``; ``state`` is its folded state then, if it is at hand."""
        if state is None:
            last = day.toordinal()
            state = state_of([one for one in self.held if one.record.when.ordinal <= last], count=self.count)
        return Walk(self).at(day, state)

    def credits(self) -> list[Credit]:
        """What was paid or waived towards instalments, in order. Raises :class:`UndeterminedError`."""
        if self._credits is None:
            try:
                self._credits = self._collect()
            except UndeterminedError as error:
                self._credits = str(error)
        if isinstance(self._credits, str):
            raise UndeterminedError(self._credits)
        return self._credits

    # -- deriving ------------------------------------------------------------------------------------------

    def _derive(self, changes: Sequence[Standing]) -> tuple[Due, ...]:
        terms = self.terms
        if any(isinstance(change.event, ScheduleChanged) and change.event.first == 1 for change in changes):
            plan: tuple[Due, ...] = ()
        elif isinstance(terms, LoanOpened):
            plan = remaining(terms)
        else:
            principal, start = self.payout
            plan = instalments(terms, principal=principal, start=start)
        for change in changes:
            event = change.event
            assert isinstance(event, ScheduleChanged)
            fresh = listed(event.instalments, event.currency, member="instalments", number=event.first)
            plan = (*(due for due in plan if due.number < event.first), *fresh)
        # A new instalment may fall due before one that stays: what is asked of a plan goes by its days.
        return tuple(sorted(plan, key=lambda due: due.date)) if changes else plan

    def _collect(self) -> list[Credit]:
        opened = opening_day(self.terms)
        found: list[Credit] = []
        payments: dict[str, tuple[int | None, str]] = {}
        for one in self.held:
            event = one.event
            if one.record.when.ordinal <= opened:
                continue
            if isinstance(event, RepaymentReceived):
                if event.aggregate is True:
                    raise UndeterminedError("a month's total does not say who paid and when")
                number = event.instalment if isinstance(event.instalment, int) else None
                payer = str(event.payer)
                payments[one.record.id] = (number, payer)
                day = _day(one, event.value_date).toordinal()
                found.append(Credit(day, number, sum(one.amounts[1:4]), payer))
            elif isinstance(event, RepaymentReversed):
                number, payer = payments.get(event.repayment, (None, OBLIGOR))
                day = one.record.when.ordinal
                found.append(Credit(day, number, -sum(one.amounts[1:4]), payer))
            elif isinstance(event, LoanPrepaid):
                # Principal paid early changes the plan (schedule.changed); it is no instalment that fell due.
                units = sum(one.amounts[1:4]) if event.effect == "settle" else 0
                found.append(Credit(one.record.when.ordinal, None, units, event.payer))
            elif isinstance(event, AmountWaived):
                number = event.instalment if isinstance(event.instalment, int) else None
                found.append(Credit(one.record.when.ordinal, number, sum(one.amounts[1:4]), OBLIGOR))
        return found

    @property
    def grace(self) -> int:
        """Days of grace: within them an unpaid instalment is not past due, after them it is from its due date on."""
        return 0 if self.terms.grace_days is UNSET else int(self.terms.grace_days)


class Walk:
    """Where a loan stands on one day after another, ascending: each day costs what is new since the one before.

    What the obligor has paid of the instalments due is kept as three sums: what was named for them (``covered``), what
    was named beyond an instalment or for one that the plan does not have (``excess``), and what named none (``pot``).
    Only a loan in arrears is gone through instalment by instalment.
    """

    def __init__(self, life: Life) -> None:
        self._life = life
        self._plan: tuple[Due, ...] | None = None

    def at(self, day: date, state: LoanState) -> Position:
        """Where it stands at the close of ``day``; ``state`` is its folded state then."""
        if state.ended:
            return Position(day=day, state=state, days_past_due=0, arrears=0, unpaid=0)
        plan = self._plan
        if plan is None or self._life.changes:
            try:
                plan, paid = self._life.plan(day), self._life.credits()
            except UndeterminedError as error:
                return Position(
                    day=day,
                    state=state,
                    days_past_due=None,
                    arrears=None,
                    unpaid=None,
                    undetermined=str(error),
                )
            if plan is not self._plan:
                self._begin(plan, paid)
        self._advance(day)
        arrears = self._due - self._covered - max(0, self._pot + self._excess)
        if arrears <= 0:
            return Position(day=day, state=state, days_past_due=0, arrears=0, unpaid=0)
        return self._in_arrears(plan, day, state, arrears)

    def _begin(self, plan: tuple[Due, ...], paid: Sequence[Credit]) -> None:
        self._plan, self._paid = plan, sorted(paid, key=lambda credit: credit.day)
        self._totals = {due.number: due.total for due in plan}
        self._named: dict[int, int] = {}
        self._others: dict[int | None, set[str]] = {}
        self._passed: set[int] = set()
        self._credits = self._place = 0
        self._due = self._covered = self._excess = self._pot = 0

    def _advance(self, day: date) -> None:
        """Take in what fell due and what was paid until the close of ``day``."""
        plan, paid, place, credits_ = self._plan, self._paid, self._place, self._credits
        assert plan is not None
        while place < len(plan) and (due := plan[place]).date <= day:
            place += 1
            total = due.total
            self._due += total
            self._covered += min(total, self._named.get(due.number, 0))
            self._passed.add(due.number)
        last = day.toordinal()
        while credits_ < len(paid) and (credit := paid[credits_]).day <= last:
            credits_ += 1
            if credit.payer != OBLIGOR:
                self._others.setdefault(credit.instalment, set()).add(credit.payer)
            elif credit.instalment is None:
                self._pot += credit.units
            else:
                self._name(credit.instalment, credit.units)
        self._place, self._credits = place, credits_

    def _name(self, number: int, units: int) -> None:
        """Credit an instalment that the obligor's payment names."""
        before = self._named.get(number, 0)
        after = self._named[number] = before + units
        total = self._totals.get(number)
        if total is None:
            self._excess += units
            return
        self._excess += max(0, after - total) - max(0, before - total)
        if number in self._passed:
            self._covered += min(total, after) - min(total, before)

    def _in_arrears(self, plan: tuple[Due, ...], day: date, state: LoanState, arrears: int) -> Position:
        pot = max(0, self._pot + self._excess)
        open_ones: list[Due] = []
        for due in plan[: self._place]:
            left = due.total - min(due.total, self._named.get(due.number, 0))
            taken = min(left, pot)
            pot -= taken
            if left > taken:
                open_ones.append(due)
        days = (day - open_ones[0].date).days
        if days <= self._life.grace:
            days = 0
        numbers = (*(due.number for due in open_ones), None) if days else ()
        payers = {name for number in numbers for name in self._others.get(number, ())}
        return Position(
            day=day, state=state, days_past_due=days, arrears=arrears, unpaid=len(open_ones),
            oldest_unpaid=open_ones[0].date, paid_by_others=tuple(sorted(payers)),
        )  # fmt: skip


def opening_day(terms: Terms) -> int:
    """The day (ordinal) at whose close a seasoned loan's position was told; 0 for a loan known from its beginning."""
    return parse_effective(terms.as_of).ordinal if isinstance(terms, LoanOpened) else 0


def _day(one: Standing, value_date: object) -> date:
    """The day of a flow: its value date if it has one, else the effective day. Raises :class:`UndeterminedError`."""
    when: Effective = one.record.when
    if isinstance(value_date, str):
        when = parse_effective(value_date)
    if when.day is None:
        raise UndeterminedError(f"{one.record.kind.name} of {when.text} names a month and no day")
    return when.day
