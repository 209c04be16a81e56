"""Exact money: decimal strings beside an ISO 4217 currency, integers of 1e-8 units inside.

An amount has one spelling: exactly the currency's minor digits, or more only where needed, up to 8::

    CNY  "207.10"  "18.05383199"        refused: "207.1"  "207.100"  "0207.10"  "-0.00"  "+1.00"  "1e2"
    JPY  "207"     "207.5"              refused: "207.0"  "207."

Negative amounts exist (customer credits); which members may hold one is said by each event. No float and no
``Decimal`` is involved: parsing is integer arithmetic, and so is every sum.
"""

from __future__ import annotations

import re
from typing import Final

from ledger.errors import RefusedError
from ledger.proofs import amounts
from ledger.proofs.amounts import MINOR_DIGITS
from ledger.quotes import in_quotes

#: Digits after the point that the ledger carries, and units in one of the currency's major unit.
SCALE: Final = amounts.SCALE
UNIT: Final = amounts.UNIT

#: Greatest magnitude of one amount, in major units: far above any consumer loan (10 billion dong are 400,000
#: dollars), and low enough that totals fit the 64-bit integers of the folded states.
MAX_MAJOR_DIGITS: Final = 10

#: Digits before the point of a sum over a pool: its units fit the 128 bits of a seal.
MAX_TOTAL_DIGITS: Final = 28

#: Greatest magnitude of a total in a folded state, in units: that of a signed 64-bit integer.
MAX_TOTAL: Final = 2**63 - 1


def _pattern(digits: int, major_digits: int = MAX_MAJOR_DIGITS) -> re.Pattern[str]:
    longer = rf"[0-9]{{{digits},{SCALE - 1}}}[1-9]"
    fraction = rf"(?:\.{longer})?" if digits == 0 else rf"\.(?:[0-9]{{{digits}}}|{longer})"
    return re.compile(rf"-?(?:0|[1-9][0-9]{{0,{major_digits - 1}}})" + fraction, re.ASCII)


#: (minor digits, units in the last of them), for the fast path of :func:`parse`.
_MINOR: Final[dict[str, tuple[int, int]]] = {
    code: (digits, int(10 ** (SCALE - digits))) for code, digits in MINOR_DIGITS.items()
}
_SPELLED = {code: _pattern(digits).fullmatch for code, digits in MINOR_DIGITS.items()}
_SPELLED_TOTAL = {code: _pattern(digits, MAX_TOTAL_DIGITS).fullmatch for code, digits in MINOR_DIGITS.items()}
_POWERS: Final[tuple[int, ...]] = tuple(int(10 ** (SCALE - n)) for n in range(SCALE + 1))
#: Any plain decimal: used only to propose the right spelling in a message.
_PLAIN = re.compile(r"([+-]?)0*([0-9]+)(?:\.([0-9]*))?", re.ASCII)


def minor_digits(currency: str) -> int:
    """Digits after the point that every amount in ``currency`` has. Raises :class:`RefusedError`."""
    digits = MINOR_DIGITS.get(currency)
    if digits is None:
        raise _unknown(currency, "currency")
    return digits


def check_currency(currency: str, field: str = "data.currency") -> None:
    """Raise :class:`RefusedError` unless ``currency`` is an active ISO 4217 code."""
    if currency not in MINOR_DIGITS:
        raise _unknown(currency, field)


def parse(text: str, currency: str, field: str = "amount") -> int:
    """The amount in units of 1e-8. Raises :class:`RefusedError` naming ``field`` for any other spelling."""
    minor = _MINOR.get(currency)
    if minor is None:
        raise _unknown(currency, "data.currency")
    whole, _, fraction = text.partition(".")
    if len(fraction) == minor[0] > 0 and len(whole) <= MAX_MAJOR_DIGITS:
        # Nearly every amount: no sign, exactly the minor digits. Half the time of the pattern below.
        digits = whole + fraction
        if digits.isdigit() and digits.isascii() and (text[0] != "0" or whole == "0") and whole:
            return int(digits) * minor[1]
    if _SPELLED[currency](text) is None:
        raise _misspelled(text, currency, field)
    units = int(whole + fraction) * _POWERS[len(fraction)]
    if not units and text[0] == "-":
        raise _misspelled(text, currency, field)
    return units


def parse_total(text: str, currency: str, field: str = "amount") -> int:
    """A sum over many amounts, in units of 1e-8: spelled like an amount, with more digits and never negative."""
    if currency not in _SPELLED_TOTAL:
        raise _unknown(currency, "data.currency")
    if _SPELLED_TOTAL[currency](text) is None or text[0] == "-":
        raise _misspelled(text, currency, field)
    whole, _, fraction = text.partition(".")
    return int(whole + fraction) * _POWERS[len(fraction)]


def format(units: int, currency: str) -> str:  # noqa: A001 - the pair of parse, always called as money.format
    """The one spelling of ``units`` (of 1e-8) in ``currency``."""
    return amounts.print_units(units, minor_digits(currency))


def split(units: int, shares_ppm: list[int], remainder_index: int, currency: str) -> list[int]:
    """Split an amount by shares (ppm, summing to 1,000,000), exactly.

    Each part is cut to the currency's minor unit, towards zero, and what is left goes to the part at
    ``remainder_index``. The split of −x is the negative of the split of x, so that a reversal undoes its
    payment to the last digit.
    """
    if len(shares_ppm) == 1:
        return [units]
    step = _POWERS[minor_digits(currency)]
    sign = -1 if units < 0 else 1
    magnitude = abs(units)
    parts = [sign * (magnitude * share // 1_000_000 // step * step) for share in shares_ppm]
    parts[remainder_index] += units - sum(parts)
    return parts


def _unknown(currency: str, field: str) -> RefusedError:
    return RefusedError(
        field, f"{in_quotes(currency, 16)} is not an active ISO 4217 currency", rule="wrong_currency"
    )


def _misspelled(text: str, currency: str, field: str) -> RefusedError:
    """Say what is wrong and, where the value is plain, how it is written."""
    digits = minor_digits(currency)
    plain = _PLAIN.fullmatch(text) if len(text) <= 64 else None
    form = "without decimals" if digits == 0 else f"with {digits} decimals"
    reason = f"{in_quotes(text)} is not {currency} {form}"
    if plain is None:
        return RefusedError(field, f"{reason}: a plain decimal number is wanted", rule="wrong_money")
    sign, whole, fraction = plain.group(1), plain.group(2), (plain.group(3) or "").rstrip("0")
    if len(whole) > MAX_MAJOR_DIGITS:
        return RefusedError(
            field, f"{reason}: at most {MAX_MAJOR_DIGITS} digits before the point", rule="too_large"
        )
    if len(fraction) > SCALE:
        return RefusedError(field, f"{reason}: at most {SCALE} digits after the point", rule="wrong_money")
    units = int(whole) * UNIT + int(fraction.ljust(SCALE, "0"))
    return RefusedError(
        field, f'{reason}; write "{format(-units if sign == "-" else units, currency)}"', rule="wrong_money"
    )
