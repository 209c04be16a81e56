"""The documents of the API as models: they give OpenAPI its schemas, and tests hold every answer to them.

Answers are not built from these models. Signed documents go out as the bytes that were signed; the models say
what is in them. Those of events, verification and health are here, those of other nouns in modules of their own.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.attestations import Attestation, Attestations, Relay, SignedAttestation
from api.schemas.audits import Audit, AuditComparison, AuditOrder, AuditPage, AuditReport, Job
from api.schemas.base import Base64, ChainHex, Count, Document, Hex32, Instant, Name, RegisterProof, Signature
from api.schemas.figures import Analytics, BreakPage, FindingPage, TapePage
from api.schemas.loans import Claim, Loan, LoanRecordPage
from api.schemas.log import (
    AnchorDetail,
    AnchorPage,
    Checkpoint,
    CheckpointPage,
    ConsistencyProof,
    InclusionProof,
    Register,
    RegisterPage,
)
from api.schemas.parties import AccessPage, Grant, GrantPage, Key, KeyPage, NewKey, NewKeyRequest, PartyPage
from api.schemas.pools import LoanPage, PoolPage, SealPage
from api.schemas.proofs import ClaimProof, SealProof
from api.schemas.tapes import Reconciliation, TapeOrder, TapeUpload
from api.schemas.webhooks import (
    Delivery,
    DeliveryPage,
    Webhook,
    WebhookChange,
    WebhookOrder,
    WebhookPage,
    WebhookSecret,
)

__all__ = [
    "AccessPage",
    "Analytics",
    "AnchorDetail",
    "AnchorPage",
    "Attestation",
    "Attestations",
    "Audit",
    "AuditComparison",
    "AuditOrder",
    "AuditPage",
    "AuditReport",
    "BreakPage",
    "Checkpoint",
    "CheckpointPage",
    "Claim",
    "ClaimProof",
    "ConsistencyProof",
    "Delivery",
    "DeliveryPage",
    "FindingPage",
    "Grant",
    "GrantPage",
    "InclusionProof",
    "Job",
    "Key",
    "KeyPage",
    "Loan",
    "LoanPage",
    "LoanRecordPage",
    "NewKey",
    "NewKeyRequest",
    "PartyPage",
    "PoolPage",
    "Reconciliation",
    "Register",
    "RegisterPage",
    "Relay",
    "SealPage",
    "SealProof",
    "SignedAttestation",
    "TapeOrder",
    "TapePage",
    "TapeUpload",
    "Webhook",
    "WebhookChange",
    "WebhookOrder",
    "WebhookPage",
    "WebhookSecret",
]


class Event(Document):
    """One event as its party states it; the ledger adds ``seq``, ``prev``, ``posted`` and ``nonce``."""

    id: Name
    type: str
    subject: str
    effective: str
    party: Name | None = Field(default=None, description="The caller's own; filled in where it is left out.")
    data: dict[str, Any]
    private: dict[str, Any] | None = None
    sig: Signature | None = None
    origin: str | None = Field(default=None, description="The log's; where it is given it must be this one.")


class AcceptanceBatch(Document):
    """The events accepted together; one signature covers them."""

    first: Count
    count: Annotated[int, Field(ge=1)]
    root: Base64


class Acceptance(Document):
    """The ledger's signed word that it has an event and will anchor it in time."""

    media_type: Literal["application/vnd.poolproof.acceptance.v1+json"]
    origin: str
    id: Name
    party: Name
    digest: Hex32
    index: Count
    posted: Instant
    anchor_by: Instant
    batch: AcceptanceBatch
    proof: list[Base64]
    signature: Signature


class Standing(BaseModel):
    """The record that holds what an event asked for; what else there is to say depends on ``rule``."""

    model_config = ConfigDict(extra="allow", frozen=True)

    index: Count | None = None
    digest: Hex32 | None = None


class InvalidMember(Document):
    """Where a request is wrong, and why."""

    pointer: str
    detail: str


class Problem(Document):
    """An error (RFC 9457). ``code`` is stable; ``field``, ``rule``, ``line`` place an event's fault."""

    type: str
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    code: str
    detail: str
    instance: str | None = None
    field: str | None = None
    rule: str | None = None
    line: Annotated[int, Field(ge=1)] | None = None
    standing: Standing | None = None
    details: dict[str, Any] | None = None
    errors: list[InvalidMember] | None = None


class AcceptedLine(Document):
    """One accepted event of a batch. ``repeated``: it was accepted before, this is its first acceptance."""

    line: Annotated[int, Field(ge=1)]
    repeated: bool
    acceptance: Acceptance


class BatchCounts(Document):
    """How many events of a batch went which way."""

    accepted: Count
    repeated: Count
    rejected: Count


class BatchReport(Document):
    """What became of the events of a batch; lines are counted from 1."""

    counts: BatchCounts
    accepted: list[AcceptedLine]
    rejected: list[Problem]


class EventState(Document):
    """How far an event has come on the way recorded → included → published → anchored → final."""

    id: Name
    party: Name
    index: Count
    digest: Hex32
    state: Literal["recorded", "included", "published", "anchored", "final"]


class Receipt(Document):
    """All that shows one record in one published tree; ``poolproof verify`` checks it."""

    media_type: Literal["application/vnd.poolproof.receipt.v1+json"]
    origin: str
    chain_id: int | None
    contract: ChainHex | None
    log_id: ChainHex | None
    index: Count
    record: str
    disclosures: list[list[Any]]
    proof: list[Base64]
    checkpoint: str
    register_: RegisterProof = Field(alias="register")
    signature: Signature


class PoolSummary(Document):
    """A pool as it stands now. Amounts are decimal strings by currency."""

    pool: str
    title: str
    claims: Count
    weak_keys: Count = Field(description="Claims under the weak fallback asset key.")
    erased: Count = Field(
        description="Claims of erased loans, with what was outstanding when they were erased."
    )
    holders: dict[str, Count]
    principal: dict[str, str]
    statuses: dict[str, Count]
    records: Count
    head: Hex32
    rules: dict[str, Any]


class TrustedKey(Document):
    """A verifier key and the tree sizes at which it is valid, both included; ``to`` null: still in use."""

    key: str
    from_: Count = Field(alias="from")
    to: Count | None


class Witnesses(Document):
    """How many of these witnesses must have cosigned a checkpoint."""

    threshold: Count
    keys: list[str]


class TrustedParty(Document):
    """A party with its roles and the keys of its statements."""

    name: Name
    roles: list[str]
    keys: list[str]


class TrustedChain(Document):
    """Where the log is anchored and what a verifier demands of it."""

    chain_id: int
    genesis: ChainHex
    contract: ChainHex
    code_hash: ChainHex
    log_id: ChainHex
    finality: str
    grade: Literal["devnet", "operator", "consortium", "public"]
    max_anchor_age: Count


class PinnedBlock(Document):
    """A block that the verifier takes as given."""

    number: Count
    hash: ChainHex


class TrustRoot(Document):
    """Every parameter of a verifier. Compare its SHA-256 with your funding agreement."""

    media_type: Literal["application/vnd.poolproof.trust.v1+json"]
    origin: str
    zone: str
    day_cut: str
    log_keys: list[TrustedKey]
    service_keys: list[TrustedKey]
    witnesses: Witnesses
    parties: list[TrustedParty]
    chain: TrustedChain | None
    pinned_blocks: list[PinnedBlock]


class EvidenceBlock(Document):
    """The block under which an anchor is final; ``header`` is its RLP."""

    number: Count
    hash: ChainHex
    header: Base64


class Evidence(Document):
    """What shows an anchor without asking a node; it proves itself against a block hash of the verifier's."""

    media_type: Literal["application/vnd.poolproof.evidence.v1+json"]
    origin: str
    chain_id: int
    contract: ChainHex
    log_id: ChainHex
    size: Count
    root: Base64
    block: EvidenceBlock
    account_proof: list[Base64]
    storage_key: ChainHex
    storage_proof: list[Base64]
    checkpoint: str
    cosignatures: list[str]


class VerifyStep(Document):
    """A step that held, and what it showed."""

    name: str
    proves: str
    detail: str


class NotChecked(Document):
    """Something that stays trust."""

    name: str
    says: str


class Failure(Document):
    """The step that failed (invalid) or could not be taken (undetermined), with what a third party needs."""

    step: str
    code: str
    reason: str
    evidence: dict[str, Any]


class UsedTrust(Document):
    """By whose parameters the verdict was made: here always this server's own."""

    source: Literal["server"]
    fingerprint: Hex32
    grade: str | None
    note: str


class Verification(Document):
    """What a file showed, by this server's word; your own program and trust root need no server."""

    verdict: Literal["valid", "invalid", "undetermined"]
    kind: str | None
    level: Literal["published", "cosigned", "anchored", "final"] | None
    levels: list[str]
    trust: UsedTrust
    failed: Failure | None
    steps: list[VerifyStep]
    not_checked: list[NotChecked]
    warnings: list[str]
    size: Count | None = None
    root: Hex32 | None = None
    index: Count | None = None
    record: dict[str, Any] | None = None


class Health(Document):
    """The process answers."""

    status: Literal["alive"]


class ProblemKind(Document):
    """What a kind of problem means, when it comes, and what to do."""

    type: str
    code: str
    status: int
    title: str
    meaning: str
    when: str
    next: str


class Check(Document):
    """One thing that readiness rests on."""

    name: Literal["database", "migrations", "chain", "account"]
    status: Literal["ok", "degraded"]
    detail: str


class Readiness(Document):
    """``degraded``: events are taken and proofs given, and something is late."""

    status: Literal["ready", "degraded"]
    checks: list[Check]
