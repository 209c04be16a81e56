"""Days and months as events name them, and the log's business date.

``effective`` is ``YYYY-MM-DD`` or ``YYYY-MM``: where a source tells a month, a month it stays, and no day is
invented. For ordering, and for the question whether it lies after today, a month counts as its last day.
The business date of an instant is the date of (local time in the log's zone − day cut).
"""

from __future__ import annotations

import functools
import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ledger.errors import ConfigurationError, RefusedError
from ledger.quotes import in_quotes

_FORM = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])(?:-([0-9]{2}))?", re.ASCII).fullmatch
_CUT = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII).fullmatch
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z", re.ASCII).fullmatch

#: Loans begin after this year; an earlier date is a typing error or an empty field of some source.
FIRST_YEAR: Final = 1900


@dataclass(frozen=True, slots=True)
class Effective:
    """A business day or month. ``last_day`` orders it; ``day`` is None for a month."""

    text: str
    last_day: date
    day: date | None
    #: proleptic Gregorian ordinal of ``last_day``, what folds compare
    ordinal: int


@functools.lru_cache(maxsize=32_768)  # a batch names few days, again and again
def _parse(text: str) -> Effective | None:
    found = _FORM(text)
    if found is None:
        return None
    year, month = int(found[1]), int(found[2])
    last = monthrange(year, month)[1] if year >= FIRST_YEAR else 0
    number = int(found[3]) if found[3] else last
    if not 1 <= number <= last:
        return None
    last_day = date(year, month, number)
    return Effective(text, last_day, last_day if found[3] else None, last_day.toordinal())


def parse_effective(text: str, field: str = "effective") -> Effective:
    """Read ``YYYY-MM-DD`` or ``YYYY-MM``. Raises :class:`RefusedError` naming ``field``."""
    parsed = _parse(text)
    if parsed is None:
        raise RefusedError(
            field,
            f"{in_quotes(text)} is not a day that exists; write YYYY-MM-DD, or YYYY-MM for a month",
            rule="wrong_date",
        )
    return parsed


def parse_day(text: str, field: str) -> date:
    """Read ``YYYY-MM-DD``. Raises :class:`RefusedError` naming ``field``."""
    parsed = parse_effective(text, field)
    if parsed.day is None:
        raise RefusedError(
            field, f"{in_quotes(text)} is a month; a day is wanted: YYYY-MM-DD", rule="wrong_date"
        )
    return parsed.day


@functools.lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(f"time zone {name!r}: no IANA time zone, such as Asia/Shanghai") from None


def business_date(instant: datetime, zone: str, day_cut: str = "00:00") -> date:
    """The log's date at ``instant`` (aware): with a day cut of 02:00, half past one still is yesterday.

    Raises :class:`ConfigurationError` for an unknown zone or an ill-formed cut.
    """
    cut = _cut(day_cut)
    local = instant.astimezone(_zone(zone)).replace(tzinfo=None)
    return (local - cut).date()


def _cut(day_cut: str) -> timedelta:
    if _CUT(day_cut) is None:
        raise ConfigurationError(f"day cut {day_cut!r}: write HH:MM")
    return timedelta(hours=int(day_cut[:2]), minutes=int(day_cut[3:]))


def end_of_business_day(day: date, zone: str, day_cut: str = "00:00") -> datetime:
    """An instant in UTC before which no business date is after ``day``.

    The first after it, but where clocks are turned at that very time: then it may be up to that much earlier.
    """
    cut = _cut(day_cut)
    local = datetime.combine(day, time()) + timedelta(days=1) + cut
    both = (local.replace(tzinfo=_zone(zone), fold=fold) for fold in (0, 1))
    return min(instant.astimezone(UTC) for instant in both)


def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC with six digits of a second: ``2026-11-22T23:24:25.000000Z``."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@functools.lru_cache(maxsize=4_096)  # the records of a batch have one
def parse_instant(text: str, field: str = "posted") -> datetime:
    """Read what :func:`format_instant` prints. Raises :class:`RefusedError`."""
    if _INSTANT(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    raise RefusedError(
        field, f"{in_quotes(text)} is not an instant like 2026-11-22T23:24:25.000000Z", rule="wrong_date"
    )
