"""Proofs about claims, as they are signed and handed out."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from api.schemas.base import Base64, ChainHex, Count, Document, Hex32, RegisterProof, Signature


class ClaimProof(Document):
    """A claim's place in the register of a published tree, or that it has none; docs/formats.md has every member."""

    media_type: Literal["application/vnd.poolproof.claim-proof.v1+json"]
    origin: str
    chain_id: int | None
    contract: ChainHex | None
    log_id: ChainHex | None
    checkpoint: str
    register_: RegisterProof = Field(alias="register")
    presence: bool
    asset_key: Hex32
    mpt: dict[str, Any]
    encumbrance: Base64 | None
    state: str | None
    history: list[dict[str, Any]]
    signature: Signature


class SealProof(Document):
    """A claim's place in a pool's seal, and what leads from it to a published tree; docs/formats.md has all members."""

    media_type: Literal["application/vnd.poolproof.seal-proof.v1+json"]
    origin: str
    chain_id: int | None
    contract: ChainHex | None
    log_id: ChainHex | None
    checkpoint: str
    register_: RegisterProof = Field(alias="register")
    pool: dict[str, Any]
    header: str
    leaf: dict[str, Any]
    index: Count
    path: list[dict[str, Any]]
    state: str | None
    signature: Signature
