"""A loan's terms and claims, as its first event tells them.

The same members serve a new loan (all that is promised) and a seasoned one (as far as known). ``attributes``
takes what else a template carries.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ledger.domain import money
from ledger.domain.calendar import parse_day
from ledger.domain.events.base import (
    DAY,
    MAX_CLAIMS_OF_LOAN,
    MONEY,
    RATE,
    Attributes,
    Count,
    Currency,
    Data,
    Part,
    Share,
    Text,
    amount,
    check_decimal,
    check_digest,
    check_name,
    check_when,
    member,
)
from ledger.domain.loans import ClaimPart, LoanState
from ledger.errors import RefusedError
from ledger.quotes import in_quotes

Component = Literal["principal", "interest", "fee", "penalty", "other"]
DayOfMonth = Annotated[int, Meta(ge=1, le=31)]
Instalments = Annotated[int, Meta(ge=1, le=1_200)]


class Claim(Part, frozen=True, kw_only=True):
    """One creditor's share of the loan. An ``asset_key`` stands here in loan.opened only."""

    claim: Annotated[str, member("name of the claim within the loan", "name")]
    creditor: Annotated[str, member("party that the borrower owes this share to", "party")]
    share: Annotated[Share, member("share of the loan; all shares sum to 1000000", "ppm")]
    contract: Annotated[Text | UnsetType, member("the creditor's own contract number (借据号)")] = UNSET
    asset_key: Annotated[
        str | UnsetType, member("asset key of the claim; loan.opened only", "32 bytes hex")
    ] = UNSET


class Instalment(Part, frozen=True, kw_only=True):
    """One line of an explicit plan."""

    due: Annotated[str, member("when it is due", DAY)]
    principal: Annotated[str, member("principal due", MONEY)]
    interest: Annotated[str | UnsetType, member("interest due", MONEY)] = UNSET
    fee: Annotated[str | UnsetType, member("fees due", MONEY)] = UNSET


class Fee(Part, frozen=True, kw_only=True):
    """A fee of the contract: an amount or a rate, and who gets it."""

    name: Annotated[Text, member("what it is for")]
    payee: Annotated[str, member("party that gets it", "party")]
    amount: Annotated[str | UnsetType, member("fixed amount each time", MONEY)] = UNSET
    rate: Annotated[str | UnsetType, member("part of the outstanding principal", RATE)] = UNSET
    when: Annotated[Literal["upfront", "instalment", "event"] | UnsetType, member("when it falls due")] = (
        UNSET
    )


class Prepayment(Part, frozen=True, kw_only=True):
    """What happens when the borrower pays early."""

    allowed: Annotated[bool, member("whether it is allowed")]
    effect: Annotated[
        Literal["lower_instalment", "shorter_term", "settle_only"] | UnsetType,
        member("what a part payment changes"),
    ] = UNSET
    fee_rate: Annotated[str | UnsetType, member("charged on the principal prepaid", "decimal fraction")] = (
        UNSET
    )


class Guarantor(Part, frozen=True, kw_only=True):
    """Who stands in for the borrower, and for how much of the loan."""

    party: Annotated[str, member("the guarantor", "party")]
    share: Annotated[Share | UnsetType, member("part of the loan guaranteed; the whole if absent", "ppm")] = (
        UNSET
    )
    reference: Annotated[Text | UnsetType, member("number of the guarantee contract")] = UNSET


class Decision(Part, frozen=True, kw_only=True):
    """The credit decision, by reference: neither score nor inputs stand here."""

    model: Annotated[Text, member("name of the model")]
    version: Annotated[Text, member("its version")]
    band: Annotated[Text | UnsetType, member("risk band it gave")] = UNSET
    digest: Annotated[str | UnsetType, member("SHA-256 of the decision's own record", "32 bytes hex")] = UNSET


class Terms(Data, frozen=True, kw_only=True):
    """Members that loan.originated and loan.opened share."""

    currency: Currency
    claims: Annotated[
        list[Claim],
        member(
            "the claims, one for each creditor; shares sum to 1000000 ppm",
            min_length=1,
            max_length=MAX_CLAIMS_OF_LOAN,
        ),
    ]
    remainder: Annotated[
        str | UnsetType,
        member("claim that takes rounding remainders; required where there are several claims", "claim"),
    ] = UNSET
    principal: Annotated[
        str | UnsetType,
        member(
            "original principal",
            MONEY,
            actus="NT",
            ex102="originalLoanAmount",
            esma="Original Principal Balance",
        ),
    ] = UNSET
    annual_rate: Annotated[
        str | UnsetType,
        member("original nominal rate", RATE, actus="IPNR", ex102="originalInterestRatePercentage"),
    ] = UNSET
    day_count: Annotated[
        Literal["30/360", "actual/360", "actual/365", "actual/actual", "1/12"] | UnsetType,
        member("day count convention", actus="IPDC"),
    ] = UNSET
    amortisation: Annotated[
        Literal["annuity", "linear", "bullet", "explicit"] | UnsetType,
        member(
            "how principal is repaid (等额本息, 等额本金, 到期还本, by the plan)",
            esma="Amortisation Type",
        ),
    ] = UNSET
    instalments: Annotated[
        Instalments | UnsetType, member("number of instalments", "count", ex102="originalLoanTerm")
    ] = UNSET
    interest_only: Annotated[
        Instalments | UnsetType, member("leading instalments that carry interest only", "count")
    ] = UNSET
    plan: Annotated[
        Annotated[list[Instalment], Meta(max_length=1_200)] | UnsetType,
        member("every instalment; required where amortisation is explicit"),
    ] = UNSET
    originated: Annotated[
        str | UnsetType,
        member(
            "contract date, where it is not `effective`",
            DAY,
            actus="CDD",
            ex102="originationDate",
            esma="Origination Date",
        ),
    ] = UNSET
    first_due: Annotated[
        str | UnsetType, member("first due date", DAY, actus="PRANX", ex102="originalFirstPaymentDate")
    ] = UNSET
    maturity: Annotated[
        str | UnsetType,
        member("last due date", DAY, actus="MD", ex102="loanMaturityDate", esma="Maturity Date"),
    ] = UNSET
    due_day: Annotated[DayOfMonth | UnsetType, member("day of the month on which instalments are due")] = (
        UNSET
    )
    business_days: Annotated[
        Literal["none", "following", "modified_following", "preceding"] | UnsetType,
        member("what becomes of a due date on a holiday", actus="BDC"),
    ] = UNSET
    holidays: Annotated[
        Annotated[list[str], Meta(max_length=2_000)] | UnsetType,
        member("days without business beside Saturdays and Sundays", "YYYY-MM-DD"),
    ] = UNSET
    workdays: Annotated[
        Annotated[list[str], Meta(max_length=2_000)] | UnsetType,
        member("Saturdays and Sundays with business (调休)", "YYYY-MM-DD"),
    ] = UNSET
    rounding: Annotated[
        Literal["half_up", "half_even", "down", "up"] | UnsetType, member("how an instalment is rounded")
    ] = UNSET
    residual: Annotated[
        Literal["first", "last"] | UnsetType, member("instalment that takes the rounding residual")
    ] = UNSET
    grace_days: Annotated[Count | UnsetType, member("days of grace", "days", actus="GRP")] = UNSET
    penalty_rate: Annotated[str | UnsetType, member("rate on overdue amounts", RATE, actus="PYRT")] = UNSET
    waterfall: Annotated[
        Annotated[list[Component], Meta(max_length=5)] | UnsetType,
        member("order in which a payment is applied"),
    ] = UNSET
    prepayment: Annotated[Prepayment | UnsetType, member("terms of early repayment")] = UNSET
    fees: Annotated[
        Annotated[list[Fee], Meta(max_length=32)] | UnsetType,
        member("fees, each with its payee", actus="FER"),
    ] = UNSET
    obligor: Annotated[
        Text | UnsetType,
        member(
            "reference of the borrower, the same for all its loans; a keyed digest, never a person's number",
            actus="CPID",
            esma="New Obligor Identifier",
        ),
    ] = UNSET
    product: Annotated[Text | UnsetType, member("product")] = UNSET
    scene: Annotated[Text | UnsetType, member("where the loan was taken out (场景)")] = UNSET
    region: Annotated[
        Text | UnsetType,
        member(
            "region of the borrower", ex102="obligorGeographicLocation", esma="Geographic Region - Obligor"
        ),
    ] = UNSET
    guarantors: Annotated[
        Annotated[list[Guarantor], Meta(max_length=16)] | UnsetType, member("who stands in for the borrower")
    ] = UNSET
    contract: Annotated[str | UnsetType, member("SHA-256 of the contract document", "32 bytes hex")] = UNSET
    decision: Annotated[Decision | UnsetType, member("the credit decision, by reference")] = UNSET
    consent: Annotated[Text | UnsetType, member("reference of the borrower's consent")] = UNSET
    attributes: Annotated[
        Annotated[Attributes, Meta(max_length=256)] | UnsetType, member("what else the source carries, flat")
    ] = UNSET

    def begin(self) -> LoanState:
        """An empty state with these claims."""
        return LoanState(
            currency=self.currency,
            claims=[ClaimPart(claim.claim, claim.creditor, claim.share) for claim in self.claims],
            remainder=0
            if self.remainder is UNSET
            else next(i for i, claim in enumerate(self.claims) if claim.claim == self.remainder),
        )

    def lasting(self) -> dict[str, Any]:
        """The claims with their creditors, shares and asset keys, and who takes remainders; not contract numbers."""
        claims = [(one.claim, one.creditor, one.share, one.asset_key) for one in self.claims]
        return {**super().lasting(), "claims": claims, "remainder": self.remainder}

    def check_terms(self) -> int:
        """Check everything above; returns the original principal in units (0 where unknown)."""
        currency = self.currency
        money.check_currency(currency)
        check_claims(self.claims, self.remainder)
        principal = amount(self.principal, currency, "data.principal")
        if self.annual_rate is not UNSET:
            check_decimal(str(self.annual_rate), "data.annual_rate")
        if self.penalty_rate is not UNSET:
            check_decimal(str(self.penalty_rate), "data.penalty_rate")
        self._check_dates()
        if self.amortisation == "explicit" and not self.plan:
            raise RefusedError("data.plan", "amortisation is explicit, so the plan lists every instalment")
        if isinstance(self.plan, list):
            check_plan(self.plan, currency, "data.plan")
        if isinstance(self.waterfall, list) and len(set(self.waterfall)) != len(self.waterfall):
            raise RefusedError("data.waterfall", "names a component twice")
        if isinstance(self.fees, list):
            self._check_fees(self.fees)
        if isinstance(self.prepayment, Prepayment) and isinstance(self.prepayment.fee_rate, str):
            check_decimal(self.prepayment.fee_rate, "data.prepayment.fee_rate")
        if isinstance(self.guarantors, list):
            for i, guarantor in enumerate(self.guarantors):
                check_name(guarantor.party, f"data.guarantors[{i}].party")
        if isinstance(self.contract, str):
            check_digest(self.contract, "data.contract")
        if isinstance(self.decision, Decision) and isinstance(self.decision.digest, str):
            check_digest(self.decision.digest, "data.decision.digest")
        return principal

    def _check_dates(self) -> None:
        check_when(self.originated, "data.originated")
        check_when(self.first_due, "data.first_due")
        check_when(self.maturity, "data.maturity")
        for name in ("holidays", "workdays"):
            days = getattr(self, name)
            for i, day in enumerate(days if isinstance(days, list) else ()):
                parse_day(day, f"data.{name}[{i}]")

    def _check_fees(self, fees: list[Fee]) -> None:
        for i, fee in enumerate(fees):
            path = f"data.fees[{i}]"
            check_name(fee.payee, f"{path}.payee")
            amount(fee.amount, self.currency, f"{path}.amount")
            if isinstance(fee.rate, str):
                check_decimal(fee.rate, f"{path}.rate")


def check_plan(plan: list[Instalment], currency: str, field: str) -> None:
    """Raise :class:`RefusedError` unless every line has a day or month and amounts that are none below zero."""
    for i, line in enumerate(plan):
        path = f"{field}[{i}]"
        check_when(line.due, f"{path}.due")
        amount(line.principal, currency, f"{path}.principal")
        amount(line.interest, currency, f"{path}.interest")
        amount(line.fee, currency, f"{path}.fee")


def check_claims(claims: list[Claim], remainder: str | msgspec.UnsetType) -> None:
    """Raise :class:`RefusedError` unless names are unique, shares sum to the whole, a remainder is named."""
    names = set()
    total = 0
    for i, claim in enumerate(claims):
        check_name(claim.claim, f"data.claims[{i}].claim")
        check_name(claim.creditor, f"data.claims[{i}].creditor")
        if isinstance(claim.asset_key, str):
            check_digest(claim.asset_key, f"data.claims[{i}].asset_key")
        if claim.claim in names:
            raise RefusedError(f"data.claims[{i}].claim", f'a second claim "{claim.claim}"')
        names.add(claim.claim)
        total += claim.share
    if total != 1_000_000:
        raise RefusedError(
            "data.claims", f"the shares sum to {total} ppm; a loan's claims sum to exactly 1000000"
        )
    if remainder is UNSET:
        if len(claims) > 1:
            raise RefusedError(
                "data.remainder", "several claims: name the one that takes rounding remainders"
            )
    elif remainder not in names:
        raise RefusedError("data.remainder", f"{in_quotes(str(remainder), 80)} is none of the claims")
