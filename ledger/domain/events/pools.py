"""A pool's own life: pool.created, pool.sealed, pool.closed, servicing.transferred."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from ledger.domain import money
from ledger.domain.calendar import parse_day
from ledger.domain.events.base import (
    ARRANGING,
    HOLDING,
    MONEY,
    Attributes,
    Currency,
    Data,
    Text,
    check_digest,
    check_name,
    event,
    member,
)
from ledger.domain.events.rules import Rules
from ledger.domain.pools import PoolState
from ledger.errors import RefusedError
from ledger.proofs.canonical import MAX_INTEGER


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


@event(
    "pool.sealed",
    title="The pool's composition at a cut-off is committed to.",
    subject="pool", posted_by=ARRANGING, rank=225,
)  # fmt: skip
class PoolSealed(Data, frozen=True, kw_only=True):
    """The header of a seal, as `poolproof pool seal` works it out."""

    currency: Currency
    size: Annotated[
        int, member("published tree size that the states are taken from", "entries", ge=1, le=MAX_INTEGER)
    ]
    as_of: Annotated[str, member("cut-off: events effective later are left out", "YYYY-MM-DD")]
    root: Annotated[str, member("root hash of the Merkle-sum tree over the claims", "32 bytes hex")]
    count: Annotated[int, member("claims in it", "count", ge=0, le=MAX_INTEGER)]
    receivable: Annotated[str, member("sum of what is owed on the held shares", MONEY)]
    credit: Annotated[str, member("sum of customer credits on them, as a positive amount", MONEY)]
    rules_version: Annotated[int, member("version of the pool's rules", "count", ge=1, le=1_000_000)]
    restates: Annotated[str | None, member("the seal that this one replaces, or null", "32 bytes hex")]
    seal: Annotated[str, member("the seal: digest of the header", "32 bytes hex")]

    def check(self) -> tuple[int, int]:
        """(units receivable, units of credit)."""
        for name in ("root", "seal"):
            check_digest(getattr(self, name), f"data.{name}")
        if self.restates is not None:
            check_digest(self.restates, "data.restates")
        parse_day(self.as_of, "data.as_of")
        return (
            money.parse_total(self.receivable, self.currency, "data.receivable"),
            money.parse_total(self.credit, self.currency, "data.credit"),
        )


@event(
    "pool.closed",
    title="The pool has come to its end.",
    subject="pool", posted_by=ARRANGING | HOLDING, rank=230,
)  # fmt: skip
class PoolClosed(Data, frozen=True, kw_only=True):
    """Nothing can be pledged or sold into it any more; what is held stays held until it is released."""

    reason: Annotated[
        Literal["repaid", "clean_up_call", "terminated", "replaced", "other"], member("why it ends")
    ]
    note: Annotated[Text | UnsetType, member("in words")] = UNSET

    def apply_pool(self, state: PoolState) -> None:
        """Closed for good."""
        state.closed = True


@event(
    "servicing.transferred",
    title="Another party services the pool's loans.",
    subject="pool", posted_by=ARRANGING | HOLDING, rank=166, ex102="mostRecentServicingTransferReceivedDate",
)  # fmt: skip
class ServicingTransferred(Data, frozen=True, kw_only=True):
    """From ``effective`` on; who may post on the loans is a matter of roles, not of this event."""

    old: Annotated[str, member("party that serviced them", "party")]
    new: Annotated[str, member("party that services them now", "party")]
    reason: Annotated[Text | UnsetType, member("in words")] = UNSET

    def check(self) -> None:
        """Two names, and not the same."""
        check_name(self.old, "data.old")
        check_name(self.new, "data.new")
        if self.old == self.new:
            raise RefusedError("data.new", "is the old one", rule="wrong_form")
