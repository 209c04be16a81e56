"""Audits as runs, and jobs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.schemas.base import Count, Day, Document, Hex32, Instant, Name
from api.schemas.tapes import TapeResult

Severity = Literal["error", "warning", "info"]
State = Literal["queued", "running", "done", "failed"]


class AuditOrder(Document):
    """What is to be audited: a pool at a published size (the newest where left out), as of a day (that of its newest
    record). ``since`` is the size from which on holders are followed through every register.
    """

    pool: Name
    as_of: Day | None = None
    size: Annotated[int, Field(ge=1, le=2**53 - 1)] | None = None
    since: Annotated[int, Field(ge=0, le=2**53 - 1)] = 0


class Progress(Document):
    """How far work has come: ``done`` of ``of`` in this stage."""

    stage: str
    done: Count
    of: Count


class JobProblem(Document):
    """Why a job failed, or waits. ``line`` is that of the refused event."""

    code: str
    detail: str
    field: str | None = None
    rule: str | None = None
    line: Annotated[int, Field(ge=1)] | None = None
    details: dict[str, Any] | None = None


class AuditCounts(Document):
    """Findings by severity."""

    error: Count
    warning: Count
    info: Count


class AuditResult(Document):
    """What a run found. ``opened`` counts errors and warnings that the run of this pool before it had not;
    ``undetermined`` procedures that were not answered in full; ``trust`` and ``sha256`` are the digests of the trust
    root and of the report.
    """

    size: Count
    root: Hex32
    as_of: Day
    level: str
    trust: Hex32
    outcome: Literal["clean", "findings", "undetermined"]
    counts: AuditCounts
    undetermined: Count
    opened: Count
    sha256: Hex32


class Audit(Document):
    """A run of the audit. ``party`` asked for it; null: the log's own plan."""

    id: str
    pool: Name
    party: Name | None
    state: State
    progress: Progress
    request: AuditOrder
    created: Instant
    started: Instant | None
    ended: Instant | None
    result: AuditResult | None
    problem: JobProblem | None


class AuditPage(Document):
    """Runs, the newest first."""

    items: list[Audit]
    next: str | None


class FindingEvidence(Document):
    """A record on which a finding stands."""

    index: Count
    digest: Hex32


class AuditFinding(Document):
    """One finding; its code is in the catalogue."""

    code: str
    severity: Severity
    subject: str
    claim: str | None
    text: str
    text_zh: str
    facts: dict[str, str | int]
    said: dict[str, str]
    evidence: list[FindingEvidence]


class AuditComparison(Document):
    """Two runs of one pool: findings of the second alone, of the first alone, and of both as the second has them."""

    pool: Name
    first: str
    second: str
    new: list[AuditFinding]
    gone: list[AuditFinding]
    standing: list[AuditFinding]


class AuditProcedure(Document):
    """A question that was put to every loan, claim, payment or register, and how often it stayed open."""

    name: str
    outcome: Literal["passed", "findings", "undetermined", "not_applicable"]
    unit: str
    asked: Count
    undetermined: Count
    findings: Count
    reasons: list[dict[str, str | int]]


class AuditReport(Document):
    """The report's file: procedures performed and findings, no opinion."""

    media_type: Literal["application/vnd.poolproof.audit-report.v1+json"]
    pool: Name
    title: str
    rules_version: Count
    tolerances: dict[str, str]
    made_by: str
    sees: list[str]
    basis: dict[str, Any]
    asked: dict[str, Any]
    outcome: Literal["clean", "findings", "undetermined"]
    counts: AuditCounts
    procedures: list[AuditProcedure]
    findings: list[AuditFinding]
    numbers: dict[str, int | str]
    totals: list[dict[str, Any]]


class EventsResult(Document):
    """How many events of a batch went which way."""

    accepted: Count
    repeated: Count
    rejected: Count


class Job(Document):
    """Work that outlasts its request. ``report`` is where its report is, once it is done."""

    id: str
    kind: Literal["events", "audit", "tape"]
    state: State
    progress: Progress
    created: Instant
    started: Instant | None
    ended: Instant | None
    result: EventsResult | AuditResult | TapeResult | None
    problem: JobProblem | None
    report: str | None
