"""The part of a loan's terms that a plan of instalments follows from.

Nothing is supplied that the contract does not state, but for what an absence says by itself: without
``business_days`` due dates do not move, without ``interest_only`` there is no lead-in, without ``fees`` there are
none, without ``due_day`` the day of ``first_due`` is the due day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from msgspec import UNSET, UnsetType

from ledger.domain.schedule import reading
from ledger.domain.schedule.daycount import DayCount
from ledger.domain.schedule.periods import DueDays
from ledger.domain.schedule.reading import PlanFee, Ratio
from ledger.domain.schedule.rounding import Rounding
from ledger.domain.schedule.workdays import unmoved

if TYPE_CHECKING:
    from ledger.domain.events.terms import Terms

Residual = Literal["first", "last"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTerms:
    """What determines an annuity, linear or bullet plan, beside the principal and the day it was paid out.

    The rates of ``fees``, which fall due with each instalment, are a year. None stands for what the terms do not
    tell; a plan that turns out to need it raises. ``number`` is that of the first instalment.
    """

    currency: str
    amortisation: Literal["annuity", "linear", "bullet"]
    rate: Ratio
    day_count: DayCount | None
    due: DueDays
    interest_only: int = 0
    rounding: Rounding | None = None
    residual: Residual | None = None
    fees: tuple[PlanFee, ...] = ()
    number: int = 1

    @classmethod
    def of(cls, terms: Terms) -> PlanTerms:
        """Read the terms. Raises :class:`UndeterminedError` naming the member that is missing or open."""
        amortisation = terms.amortisation
        if isinstance(amortisation, UnsetType):
            reading.missing("amortisation")
        if amortisation == "explicit":
            raise ValueError("an explicit plan is read, not derived")
        due = due_days(terms)
        lead = 0 if isinstance(terms.interest_only, UnsetType) else terms.interest_only
        if lead >= due.instalments:
            reading.undetermined(
                "interest_only",
                f"{lead} of {due.instalments} instalments, so that none is left for the principal",
            )
        return cls(
            currency=terms.currency,
            amortisation=amortisation,
            rate=reading.ratio(reading.given(terms.annual_rate, "annual_rate"), "annual_rate"),
            day_count=None if isinstance(terms.day_count, UnsetType) else terms.day_count,
            due=due,
            interest_only=lead,
            rounding=None if isinstance(terms.rounding, UnsetType) else terms.rounding,
            residual=None if isinstance(terms.residual, UnsetType) else terms.residual,
            fees=reading.fees(terms, "instalment"),
        )


def due_days(terms: Terms) -> DueDays:
    """What the terms say about due dates. Raises :class:`UndeterminedError`.

    A first due date that is the ``due_day`` as moved to a business day is that due day, not another one.
    """
    count = reading.given(terms.instalments, "instalments")
    rule, workdays = reading.business_days(terms)
    if count == 1 and terms.first_due is UNSET and terms.maturity is not UNSET:
        first = reading.day(terms.maturity, "maturity")
    else:
        first = reading.day(terms.first_due, "first_due")
    anchor = first.day if isinstance(terms.due_day, UnsetType) else terms.due_day
    maturity = reading.day_if_known(terms.maturity, "maturity")
    return DueDays(unmoved(first, anchor, rule, workdays), anchor, count, maturity, rule, workdays)
