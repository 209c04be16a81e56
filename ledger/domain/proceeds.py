"""What of a payment belongs to whom: the one rule of remittances, for the servicer who makes them and for the audit.

Principal, interest and penalties belong to the loan's claims; so does a recovery as a whole. Fees and other amounts
belong to their payees and are no part of it. A guarantor pays the creditors itself (guarantor.compensated), so that is
none either.

Each component is split by itself, as the folded state splits principal: cut to the currency's minor unit, the remainder
to the claim that the terms name (:func:`ledger.domain.money.split`). Of a claim's part a holder gets the share that it
holds, cut the same way, so that several pools never get more than there is.

A payment is of its value date where that is a day, else of its effective day, else of a month. It belongs to those who
held the shares when the day began: in the fold's order (effective, rank) the payments of a day stand before its
pledges, sales and releases, so a share that changes hands takes its payments along from the next day on.
"""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from ledger.domain import money, seals
from ledger.domain.calendar import Effective, parse_effective
from ledger.domain.events.base import Data
from ledger.domain.events.changes import LoanRefunded
from ledger.domain.events.money_in import (
    Amounts,
    LoanPrepaid,
    RecoveryReceived,
    RepaymentReceived,
    RepaymentReversed,
)

#: What belongs to the claims, component by component, in units of 1e-8; a reversal's are negative.
Components = tuple[int, ...]


def components(event: Data, amounts: Amounts | int) -> Components | None:
    """What belongs to the claims of a payment; None for an event that is no payment."""
    if isinstance(event, RecoveryReceived):
        assert isinstance(amounts, int)
        return (amounts,)
    if isinstance(event, RepaymentReceived | LoanPrepaid | LoanRefunded | RepaymentReversed):
        assert isinstance(amounts, tuple)
        _, principal, interest, _, penalty, _ = amounts
        sign = -1 if isinstance(event, RepaymentReversed) else 1
        return sign * principal, sign * interest, sign * penalty
    return None


def of_claims(parts: Components, shares: list[int], remainder: int, currency: str) -> list[Components]:
    """Each claim's components; ``shares`` in ppm and ``remainder``, a place among them, are those of the loan."""
    split = [money.split(units, shares, remainder, currency) for units in parts]
    return list(zip(*split, strict=True))


def of_holder(parts: Components, share: int, currency: str) -> int:
    """What a holder of ``share`` ppm of the claim gets of a claim's components, in units."""
    total = 0
    for units in parts:
        receivable, credit = seals.held(units, share, currency)
        total += receivable - credit
    return total


def day_of(effective: Effective, value_date: str | UnsetType) -> Effective:
    """The day of a payment, or its month where no source tells the day."""
    if value_date is not UNSET and (told := parse_effective(value_date)).day is not None:
        return told
    return effective
