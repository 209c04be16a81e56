"""A pool's figures, findings, breaks and files."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from api.schemas.base import Count, Day, Document, Hex32, Instant, Name
from api.schemas.loans import Evidenced, Finding


class Analytics(BaseModel):
    """Figures of a pool by month, worked out from its records; docs/analytics.md has every member and its formula."""

    model_config = ConfigDict(extra="allow", frozen=True)

    pool: Name
    basis: dict[str, Any]
    currencies: dict[str, Any]


class FindingPage(Document):
    """What the newest audit of a pool found, the gravest first. ``audit`` is that run, null before the first."""

    audit: str | None
    items: list[Finding]
    next: str | None


class Agreement(Document):
    """One side's word that a break is settled. ``signed``: it carries the party's own signature."""

    party: Name
    resolution: str
    explanation: str
    day: Day
    signed: bool


class Break(Document):
    """A disagreement of a file with the records, until both sides have agreed how it ends.

    ``waits_for`` are whose words are missing: of each list one party's, and of an empty one any party that has not
    said its own.
    """

    name: str
    loan: Name | None
    claim: Name | None
    item: str
    reported: str | None
    derived: str | None
    difference: str | None
    currency: str | None
    owner: Name | None
    since: Day
    tape: str
    status: Literal["open", "agreed", "closed"]
    age_days: Count
    waits_for: list[list[Name]]
    agreed_by: list[Agreement]
    records: list[Evidenced]


class BreakPage(Document):
    """Breaks by name."""

    items: list[Break]
    next: str | None


class Tape(Document):
    """A file that the pool's records commit to: ``data`` is what was stated of it, its SHA-256 and cut-off among it."""

    index: Count
    digest: Hex32
    id: Name
    party: Name
    effective: str
    posted: Instant
    data: dict[str, Any]


class TapePage(Document):
    """Files in the order of the log."""

    items: list[Tape]
    next: str | None
