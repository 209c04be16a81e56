"""What files said: balance.reported. Input to findings, never to state."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from ledger.domain import money
from ledger.domain.events.base import (
    DAY,
    MONEY,
    RATE,
    SERVICING,
    Count,
    Currency,
    Data,
    Text,
    check_decimal,
    check_digest,
    check_when,
    event,
    member,
)
from ledger.domain.loans import LoanState, Moment

#: A tape's own element: its name and its text, verbatim.
ElementName = Annotated[str, Meta(min_length=1, max_length=200)]
ElementText = Annotated[str, Meta(max_length=10_000)]


@event(
    "balance.reported",
    title="What a tape said about the loan, verbatim.",
    subject="loan", posted_by=SERVICING | {"trustee"}, rank=220, actus="AD",
)  # fmt: skip
class BalanceReported(Data, frozen=True, kw_only=True):
    """The reported position, and all remaining elements in their order, repeated ones included."""

    tape: Annotated[str, member("SHA-256 of the tape's bytes", "32 bytes hex")]
    place: Annotated[Text, member("place of the record in the tape, such as `assets[17]` or `line 18`")]
    currency: Currency
    balance: Annotated[
        str | UnsetType,
        member(
            "principal reported at the end",
            MONEY,
            ex102="reportingPeriodActualEndBalanceAmount",
            esma="Current Principal Balance",
        ),
    ] = UNSET
    beginning: Annotated[
        str | UnsetType,
        member(
            "principal reported at the beginning", MONEY, ex102="reportingPeriodBeginningLoanBalanceAmount"
        ),
    ] = UNSET
    days_past_due: Annotated[
        Count | UnsetType,
        member(
            "days past due as reported",
            "days",
            ex102="currentDelinquencyStatus",
            esma="Number Of Days In Arrears",
        ),
    ] = UNSET
    status: Annotated[Text | UnsetType, member("status in the tape's words")] = UNSET
    zero_balance_code: Annotated[
        Text | UnsetType, member("code of the reason for a zero balance", ex102="zeroBalanceCode")
    ] = UNSET
    zero_balance_date: Annotated[
        str | UnsetType, member("when the balance became zero", DAY, ex102="zeroBalanceEffectiveDate")
    ] = UNSET
    current_rate: Annotated[
        str | UnsetType,
        member(
            "current rate as reported",
            RATE,
            ex102="reportingPeriodInterestRatePercentage",
            esma="Current Interest Rate",
        ),
    ] = UNSET
    remaining_instalments: Annotated[
        Count | UnsetType,
        member("remaining term as reported", "count", ex102="remainingTermToMaturityNumber"),
    ] = UNSET
    next_due: Annotated[
        str | UnsetType,
        member("amount due next as reported", MONEY, ex102="nextReportingPeriodPaymentAmountDue"),
    ] = UNSET
    modified: Annotated[
        bool | UnsetType,
        member("whether terms changed, as reported", ex102="reportingPeriodModificationIndicator"),
    ] = UNSET
    elements: Annotated[
        Annotated[list[tuple[ElementName, ElementText]], Meta(max_length=2_000)] | UnsetType,
        member("all remaining elements as [name, text], in order"),
    ] = UNSET

    def check(self) -> None:
        """Digest, amounts and dates are well formed. What they say may be anything."""
        check_digest(self.tape, "data.tape")
        money.check_currency(self.currency)
        for name in ("balance", "beginning", "next_due"):
            text = getattr(self, name)
            if text is not UNSET:
                money.parse(text, self.currency, f"data.{name}")
        check_when(self.zero_balance_date, "data.zero_balance_date")
        if isinstance(self.current_rate, str):
            check_decimal(self.current_rate, "data.current_rate")

    def apply(self, state: LoanState, amounts: Any, moment: Moment) -> None:  # noqa: ARG002
        """Only counted."""
        state.reports += 1
