"""A pool's rules as an audit uses them: parsed once, with the defaults that stand in for what they leave out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from ledger.domain import money
from ledger.domain.delinquency import Measure
from ledger.domain.schedule import Measure as CostMeasure

#: How the borrower's whole cost is measured where the rules do not say: the monthly rate of return times twelve.
DEFAULT_COST_MEASURE: Final[CostMeasure] = "irr_monthly_x12"
#: What is recorded more days than this after it took effect is late: files come late over long holidays.
USUAL_DELAY: Final = 7

#: Tolerances that count days; all others are amounts, each in the currency of what differs.
IN_DAYS: Final = frozenset(("days_past_due", "back_dating"))


def spelled(value: object) -> str:
    """An attribute, or what a rule says of it, as text: the two words of JSON for true and false."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class Limit:
    """A concentration limit: ``share`` in ppm of all principal; ``value`` None for any single one."""

    attribute: str
    share: int
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRules:
    """What the pool promises. ``tolerances`` are in units of 1e-8, by the name of the procedure.

    ``recorded`` is the index of the record that brought the version.
    """

    version: int = 1
    recorded: int = 0
    eligibility: Mapping[str, Any] = field(default_factory=dict)
    limits: tuple[Limit, ...] = ()
    advance_rate: Decimal | None = None
    measure: Measure = field(default_factory=Measure)
    cost_measure: CostMeasure = DEFAULT_COST_MEASURE
    tolerances: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, rules: Mapping[str, Any], *, recorded: int = 0) -> PoolRules:
        """Read ``data.rules`` of pool.created."""
        rate = rules.get("advance_rate")
        return cls(
            version=rules.get("version", 1),
            recorded=recorded,
            eligibility=rules.get("eligibility", {}),
            limits=tuple(
                Limit(one["attribute"], one["share"], one.get("value"))
                for one in rules.get("concentration", ())
            ),
            advance_rate=None if rate is None else Decimal(rate),
            measure=Measure.of(dict(rules)),
            cost_measure=rules.get("cost_measure", DEFAULT_COST_MEASURE),
            tolerances={
                name: int(Decimal(text) * money.UNIT) for name, text in rules.get("tolerances", {}).items()
            },
        )

    def stated_tolerances(self) -> dict[str, str]:
        """The tolerances that are set, as decimals in their one spelling."""
        return {name: _decimal(units) for name, units in self.tolerances.items()}

    @property
    def delay(self) -> int:
        """Days within which records are made, the tolerance of back_dating; later ones are told."""
        told = self.tolerances.get("back_dating")
        return USUAL_DELAY if told is None else told // money.UNIT

    def within(self, procedure: str, difference: int) -> bool:
        """Whether a difference (units) is small enough for this procedure; without a tolerance only zero is."""
        return abs(difference) <= self.tolerances.get(procedure, 0)


def _decimal(units: int) -> str:
    whole, part = divmod(abs(units), money.UNIT)
    text = f"{whole}.{part:08d}".rstrip("0").removesuffix(".")
    return f"-{text}" if units < 0 else text


#: (day from which a version is in force, the version), in the order in which they were recorded.
Versions = tuple[tuple[int, PoolRules], ...]
