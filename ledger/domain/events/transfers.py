"""Who holds what: claim.pledged, claim.sold, claim.released, and what is said about them.

Only the first three move shares. A holder gives a claim up by its own signed claim.released and in no other way, so
claim.repurchased and claim.substituted tell why and for how much, and the release follows.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType

from ledger.domain import money
from ledger.domain.events.base import (
    ARRANGING,
    DAY,
    MAX_CLAIMS,
    MONEY,
    ROLES,
    Count,
    Currency,
    Data,
    Part,
    Share,
    Text,
    check_digest,
    check_name,
    check_when,
    event,
    member,
)
from ledger.errors import RefusedError


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


def check_shares(claims: list[ClaimShare], field: str = "data.claims") -> None:
    """Raise :class:`RefusedError` for an ill-formed name. A claim may stand twice: what counts is the sum."""
    for i, claim in enumerate(claims):
        check_name(claim.claim, f"{field}[{i}].claim")
        check_name(claim.loan, f"{field}[{i}].loan")
        if claim.loan.startswith("loan:"):
            raise RefusedError(f"{field}[{i}].loan", f'write the name alone: "{claim.loan[5:]}"')


def check_price(currency: str | UnsetType, price: str | UnsetType) -> None:
    """Raise :class:`RefusedError` for a price without its currency, or an ill-formed one."""
    if isinstance(price, str):
        if not isinstance(currency, str):
            raise RefusedError("data.currency", "a price needs its currency")
        money.parse_total(price, currency, "data.price")


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
        check_price(self.currency, self.price)


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
    subject="pool", posted_by=ARRANGING, rank=140, takes=1, actus="PRD", esma="Pool Addition Date",
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


@event(
    "transfer.settled",
    title="A transfer of many claims, sent as several batches, is complete.",
    subject="pool", posted_by=ARRANGING | {"funding_partner", "investor"}, rank=143, actus="PRD payoff",
)  # fmt: skip
class TransferSettled(Data, frozen=True, kw_only=True):
    """Count, sum, price and root of all that was pledged or sold into the pool under one agreement.

    The newest of an agreement counts, so a wrong one is put right by another.
    """

    agreement: Annotated[Text, member("reference that the batches carry")]
    currency: Currency
    count: Annotated[Count, member("claims transferred, each once", "count")]
    principal: Annotated[
        str,
        member("principal outstanding on the shares transferred, on their batches' effective days", MONEY),
    ]
    price: Annotated[str, member("paid for all of them", MONEY, actus="PPRD", esma="Purchase Price")]
    root: Annotated[str, member("root of the RFC 9162 tree over their asset keys, ascending", "32 bytes hex")]
    value_date: Annotated[str | UnsetType, member("value date of the price", DAY)] = UNSET
    bank_ref: Annotated[Text | UnsetType, member("the bank's payment reference")] = UNSET

    def check(self) -> tuple[int, int]:
        """(units of principal, units of the price)."""
        check_digest(self.root, "data.root")
        check_when(self.value_date, "data.value_date")
        return (
            money.parse_total(self.principal, self.currency, "data.principal"),
            money.parse_total(self.price, self.currency, "data.price"),
        )


class Repurchase(Data, frozen=True, kw_only=True):
    """Members of the events in which a seller takes claims back."""

    claims: Claims
    reason: Annotated[
        Literal["ineligible", "breach", "delinquent", "compensated", "clean_up", "refund", "other"],
        member("why"),
    ]
    currency: Annotated[Currency | UnsetType, member("currency of the price")] = UNSET
    price: Annotated[str | UnsetType, member("paid for all of them", MONEY)] = UNSET
    value_date: Annotated[str | UnsetType, member("value date of the price", DAY)] = UNSET
    bank_ref: Annotated[Text | UnsetType, member("the bank's payment reference")] = UNSET

    def check(self) -> None:
        """Names, price and date are well formed."""
        check_shares(self.claims)
        check_price(self.currency, self.price)
        check_when(self.value_date, "data.value_date")


@event(
    "claim.repurchased",
    title="The seller takes claims back out of the pool.",
    subject="pool", posted_by=ARRANGING, rank=144, ex102="repurchaseAmount", esma="Date Of Repurchase",
)  # fmt: skip
class ClaimRepurchased(Repurchase, frozen=True, kw_only=True):
    """Says why and at which price; the shares move when the holder releases them."""


@event(
    "claim.substituted",
    title="Claims are exchanged for others.",
    subject="pool", posted_by=ARRANGING, rank=145,
)  # fmt: skip
class ClaimSubstituted(Repurchase, frozen=True, kw_only=True):
    """``claims`` go out and ``replacements`` come in; the shares move by a release and a pledge or sale."""

    replacements: Annotated[
        list[ClaimShare],
        member("the claims that come in, each with the part meant", min_length=1, max_length=MAX_CLAIMS),
    ]

    def check(self) -> None:
        """Both lists are well formed."""
        super().check()
        check_shares(self.replacements, "data.replacements")
