"""Money comes in: repayment.received, repayment.reversed, loan.prepaid, recovery.received."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from ledger.domain import money
from ledger.domain.events.base import (
    DAY,
    MONEY,
    SERVICING,
    Currency,
    Data,
    Part,
    Text,
    check_name,
    check_when,
    event,
    member,
)
from ledger.domain.loans import LoanState, Moment
from ledger.errors import RefusedError

Payer = Literal["obligor", "guarantor", "platform", "merchant", "insurer"]
InstalmentNumber = Annotated[int, Meta(ge=1, le=10_000)]

_NEGATIVE = "is negative; undo a payment with repayment.reversed"

#: (amount, principal, interest, fee, penalty, other), in units of 1e-8.
Amounts = tuple[int, int, int, int, int, int]


class Applied(Part, frozen=True, kw_only=True):
    """How a payment was applied; absent is zero. A sum that is not the amount is a finding."""

    principal: Annotated[
        str | UnsetType,
        member("to principal", MONEY, actus="PR", ex102="actualPrincipalCollectedAmount"),
    ] = UNSET
    interest: Annotated[
        str | UnsetType,
        member("to interest", MONEY, actus="IP", ex102="actualInterestCollectedAmount"),
    ] = UNSET
    fee: Annotated[str | UnsetType, member("to fees", MONEY, actus="FP")] = UNSET
    penalty: Annotated[str | UnsetType, member("to penalties", MONEY, actus="PY")] = UNSET
    other: Annotated[
        str | UnsetType, member("to anything else", MONEY, ex102="actualOtherCollectedAmount")
    ] = UNSET


#: (principal, interest, fee, penalty, other), in units of 1e-8.
Parts = tuple[int, int, int, int, int]


def read_parts(applied: Applied, currency: str, field: str, *, negative: bool) -> Parts:
    """Parse amounts by component; absent is zero. Raises :class:`RefusedError` naming the component."""
    parse = money.parse
    principal = interest = fee = penalty = other = 0
    if applied.principal is not UNSET:
        principal = parse(applied.principal, currency, f"{field}.principal")
    if applied.interest is not UNSET:
        interest = parse(applied.interest, currency, f"{field}.interest")
    if applied.fee is not UNSET:
        fee = parse(applied.fee, currency, f"{field}.fee")
    if applied.penalty is not UNSET:
        penalty = parse(applied.penalty, currency, f"{field}.penalty")
    if applied.other is not UNSET:
        other = parse(applied.other, currency, f"{field}.other")
    parts = (principal, interest, fee, penalty, other)
    if not negative and min(parts) < 0:
        name = next(name for name, units in zip(Applied.__struct_fields__, parts, strict=True) if units < 0)
        raise RefusedError(f"{field}.{name}", _NEGATIVE, rule="wrong_money")
    return parts


def read_amounts(total: str, applied: Applied, currency: str, *, negative: bool) -> Amounts:
    """Parse a payment's amounts. ``negative``: a month's total may net reversals, a single payment not."""
    units = money.parse(total, currency, "data.amount")
    if units < 0 and not negative:
        raise RefusedError("data.amount", _NEGATIVE, rule="wrong_money")
    return (units, *read_parts(applied, currency, "data.applied", negative=negative))


def total_volume(amounts: Amounts) -> int:
    """Sum of the magnitudes."""
    a, b, c, d, e, f = amounts
    return abs(a) + abs(b) + abs(c) + abs(d) + abs(e) + abs(f)


def collect(state: LoanState, amounts: Amounts, sign: int) -> None:
    """Add a payment to what was collected, or take it back."""
    total, principal, interest, fee, penalty, other = amounts
    state.collected += sign * total
    state.collected_principal += sign * principal
    state.collected_interest += sign * interest
    state.collected_fee += sign * fee
    state.collected_penalty += sign * penalty
    state.collected_other += sign * other
    state.move_principal(-sign * principal)


@event(
    "repayment.received",
    title="A payment on the loan came in and was applied.",
    subject="loan", posted_by=SERVICING | {"account_bank"}, rank=30,
    actus="PR, IP", ex102="actual*CollectedAmount",
)  # fmt: skip
class RepaymentReceived(Data, frozen=True, kw_only=True):
    """One payment, or with ``aggregate`` the total of a month as a tape tells it."""

    currency: Currency
    amount: Annotated[str, member("what was paid", MONEY, ex102="totalActualAmountPaid")]
    applied: Annotated[Applied, member("how it was applied")]
    payer: Annotated[Payer | UnsetType, member("who paid; only an aggregate may leave it open")] = UNSET
    instalment: Annotated[
        InstalmentNumber | UnsetType | None,
        member("number of the instalment paid; null if none in particular"),
    ] = UNSET
    value_date: Annotated[str | UnsetType, member("value date at the bank", DAY)] = UNSET
    aggregate: Annotated[bool | UnsetType, member("true for a month's total of many payments")] = UNSET
    channel: Annotated[Text | UnsetType, member("how it was paid")] = UNSET
    account: Annotated[
        Text | UnsetType, member("collection account that it came in on, without `account:`")
    ] = UNSET
    bank_ref: Annotated[Text | UnsetType, member("the bank's payment reference")] = UNSET

    def check(self) -> Amounts:
        """The amounts, parsed."""
        aggregate = self.aggregate is True
        if self.payer is UNSET and not aggregate:
            raise RefusedError(
                "data.payer", "say who paid: obligor, guarantor, platform, merchant or insurer"
            )
        if self.value_date is not UNSET:
            check_when(self.value_date, "data.value_date")
        return read_amounts(self.amount, self.applied, self.currency, negative=aggregate)

    def volume(self, amounts: Amounts) -> int:
        """All amounts together."""
        return total_volume(amounts)

    def apply(self, state: LoanState, amounts: Amounts, moment: Moment) -> None:
        """Collected grows, principal falls."""
        if state.counts(moment):
            collect(state, amounts, 1)


@event(
    "repayment.reversed",
    title="A payment is undone: bounced, or booked to the wrong loan.",
    subject="loan", posted_by=SERVICING | {"account_bank"}, rank=35,
)  # fmt: skip
class RepaymentReversed(Data, frozen=True, kw_only=True):
    """Carries the amounts it takes back; a difference to the payment it names is a finding."""

    currency: Currency
    repayment: Annotated[str, member("id of the repayment.received that is undone", "event id")]
    amount: Annotated[str, member("what is taken back", MONEY)]
    applied: Annotated[Applied, member("what it had been applied to")]
    reason: Annotated[Literal["returned", "chargeback", "misposted", "duplicate", "other"], member("why")]
    value_date: Annotated[str | UnsetType, member("value date at the bank", DAY)] = UNSET
    account: Annotated[
        Text | UnsetType, member("collection account that it came in on, without `account:`")
    ] = UNSET
    bank_ref: Annotated[Text | UnsetType, member("the bank's reference of the return")] = UNSET

    def check(self) -> Amounts:
        """The amounts, parsed."""
        check_name(self.repayment, "data.repayment")
        check_when(self.value_date, "data.value_date")
        return read_amounts(self.amount, self.applied, self.currency, negative=False)

    def volume(self, amounts: Amounts) -> int:
        """All amounts together."""
        return total_volume(amounts)

    def apply(self, state: LoanState, amounts: Amounts, moment: Moment) -> None:
        """Collected falls, principal grows."""
        if state.counts(moment):
            collect(state, amounts, -1)


@event(
    "loan.prepaid",
    title="The borrower pays principal back before it is due.",
    subject="loan", posted_by=SERVICING | {"account_bank"}, rank=70, actus="PP", esma="Prepayment Date",
)  # fmt: skip
class LoanPrepaid(Data, frozen=True, kw_only=True):
    """A payment beyond what is due. What it changes of the instalments to come is told by schedule.changed."""

    currency: Currency
    amount: Annotated[str, member("what was paid", MONEY)]
    applied: Annotated[Applied, member("how it was applied; the fee for paying early is a fee")]
    effect: Annotated[
        Literal["lower_instalment", "shorter_term", "settle"],
        member("what becomes of the instalments to come", actus="PPEF"),
    ]
    payer: Annotated[Payer, member("who paid")]
    value_date: Annotated[str | UnsetType, member("value date at the bank", DAY)] = UNSET
    channel: Annotated[Text | UnsetType, member("how it was paid")] = UNSET
    account: Annotated[
        Text | UnsetType, member("collection account that it came in on, without `account:`")
    ] = UNSET
    bank_ref: Annotated[Text | UnsetType, member("the bank's payment reference")] = UNSET

    def check(self) -> Amounts:
        """The amounts, parsed."""
        check_when(self.value_date, "data.value_date")
        return read_amounts(self.amount, self.applied, self.currency, negative=False)

    def volume(self, amounts: Amounts) -> int:
        """All amounts together."""
        return total_volume(amounts)

    def apply(self, state: LoanState, amounts: Amounts, moment: Moment) -> None:
        """Collected grows, principal falls."""
        if state.counts(moment):
            collect(state, amounts, 1)


@event(
    "recovery.received",
    title="Money came in after the charge-off.",
    subject="loan", posted_by=SERVICING | {"account_bank"}, rank=105, ex102="recoveredAmount",
    esma="Cumulative Recoveries",
)  # fmt: skip
class RecoveryReceived(Data, frozen=True, kw_only=True):
    """Does not touch principal: that was written off."""

    currency: Currency
    amount: Annotated[str, member("what came in", MONEY, ex102="recoveredAmount")]
    source: Annotated[
        Literal["obligor", "guarantor", "collateral", "insurer", "debt_sale", "other"] | UnsetType,
        member("where it came from"),
    ] = UNSET
    value_date: Annotated[str | UnsetType, member("value date at the bank", DAY)] = UNSET
    aggregate: Annotated[bool | UnsetType, member("true for a month's total; it may be negative")] = UNSET
    bank_ref: Annotated[Text | UnsetType, member("the bank's payment reference")] = UNSET

    def check(self) -> int:
        """Units recovered."""
        check_when(self.value_date, "data.value_date")
        units = money.parse(self.amount, self.currency, "data.amount")
        if units < 0 and self.aggregate is not True:
            raise RefusedError("data.amount", "is negative, and no aggregate", rule="wrong_money")
        return units

    def volume(self, amounts: int) -> int:
        """What came in."""
        return abs(amounts)

    def apply(self, state: LoanState, amounts: int, moment: Moment) -> None:
        """Recovered grows."""
        if state.counts(moment):
            state.recovered += amounts
