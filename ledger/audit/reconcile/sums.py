"""Totals over the loans of a comparison: what a file sums to, what the records give, and what breaks of claims explain.

Amounts are in units of 1e-8, counts are counts. Names are those of :data:`ledger.tapes.totals.NAMES`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from ledger.domain import money
from ledger.domain.loans import LoanState

_COUNT = "count"


@dataclass(slots=True, kw_only=True)
class Sum:
    """One total in one currency. ``explained`` is the part of the difference that breaks of claims account for."""

    name: str
    currency: str
    reported: int = 0
    derived: int = 0
    explained: int = 0

    @property
    def difference(self) -> int:
        """Reported less derived."""
        return self.reported - self.derived

    @property
    def unexplained(self) -> int:
        """What no break of a claim accounts for."""
        return self.difference - self.explained

    def to_json(self) -> dict[str, Any]:
        """The total as commands print it."""

        def shown(units: int) -> str | int:
            return units if self.name == _COUNT else money.format(units, self.currency)

        return {
            "name": self.name,
            "currency": self.currency,
            "reported": shown(self.reported),
            "derived": shown(self.derived),
            "difference": shown(self.difference),
            "unexplained": shown(self.unexplained),
        }


class Sums:
    """Totals by name and currency, in that order."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], Sum] = {}

    def __iter__(self) -> Iterator[Sum]:
        return iter([self._sums[key] for key in sorted(self._sums)])

    def add(
        self, name: str, currency: str, *, reported: int = 0, derived: int = 0, explained: int = 0
    ) -> None:
        """Add to a total."""
        found = self._sums.setdefault((name, currency), Sum(name=name, currency=currency))
        found.reported += reported
        found.derived += derived
        found.explained += explained

    def count(self, currency: str, *, reported: int = 0, derived: int = 0, explained: int = 0) -> None:
        """Count claims."""
        self.add(_COUNT, currency, reported=reported, derived=derived, explained=explained)

    def keep(self, wanted: Collection[tuple[str, str]]) -> None:
        """Keep these (name, currency) only."""
        self._sums = {key: self._sums.get(key, Sum(name=key[0], currency=key[1])) for key in wanted}

    def stated(self) -> list[dict[str, str]]:
        """What the file sums to, amounts only, as ``tape.received`` has it."""
        return [
            {"name": one.name, "currency": one.currency, "amount": money.format(one.reported, one.currency)}
            for one in self
            if one.name != _COUNT
        ]

    def to_json(self) -> list[dict[str, Any]]:
        """Every total."""
        return [one.to_json() for one in self]


def flows_between(before: LoanState | None, after: LoanState, *, file: bool) -> dict[str, int]:
    """A loan's flows from one state to a later one, by name; ``before`` None: since it began.

    ``file``: named as EX-102 names them, where fees and penalties are among ``collected.other``.
    """

    def flow(member: str) -> int:
        return int(getattr(after, member)) - (0 if before is None else int(getattr(before, member)))

    parts = {part: flow(f"collected_{part}") for part in ("principal", "interest", "fee", "penalty", "other")}
    if file:
        parts["other"] += parts.pop("fee") + parts.pop("penalty")
    named = {f"collected.{part}": units for part, units in parts.items()}
    names = ("collected", "charged_off", "recovered", "disbursed", "waived", "refunded")
    return named | {name: flow(name) for name in names}
