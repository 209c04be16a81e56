"""How values are written on pages: grouped digits, percent, instants with their zone. Nothing is rounded silently.

Amounts come as the decimal strings of the ledger and keep every digit. Only :func:`short`, for the axes of charts,
shortens, and a page never shows it without the exact value beside it.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from api.portal.words import Language, Words

#: Shown where there is no value; a minus sign would be read as one.
NONE: Final = "–"
_MINUS: Final = "−"
_DECIMAL: Final = re.compile(r"-?[0-9]{1,40}(\.[0-9]+)?")
#: Criteria that bound an amount.
_AMOUNTS: Final = frozenset({"principal_max", "outstanding_max"})
_SHORT: Final[dict[Language, tuple[tuple[Decimal, str], ...]]] = {
    "en": ((Decimal(10**9), "bn"), (Decimal(10**6), "m"), (Decimal(10**3), "k")),
    "zh": ((Decimal(10**8), "亿"), (Decimal(10**4), "万")),
}


def amount(text: str | None) -> str:
    """A decimal string with its digits in groups of three, and the typographer's minus.

    Anything else is shown as it stands: what a record says of a break's amounts is free text.
    """
    if text is None:
        return NONE
    if not _DECIMAL.fullmatch(text):
        return text
    sign, digits = (_MINUS, text[1:]) if text.startswith("-") else ("", text)
    whole, dot, rest = digits.partition(".")
    return f"{sign}{int(whole):,}{dot}{rest}"


def percent(ratio: str | Decimal | None, digits: int = 2, signed: bool = False) -> str:
    """A ratio in per cent, rounded half up to so many digits; the exact one goes into a title. Changes are signed."""
    if ratio is None:
        return NONE
    rounded = (Decimal(ratio) * 100).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    text = f"{rounded:+,f}%" if signed and rounded else f"{rounded:,f}%"
    return text.replace("-", _MINUS)


def bound(value: object, criterion: str, currency: str) -> str:
    """What a rule's criterion bounds: rates in per cent with every digit, amounts with a currency, lists."""
    if isinstance(value, str) and criterion.startswith("annual_"):
        return f"{amount(format((Decimal(value) * 100).normalize(), 'f'))}%"
    if isinstance(value, str) and criterion in _AMOUNTS:
        return f"{amount(value)} {currency}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return number(value) if isinstance(value, int) else str(value)


def number(value: int | None) -> str:
    """A count with its digits in groups."""
    return NONE if value is None else f"{value:,}".replace("-", _MINUS)


def ether(wei: int) -> str:
    """An amount of wei in units of 10^18, cut after six decimals: never more than there is. The exact one goes into a
    title; what the unit is worth is the chain's to say.
    """
    whole, rest = divmod(wei, 10**18)  # a developer's chain gives out balances beyond the digits of a Decimal
    return amount(f"{whole}.{rest // 10**12:06}".rstrip("0").rstrip("."))


def short(value: Decimal, language: Language) -> str:
    """A number as an axis has it: 1.2m, 120万."""
    for step, suffix in _SHORT[language]:
        if abs(value) >= step:
            return f"{_plain(value / step)}{suffix}".replace("-", _MINUS)
    return _plain(value).replace("-", _MINUS)


def _plain(value: Decimal) -> str:
    rounded = value.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{rounded:f}".rstrip("0").rstrip(".") or "0"


def instant(text: str | datetime, zone: str) -> tuple[str, str, str]:
    """(machine-readable, day and time, zone) of an instant, in the log's own time zone."""
    moment = datetime.fromisoformat(text) if isinstance(text, str) else text
    local = moment.astimezone(ZoneInfo(zone))
    return (
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        local.strftime("%Y-%m-%d %H:%M:%S"),
        _offset(local),
    )


def _offset(local: datetime) -> str:
    minutes = (local.utcoffset() or timedelta()) // timedelta(minutes=1)
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else _MINUS}{hours}" + (f":{rest:02}" if rest else "")


def age(since: str | datetime | date, now: datetime, words: Words) -> str:
    """How long ago, in the largest unit that is whole at least twice, as people say it."""
    if isinstance(since, str):
        since = datetime.fromisoformat(since)
    if not isinstance(since, datetime):
        since = datetime(since.year, since.month, since.day, tzinfo=UTC)
    seconds = max(0, int((now - since) / timedelta(seconds=1)))
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return words.count(f"age.{unit}", seconds // length)
    return words.count("age.minutes", seconds // 60) if seconds >= 60 else words.t("age.now")


def hexes(digest: str, shown: int = 8) -> str:
    """A digest by its first digits; the whole of it goes beside, to be copied."""
    return f"{digest[:shown]}…" if len(digest) > shown + 1 else digest


def code(text: str) -> Markup:
    """Words with what stands between backticks, a command or a name, set as such."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts)
    )
