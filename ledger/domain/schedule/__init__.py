"""Loan arithmetic: when instalments fall due, what they come to, and what the loan costs in a year.

========================= =================================================================================
:func:`instalments`       the whole plan of a loan from its terms, rounded to its currency
:func:`remaining`         the rest of the plan of a seasoned loan, from the position at its opening
:func:`listed`            instalments that an event lists itself, such as those of a changed schedule
:func:`derive`            a plan from :class:`PlanTerms`, for terms that no event has as they stand
:func:`annual_cost`       the all-in annual cost of dated flows over all payees
:func:`costs_more`        whether that is above a cap, for a tenth of the work
:func:`year_fraction`     the day counts
========================= =================================================================================

Unrounded events of ACTUS annuity contracts come from :mod:`ledger.domain.schedule.actus`, by the same recursion.

Everything is exact: integers in units of 1e-8, fractions where nothing is rounded, decimals of stated precision for
rates. What the terms leave open raises :class:`ledger.errors.UndeterminedError`, whose ``field`` names the member.
The formulas, the conventions and their sources stand in ``docs/schedules.md``.
"""

from ledger.domain.schedule.cost import Measure, annual_cost, costs_more, planned_flows
from ledger.domain.schedule.daycount import DayCount, year_fraction
from ledger.domain.schedule.plan import Due, derive, instalments, listed
from ledger.domain.schedule.planterms import PlanTerms
from ledger.domain.schedule.seasoned import remaining
from ledger.domain.schedule.workdays import Workdays

__all__ = [
    "DayCount",
    "Due",
    "Measure",
    "PlanTerms",
    "Workdays",
    "annual_cost",
    "costs_more",
    "derive",
    "instalments",
    "listed",
    "planned_flows",
    "remaining",
    "year_fraction",
]
