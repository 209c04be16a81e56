"""What one cell of a mapped file means: money, rate, date, share, number, flag or text.

Each builder takes the options of a mapping's leaf and returns a function from the cell's text (stripped,
not empty) to the value as the ledger carries it. Conversions are exact or refused: a rate of 0.05 % a day
over 365 days is 0.1825 a year, never 0.18249999. The functions raise ``ValueError`` with a reason that can
stand in a reject; the builders raise ``ValueError`` for options that cannot work.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from ledger.domain import money
from ledger.quotes import in_quotes
from ledger.tapes import forms

Convert = Callable[[str], Any]

#: Spellings of the two money units; a jiao column would be a mistake in any file we have seen.
MAJOR: Final = frozenset({"yuan", "major"})
MINOR: Final = frozenset({"fen", "minor"})

#: How a rate column counts, as a factor to a fraction of one period.
_RATE_FACTORS: Final = {
    "fraction": Decimal(1),
    "percent": Decimal("0.01"),
    "permille": Decimal("0.001"),
    "per_10000": Decimal("0.0001"),
}

#: Every spelling of a rate's kind: factor and period. Daily ones need the days of the year beside them.
_RATES: Final = {
    f"{prefix}{unit}": (factor, period)
    for prefix, period in (("", "annual"), ("monthly_", "monthly"), ("daily_", "daily"))
    for unit, factor in _RATE_FACTORS.items()
}

#: Decimal places of a rate that the ledger carries; more that are not zero are refused.
RATE_PLACES: Final = 12

_DATE_TOKEN = re.compile(r"YYYY|MM|DD|hh|mm|ss|M|D")
_DATE_PARTS: Final = {
    "YYYY": r"(?P<year>[0-9]{4})",
    "MM": r"(?P<month>[0-9]{2})",
    "M": r"(?P<month>[0-9]{1,2})",
    "DD": r"(?P<day>[0-9]{2})",
    "D": r"(?P<day>[0-9]{1,2})",
    "hh": r"[0-9]{1,2}",
    "mm": r"[0-9]{2}",
    "ss": r"[0-9]{2}(?:\.[0-9]+)?",
}


class NumberForm:
    """Decimal and thousands separators of a file; ``clean`` gives the plain spelling of a number."""

    __slots__ = ("_decimal", "_grouped", "_thousands")

    def __init__(self, decimal: str, thousands: str) -> None:
        if decimal not in {".", ","}:
            raise ValueError("decimal is '.' or ','")
        if len(thousands) > 1 or thousands == decimal or (thousands and thousands.isalnum()):
            raise ValueError("thousands is one character other than decimal, or empty")
        self._decimal = decimal
        self._thousands = thousands
        # With a separator, either none stands or all do: 1,00,000 and 1000,000 are someone's typing error.
        point = re.escape(decimal)
        group = re.escape(thousands)
        self._grouped = re.compile(rf"[+-]?[0-9]{{1,3}}(?:{group}[0-9]{{3}})+(?:{point}[0-9]*)?")

    def clean(self, text: str) -> str:
        """``"1.234,50"`` as ``"1234.50"`` where decimal is a comma and thousands a point."""
        if self._thousands and self._thousands in text:
            if self._grouped.fullmatch(text) is None:
                raise ValueError("has its thousands separators in the wrong places")
            text = text.replace(self._thousands, "")
        if self._decimal != ".":
            if "." in text:
                raise ValueError("has a point, but the mapping's decimal sign is a comma")
            text = text.replace(self._decimal, ".")
        return text


def money_units(unit: str, currency: str, numbers: NumberForm) -> Callable[[str], int]:
    """Amounts in the major unit (yuan) or the minor one (fen), to integers of 1e-8."""
    if unit in MAJOR:
        return lambda text: forms.units(numbers.clean(text))
    if unit not in MINOR:
        raise ValueError(f"money is one of {_listed(MAJOR | MINOR)}, not {in_quotes(unit)}")
    divisor: int = 10 ** money.minor_digits(currency)

    def minor(text: str) -> int:
        value = forms.units(numbers.clean(text))
        if value % divisor:
            raise ValueError(f"has more decimals than can be carried in {currency}")
        return value // divisor

    return minor


def rate(kind: str, days: int | None, numbers: NumberForm) -> Convert:
    """A yearly rate as a decimal fraction, out of a rate of a year, month or day in any of the units."""
    if kind not in _RATES:
        raise ValueError(f"rate is one of {', '.join(_RATES)}, not {in_quotes(kind)}")
    factor, period = _RATES[kind]
    if (period == "daily") != (days is not None):
        raise ValueError("days (360 or 365) stands beside a daily rate, and only there")
    if days not in {None, 360, 365}:
        raise ValueError("days is 360 or 365")
    factor *= days or {"monthly": 12, "annual": 1}[period]

    def convert(text: str) -> str:
        value = forms.number(numbers.clean(text.removesuffix("%").rstrip() if percent else text)) * factor
        if -int(value.normalize().as_tuple().exponent) > RATE_PLACES:
            raise ValueError(f"gives a yearly rate of more than {RATE_PLACES} decimals")
        return forms.plain(value)

    percent = kind.endswith("percent")
    return convert


def date(pattern: str) -> Convert:
    """Dates by a pattern of YYYY, MM or M, DD or D, and hh, mm, ss, which are read and left out.

    Without a day the result is a month (``YYYY-MM``).
    """
    parts: list[str] = []
    at = 0
    seen: list[str] = []
    for token in _DATE_TOKEN.finditer(pattern):
        parts += [re.escape(pattern[at : token.start()]), _DATE_PARTS[token[0]]]
        seen.append(token[0][0] if token[0] not in {"mm", "ss", "hh"} else token[0])
        at = token.end()
    parts.append(re.escape(pattern[at:]))
    if sorted(set(seen)) != sorted(seen) or not {"Y", "M"} <= set(seen):
        raise ValueError(
            f"a date pattern names YYYY and MM (or M) once, DD (or D) at most once; {in_quotes(pattern)} does not"
        )
    matcher = re.compile("".join(parts))
    has_day = "D" in seen

    def convert(text: str) -> str:
        found = matcher.fullmatch(text)
        if found is None:
            raise ValueError(f"is not a date of the form {pattern}")
        year, number = int(found["year"]), int(found["month"])
        return forms.day(year, number, int(found["day"])) if has_day else forms.month(year, number)

    return convert


def share(kind: str, numbers: NumberForm) -> Convert:
    """A share of the whole, as parts per million: ``70`` percent is 700000."""
    scale = {"ppm": 1, "percent": 10_000, "fraction": 1_000_000}.get(kind)
    if scale is None:
        raise ValueError(f"share is one of fraction, percent, ppm, not {in_quotes(kind)}")

    def convert(text: str) -> int:
        value = (
            forms.units(numbers.clean(text.removesuffix("%").rstrip() if kind == "percent" else text)) * scale
        )
        if value % forms.UNIT:
            raise ValueError("is not a whole number of parts per million")
        return value // forms.UNIT

    return convert


def integer(numbers: NumberForm) -> Convert:
    """Whole numbers."""
    return lambda text: forms.integer(numbers.clean(text))


def decimal(numbers: NumberForm, sign: int = 1) -> Convert:
    """Decimal numbers in their shortest plain spelling, as strings."""

    def convert(text: str) -> str:
        return forms.plain(sign * forms.number(numbers.clean(text)))

    return convert


def lookup(table: Mapping[str, Any], default: Any) -> Convert:
    """Values by a table in the mapping; ``default`` None refuses what the table does not have."""

    def convert(text: str) -> Any:
        try:
            return table[text]
        except KeyError:
            if default is not None:
                return default
            raise ValueError(f"is none of the values that the mapping knows ({_listed(table)})") from None

    return convert


def _listed(names: Any) -> str:
    return ", ".join(sorted(map(str, names)))
