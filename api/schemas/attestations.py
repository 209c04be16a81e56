"""Attestations: what stands on chain, and what is handed in to get there."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import ChainHex, Count, Document, Hex32, Instant, Name

_MAX: int = 2**53 - 1
Whole = Annotated[int, Field(ge=0, le=_MAX)]
Hash = Annotated[str, Field(pattern="^0x[0-9a-f]{64}$")]
Address = Annotated[str, Field(pattern="^0x[0-9a-f]{40}$")]
Word = Literal["acknowledged", "checked", "disputed"]


class Attestation(Document):
    """A party's signed statement on chain about what it checked; ``evidence`` is the digest of the audit's report.

    ``at`` and ``block_number`` are of its block, the latter null where the node keeps no events from so long ago;
    ``age`` is in seconds. ``parties`` are those whose address the log's operator says the signer is, as far as the
    caller may know them. ``current_seal``: whether the tree at its size has the pool's newest seal, null without one.
    """

    index: Count
    signer: ChainHex
    verdict: Word
    scope: str
    size: Count
    root: Hex32
    rules_version: Count
    evidence: Hex32
    at: str
    age: Count
    block_number: Count | None
    parties: list[Name]
    current_seal: bool | None


class Relay(Document):
    """A signed attestation that was handed in; ``id`` is its EIP-712 digest, ``block_time`` in Unix seconds.

    ``state``: waiting (nothing sent yet), sent, mined (in a block), final, failed (the contract will never take it).
    ``problem`` says why it does not go on.
    """

    id: Hex32
    pool: Name
    party: Name
    signer: Address
    nonce: Count
    state: Literal["waiting", "sent", "mined", "final", "failed"]
    asked: Instant
    problem: str | None
    transaction: Hash | None
    block_number: Count | None
    block_time: Count | None


class Attestations(Document):
    """What stands on chain about a pool; ``contract`` is null where the log has no registry.

    ``chain_id``, ``contract`` and ``log`` are what an attestation is signed for, ``next_nonce`` its number, if
    ``?signer=`` asks for it. ``relays`` are those that the caller's own party handed in, the newest first.
    """

    chain_id: Count | None
    contract: ChainHex | None
    log: Hash | None
    next_nonce: Count | None
    items: list[Attestation]
    relays: list[Relay]


class AttestationMessage(Document):
    """What is signed, as EIP-712 typed data; ``deadline`` is in Unix seconds."""

    log: Hash
    size: Annotated[int, Field(ge=1, le=_MAX)]
    root: Hash
    subject: Annotated[str, Field(pattern="^pool:[A-Za-z0-9._:-]{1,64}$")]
    scope: Annotated[str, Field(pattern="^[ -~]{0,128}$")]
    rules_version: Whole
    evidence: Hash
    verdict: Word
    signer: Address
    nonce: Whole
    deadline: Whole


class SignedAttestation(Document):
    """The file that `poolproof attest -o` writes: an attestation, where it counts, and its signer's signature."""

    media_type: Literal["application/vnd.poolproof.attestation.v1+json"]
    chain_id: Annotated[int, Field(ge=1, le=_MAX)]
    contract: Address
    attestation: AttestationMessage
    signature: Annotated[str, Field(pattern="^0x([0-9a-f]{2}){1,8192}$")]
