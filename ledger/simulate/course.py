"""The course of a simulation, known beforehand: which loans each day brings, which files come late, what is settled."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from ledger.simulate.options import SCENARIOS, Options

#: Loans of a day, against an ordinary weekday's: weekends, and the days of sales.
_WEEKDAY: Final = 10
_WEEKEND: Final = 13
_SALES: Final = {(6, 18): 45, (11, 11): 60, (12, 12): 35}
#: Of a thousand days so many have a wallet file that comes late, by one to four days.
_LATE_DAYS: Final = 40
_MOST_LATE: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseDay:
    """A day, as an ordinal; days in it are ordinals too.

    ``numbers`` are the loans that it brings, ``settles`` the value dates that the bank settles on it, ``late_until`` is
    when its wallet file comes, None where in time; ``turns``: the scenario's stress begins.
    """

    day: int
    numbers: range
    settles: list[int]
    late_until: int | None
    turns: bool

    @property
    def date(self) -> date:
        """The day as a date."""
        return date.fromordinal(self.day)

    @property
    def ends_month(self) -> bool:
        """Whether it is the last day of its month."""
        return date.fromordinal(self.day + 1).day == 1


class Course:
    """Iterate over its days."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._first, self._last = options.start.toordinal(), options.last.toordinal()
        self._middle = self._first + (self._last - self._first) // 2
        #: value dates whose wallet file comes late → the day on which it does
        self._files: dict[int, int] = {}

    def __iter__(self) -> Iterator[CourseDay]:
        made = 0
        for day, upto in zip(range(self._first, self._last + 1), self._arrivals(), strict=True):
            late_until = self._late_until(day)
            yield CourseDay(
                day=day, numbers=range(made, upto), settles=self._settled_on(day), late_until=late_until,
                turns=day == self._middle,
            )  # fmt: skip
            made = upto

    def _arrivals(self) -> Iterator[int]:
        """How many loans there are at the end of each day; after the last one all of them."""
        weights = []
        for day in range(self._first, self._last + 1):
            today = date.fromordinal(day)
            ordinary = _WEEKEND if today.weekday() >= 5 else _WEEKDAY
            weights.append(_SALES.get((today.month, today.day), ordinary))
        total, so_far = sum(weights), 0
        for weight in weights:
            so_far += weight
            yield self._options.loans * so_far // total

    def _late_until(self, day: int) -> int | None:
        """The day on which this one's wallet file comes, None where it comes in time."""
        scenario = SCENARIOS[self._options.scenario]
        share = _LATE_DAYS * (scenario.late_files if day >= self._middle else 100) // 100
        draw = int.from_bytes(
            hashlib.sha256(b"poolproof/simulate/late/%d/%d" % (self._options.seed, day)).digest()[:8]
        )
        if draw % 1_000 >= share:
            return None
        late = min(day + 1 + (draw >> 32) % _MOST_LATE, self._last)
        if late == day:
            return None
        self._files[day] = late
        return late

    def _settled_on(self, day: int) -> list[int]:
        """Value dates that the bank settles today: yesterday, unless a file of it was missing, and what waited."""
        if day == self._last:
            due = [
                one for one in range(max(self._first, day - _MOST_LATE - 1), day) if self._when(one) >= day
            ]
            return [*due, day]
        return [one for one in range(max(self._first, day - _MOST_LATE - 1), day) if self._when(one) == day]

    def _when(self, day: int) -> int:
        """The day on which a value date is settled: the next one, or when the last of its files has come."""
        return max(day + 1, self._files.get(day, 0))
