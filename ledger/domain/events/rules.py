"""What a pool promises: eligibility, limits, advance rate, how delinquency and cost are measured.

``eligibility`` is flat: ``FIELD_max``, ``FIELD_min``, ``FIELD_in`` and ``FIELD_not_in`` bound a fact of the loan,
such as ``days_past_due_max`` or ``product_in``; :mod:`ledger.audit.checks.eligibility` lists the fields. Amounts and
rates are decimal strings.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, UnsetType

from ledger.domain.events.base import Attributes, Count, Key, Part, Share, Text, check_decimal, member
from ledger.errors import RefusedError
from ledger.quotes import in_quotes

#: How the name of a criterion ends; what stands before is the field.
CRITERIA: Final = ("_not_in", "_in", "_max", "_min")
#: Questions of audits and comparisons in which a small difference is none: of an amount, or of days.
TOLERANCES: Final = frozenset(
    (
        "back_dating", "balance_identity", "borrowing_base", "cash_identity", "continuity", "days_past_due",
        "encumbrance", "interest", "life", "remittance", "reported_balance", "schedule", "tapes",
        "tapes_total", "terms",
    )
)  # fmt: skip


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
        str | UnsetType, member("lent against a unit of principal, 0 to 1", "decimal fraction")
    ] = UNSET
    bucket_bounds: Annotated[
        Annotated[list[Count], Meta(min_length=1, max_length=32)] | UnsetType,
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
        member(
            "what is let pass, by question: " + ", ".join(f"`{name}`" for name in sorted(TOLERANCES)),
            "decimal; days of `back_dating` and `days_past_due`",
        ),
    ] = UNSET

    def check(self) -> None:
        """Bounds ascend, decimals are spelled in their one way, and what is named is something that is asked."""
        if isinstance(self.eligibility, dict):
            for name in self.eligibility:
                if not name.endswith(CRITERIA):
                    reason = f"{in_quotes(name)} ends in none of _max, _min, _in and _not_in"
                    raise RefusedError("data.rules.eligibility", reason)
        if isinstance(self.bucket_bounds, list) and sorted(set(self.bucket_bounds)) != self.bucket_bounds:
            raise RefusedError("data.rules.bucket_bounds", "do not ascend")
        if isinstance(self.advance_rate, str):
            check_decimal(self.advance_rate, "data.rules.advance_rate")
            if not 0 <= Decimal(self.advance_rate) <= 1:
                raise RefusedError("data.rules.advance_rate", f"{self.advance_rate} is not between 0 and 1")
        if isinstance(self.tolerances, dict):
            for name, text in self.tolerances.items():
                if name not in TOLERANCES:
                    reason = f"nothing is called {in_quotes(name)}; known are {', '.join(sorted(TOLERANCES))}"
                    raise RefusedError("data.rules.tolerances", reason)
                check_decimal(text, f"data.rules.tolerances.{name}")
                if text.startswith("-"):
                    raise RefusedError(f"data.rules.tolerances.{name}", f"{text} is below zero")
