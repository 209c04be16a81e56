"""What a verification returns: levels, steps, verdicts, and what an anchor source must answer.

A :class:`Verdict` is made by :mod:`ledger.proofs.verify` only, after every step held; holding one is holding
the result of a verification. It says what was shown, at which level, and what was not checked.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ledger.proofs.claimproof import ClaimProof
    from ledger.proofs.recordform import RecordView
    from ledger.proofs.sealproof import SealProof

#: Held by the verifier; see :func:`ledger.proofs.verify`.
VERIFIER: Final = object()


class Level(enum.IntEnum):
    """How far a record has come: each level after *published* needs more than the log's own word.

    *cosigned* stands beside the way: a record can be anchored and final without witnesses.
    """

    PUBLISHED = 1
    COSIGNED = 2
    ANCHORED = 3
    FINAL = 4

    def __str__(self) -> str:
        return self.name.lower()

    @classmethod
    def parse(cls, text: str) -> Level:
        """The level of this name; :class:`KeyError` for any other word."""
        return {str(level): level for level in cls}[text]


class Step(NamedTuple):
    """One step of the ladder that held. ``name`` is stable, ``proves`` says what it showed."""

    name: str
    proves: str
    detail: str = ""

    def to_json(self) -> dict[str, str]:
        """``{"name", "proves", "detail"}``."""
        return {"name": self.name, "proves": self.proves, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class NotChecked:
    """Something that stays trust. ``name`` is stable, ``says`` is for the reader."""

    name: str
    says: str

    def to_json(self) -> dict[str, str]:
        """``{"name", "says"}``."""
        return {"name": self.name, "says": self.says}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorView:
    """What an anchor source knows of a log at a size, already verified against its own parameters.

    ``root`` (32 bytes) is the contract's ``rootAt[log][size]``; ``level`` ANCHORED or FINAL; ``describes``
    says where it was seen. ``size`` may be above the size asked for, when ``consistency`` is the RFC 9162
    proof from that size to it. ``trust_fingerprint`` is the hex fingerprint that the contract carries, None
    when the source cannot see it; ``anchor_age`` how old (seconds) the log's newest anchor is, None when
    unknown; ``cosignatures`` are note lines of witnesses over the checkpoint of ``size``.
    """

    size: int
    root: bytes
    level: Level
    describes: str
    consistency: tuple[bytes, ...] = ()
    block_number: int | None = None
    block_hash: bytes | None = None
    block_time: int | None = None
    trust_fingerprint: str | None = None
    anchor_age: int | None = None
    cosignatures: tuple[str, ...] = ()
    not_checked: tuple[NotChecked, ...] = ()


class AnchorSource(Protocol):
    """Where a verifier learns which root the contract holds: a node, or an evidence file."""

    def root_at(self, size: int) -> AnchorView:
        """The anchor of the log of the trust root that covers ``size``.

        MUST take contract, chain, log id and finality from the trust root it was made with, and MUST verify
        what it returns. Raises :class:`~ledger.errors.VerificationError` when something is proved wrong,
        :class:`~ledger.errors.UndeterminedError` when it cannot tell (no anchor of this size, no pinned
        block), :class:`~ledger.errors.UnavailableError` when the node does not answer.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a verification showed. Made by the verifier only: another maker gets a TypeError.

    ``kind`` is ``receipt``, ``claim_proof``, ``seal_proof`` or ``acceptance``. ``levels`` are all that were
    shown, ``level`` the highest, None for an acceptance (a promise, no tree). ``record`` and ``disclosures``
    are those of a receipt, ``claim`` that of a claim proof, ``seal`` that of a seal proof. ``warnings`` are
    facts that refute nothing and worry anyhow.
    """

    kind: str
    origin: str
    fingerprint: str
    grade: str | None
    level: Level | None
    levels: frozenset[Level]
    steps: tuple[Step, ...]
    not_checked: tuple[NotChecked, ...]
    warnings: tuple[str, ...] = ()
    size: int | None = None
    root: bytes | None = None
    index: int | None = None
    record: RecordView | None = None
    disclosures: Mapping[str, Any] = field(default_factory=dict)
    claim: ClaimProof | None = None
    seal: SealProof | None = None
    made_by: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.made_by is not VERIFIER:
            raise TypeError("a verdict is made by ledger.proofs.verify only")

    def step(self, name: str) -> Step | None:
        """The step of this name, None when it was not taken."""
        return next((step for step in self.steps if step.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """The verdict as the command line and the HTTP interface print it."""
        record = self.record
        return {
            "verified": True,
            "kind": self.kind,
            "origin": self.origin,
            "trust_root": self.fingerprint,
            "chain_grade": self.grade,
            "level": None if self.level is None else str(self.level),
            "levels": [str(level) for level in sorted(self.levels)],
            "size": self.size,
            "root": None if self.root is None else self.root.hex(),
            "index": self.index,
            "record": None
            if record is None
            else {
                "id": record.id,
                "type": record.type,
                "subject": record.subject,
                "seq": record.seq,
                "effective": record.effective,
                "posted": record.posted,
                "party": record.party,
                "digest": record.digest.hex(),
                "signed": record.sig is not None,
            },
            "steps": [step.to_json() for step in self.steps],
            "not_checked": [item.to_json() for item in self.not_checked],
            "warnings": list(self.warnings),
        }
