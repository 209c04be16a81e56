"""What is published of the log, its proofs, and its way on chain."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import Base64, ChainHex, Count, Document, Hex32, Instant

_Size = Annotated[int, Field(ge=1)]


class Checkpoint(Document):
    """A published checkpoint; ``note`` is what was signed."""

    origin: str
    size: _Size
    root: Base64
    note: str
    published: Instant


class CheckpointPage(Document):
    """Published checkpoints, their sizes ascending."""

    items: list[Checkpoint]
    next: str | None


class Register(Document):
    """The register at the end of a published tree: ``count`` claims and pools, its root, and its entry at ``index``."""

    size: _Size
    index: Count
    count: Count
    root: Hex32
    entry: Base64


class RegisterPage(Document):
    """Registers, their sizes ascending."""

    items: list[Register]
    next: str | None


class Anchor(Document):
    """A size on its way on chain. ``state``: planned, sent, mined, final, or superseded (a later size came first)."""

    size: _Size
    root: Hex32
    state: Literal["planned", "sent", "mined", "final", "superseded"]
    planned: Instant | None
    block_number: Count | None
    block_hash: ChainHex | None
    block_time: Annotated[int, Field(ge=0, description="Seconds since 1970.")] | None
    evidence: str | None


class AnchorPage(Document):
    """Anchors, their sizes ascending."""

    items: list[Anchor]
    next: str | None


class AnchorTransaction(Document):
    """A transaction that was signed for an anchor, ``sent`` when a node first took it."""

    hash: ChainHex
    nonce: Count
    sent: Instant | None


class AnchorDetail(Anchor):
    """An anchor with every transaction that was signed for it, the oldest first."""

    transactions: list[AnchorTransaction]


class InclusionProof(Document):
    """RFC 9162 proof that an entry is in a published tree; ``leaf`` is ``H(00 || entry)``."""

    origin: str
    index: Count
    size: _Size
    leaf: Base64
    proof: list[Base64]
    checkpoint: str


class ConsistencyProof(Document):
    """RFC 9162 proof that the tree of ``second`` extends the one of ``first``, with both signed checkpoints."""

    origin: str
    first: _Size
    second: _Size
    proof: list[Base64]
    first_checkpoint: str
    second_checkpoint: str
