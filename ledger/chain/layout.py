"""Where the contract keeps its words, so that a state proof can be asked for and checked.

As documented in ``contracts/interfaces/IAnchorRegistry.sol`` and fixed for ever: the registry is not
upgradeable, and its storage lies in a namespace (ERC-7201).
"""

from __future__ import annotations

from typing import Final

from eth_hash.auto import keccak

#: keccak256(abi.encode(uint256(keccak256("poolproof.storage.AnchorRegistry")) - 1)) & ~0xff
BASE: Final = bytes.fromhex("0f311a3c4c6cc2f779e07a64ac08996504388d7d01ee5f839ea0517f0542dd00")


def root_slot(log_id: bytes, size: int) -> bytes:
    """The slot of ``rootAt[log][size]``; its word is the root itself."""
    return keccak(size.to_bytes(32, "big") + keccak(log_id + BASE))
