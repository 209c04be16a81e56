"""Numbers and dates as files spell them, into the ledger's forms, exactly.

No float anywhere, no day invented: ``MM/YYYY`` stays a month. Every function raises ``ValueError`` with a
reason that can stand in a reject; what cannot be carried exactly is refused, never rounded.
"""

from __future__ import annotations

import functools
import re
from calendar import monthrange
from decimal import Decimal

#: Digits after the point that the ledger carries (design section 3).
SCALE = 8
UNIT: int = 10**SCALE

#: More digits than any amount of money has; keeps a hostile "number" from costing quadratic time.
MAX_DIGITS = 40

_DECIMAL = re.compile(r"([+-]?)(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_MONTH = re.compile(r"([0-9]{2})/([0-9]{4})")
_US_DAY = re.compile(r"([0-9]{2})-([0-9]{2})-([0-9]{4})")


@functools.lru_cache(maxsize=8_192)  # "0.00000000" stands in every record
def units(text: str) -> int:
    """A plain decimal number as an integer of 1e-8 units: ``"207.10000000"`` is 20,710,000,000.

    Accepts the spellings of xs:decimal (sign, leading or trailing point); refuses exponents, separators
    and a ninth digit after the point that is not zero.
    """
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise ValueError("is not a plain decimal number")
    if len(text) > MAX_DIGITS:
        raise ValueError(f"has more than {MAX_DIGITS} characters")
    sign, whole, fraction, bare = found.groups()
    digits = (bare or fraction or "").rstrip("0")
    if len(digits) > SCALE:
        raise ValueError(f"has more than {SCALE} decimals, which cannot be carried exactly")
    value = int(whole or "0") * UNIT + int(digits.ljust(SCALE, "0"))
    return -value if sign == "-" else value


def number(text: str) -> Decimal:
    """A plain decimal number of any scale, exactly; half of :data:`MAX_DIGITS` characters at most, so that
    products with the small factors of :mod:`ledger.tapes.units` stay exact in the default context.
    """
    if _DECIMAL.fullmatch(text) is None:
        raise ValueError("is not a plain decimal number")
    if len(text) > MAX_DIGITS // 2:
        raise ValueError(f"has more than {MAX_DIGITS // 2} characters")
    return Decimal(text)


def integer(text: str) -> int:
    """A whole number, also where the file writes it with decimals that are all zero (``"75.00"``)."""
    if _INTEGER.fullmatch(text) and len(text) <= MAX_DIGITS:
        return int(text)
    value = units(text)
    if value % UNIT:
        raise ValueError("is not a whole number")
    return value // UNIT


def plain(value: Decimal) -> str:
    """A decimal in its shortest plain spelling: ``Decimal("0.10660000")`` is ``"0.1066"``."""
    if value == 0:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def month(year: int, number: int) -> str:
    """``YYYY-MM`` of a month that exists."""
    if not 1 <= number <= 12 or not 1800 <= year <= 9999:
        raise ValueError("is not a month that exists")
    return f"{year:04d}-{number:02d}"


def day(year: int, number: int, of_month: int) -> str:
    """``YYYY-MM-DD`` of a day that exists."""
    start = month(year, number)
    if not 1 <= of_month <= monthrange(year, number)[1]:
        raise ValueError("is not a day that exists")
    return f"{start}-{of_month:02d}"


@functools.lru_cache(maxsize=8_192)  # a tape names few dates, again and again
def us_date(text: str) -> str:
    """A date as EX-102 writes it: ``MM/YYYY`` gives ``YYYY-MM``, ``MM-DD-YYYY`` gives ``YYYY-MM-DD``."""
    if found := _MONTH.fullmatch(text):
        return month(int(found[2]), int(found[1]))
    if found := _US_DAY.fullmatch(text):
        return day(int(found[3]), int(found[1]), int(found[2]))
    raise ValueError("is neither MM/YYYY nor MM-DD-YYYY")
