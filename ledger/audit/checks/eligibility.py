"""Whether a claim meets the pool's criteria, by the version of the rules in force.

A criterion is a member of ``rules.eligibility``: ``FIELD_max``, ``FIELD_min``, ``FIELD_in`` or ``FIELD_not_in``. Bounds
are decimal strings or integers, lists are of strings. The fields:

======================= ==========================================================================
principal               original principal
outstanding             principal owed on the audit's day
annual_rate             nominal rate of the contract
annual_cost             whole cost by the rules' measure, over all payees
days_past_due           by the rules' way of counting
instalments             agreed number
remaining_instalments   those not yet due
months_on_book          whole months since the payout
product, scene, region  as told
currency, status        of the loan
any other name          that member of the loan's ``attributes``
======================= ==========================================================================

A field that cannot be told leaves the criterion undetermined, and the claim out of the borrowing base.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from msgspec import UNSET

from ledger.audit.checks.case import Case, PoolClaim
from ledger.audit.rules import spelled
from ledger.domain import money
from ledger.domain.events.loans import LoanOpened
from ledger.domain.events.rules import CRITERIA
from ledger.errors import UndeterminedError

#: Fields that change with the days. A cost's upper bound is none of them: fees only add to it.
_MOVING: Final = (
    "outstanding_", "days_past_due_", "remaining_instalments_", "months_on_book_", "status_", "annual_cost_min",
)  # fmt: skip
#: Fields that are amounts in the loan's currency.
_AMOUNTS: Final = frozenset(("principal", "outstanding"))


@dataclass(frozen=True, slots=True)
class Breach:
    """A criterion that a loan does not meet; ``name`` is its member of the rules. Amounts have their currency."""

    name: str
    field: str
    value: str
    criterion: str


@dataclass(frozen=True, slots=True)
class Eligibility:
    """How a loan stands against all criteria."""

    breaches: tuple[Breach, ...] = ()
    undetermined: tuple[str, ...] = ()

    @property
    def eligible(self) -> bool:
        """Whether it may count for the borrowing base."""
        return not self.breaches and not self.undetermined


def examine(case: Case, *, known: Container[str] = ()) -> Eligibility:
    """Hold a loan against the criteria of its pool's rules, as of its day, but for those ``known`` to be met."""
    breaches: list[Breach] = []
    undetermined: list[str] = []
    for name, bound in sorted(case.rules.eligibility.items()):
        if name in known:
            continue
        suffix = next((end for end in CRITERIA if name.endswith(end)), None)
        if suffix is None:
            undetermined.append(f"the criterion {name} is none of _max, _min, _in, _not_in")
            continue
        field = name.removesuffix(suffix)
        try:
            if name == "annual_cost_max" and not case.costs_more(Decimal(str(bound))):
                continue  # nearly every loan: whether is asked a tenth of the work of how much
            value = _value(case, field)
            met = _meets(value, suffix, bound)
        except UndeterminedError as error:
            undetermined.append(f"{field}: {error}")
            continue
        if not met:
            unit = f" {case.currency}" if field in _AMOUNTS else ""
            criterion = f"{suffix[1:].replace('_', ' ')} {_shown(bound)}{unit}"
            breaches.append(Breach(name, field, f"{value}{unit}", criterion))
    return Eligibility(tuple(breaches), tuple(undetermined))


def check(case: Case) -> None:
    """Perform the procedure eligibility, for the audit's day and for the days on which claims came into the pool.

    One finding for a loan, a day and a criterion that is not met. Where a transfer was recorded too late for its day,
    the day of record is asked about, too: until then nobody could have said that the pool had the claim. Where that is
    after the audit's day, the audit's day answers for it.
    """
    if not case.rules.eligibility or not any(claim.held() for claim in case.claims):
        return
    found = case.once(examine)
    for reason in found.undetermined:
        case.undecided("eligibility", reason)
    if not found.undetermined:
        case.answered("eligibility")
    for breach in found.breaches:
        case.find(
            "eligibility.breach", case.held[0], field=breach.field, value=breach.value, criterion=breach.criterion,
            version=case.rules.version,
        )  # fmt: skip
    if not case.versions:
        return  # nobody asks about other days than this one
    came = sorted({_came(claim) for claim in case.claims if claim.held()}, reverse=True)
    # Claims that came on one day are asked about once, by the first record.
    first = {day: index for day, index, _ in came}
    told = {day: _at_entry(case, day, index, "eligibility.at_pledge") for day, index in sorted(first.items())}
    until = case.as_of.toordinal()
    late = {recorded: (day, index) for day, index, recorded in came if 0 < recorded <= until}
    for recorded, (day, index) in sorted(late.items()):
        _at_entry(case, recorded, index, "eligibility.at_record", told=told[day])


def _came(claim: PoolClaim) -> tuple[int, int, int]:
    """When a claim came into the pool, the last time that it did: day (ordinal), the record's index, day of record.

    The day of record is 0 where it was recorded in time.
    """
    held, came = 0, (0, 0, 0)
    for move in claim.moves:
        if claim.until and move.day > claim.until:
            continue
        if held <= 0:
            came = (move.day, move.index, move.recorded)
        held += move.change
    return came


def _at_entry(
    case: Case, day: int, index: int, code: str, *, told: frozenset[str] = frozenset()
) -> frozenset[str]:
    """Hold the loan as it was when a claim of it came into the pool, by a record, against the rules of that day.

    Gives the criteria that it did not meet; of those ``told`` already there is no finding again.
    """
    then = case.on(day, before=index)
    if then is None:
        reason = "when it came into the pool, the loan had not begun or no rules were in force"
        case.undecided("eligibility", reason)
        return frozenset()
    known: set[str] = set()
    now = case.once(examine)
    if then.rules is case.rules and not now.undetermined:
        # What does not move with the days, and is met today, was met then.
        failed = {breach.name for breach in now.breaches}
        known = {name for name in then.rules.eligibility if not name.startswith(_MOVING)} - failed
    found = examine(then, known=known)
    for reason in found.undetermined:
        case.undecided("eligibility", f"when it came into the pool: {reason}")
    for breach in found.breaches:
        if breach.name not in told:
            case.find(
                code, case.held[0], field=breach.field, value=breach.value, day=date.fromordinal(day).isoformat(),
                criterion=breach.criterion, version=then.rules.version,
            )  # fmt: skip
    return frozenset(breach.name for breach in found.breaches)


def _meets(value: Decimal | str, suffix: str, bound: Any) -> bool:
    if suffix in {"_in", "_not_in"}:
        listed = bound if isinstance(bound, list) else [spelled(bound)]
        return (str(value) in listed) == (suffix == "_in")
    try:
        number, limit = Decimal(value), Decimal(str(bound))
    except InvalidOperation:
        raise UndeterminedError(f"{value!s} against {bound!s} cannot be compared as numbers") from None
    return number <= limit if suffix == "_max" else number >= limit


def _shown(bound: Any) -> str:
    return ", ".join(map(str, bound)) if isinstance(bound, list) else spelled(bound)


def _value(case: Case, field: str) -> Decimal | str:
    """What the loan's field is. Raises :class:`UndeterminedError` where it is not told."""
    read = _FIELDS.get(field)
    if read is not None:
        return read(case)
    attributes = {} if case.terms.attributes is UNSET else case.terms.attributes
    if field not in attributes:
        raise UndeterminedError("the loan does not tell it")
    return spelled(attributes[field])


def _days_past_due(case: Case) -> Decimal:
    days = case.rules.measure.days(case.position)
    if days is None:
        raise UndeterminedError(case.position.undetermined)
    return Decimal(days)


def _told(value: Any, what: str) -> Any:
    if value is UNSET or value is None:
        raise UndeterminedError(f"{what} is not told")
    return value


def _months_on_book(case: Case) -> int:
    if isinstance(case.terms, LoanOpened):
        raise UndeterminedError("a seasoned loan's payout is not told")
    _, start = case.life.payout
    months = (case.as_of.year - start.year) * 12 + case.as_of.month - start.month
    return months - (case.as_of.day < start.day)


_FIELDS: Final[dict[str, Callable[[Case], Decimal | str]]] = {
    "principal": lambda case: Decimal(_told(case.terms.principal, "the original principal")),
    "outstanding": lambda case: Decimal(money.format(case.state.principal, case.currency)),
    "annual_rate": lambda case: Decimal(_told(case.terms.annual_rate, "the rate")),
    "annual_cost": lambda case: case.annual_cost,
    "days_past_due": _days_past_due,
    "instalments": lambda case: Decimal(_told(case.terms.instalments, "the number of instalments")),
    "remaining_instalments": lambda case: Decimal(
        sum(due.date > case.as_of for due in case.life.plan(case.as_of))
    ),
    "months_on_book": lambda case: Decimal(_months_on_book(case)),
    "product": lambda case: str(_told(case.terms.product, "the product")),
    "scene": lambda case: str(_told(case.terms.scene, "the scene")),
    "region": lambda case: str(_told(case.terms.region, "the region")),
    "currency": lambda case: case.currency,
    "status": lambda case: case.state.status,
}
