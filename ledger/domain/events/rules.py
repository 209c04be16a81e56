"""What a pool promises: eligibility, limits, advance rate, how delinquency and cost are measured.

``eligibility`` is flat: ``FIELD_max``, ``FIELD_min``, ``FIELD_in`` and ``FIELD_not_in`` bound a fact of the loan,
such as ``days_past_due_max`` or ``product_in``; :mod:`ledger.audit.checks.eligibility` lists the fields. Amounts and
rates are decimal strings.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from ledger.domain.events.base import Attributes, Count, Key, Part, Share, Text, check_decimal, member
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
        Annotated[Attributes, Meta(max_length=128)] | UnsetType,
        member("criteria that a claim must meet: `FIELD_max`, `_min`, `_in`, `_not_in`"),
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
        member(
            "how days past due count: from the oldest unpaid due date, by payments missed, or by bill cycle"
        ),
    ] = UNSET
    cost_measure: Annotated[
        Literal["irr_monthly_x12", "effective"] | UnsetType,
        member("measure of the borrower's whole cost: monthly rate of return times twelve, or compounded"),
    ] = UNSET
    tolerances: Annotated[
        Annotated[dict[Key, str], Meta(max_length=64)] | UnsetType,
        member("tolerance by procedure of the audit, such as cash_identity", "decimal"),
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
