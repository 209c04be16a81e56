"""A loan begins, gets its money, ends: loan.opened, originated, disbursed, settled, charged_off."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from ledger.domain.calendar import parse_effective
from ledger.domain.events.base import (
    DAY,
    MAX_CLAIMS_OF_LOAN,
    MONEY,
    RATE,
    SERVICING,
    Count,
    Currency,
    Data,
    Part,
    Text,
    amount,
    check_decimal,
    check_digest,
    check_name,
    check_when,
    event,
    member,
)
from ledger.domain.events.terms import Terms
from ledger.domain.loans import ACTIVE, CHARGED_OFF, ORIGINATED, SETTLED, LoanState, Moment
from ledger.errors import RefusedError

Code = Annotated[str, Meta(min_length=1, max_length=16)]


class Balances(Part, frozen=True, kw_only=True):
    """What is owed at the close of ``as_of``, by component. A customer credit is negative."""

    principal: Annotated[
        str,
        member(
            "principal outstanding",
            MONEY,
            actus="NT",
            ex102="reportingPeriodBeginningLoanBalanceAmount",
            esma="Current Principal Balance",
        ),
    ]
    interest: Annotated[
        str | UnsetType, member("interest accrued or due and unpaid", MONEY, actus="IPAC")
    ] = UNSET
    fee: Annotated[str | UnsetType, member("fees due and unpaid", MONEY, actus="FEAC")] = UNSET
    penalty: Annotated[str | UnsetType, member("penalties due and unpaid", MONEY)] = UNSET
    other: Annotated[str | UnsetType, member("anything else owed", MONEY)] = UNSET


class AssetKey(Part, frozen=True, kw_only=True):
    """The asset key of one claim."""

    claim: Annotated[str, member("name of the claim", "claim")]
    asset_key: Annotated[str, member("its asset key", "32 bytes hex")]


@event(
    "loan.opened",
    title="A seasoned loan enters the ledger with a history that it was not told.",
    subject="loan", posted_by=SERVICING, rank=0, begins=True, actus="CDD, IED",
)  # fmt: skip
class LoanOpened(Terms, frozen=True, kw_only=True):
    """The position at the close of ``as_of``; nothing on or before that day is derived."""

    as_of: Annotated[str, member("day or month at whose close the position stood", DAY)]
    balances: Annotated[Balances, member("what was owed then, by component")]
    basis: Annotated[
        Literal["asserted", "confirmed"], member("whether a second party confirmed the position")
    ]
    current_rate: Annotated[
        str | UnsetType,
        member(
            "nominal rate then",
            RATE,
            ex102="reportingPeriodInterestRatePercentage",
            esma="Current Interest Rate",
        ),
    ] = UNSET
    remaining_instalments: Annotated[
        Count | UnsetType | None,
        member("instalments left; null if unknown", "count", ex102="remainingTermToMaturityNumber"),
    ] = UNSET
    oldest_unpaid: Annotated[
        str | UnsetType | None,
        member("due date of the oldest unpaid instalment; null if none or unknown", DAY),
    ] = UNSET

    def check(self) -> tuple[int, int]:
        """(units of principal outstanding, ordinal of as_of)."""
        self.check_terms()
        currency, balances = self.currency, self.balances
        principal = amount(balances.principal, currency, "data.balances.principal", negative=True)
        for name in ("interest", "fee", "penalty", "other"):
            amount(getattr(balances, name), currency, f"data.balances.{name}", negative=True)
        if isinstance(self.current_rate, str):
            check_decimal(self.current_rate, "data.current_rate")
        check_when(self.oldest_unpaid, "data.oldest_unpaid")
        return principal, parse_effective(self.as_of, "data.as_of").ordinal

    def volume(self, amounts: tuple[int, int]) -> int:
        """The principal outstanding."""
        return abs(amounts[0])

    def apply(self, state: LoanState, amounts: tuple[int, int], moment: Moment) -> None:
        """The position becomes the state; it is in force from ``as_of`` on."""
        principal, as_of = amounts
        state.opened, state.as_of = True, as_of
        state.move_principal(principal)
        state.become(ACTIVE, (as_of, moment[1], moment[2]))


@event(
    "loan.originated",
    title="A loan contract comes into force.",
    subject="loan", posted_by=SERVICING, rank=0, begins=True, live=True,
    actus="CDD", ex102="originationDate", esma="Origination Date",
)  # fmt: skip
class LoanOriginated(Terms, frozen=True, kw_only=True):
    """The whole terms. Balances start with loan.disbursed; asset keys arrive there."""

    # The terms a new loan cannot do without. Kept optional in the base, required here.
    principal: Annotated[
        str,
        member(
            "principal agreed",
            MONEY,
            actus="NT",
            ex102="originalLoanAmount",
            esma="Original Principal Balance",
        ),
    ]
    annual_rate: Annotated[
        str, member("nominal rate", RATE, actus="IPNR", ex102="originalInterestRatePercentage")
    ]
    amortisation: Annotated[
        Literal["annuity", "linear", "bullet", "explicit"],
        member(
            "how principal is repaid (等额本息, 等额本金, 到期还本, by the plan)",
            esma="Amortisation Type",
        ),
    ]
    instalments: Annotated[
        Annotated[int, Meta(ge=1, le=1_200)],
        member("number of instalments", "count", ex102="originalLoanTerm"),
    ]

    def check(self) -> None:
        """The terms hold together; asset keys do not stand here."""
        self.check_terms()
        for i, claim in enumerate(self.claims):
            if claim.asset_key is not UNSET:
                raise RefusedError(f"data.claims[{i}].asset_key", "an asset key arrives with loan.disbursed")

    def apply(self, state: LoanState, amounts: Any, moment: Moment) -> None:  # noqa: ARG002
        """The loan exists; nothing is owed yet."""
        state.become(ORIGINATED, moment)


@event(
    "loan.disbursed",
    title="The money is paid out; balances start.",
    subject="loan", posted_by=SERVICING | {"account_bank"}, rank=10, live=True, actus="IED",
)  # fmt: skip
class LoanDisbursed(Data, frozen=True, kw_only=True):
    """A second payout adds to the first. Asset keys come with the first one and are never corrected."""

    currency: Currency
    amount: Annotated[str, member("principal paid out", MONEY, actus="IED payoff")]
    value_date: Annotated[str | UnsetType, member("value date at the bank", DAY)] = UNSET
    channel: Annotated[Text | UnsetType, member("how it was paid")] = UNSET
    account: Annotated[
        Text | UnsetType, member("account that it was paid from; two banks may give one reference")
    ] = UNSET
    bank_ref: Annotated[Text | UnsetType, member("the bank's payment reference, where it may be known")] = (
        UNSET
    )
    asset_keys: Annotated[
        Annotated[list[AssetKey], Meta(max_length=MAX_CLAIMS_OF_LOAN)] | UnsetType,
        member("asset key of each claim that has one; a weak one serves the others"),
    ] = UNSET

    def check(self) -> int:
        """Units paid out."""
        check_when(self.value_date, "data.value_date")
        if isinstance(self.asset_keys, list):
            seen = set()
            for i, key in enumerate(self.asset_keys):
                check_name(key.claim, f"data.asset_keys[{i}].claim")
                check_digest(key.asset_key, f"data.asset_keys[{i}].asset_key")
                if key.claim in seen:
                    raise RefusedError(f"data.asset_keys[{i}].claim", f'a second asset key for "{key.claim}"')
                seen.add(key.claim)
        return amount(self.amount, self.currency, "data.amount")

    def volume(self, amounts: int) -> int:
        """What is paid out."""
        return amounts

    def lasting(self) -> dict[str, Any]:
        """The asset keys; a payout that is void leaves them where they are."""
        return {**super().lasting(), "asset_keys": self.asset_keys}

    def apply(self, state: LoanState, amounts: int, moment: Moment) -> None:
        """Principal owed grows by what was paid out."""
        if state.counts(moment):
            state.disbursed += amounts
            state.move_principal(amounts)
        state.become(ACTIVE, moment)


@event(
    "loan.settled",
    title="The loan is over for the creditor: nothing is owed any more.",
    subject="loan", posted_by=SERVICING, rank=190, actus="MD, TD", ex102="zeroBalanceCode 1",
    esma="Account Status (CMRL55), Redemption Date",
)  # fmt: skip
class LoanSettled(Data, frozen=True, kw_only=True):
    """Ends the loan. Balances are not touched: a remainder is a finding, not an adjustment."""

    reason: Annotated[
        Literal[
            "matured", "prepaid", "prepaid_or_matured", "refinanced", "compensated", "sold", "repurchased",
            "servicing_transferred", "other",
        ],
        member("why nothing is owed; prepaid_or_matured where the source does not tell them apart"),
    ]  # fmt: skip
    zero_balance_code: Annotated[Code | UnsetType, member("code of the source", ex102="zeroBalanceCode")] = (
        UNSET
    )
    value_date: Annotated[
        str | UnsetType, member("when the last payment came", DAY, ex102="zeroBalanceEffectiveDate")
    ] = UNSET
    note: Annotated[Text | UnsetType, member("in words")] = UNSET

    def check(self) -> None:
        """The date is one."""
        check_when(self.value_date, "data.value_date")

    def apply(self, state: LoanState, amounts: Any, moment: Moment) -> None:  # noqa: ARG002
        """The loan has ended."""
        state.become(SETTLED, moment)


@event(
    "loan.charged_off",
    title="The creditor writes principal off.",
    subject="loan", posted_by=SERVICING, rank=100, actus="CE", ex102="zeroBalanceCode 4",
    esma="Account Status (CMRL55)",
)  # fmt: skip
class LoanChargedOff(Data, frozen=True, kw_only=True):
    """Principal falls by what is written off; what still comes in is recovery.received."""

    currency: Currency
    amount: Annotated[
        str, member("principal written off", MONEY, ex102="chargedoffPrincipalAmount", esma="Default Amount")
    ]
    reason: Annotated[Text | UnsetType, member("in words")] = UNSET
    zero_balance_code: Annotated[Code | UnsetType, member("code of the source", ex102="zeroBalanceCode")] = (
        UNSET
    )

    def check(self) -> int:
        """Units written off."""
        return amount(self.amount, self.currency, "data.amount")

    def volume(self, amounts: int) -> int:
        """What is written off."""
        return amounts

    def apply(self, state: LoanState, amounts: int, moment: Moment) -> None:
        """Principal falls; the loan has ended."""
        if state.counts(moment):
            state.charged_off += amounts
            state.move_principal(-amounts)
        state.become(CHARGED_OFF, moment)
