"""Ratios as they are shown: decimal strings of :data:`DIGITS` digits, half to even, null where there is no base.

Everything before is exact: integers, and quotients of integers.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from ledger.proofs.amounts import SCALE, UNIT, print_units

#: Digits of a ratio after the point: a ten-thousandth of a basis point.
DIGITS: Final = SCALE
_MONTHS: Final = 12


def ratio(numerator: int, denominator: int) -> str | None:
    """``numerator / denominator``; None where the denominator is not above zero."""
    if denominator <= 0:
        return None
    quotient, rest = divmod(numerator * UNIT, denominator)
    twice = 2 * rest
    quotient += twice > denominator or (twice == denominator and quotient & 1)
    return print_units(quotient, DIGITS)


def annual(numerator: int, denominator: int) -> str | None:
    """``1 − (1 − m)^12`` of the monthly rate m = numerator / denominator; None where m is none, or outside 0 to 1."""
    if not 0 <= numerator <= denominator or not denominator:
        return None
    rate = 1 - (1 - Fraction(numerator, denominator)) ** _MONTHS
    return ratio(rate.numerator, rate.denominator)
