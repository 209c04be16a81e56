"""What the chain client returns: blocks, heads, receipts, and the outcome of a broadcast."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


@dataclass(frozen=True, slots=True)
class Block:
    """A block's number, its hash (32 bytes) and its time in Unix seconds."""

    number: int
    hash: bytes
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A transaction that is in a block; ``succeeded`` is false when it was reverted."""

    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    contract: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event of a contract: the number of its block, the hash of its transaction, and its members that are not in
    the topics, by name.
    """

    block: int
    transaction: bytes
    values: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateProof:
    """``eth_getProof`` of one slot: the tries' nodes from the root down, and the block they belong to."""

    block: Block
    header: bytes
    account_proof: tuple[bytes, ...]
    storage_proof: tuple[bytes, ...]


class Sending(Enum):
    """What a node made of a signed transaction."""

    TAKEN = "in the pool now, or was already"
    NONCE_USED = "another transaction with this nonce is in a block"
    UNDERPRICED = "offers too little, or too little more than the one it replaces"
    UNFUNDED = "the account cannot pay for it"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogInfo:
    """All that the contract holds about a log but its roots; addresses 20 bytes, times Unix seconds."""

    owner: bytes
    anchorer: bytes
    pending_anchorer: bytes | None
    size: int
    root: bytes
    time: int
    block_number: int
    max_growth: int
    paused_until: int
    closed: bool
    last_good_size: int
    trust_root: bytes
    predecessor: bytes | None
    successor: bytes | None
