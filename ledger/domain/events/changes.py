"""What changes a loan beside payments: cancelled, refunded, schedule.changed, waived, fee.charged, reinstated."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType

from ledger.domain.events.base import (
    DAY,
    MONEY,
    RATE,
    SERVICING,
    Currency,
    Data,
    Text,
    amount,
    check_decimal,
    check_name,
    check_when,
    event,
    member,
)
from ledger.domain.events.money_in import (
    Amounts,
    Applied,
    InstalmentNumber,
    read_amounts,
    read_parts,
    total_volume,
)
from ledger.domain.events.terms import Instalment, check_plan
from ledger.domain.loans import ACTIVE, CANCELLED, LoanState, Moment
from ledger.errors import RefusedError


@event(
    "loan.cancelled",
    title="The contract is undone before or soon after the payout.",
    subject="loan", posted_by=SERVICING, rank=161, actus="TD",
)  # fmt: skip
class LoanCancelled(Data, frozen=True, kw_only=True):
    """Ends the loan. Balances are not touched: what was paid out comes back by repayment.received or loan.refunded."""

    reason: Annotated[
        Literal["not_disbursed", "cooling_off", "returned_goods", "error", "fraud", "other"], member("why")
    ]
    note: Annotated[Text | UnsetType, member("in words")] = UNSET

    def apply(self, state: LoanState, amounts: Any, moment: Moment) -> None:  # noqa: ARG002
        """The loan has ended."""
        state.become(CANCELLED, moment)


@event(
    "loan.refunded",
    title="The seller of returned goods pays back what the loan had bought.",
    subject="loan", posted_by=SERVICING | {"account_bank"}, rank=65,
)  # fmt: skip
class LoanRefunded(Data, frozen=True, kw_only=True):
    """Not a payment by the borrower: principal falls, and no instalment counts as paid by it."""

    currency: Currency
    amount: Annotated[str, member("what came back", MONEY)]
    applied: Annotated[Applied, member("how it was applied")]
    source: Annotated[Literal["merchant", "platform", "insurer", "other"], member("who pays it back")]
    value_date: Annotated[str | UnsetType, member("value date at the bank", DAY)] = UNSET
    account: Annotated[
        Text | UnsetType, member("collection account that it came in on, without `account:`")
    ] = UNSET
    bank_ref: Annotated[Text | UnsetType, member("the bank's payment reference")] = UNSET
    order: Annotated[Text | UnsetType, member("reference of the order returned")] = UNSET

    def check(self) -> Amounts:
        """The amounts, parsed."""
        check_when(self.value_date, "data.value_date")
        return read_amounts(self.amount, self.applied, self.currency, negative=False)

    def volume(self, amounts: Amounts) -> int:
        """All amounts together."""
        return total_volume(amounts)

    def apply(self, state: LoanState, amounts: Amounts, moment: Moment) -> None:
        """Refunded grows, principal falls."""
        if state.counts(moment):
            state.refunded += amounts[0]
            state.move_principal(-amounts[1])


@event(
    "schedule.changed",
    title="The instalments still to come are replaced by others.",
    subject="loan", posted_by=SERVICING, rank=110, live=True, actus="RRF, PRF",
    ex102="reportingPeriodModificationIndicator",
)  # fmt: skip
class ScheduleChanged(Data, frozen=True, kw_only=True):
    """Every instalment from number ``first`` on, in full; earlier ones stay as they were."""

    currency: Currency
    first: Annotated[InstalmentNumber, member("number of the first new instalment", "count")]
    instalments: Annotated[
        list[Instalment], member("all instalments from there on", min_length=1, max_length=1_200)
    ]
    reason: Annotated[
        Literal["extension", "rate_change", "restructuring", "prepayment", "holiday", "refund", "other"],
        member("why"),
    ]
    annual_rate: Annotated[
        str | UnsetType,
        member(
            "nominal rate from now on",
            RATE,
            actus="IPNR",
            ex102="reportingPeriodInterestRatePercentage",
            esma="Current Interest Rate",
        ),
    ] = UNSET
    agreement: Annotated[Text | UnsetType, member("reference of the borrower's agreement")] = UNSET

    def check(self) -> None:
        """The new instalments are well formed."""
        check_plan(self.instalments, self.currency, "data.instalments")
        if isinstance(self.annual_rate, str):
            check_decimal(self.annual_rate, "data.annual_rate")

    def apply(self, state: LoanState, amounts: Any, moment: Moment) -> None:  # noqa: ARG002
        """Only counted: what is due is derived from the records."""
        state.schedule_changes += 1


@event(
    "amount.waived",
    title="The creditor waives part of what is owed.",
    subject="loan", posted_by=SERVICING, rank=35,
)  # fmt: skip
class AmountWaived(Data, frozen=True, kw_only=True):
    """A waiver of principal lowers it; of an instalment's parts, what that instalment asks for."""

    currency: Currency
    waived: Annotated[Applied, member("what is waived, by component")]
    instalment: Annotated[
        InstalmentNumber | UnsetType | None, member("instalment that it belongs to; null if none")
    ] = UNSET
    reason: Annotated[
        Literal["goodwill", "campaign", "hardship", "complaint", "error", "court", "other"], member("why")
    ]
    approved_by: Annotated[Text | UnsetType, member("who approved it")] = UNSET

    def check(self) -> Amounts:
        """(their sum, principal, interest, fee, penalty, other), parsed."""
        parts = read_parts(self.waived, self.currency, "data.waived", negative=False)
        if not any(parts):
            raise RefusedError("data.waived", "waives nothing", rule="wrong_form")
        return (sum(parts), *parts)

    def volume(self, amounts: Amounts) -> int:
        """All amounts together."""
        return total_volume(amounts)

    def apply(self, state: LoanState, amounts: Amounts, moment: Moment) -> None:
        """Waived grows, principal falls by its part."""
        if state.counts(moment):
            state.waived += amounts[0]
            state.move_principal(-amounts[1])


@event(
    "fee.charged",
    title="A fee or penalty falls due.",
    subject="loan", posted_by=SERVICING, rank=20, actus="FP, PY",
)  # fmt: skip
class FeeCharged(Data, frozen=True, kw_only=True):
    """What the borrower owes beside principal and interest and beside the fees of his plan, and to whom.

    Fees that the terms have *upfront* or by *instalment*, and those of an explicit plan's lines, fall due by the plan:
    charged again they would count twice, in what is owed and in the annual cost.
    """

    currency: Currency
    amount: Annotated[str, member("what is charged", MONEY)]
    component: Annotated[Literal["fee", "penalty"], member("component that it belongs to")]
    name: Annotated[Text, member("what it is for, as in the contract")]
    payee: Annotated[str, member("party that gets it", "party")]
    instalment: Annotated[
        InstalmentNumber | UnsetType | None, member("instalment that it belongs to; null if none")
    ] = UNSET
    due: Annotated[str | UnsetType, member("when it is due, where that is not `effective`", DAY)] = UNSET

    def check(self) -> int:
        """Units charged."""
        check_name(self.payee, "data.payee")
        check_when(self.due, "data.due")
        return amount(self.amount, self.currency, "data.amount")

    def volume(self, amounts: int) -> int:
        """What is charged."""
        return amounts

    def apply(self, state: LoanState, amounts: int, moment: Moment) -> None:
        """Charged grows."""
        if state.counts(moment):
            state.fees_charged += amounts


@event(
    "loan.reinstated",
    title="A loan that had ended goes on.",
    subject="loan", posted_by=SERVICING, rank=195,
)  # fmt: skip
class LoanReinstated(Data, frozen=True, kw_only=True):
    """After a charge-off that is taken back, or a payment that was returned; the loan is active again."""

    currency: Currency
    amount: Annotated[str, member("principal written off before that is owed again", MONEY)]
    reason: Annotated[
        Literal["cured", "payment_returned", "error", "court", "restructuring", "other"], member("why")
    ]
    note: Annotated[Text | UnsetType, member("in words")] = UNSET

    def check(self) -> int:
        """Units owed again."""
        return amount(self.amount, self.currency, "data.amount")

    def volume(self, amounts: int) -> int:
        """What is owed again."""
        return amounts

    def apply(self, state: LoanState, amounts: int, moment: Moment) -> None:
        """Principal grows by it; the loan is active."""
        if state.counts(moment):
            state.charged_off -= amounts
            state.move_principal(amounts)
        state.become(ACTIVE, moment)
