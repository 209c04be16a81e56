"""Creditors are paid by others, or change: guarantor.compensated (代偿), claim.bought_back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from ledger.domain import money
from ledger.domain.events.base import (
    DAY,
    MAX_CLAIMS_OF_LOAN,
    MONEY,
    SERVICING,
    Currency,
    Data,
    Part,
    Text,
    amount,
    check_name,
    check_when,
    event,
    member,
)
from ledger.domain.events.money_in import Applied, InstalmentNumber, read_parts
from ledger.domain.loans import LoanState, Moment
from ledger.errors import RefusedError


class Compensated(Part, frozen=True, kw_only=True):
    """What the guarantor paid on one claim."""

    claim: Annotated[str, member("name of the claim", "claim")]
    applied: Annotated[Applied, member("what it paid, by component")]


#: Units paid, and principal by claim.
CompensatedAmounts = tuple[int, tuple[tuple[str, int], ...]]


@event(
    "guarantor.compensated",
    title="A guarantor pays the creditors in the borrower's stead (代偿).",
    subject="loan", posted_by=frozenset({"guarantor"}), rank=85, signed=True,
)  # fmt: skip
class GuarantorCompensated(Data, frozen=True, kw_only=True):
    """The creditor's principal falls; the borrower owes the guarantor now, and no instalment counts as paid by it."""

    currency: Currency
    amount: Annotated[str, member("what the guarantor paid, over all claims", MONEY)]
    claims: Annotated[
        list[Compensated], member("what was paid on each claim", min_length=1, max_length=MAX_CLAIMS_OF_LOAN)
    ]
    covers: Annotated[Literal["instalments", "whole"], member("single instalments, or all that is owed")]
    instalments: Annotated[
        Annotated[list[InstalmentNumber], Meta(max_length=1_200)] | UnsetType,
        member("numbers of the instalments covered", "count"),
    ] = UNSET
    value_date: Annotated[str | UnsetType, member("value date at the bank", DAY)] = UNSET
    bank_ref: Annotated[Text | UnsetType, member("the bank's payment reference")] = UNSET

    def check(self) -> CompensatedAmounts:
        """(units paid, principal by claim)."""
        check_when(self.value_date, "data.value_date")
        if (self.covers == "instalments") != isinstance(self.instalments, list):
            raise RefusedError(
                "data.instalments", "stand exactly where single instalments are covered", rule="wrong_form"
            )
        principal: dict[str, int] = {}
        for i, one in enumerate(self.claims):
            check_name(one.claim, f"data.claims[{i}].claim")
            if one.claim in principal:
                raise RefusedError(
                    f"data.claims[{i}].claim", f'"{one.claim}" stands twice', rule="wrong_form"
                )
            parts = read_parts(one.applied, self.currency, f"data.claims[{i}].applied", negative=False)
            principal[one.claim] = parts[0]
        return amount(self.amount, self.currency, "data.amount"), tuple(principal.items())

    @property
    def applied(self) -> int:
        """Units paid on all claims together, over all components."""
        return sum(
            sum(read_parts(one.applied, self.currency, "data.claims", negative=False)) for one in self.claims
        )

    def volume(self, amounts: CompensatedAmounts) -> int:
        """What was paid, and the principal of it."""
        return amounts[0] + sum(units for _, units in amounts[1])

    def apply(self, state: LoanState, amounts: CompensatedAmounts, moment: Moment) -> None:
        """Compensated grows, the claims' principal falls. A claim that the loan does not have is a finding."""
        if state.counts(moment):
            state.compensated += amounts[0]
            for name, units in amounts[1]:
                if (part := state.claim(name)) is not None:
                    part.principal -= units


@event(
    "claim.bought_back",
    title="The platform or a guarantor buys a claim from its creditor.",
    subject="loan", posted_by=SERVICING | {"guarantor"}, rank=142,
)  # fmt: skip
class ClaimBoughtBack(Data, frozen=True, kw_only=True):
    """The borrower owes the buyer from then on. Shares held through a pool move by claim.released."""

    claim: Annotated[str, member("name of the claim", "claim")]
    buyer: Annotated[str, member("party that the borrower owes it to now", "party")]
    currency: Currency
    price: Annotated[str, member("what was paid for it", MONEY)]
    reason: Annotated[
        Literal["delinquent", "ineligible", "breach", "agreement", "clean_up", "other"], member("why")
    ]
    value_date: Annotated[str | UnsetType, member("value date of the price", DAY)] = UNSET
    bank_ref: Annotated[Text | UnsetType, member("the bank's payment reference")] = UNSET

    def check(self) -> int:
        """Units paid for it."""
        check_name(self.claim, "data.claim")
        check_name(self.buyer, "data.buyer")
        check_when(self.value_date, "data.value_date")
        units = money.parse(self.price, self.currency, "data.price")
        if units < 0:
            raise RefusedError("data.price", f'"{self.price}" is negative', rule="wrong_money")
        return units

    def lasting(self) -> dict[str, Any]:
        """Which claim it is."""
        return {**super().lasting(), "claim": self.claim}

    def apply(self, state: LoanState, amounts: Any, moment: Moment) -> None:  # noqa: ARG002
        """The claim has another creditor, unless a later event has named one already."""
        if (part := state.claim(self.claim)) is not None and moment > part.bought:
            part.creditor, part.bought = self.buyer, moment
