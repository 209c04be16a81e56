"""Pools and who holds what: pool.created, claim.pledged, claim.sold, claim.released."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from ledger.domain.events.base import (
    ARRANGING,
    HOLDING,
    MAX_CLAIMS,
    MONEY,
    ROLES,
    Attributes,
    Count,
    Currency,
    Data,
    Key,
    Part,
    Share,
    Text,
    amount,
    check_decimal,
    check_name,
    event,
    member,
)
from ledger.errors import RefusedError


class Limit(Part, frozen=True, kw_only=True):
    """A concentration limit: of all principal, at most this part may have the attribute's value."""

    attribute: Annotated[Text, member("what is limited, such as region or originator")]
    share: Annotated[Share, member("greatest part of the pool's principal", "ppm")]
    value: Annotated[Text | UnsetType, member("one value; absent: any single one")] = UNSET


class Rules(Part, frozen=True, kw_only=True):
    """What the pool promises; ``version`` counts up with each change."""

    version: Annotated[int, member("version of these rules, from 1", "count", ge=1, le=1_000_000)]
    eligibility: Annotated[
        Annotated[Attributes, Meta(max_length=128)] | UnsetType, member("criteria a claim must meet")
    ] = UNSET
    concentration: Annotated[
        Annotated[list[Limit], Meta(max_length=64)] | UnsetType, member("concentration limits")
    ] = UNSET
    advance_rate: Annotated[
        str | UnsetType, member("lent against a unit of principal", "decimal fraction")
    ] = UNSET
    bucket_bounds: Annotated[
        Annotated[list[Count], Meta(max_length=32)] | UnsetType,
        member("upper bounds of the delinquency buckets, ascending", "days"),
    ] = UNSET
    dpd_rule: Annotated[
        Literal["oldest_unpaid", "missed_payment_count", "bill_cycle"] | UnsetType,
        member("how days past due count"),
    ] = UNSET
    cost_measure: Annotated[Text | UnsetType, member("measure of the borrower's whole cost, such as irr")] = (
        UNSET
    )
    tolerances: Annotated[
        Annotated[dict[Key, str], Meta(max_length=64)] | UnsetType,
        member("tolerance of each check, as decimals"),
    ] = UNSET

    def check(self) -> None:
        """Bounds ascend, decimals are spelled in their one way."""
        if isinstance(self.bucket_bounds, list) and sorted(set(self.bucket_bounds)) != self.bucket_bounds:
            raise RefusedError("data.rules.bucket_bounds", "do not ascend")
        if isinstance(self.advance_rate, str):
            check_decimal(self.advance_rate, "data.rules.advance_rate")
        if isinstance(self.tolerances, dict):
            for name, text in self.tolerances.items():
                check_decimal(text, f"data.rules.tolerances.{name}")


class ClaimShare(Part, frozen=True, kw_only=True):
    """One claim, and the part of it that is meant."""

    loan: Annotated[str, member("name of the loan, without `loan:`", "loan")]
    claim: Annotated[str, member("name of the claim within it", "claim")]
    share: Annotated[
        Share | UnsetType,
        member(
            "part of the claim; absent: the whole (released: all that the holder holds in this pool)", "ppm"
        ),
    ] = UNSET


class Acceptance(Part, frozen=True, kw_only=True):
    """The holder's signature over ``poolproof/pledge-acceptance/v1`` and {origin, pool, holder, claims}."""

    key: Annotated[str, member("name+hex8 of the holder's statement key")]
    value: Annotated[str, member("Ed25519 signature", "64 bytes base64")]


Claims = Annotated[
    list[ClaimShare], member("the claims, each with the part meant", min_length=1, max_length=MAX_CLAIMS)
]


def check_shares(claims: list[ClaimShare]) -> None:
    """Raise :class:`RefusedError` for an ill-formed name. A claim may stand twice: what counts is the sum."""
    for i, claim in enumerate(claims):
        check_name(claim.claim, f"data.claims[{i}].claim")
        check_name(claim.loan, f"data.claims[{i}].loan")
        if claim.loan.startswith("loan:"):
            raise RefusedError(f"data.claims[{i}].loan", f'write the name alone: "{claim.loan[5:]}"')


@event(
    "pool.created",
    title="A pool comes into being, or gets the next version of its rules.",
    subject="pool", posted_by=ARRANGING | HOLDING, rank=0,
)  # fmt: skip
class PoolCreated(Data, frozen=True, kw_only=True):
    """The first one creates the pool; a later one with the next rules version replaces the rules."""

    rules: Annotated[Rules, member("what the pool promises")]
    title: Annotated[Text | UnsetType, member("in words")] = UNSET
    structure: Annotated[
        Literal["warehouse", "abs", "trust", "sale", "other"] | UnsetType, member("what the pool is for")
    ] = UNSET
    currency: Annotated[Currency | UnsetType, member("currency of the pool, where it has one")] = UNSET
    attributes: Annotated[
        Annotated[Attributes, Meta(max_length=256)] | UnsetType, member("what else there is to say, flat")
    ] = UNSET

    def check(self) -> None:
        """The rules are well formed."""
        self.rules.check()


class Transfer(Data, frozen=True, kw_only=True):
    """Members of the events that take shares of claims."""

    holder: Annotated[str, member("party that gets the shares", "party")]
    claims: Claims
    acceptance: Annotated[
        Acceptance | UnsetType | None,
        member("the holder's signed acceptance; absent: claimed by the platform"),
    ] = UNSET
    agreement: Annotated[Text | UnsetType, member("reference of the agreement")] = UNSET
    currency: Annotated[Currency | UnsetType, member("currency of the price")] = UNSET
    price: Annotated[str | UnsetType, member("lent or paid for all of them", MONEY)] = UNSET

    def check(self) -> Any:
        """Names and price are well formed."""
        check_name(self.holder, "data.holder")
        check_shares(self.claims)
        if isinstance(self.price, str):
            if not isinstance(self.currency, str):
                raise RefusedError("data.currency", "a price needs its currency")
            amount(self.price, self.currency, "data.price")


@event(
    "claim.pledged",
    title="Shares of claims are pledged to a funding partner.",
    subject="pool", posted_by=ARRANGING, rank=141, takes=1,
)  # fmt: skip
class ClaimPledged(Transfer, frozen=True, kw_only=True):
    """Takes the shares: what is taken cannot be pledged or sold again before it is released."""


@event(
    "claim.sold",
    title="Shares of claims are sold into the pool.",
    subject="pool", posted_by=ARRANGING, rank=140, takes=1, actus="PRD",
)  # fmt: skip
class ClaimSold(Transfer, frozen=True, kw_only=True):
    """Takes the shares like a pledge; the holder owns them."""


@event(
    "claim.released",
    title="The holder gives shares of claims back.",
    subject="pool", posted_by=ROLES, rank=165, takes=-1, signed=True,
)  # fmt: skip
class ClaimReleased(Data, frozen=True, kw_only=True):
    """Posted and signed by the holder, and by nobody else."""

    claims: Claims
    reason: Annotated[
        Literal["repaid", "repurchased", "substituted", "pool_closed", "error", "other"] | UnsetType,
        member("why"),
    ] = UNSET

    def check(self) -> None:
        """Names are well formed."""
        check_shares(self.claims)


def share_of(claim: ClaimShare) -> int | None:
    """The share named, or None for the default."""
    return claim.share if isinstance(claim.share, int) else None


__all__ = [
    "Acceptance",
    "ClaimPledged",
    "ClaimReleased",
    "ClaimShare",
    "ClaimSold",
    "PoolCreated",
    "Rules",
    "Transfer",
    "share_of",
]
