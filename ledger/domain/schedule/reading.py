"""Reading members of terms that a plan needs: what is missing or open raises, naming the member."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple, NoReturn, TypeVar

from msgspec import UNSET, UnsetType

from ledger.domain import money
from ledger.domain.calendar import parse_day, parse_effective
from ledger.domain.schedule.workdays import WEEKDAYS, Rule, Workdays
from ledger.errors import UndeterminedError

if TYPE_CHECKING:
    from ledger.domain.events.terms import Terms

Value = TypeVar("Value")


class Ratio(NamedTuple):
    """An exact decimal that is not negative: ``numerator / denominator``, the latter a power of ten."""

    numerator: int
    denominator: int


class PlanFee(NamedTuple):
    """A fee each time: ``amount`` in units of 1e-8, ``rate`` of the outstanding principal; both may be zero."""

    amount: int
    rate: Ratio


ZERO = Ratio(0, 1)


def undetermined(member: str, reason: str) -> NoReturn:
    """Raise :class:`UndeterminedError` for the member of ``data``."""
    raise UndeterminedError(reason, field=f"data.{member}")


def given(value: Value | UnsetType, member: str) -> Value:
    """The value, which must be there."""
    if isinstance(value, UnsetType):
        missing(member)
    return value


def missing(member: str) -> NoReturn:
    """Raise :class:`UndeterminedError` for a member that is not there."""
    undetermined(member, "not given, and the plan depends on it")


def day(text: str | UnsetType, member: str) -> date:
    """The day, which must be there and be no month."""
    known = parse_effective(given(text, member), f"data.{member}").day
    if known is None:
        undetermined(member, f"{text} is a month; the plan needs a day")
    return known


def day_if_known(text: str | UnsetType, member: str) -> date | None:
    """The day, or None where it is absent or only a month is told."""
    return None if isinstance(text, UnsetType) else parse_effective(text, f"data.{member}").day


@lru_cache(maxsize=4_096)
def ratio(text: str, member: str) -> Ratio:
    """A rate. Raises for one below zero: what interest owed to the borrower does, no member tells."""
    if text.startswith("-"):
        undetermined(member, f"{text} is negative")
    whole, _, fraction = text.partition(".")
    return Ratio(int(whole + fraction), 10 ** len(fraction))


def business_days(terms: Terms) -> tuple[Rule, Workdays]:
    """The rule that moves due dates, and its calendar."""
    rule = terms.business_days
    if isinstance(rule, UnsetType) or rule == "none":
        return "none", WEEKDAYS
    if isinstance(terms.holidays, UnsetType):
        undetermined(
            "holidays",
            "due dates move on holidays, and none are listed; [] says that there are only weekends",
        )
    worked = () if isinstance(terms.workdays, UnsetType) else tuple(terms.workdays)
    return rule, _calendar(tuple(terms.holidays), worked)


@lru_cache(maxsize=256)  # products are few, and each names the same days in all its loans
def _calendar(holidays: tuple[str, ...], worked: tuple[str, ...]) -> Workdays:
    return Workdays(
        holidays=frozenset(parse_day(text, "data.holidays") for text in holidays),
        worked=frozenset(parse_day(text, "data.workdays") for text in worked),
    )


def fees(terms: Terms, when: Literal["upfront", "instalment"]) -> tuple[PlanFee, ...]:
    """The fees that fall due then. Those of an event are in no plan."""
    if isinstance(terms.fees, UnsetType):
        return ()
    found = []
    for i, fee in enumerate(terms.fees):
        path = f"fees[{i}]"
        if given(fee.when, f"{path}.when") != when:
            continue
        if fee.amount is UNSET and fee.rate is UNSET:
            undetermined(path, "neither amount nor rate is given")
        units = 0 if isinstance(fee.amount, UnsetType) else money.parse(fee.amount, terms.currency, path)
        found.append(
            PlanFee(units, ZERO if isinstance(fee.rate, UnsetType) else ratio(fee.rate, f"{path}.rate"))
        )
    return tuple(found)
