"""How a balance is repaid, period by period: the one recursion behind every plan, rounded or not.

In period *i* interest of ``balance · weight_i / scale`` falls due, where ``weight_i / scale`` is the annual rate
times the part of the year; then some of the principal is redeemed, and the rest is the balance of the next
period. The numbers are integers (units of 1e-8) where the caller's ``quantise`` rounds to the currency, and exact
fractions where it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import TypeVar

from ledger.errors import UndeterminedError

Amount = TypeVar("Amount", int, Fraction)

#: (numerator, denominator) → the amount, rounded or exact.
Quantise = Callable[[Amount, int], Amount]
#: (index of the period, balance before it, interest due in it) → principal redeemed.
Redeem = Callable[[int, Amount, Amount], Amount]


def repay(
    balance: Amount,
    weights: Sequence[int],
    scale: int,
    *,
    quantise: Quantise[Amount],
    redeem: Redeem[Amount],
) -> Iterator[tuple[Amount, Amount]]:
    """(interest, principal) of each period."""
    for index, weight in enumerate(weights):
        interest = quantise(balance * weight, scale)
        principal = redeem(index, balance, interest)
        yield interest, principal
        balance -= principal


@lru_cache(maxsize=4_096)  # the loans of a pool share few products and days
def level(weights: tuple[int, ...], scale: int) -> Fraction:
    """The instalment that repays a balance of 1 in equal amounts, one a period.

    With growth ``g_i = 1 + weight_i / scale`` the balance after period *n* is ``Π g_i − x · c_n``, where
    ``c_0 = 0`` and ``c_i = c_(i−1) · g_i + 1``; it is nothing for ``x = Π g_i / c_n``. All periods may differ.
    """
    grown, paid, power = 1, 0, 1
    for weight in weights:
        growth = scale + weight
        grown *= growth
        power *= scale
        paid = paid * growth + power
    return Fraction(grown, paid)


def annuity(
    instalment: Amount,
    *,
    first: int,
    last: int | None,
    extra: Amount | None = None,
    field: str = "data.amortisation",
) -> Redeem[Amount]:
    """Redeem what ``instalment`` leaves after the interest, at most the balance.

    Nothing is redeemed before the period ``first``, and the whole balance in ``last`` (None: never at once). Where
    the instalment does not even cover the interest, no member tells what becomes of the rest: the redeemer raises
    :class:`UndeterminedError` naming ``field``. A trial with ``extra``, which is redeemed beside it in ``first``,
    redeems nothing there instead.
    """
    nothing = instalment * 0

    def redeem(index: int, balance: Amount, interest: Amount) -> Amount:
        if index < first:
            return nothing
        if index == last:
            return balance
        rest = instalment - interest
        if rest < 0:
            if extra is None:
                raise UndeterminedError(
                    f"the level instalment does not cover the interest of period {index + 1}", field=field
                )
            rest = nothing
        if index == first and extra is not None:
            rest += extra
        return min(rest, balance)

    return redeem


def linear(share: Amount, *, first: int, last: int, opening: Amount | None = None) -> Redeem[Amount]:
    """Redeem ``share`` in each period from ``first`` on, at most the balance, and the whole of it in ``last``.

    ``opening`` stands in place of the share in the period ``first``.
    """
    nothing = share * 0

    def redeem(index: int, balance: Amount, interest: Amount) -> Amount:  # noqa: ARG001 - the form of a redeemer
        if index < first:
            return nothing
        if index == last:
            return balance
        return min(opening if index == first and opening is not None else share, balance)

    return redeem
