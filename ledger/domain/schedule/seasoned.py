"""What is left of the plan of a loan that enters the ledger with a history.

An opening asserts a position, not how it came about. The rest of the plan follows from it only where the loan is
not in arrears: then ``oldest_unpaid`` is the next due date, and the principal outstanding is repaid in the
``remaining_instalments`` from there on, at the ``current_rate``, with a full period before the first of them.
The level instalment is computed anew and may differ from the contract's by what rounding has left in the balance.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
from msgspec import UnsetType

from ledger.domain import money
from ledger.domain.calendar import parse_effective
from ledger.domain.schedule import reading
from ledger.domain.schedule.plan import Due, derive, listed
from ledger.domain.schedule.planterms import PlanTerms
from ledger.domain.schedule.workdays import step

if TYPE_CHECKING:
    from ledger.domain.events.loans import LoanOpened


def remaining(opened: LoanOpened) -> tuple[Due, ...]:
    """The instalments due after ``as_of``, numbered on where the number of all is known.

    Raises :class:`UndeterminedError` with the member and the reason where the position does not determine them.
    """
    principal = money.parse(opened.balances.principal, opened.currency, "data.balances.principal")
    if principal < 0:
        reading.undetermined("balances.principal", "a credit of the borrower, which no instalment repays")
    if opened.amortisation == "explicit":
        return _rest_of_list(opened, principal)
    if not principal:
        return ()
    return _rest(opened, principal)


def _rest_of_list(opened: LoanOpened, principal: int) -> tuple[Due, ...]:
    plan = listed(reading.given(opened.plan, "plan"), opened.currency, member="plan")
    as_of = parse_effective(opened.as_of).last_day
    rest = tuple(due for due in plan if due.date > as_of)
    total = sum(due.principal for due in rest)
    if total != principal:
        reading.undetermined(
            "plan",
            f"the principal due after {as_of} is {money.format(total, opened.currency)}, "
            f"and {opened.balances.principal} is outstanding",
        )
    return rest


def _rest(opened: LoanOpened, principal: int) -> tuple[Due, ...]:
    left, total = opened.remaining_instalments, opened.instalments
    if not isinstance(left, int) or not left:
        reading.undetermined("remaining_instalments", "not known, and the plan depends on it")
    if isinstance(total, int) and left >= total:
        reading.undetermined(
            "remaining_instalments", f"{left} of {total}, and the day from which interest runs is not given"
        )
    paid = 0 if isinstance(total, UnsetType) else total - left
    terms = PlanTerms.of(
        msgspec.structs.replace(
            opened,
            first_due=_next_due(opened),
            due_day=_due_day(opened),
            instalments=left,
            interest_only=0
            if isinstance(opened.interest_only, UnsetType)
            else max(0, opened.interest_only - paid),
            annual_rate=reading.given(opened.current_rate, "current_rate"),
            # A residual of the first instalment is paid; what rounding still leaves is the last one's.
            residual=opened.residual if isinstance(opened.residual, UnsetType) else "last",
        )
    )
    start = step(terms.due.first, -1, terms.due.anchor)
    return derive(replace(terms, number=paid + 1), principal=principal, start=start)


def _next_due(opened: LoanOpened) -> str:
    oldest = opened.oldest_unpaid
    if not isinstance(oldest, str):
        reading.undetermined("oldest_unpaid", "not known; for a loan without arrears it is the next due date")
    if reading.day(oldest, "oldest_unpaid") <= parse_effective(opened.as_of).last_day:
        reading.undetermined(
            "oldest_unpaid", "the loan is in arrears, and how much of the principal is overdue is not given"
        )
    return oldest


def _due_day(opened: LoanOpened) -> int | UnsetType:
    """The due day as told, or that of the first due date: after a short month the next one does not show it."""
    first = reading.day_if_known(opened.first_due, "first_due")
    return first.day if isinstance(opened.due_day, UnsetType) and first else opened.due_day
