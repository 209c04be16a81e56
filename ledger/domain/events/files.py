"""What files said, and what became of it: balance.reported, tape.received, breaks, day.closed. Never state."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from ledger.domain import money
from ledger.domain.calendar import parse_day
from ledger.domain.events.base import (
    ARRANGING,
    DAY,
    HOLDING,
    MONEY,
    RATE,
    SERVICING,
    Count,
    Currency,
    Data,
    Part,
    Text,
    check_decimal,
    check_digest,
    check_name,
    check_when,
    event,
    member,
)
from ledger.domain.loans import LoanState, Moment
from ledger.errors import RefusedError
from ledger.proofs.canonical import MAX_INTEGER

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
        member(
            "amount due next as reported",
            MONEY,
            ex102="nextReportingPeriodPaymentAmountDue",
            esma="Payment Due",
        ),
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


BigCount = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]


class Total(Part, frozen=True, kw_only=True):
    """One of a file's own totals."""

    name: Annotated[Text, member("what is summed, such as balance or collected")]
    currency: Currency
    amount: Annotated[str, member("the sum; negative ones exist in files", MONEY)]


@event(
    "tape.received",
    title="A file about the pool is committed to by its digest.",
    subject="pool", posted_by=ARRANGING | HOLDING | {"auditor"}, rank=215,
)  # fmt: skip
class TapeReceived(Data, frozen=True, kw_only=True):
    """Who showed which file, about which cut-off. What disagrees with the records becomes a break."""

    tape: Annotated[str, member("SHA-256 of the file's bytes", "32 bytes hex")]
    form: Annotated[Literal["ex102", "esma_cmrl", "csv", "ledger_totals"], member("how it is to be read")]
    cut_off: Annotated[
        str, member("day or month at whose close its figures stand", DAY, esma="Data Cut-Off Date")
    ]
    records: Annotated[BigCount, member("records in it", "count")]
    totals: Annotated[
        Annotated[list[Total], Meta(max_length=200)] | UnsetType, member("its own sums, by name")
    ] = UNSET
    mapping: Annotated[str | UnsetType, member("SHA-256 of the mapping it is read by", "32 bytes hex")] = (
        UNSET
    )
    sender: Annotated[str | UnsetType, member("party that made it, where another posts it", "party")] = UNSET
    partial: Annotated[
        bool | UnsetType, member("true where claims of the pool may be left out without being gone")
    ] = UNSET

    def check(self) -> None:
        """Digests, date and totals are well formed."""
        check_digest(self.tape, "data.tape")
        check_when(self.cut_off, "data.cut_off")
        if isinstance(self.mapping, str):
            check_digest(self.mapping, "data.mapping")
        if isinstance(self.sender, str):
            check_name(self.sender, "data.sender")
        for i, total in enumerate(self.totals if isinstance(self.totals, list) else ()):
            unsigned = total.amount.removeprefix("-")
            money.parse_total(unsigned, total.currency, f"data.totals[{i}].amount")


@event(
    "break.opened",
    title="A file and the records disagree.",
    subject="pool", posted_by=ARRANGING | HOLDING | {"auditor"}, rank=216,
)  # fmt: skip
class BreakOpened(Data, frozen=True, kw_only=True):
    """Found by comparing the two. A later file that shows it again carries it on under the same name."""

    name: Annotated[
        str, member("name of the break within the pool: the same disagreement, the same name", "name")
    ]
    tape: Annotated[str, member("SHA-256 of the file", "32 bytes hex")]
    loan: Annotated[str | UnsetType, member("loan, without `loan:`; absent: a total", "loan")] = UNSET
    claim: Annotated[str | UnsetType, member("claim within the loan", "claim")] = UNSET
    item: Annotated[Text, member("what disagrees, such as balance, status, absent_in_tape")]
    reported: Annotated[Text | None, member("what the file says; null: it says nothing")]
    derived: Annotated[Text | None, member("what the records give; null: nothing")]
    currency: Annotated[Currency | UnsetType, member("currency of the difference")] = UNSET
    difference: Annotated[str | UnsetType, member("reported less derived", MONEY)] = UNSET
    owner: Annotated[str, member("party that has to explain it", "party")]

    def check(self) -> None:
        """Names, digest and amount are well formed."""
        for name in ("name", "owner"):
            check_name(getattr(self, name), f"data.{name}")
        for name in ("loan", "claim"):
            text = getattr(self, name)
            if isinstance(text, str):
                check_name(text, f"data.{name}")
        check_digest(self.tape, "data.tape")
        if isinstance(self.difference, str):
            if not isinstance(self.currency, str):
                raise RefusedError("data.currency", "a difference needs its currency", rule="wrong_form")
            money.parse_total(self.difference.removeprefix("-"), self.currency, "data.difference")


@event(
    "break.closed",
    title="One side agrees that a break is settled.",
    subject="pool", posted_by=ARRANGING | HOLDING | {"auditor"}, rank=217,
)  # fmt: skip
class BreakClosed(Data, frozen=True, kw_only=True):
    """A break is closed once both sides have posted this: its owner, who made the file, and where neither of them holds
    claims of the pool, a holder. Where they are one and the same, another party with it.
    """

    name: Annotated[str, member("name of the break", "name")]
    resolution: Annotated[
        Literal["file_wrong", "record_corrected", "timing", "immaterial", "other"], member("how it ends")
    ]
    explanation: Annotated[Text, member("in words")]

    def check(self) -> None:
        """The name is one."""
        check_name(self.name, "data.name")


class DayLine(Part, frozen=True, kw_only=True):
    """What a day brought for one claim holder, of one type of event."""

    type: Annotated[Text, member("type of event")]
    holder: Annotated[str | None, member("creditor or holder; null: all of them", "party")]
    currency: Currency
    count: Annotated[BigCount, member("events", "count")]
    sum: Annotated[str, member("sum of their amounts", MONEY)]


@event(
    "day.closed",
    title="A business date is closed (日终).",
    subject="log", posted_by=SERVICING | HOLDING, rank=240,
)  # fmt: skip
class DayClosed(Data, frozen=True, kw_only=True):
    """Count and sum by type and claim holder. Each side posts its own, signed; two that differ are a finding."""

    date: Annotated[str, member("the business date", "YYYY-MM-DD")]
    before: Annotated[int, member("records with a smaller index count", "index", ge=0, le=MAX_INTEGER)]
    lines: Annotated[list[DayLine], member("counts and sums", max_length=5_000)]

    def check(self) -> None:
        """The date is a day, and amounts are sums."""
        parse_day(self.date, "data.date")
        for i, line in enumerate(self.lines):
            if line.holder is not None:
                check_name(line.holder, f"data.lines[{i}].holder")
            money.parse_total(line.sum, line.currency, f"data.lines[{i}].sum")
