"""Business months, as numbers that can be counted: years since 0 times twelve, plus the month from 0.

A business day is a date in the log's zone already (:mod:`ledger.domain.calendar`), so its month is that of the date.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from functools import lru_cache

from ledger.domain.calendar import parse_effective
from ledger.errors import RefusedError


@lru_cache(maxsize=8_192)
def of(ordinal: int) -> int:
    """The month in which a day (ordinal) lies."""
    day = date.fromordinal(ordinal)
    return day.year * 12 + day.month - 1


@lru_cache(maxsize=2_048)
def last_day(month: int) -> int:
    """Ordinal of a month's last day."""
    year, index = divmod(month, 12)
    return date(year, index + 1, monthrange(year, index + 1)[1]).toordinal()


def text(month: int) -> str:
    """``YYYY-MM``."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def parse(written: str, field: str) -> int:
    """Read ``YYYY-MM``. Raises :class:`RefusedError` naming ``field``."""
    found = parse_effective(written, field)
    if found.day is not None:
        raise RefusedError(field, f'"{written}" is a day; a month is wanted: YYYY-MM', rule="wrong_date")
    return of(found.ordinal)
