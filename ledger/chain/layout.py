"""Where the contract keeps its words, so that a state proof can be asked for and checked.

As documented in ``contracts/interfaces/IAnchorRegistry.sol`` and fixed for ever: the registry is not
upgradeable, and its storage lies in a namespace (ERC-7201).
"""

from __future__ import annotations

from typing import Final

from eth_hash.auto import keccak

#: keccak256(abi.encode(uint256(keccak256("poolproof.storage.AnchorRegistry")) - 1)) & ~0xff
BASE: Final = bytes.fromhex("52d3eb8e67e08cb774104f86ba4f67a2ae83e28ffc73b48a8a88efa9a2f58a00")


def root_slot(log_id: bytes, size: int) -> bytes:
    """The slot of ``rootAt[log][size]``; its word is the root itself."""
    return keccak(size.to_bytes(32, "big") + keccak(log_id + BASE))
