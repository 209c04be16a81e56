"""Whether the money was there, and where it went: cash.settled, repayment.confirmed, remittance.made."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from ledger.domain import money
from ledger.domain.calendar import parse_day
from ledger.domain.events.base import (
    DAY,
    MONEY,
    SERVICING,
    Currency,
    Data,
    Part,
    Text,
    amount,
    check_digest,
    check_name,
    check_when,
    event,
    member,
)
from ledger.errors import RefusedError
from ledger.proofs.canonical import MAX_INTEGER

#: Most named items of one statement: a bank's has a handful.
MAX_ITEMS = 200


class Item(Part, frozen=True, kw_only=True):
    """An amount that lies between two sums, by name: taken off the first, or added to it where it is negative."""

    name: Annotated[Text, member("what it is, such as channel_fee, servicing_fee, refund")]
    amount: Annotated[str, member("how much", MONEY)]


class Covered(Part, frozen=True, kw_only=True):
    """The payments that a settlement covers: all of one account, value date and currency, recorded before an index."""

    before: Annotated[int, member("records with a smaller index count", "index", ge=1, le=MAX_INTEGER)]
    count: Annotated[int, member("how many payments", "count", ge=0, le=MAX_INTEGER)]
    sum: Annotated[str, member("what they sum to, reversals taken off", MONEY)]
    root: Annotated[
        str, member("root of the RFC 9162 tree over their records' digests, by index", "32 bytes hex")
    ]


Items = Annotated[list[Item], Meta(max_length=MAX_ITEMS)]


def sum_items(items: list[Item] | UnsetType, currency: str, field: str) -> int:
    """Sum of named items, in units; zero where there are none."""
    if not isinstance(items, list):
        return 0
    return sum(money.parse(item.amount, currency, f"{field}[{i}].amount") for i, item in enumerate(items))


@event(
    "cash.settled",
    title="The account bank confirms what a day's payments brought to an account.",
    subject="account", posted_by=frozenset({"account_bank"}), rank=0, signed=True,
)  # fmt: skip
class CashSettled(Data, frozen=True, kw_only=True):
    """Sum of the payments less charges and named items is what was credited."""

    currency: Currency
    value_date: Annotated[str, member("value date", "YYYY-MM-DD")]
    amount: Annotated[str, member("net amount credited to the account", MONEY)]
    charges: Annotated[str | UnsetType, member("taken by the bank or channel", MONEY)] = UNSET
    items: Annotated[Items | UnsetType, member("what else lies between the payments and the credit")] = UNSET
    statement: Annotated[Text, member("reference of the account statement")]
    covered: Annotated[Covered, member("the payments that it settles")]

    def check(self) -> tuple[int, int, int, int]:
        """(net, charges, items, sum of the payments), in units."""
        parse_day(self.value_date, "data.value_date")
        check_digest(self.covered.root, "data.covered.root")
        return (
            money.parse_total(self.amount, self.currency, "data.amount"),
            amount(self.charges, self.currency, "data.charges"),
            sum_items(self.items, self.currency, "data.items"),
            money.parse_total(self.covered.sum, self.currency, "data.covered.sum"),
        )


@event(
    "repayment.confirmed",
    title="The account bank confirms one payment.",
    subject="loan", posted_by=frozenset({"account_bank"}), rank=31, signed=True,
)  # fmt: skip
class RepaymentConfirmed(Data, frozen=True, kw_only=True):
    """Names the record, so that a later correction of it is not confirmed by this."""

    repayment: Annotated[str, member("digest of the record that is confirmed", "32 bytes hex")]
    currency: Currency
    amount: Annotated[str, member("what came in", MONEY)]
    value_date: Annotated[str, member("value date", "YYYY-MM-DD")]
    bank_ref: Annotated[Text | UnsetType, member("the bank's payment reference")] = UNSET

    def check(self) -> int:
        """Units that came in."""
        check_digest(self.repayment, "data.repayment")
        parse_day(self.value_date, "data.value_date")
        return amount(self.amount, self.currency, "data.amount")


@event(
    "remittance.made",
    title="The servicer passes on what it collected.",
    subject="pool", posted_by=SERVICING | {"account_bank", "trustee"}, rank=167,
)  # fmt: skip
class RemittanceMade(Data, frozen=True, kw_only=True):
    """``collected`` less named items is what is remitted to the holder for the days ``first`` to ``last``."""

    holder: Annotated[str, member("party that gets it", "party")]
    currency: Currency
    first: Annotated[str, member("first business date that it covers", "YYYY-MM-DD")]
    last: Annotated[str, member("last business date that it covers", "YYYY-MM-DD")]
    collected: Annotated[str, member("collected for this holder in these days", MONEY)]
    items: Annotated[Items | UnsetType, member("kept or added, by name")] = UNSET
    amount: Annotated[str, member("remitted", MONEY)]
    value_date: Annotated[str | UnsetType, member("value date at the bank", DAY)] = UNSET
    bank_ref: Annotated[Text | UnsetType, member("the bank's payment reference")] = UNSET

    def check(self) -> tuple[int, int, int]:
        """(collected, items, remitted), in units."""
        check_name(self.holder, "data.holder")
        first, last = parse_day(self.first, "data.first"), parse_day(self.last, "data.last")
        if last < first:
            raise RefusedError("data.last", f"lies before data.first, {self.first}", rule="wrong_date")
        check_when(self.value_date, "data.value_date")
        return (
            money.parse_total(self.collected, self.currency, "data.collected"),
            sum_items(self.items, self.currency, "data.items"),
            money.parse_total(self.amount, self.currency, "data.amount"),
        )
