"""Payments against the plan: the order in which they are applied, the interest taken, new plans, the whole cost."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec import UNSET

from ledger.audit.checks.case import Case
from ledger.domain.events.changes import AmountWaived, FeeCharged, ScheduleChanged
from ledger.domain.events.money_in import RepaymentReceived, RepaymentReversed
from ledger.domain.fold import Standing, state_of
from ledger.domain.position import Life
from ledger.domain.schedule import Due
from ledger.errors import UndeterminedError

#: Components of an amount, by their place in ``amounts[1:]``.
_PLACES = {"principal": 0, "interest": 1, "fee": 2, "penalty": 3, "other": 4}
Owed = list[int]


def check(case: Case) -> None:
    """Perform the procedures schedule and cost."""
    _new_plans(case)
    try:
        plan = case.life.plan(case.as_of)
    except UndeterminedError as error:
        case.undecided("schedule", str(error))
        case.undecided("cost", str(error))
        return
    case.answered("schedule")
    _interest(case, plan)
    if case.terms.waterfall is not UNSET and case.terms.waterfall:
        _applied(case, plan, case.terms.waterfall)
    _cost(case)


def _cost(case: Case) -> None:
    cap = case.rules.eligibility.get("annual_cost_max")
    if not isinstance(cap, str):
        return
    try:
        above = case.costs_more(Decimal(cap))
    except UndeterminedError as error:
        case.undecided("cost", str(error))
        return
    case.answered("cost")
    if above:
        case.find(
            "cost.above_cap",
            case.held[0],
            cost=f"{case.annual_cost:.4f}",
            measure=case.rules.cost_measure,
            cap=cap,
        )


def _interest(case: Case, plan: Sequence[Due]) -> None:
    """Interest taken for an instalment, by all who paid it, is not above what the plan asks."""
    planned = {due.number: due.interest for due in plan}
    taken: dict[int, int] = {}
    last: dict[int, Standing] = {}
    numbers: dict[str, int] = {}
    for one in case.held:
        event = one.event
        if isinstance(event, RepaymentReceived) and isinstance(event.instalment, int):
            numbers[one.record.id] = number = event.instalment
            taken[number] = taken.get(number, 0) + one.amounts[2]
            last[number] = one
        elif isinstance(event, RepaymentReversed) and event.repayment in numbers:
            taken[numbers[event.repayment]] -= one.amounts[2]
    if not taken:
        return
    case.answered("interest")
    for number, units in taken.items():
        if (
            number in planned
            and units > planned[number]
            and not case.rules.within("interest", units - planned[number])
        ):
            case.find(
                "interest.off_plan", last[number], instalment=number, collected=case.money(units),
                planned=case.money(planned[number]), currency=case.currency,
            )  # fmt: skip


def _cured(case: Case, change: Standing) -> None:
    """A new plan under which nothing is past due any more of a loan that was."""
    assert isinstance(change.event, ScheduleChanged)
    day = change.record.when.last_day
    held = [one for one in case.held if one.record.when.last_day <= day]
    if held[0] is not case.held[0]:
        return  # it is changed before it begins
    others = [one for one in held if one is not change]
    without, after = (Life(known, count=len(known)).at(day) for known in (others, held))
    if without.days_past_due and after.days_past_due == 0:
        case.find(
            "schedule.cured", change, day=day.isoformat(), days=without.days_past_due,
            reason=change.event.reason.replace("_", " "),
        )  # fmt: skip


def _new_plans(case: Case) -> None:
    """The principal of a changed plan is what is owed when it begins, and a plan pays nothing that was past due."""
    for one in case.held:
        if not isinstance(one.event, ScheduleChanged):
            continue
        _cured(case, one)
        earlier = [case.held[0], *(other for other in case.held[1:] if other.moment < one.moment)]
        owed = state_of(earlier, count=len(earlier)).principal
        try:
            before = case.life.plan(one.record.when.last_day)
        except UndeterminedError:
            continue
        planned = sum(due.principal for due in before if due.number >= one.event.first)
        unpaid = owed - _still_due(case, before, one)
        if planned != unpaid and not case.rules.within("schedule", planned - unpaid):
            case.find(
                "schedule.off_principal", one, planned=case.money(planned), owed=case.money(unpaid),
                currency=case.currency,
            )  # fmt: skip


def _still_due(case: Case, plan: Sequence[Due], change: Standing) -> int:
    """Principal of earlier instalments that a change leaves as they were and that is not paid yet."""
    assert isinstance(change.event, ScheduleChanged)
    kept = {due.number: due.principal for due in plan if due.number < change.event.first}
    for other in case.held:
        event = other.event
        if isinstance(event, RepaymentReceived) and other.moment < change.moment:
            number = event.instalment
            if isinstance(number, int) and number in kept:
                kept[number] = max(0, kept[number] - other.amounts[1])
    return sum(kept.values())


def _applied(case: Case, plan: Sequence[Due], waterfall: Sequence[str]) -> None:
    """Each payment for one instalment, component by component, in the order of the contract."""
    order = [_PLACES[name] for name in waterfall]
    owed: dict[int, Owed] = {due.number: [due.principal, due.interest, due.fee, 0, 0] for due in plan}
    paid: dict[str, tuple[int, Owed]] = {}
    for one in case.held:
        event = one.event
        number = getattr(event, "instalment", None)
        if isinstance(event, RepaymentReversed) and event.repayment in paid:
            number, parts = paid.pop(event.repayment)
            owed[number] = [left + part for left, part in zip(owed[number], parts, strict=True)]
        if not isinstance(number, int) or number not in owed:
            continue
        due = owed[number]
        if isinstance(event, FeeCharged):
            due[_PLACES[event.component]] += one.amounts
        elif isinstance(event, AmountWaived):
            owed[number] = _less(due, one.amounts[1:])
        elif isinstance(event, RepaymentReceived) and event.aggregate is not True:
            parts = list(one.amounts[1:])
            _compare(case, one, parts, _apply(one.amounts[0], due, order))
            owed[number] = _less(due, parts)
            paid[one.record.id] = number, parts


def _compare(case: Case, one: Standing, parts: Owed, derived: Owed | None) -> None:
    if derived is None or parts == derived:
        return
    if any(
        not case.rules.within("schedule", got - wanted) for got, wanted in zip(parts, derived, strict=True)
    ):
        case.find(
            "schedule.misapplied", one, amount=case.money(one.amounts[0]), applied=_shown(case, parts),
            derived=_shown(case, derived), currency=case.currency,
        )  # fmt: skip


def _less(due: Owed, parts: Sequence[int]) -> Owed:
    return [max(0, left - part) for left, part in zip(due, parts, strict=True)]


def _apply(amount: int, due: Owed, order: Sequence[int]) -> Owed | None:
    """How an amount goes to what one instalment asks; None where it is more, so that the rest is another question."""
    parts = [0] * len(due)
    for place in order:
        parts[place] = min(amount, due[place])
        amount -= parts[place]
    return None if amount else parts


def _shown(case: Case, parts: Owed) -> str:
    return (
        ", ".join(f"{name} {case.money(parts[place])}" for name, place in _PLACES.items() if parts[place])
        or "0"
    )
