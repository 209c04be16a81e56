"""Amounts in signed files: exact decimal strings, without the bounds that one payment has.

An amount has exactly its currency's minor digits, or more only where needed, up to 8, and no other spelling;
inside it is an integer in units of 1e-8. :mod:`ledger.domain.money` reads the amounts of events, which are
smaller; sums over a pool may have any length that 128 bits hold.
"""

from __future__ import annotations

import re
from typing import Final

from ledger.errors import MalformedError

#: Digits after the point that the ledger carries, and units in one of the currency's major unit.
SCALE: Final = 8
UNIT: Final = 10**SCALE
#: Sums in binary formats are uint128.
MAX_UNITS: Final = 2**128 - 1

#: Active ISO 4217 codes by their minor digits (list one of the standard; funds and metals are left out).
_BY_DIGITS: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
        "CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD "
        "HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK "
        "MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD "
        "RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS "
        "UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
#: Currency code → its minor digits.
MINOR_DIGITS: Final = {code: digits for digits, codes in _BY_DIGITS.items() for code in codes.split()}

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,38})(?:\.([0-9]{1,8}))?", re.ASCII).fullmatch


def print_units(units: int, digits: int) -> str:
    """The one spelling of ``units`` (of 1e-8) in a currency of so many minor digits."""
    whole, fraction = divmod(abs(units), UNIT)
    shown = f"{fraction:08d}"
    while len(shown) > digits and shown[-1] == "0":
        shown = shown[:-1]
    sign = "-" if units < 0 else ""
    return f"{sign}{whole}.{shown}" if shown else f"{sign}{whole}"


def print_total(units: int, currency: str) -> str:
    """A total, not negative, in ``currency``. Raises :class:`MalformedError`."""
    if not 0 <= units <= MAX_UNITS:
        raise MalformedError("total", "not from 0 to 2^128 − 1 units of 1e-8")
    return print_units(units, _digits(currency))


def parse_total(text: object, currency: str) -> int:
    """Read what :func:`print_total` prints, and nothing else. Raises :class:`MalformedError`."""
    found = _DECIMAL(text) if isinstance(text, str) else None
    if found is None:
        raise MalformedError("total", "no plain decimal")
    units = int(found[1]) * UNIT + int((found[2] or "").ljust(SCALE, "0"))
    if print_total(units, currency) != text:
        raise MalformedError("total", f"not the one spelling of an amount in {currency}")
    return units


def _digits(currency: str) -> int:
    digits = MINOR_DIGITS.get(currency)
    if digits is None:
        raise MalformedError("total", f"{currency[:16]!a} is not an active ISO 4217 currency")
    return digits
