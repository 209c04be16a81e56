"""Loans and claims."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.schemas.base import Count, Day, Document, Hex32, Instant, Name, Ppm


class Evidenced(Document):
    """A record that a finding stands on."""

    index: Count
    digest: Hex32


class Finding(Document):
    """Something that an audit reports; docs/findings.md lists every code."""

    code: str
    severity: Literal["error", "warning", "info"]
    subject: str
    claim: str | None
    text: str
    text_zh: str
    facts: dict[str, Any]
    said: dict[str, str]
    evidence: list[Evidenced]


class ClaimShare(Document):
    """A creditor's part of a loan."""

    claim: Name
    creditor: str
    share: Ppm
    principal: str


class TimelineEvent(Document):
    """A record of the loan: ``effective`` is when it happened, ``posted`` when the ledger learned of it."""

    index: Count
    id: Name
    type: str
    effective: str
    posted: Instant
    party: Name
    signed: bool
    amount: str | None
    payer: str | None
    principal_after: str
    corrected_by: Count | None
    in_force: bool
    digest: Hex32


class Instalment(Document):
    """What falls due on a day."""

    number: Count
    due: Day
    principal: str
    interest: str
    fee: str


class Loan(Document):
    """A loan derived from its records below ``size``, as of a day; nothing reported goes in."""

    loan: Name
    size: Count
    as_of: Day
    currency: str
    status: str
    principal: str
    claims: list[ClaimShare]
    days_past_due: Count | None
    bucket: str
    arrears: str | None
    oldest_unpaid: Day | None
    paid_by_others: list[str]
    undetermined: str
    events: list[TimelineEvent]
    plan: list[Instalment]
    no_plan: str
    findings: list[Finding]


class LoanRecord(Document):
    """A record of a loan, and where its documents are; ``receipt`` is null until a checkpoint covers it."""

    index: Count
    seq: Count
    id: Name
    party: Name
    digest: Hex32
    published: bool
    erased: bool
    event: str
    receipt: str | None


class LoanRecordPage(Document):
    """Records of a loan in the order of its chain."""

    items: list[LoanRecord]
    next: str | None


class Holding(Document):
    """A share that is held in a pool; both names are null where the caller may not know them."""

    pool: Name | None
    holder: Name | None
    share: Ppm


class Claim(Document):
    """Where a claim stands now: ``share`` is its part of the loan, ``free`` what nobody holds of it."""

    loan: Name
    claim: Name
    asset_key: Hex32
    weak: bool
    creditor: str | None
    share: Ppm
    status: str
    currency: str
    principal: str
    index: Count
    version: Count
    free: Annotated[int, Field(ge=0, le=1_000_000)]
    holdings: list[Holding]
