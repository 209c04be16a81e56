"""Rounding of exact quotients to the minor unit of a currency. Nothing here is below zero."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final, Literal

from ledger.domain import money
from ledger.domain.schedule.amortise import Quantise
from ledger.errors import UndeterminedError

Rounding = Literal["half_up", "half_even", "down", "up"]


def minor_unit(currency: str) -> int:
    """The smallest coin of the currency in units of 1e-8. Raises :class:`ledger.errors.RefusedError`."""
    return int(10 ** (money.SCALE - money.minor_digits(currency)))


@cache
def quantiser(rounding: Rounding | None, currency: str) -> Quantise[int]:
    """(numerator, denominator) → the nearest multiple of the minor unit by this rule.

    Without a rule the quotient must be such a multiple already; else :class:`UndeterminedError` is raised.
    """
    unit = minor_unit(currency)
    divide = _exactly if rounding is None else _RULES[rounding]

    def quantise(numerator: int, denominator: int) -> int:
        return divide(numerator, denominator * unit) * unit

    return quantise


def _half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def _half_even(numerator: int, denominator: int) -> int:
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    return quotient + (twice > denominator or (twice == denominator and quotient & 1))


def _down(numerator: int, denominator: int) -> int:
    return numerator // denominator


def _up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)


def _exactly(numerator: int, denominator: int) -> int:
    quotient, rest = divmod(numerator, denominator)
    if rest:
        raise UndeterminedError("not given, and an amount has to be rounded", field="data.rounding")
    return quotient


_RULES: Final[dict[Rounding, Callable[[int, int], int]]] = {
    "half_up": _half_up,
    "half_even": _half_even,
    "down": _down,
    "up": _up,
}
