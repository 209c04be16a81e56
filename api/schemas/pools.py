"""Pools."""

from __future__ import annotations

from api.schemas.base import Count, Day, Document, Hex32, Instant, Name, Ppm


class PoolBrief(Document):
    """A pool in a line. ``claims`` are those that it holds a share of, ``sealed`` the size sealed last by currency."""

    pool: Name
    title: str
    rules_version: Count
    claims: Count
    closed: bool
    sealed: dict[str, Count]


class PoolPage(Document):
    """Pools by name."""

    items: list[PoolBrief]
    next: str | None


class LoanBrief(Document):
    """A loan of a pool: ``principal`` of the whole loan, ``held`` what the pool's ``shares`` are of it.

    ``bucket`` (empty where the loan has ended) and ``days_past_due`` are null unless the request filters by them, the
    latter also where they are undetermined.
    """

    loan: Name
    status: str
    erased: bool
    currency: str
    principal: str
    held: str
    records: Count
    shares: dict[str, Ppm]
    bucket: str | None
    days_past_due: int | None


class LoanPage(Document):
    """Loans of a pool by name; ``as_of`` is the day of buckets and days past due, null where they are not told."""

    as_of: Day | None
    items: list[LoanBrief]
    next: str | None


class Seal(Document):
    """A pool's committed composition: ``size`` of the tree, ``as_of`` the day, ``root`` over all its claims.

    ``index`` is of the seal's record; ``lag_days`` tells how many business days after ``as_of`` the size was published.
    """

    pool: Name
    currency: str
    size: Count
    as_of: Day
    root: Hex32
    count: Count
    receivable: str
    credit: str
    rules_version: Count
    restates: Hex32 | None
    seal: Hex32
    index: Count
    published: Instant
    lag_days: int


class SealPage(Document):
    """The last seal of a pool in each currency."""

    items: list[Seal]
    next: None
