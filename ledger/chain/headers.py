"""Block headers from what a node tells of a block, proved by their own hash.

A header is the RLP list of the fields below (Ethereum Yellow Paper, section 4.3; EIP-1559, EIP-4895,
EIP-4844, EIP-4788, EIP-7685). Which of the optional ones belong to it depends on the fork and not on what
the node chooses to show, so the encoding is accepted only if its Keccak-256 is the block's hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eth_hash.auto import keccak

#: (JSON member, is a number); in the order of the header.
_ALWAYS = (
    ("parentHash", False),
    ("sha3Uncles", False),
    ("miner", False),
    ("stateRoot", False),
    ("transactionsRoot", False),
    ("receiptsRoot", False),
    ("logsBloom", False),
    ("difficulty", True),
    ("number", True),
    ("gasLimit", True),
    ("gasUsed", True),
    ("timestamp", True),
    ("extraData", False),
    ("mixHash", False),
    ("nonce", False),
)
#: Each fork appends: London, Shanghai, Cancun (three), Prague.
_BY_FORK = (
    ("baseFeePerGas", True),
    ("withdrawalsRoot", False),
    ("blobGasUsed", True),
    ("excessBlobGas", True),
    ("parentBeaconBlockRoot", False),
    ("requestsHash", False),
)


def header_rlp(block: Mapping[str, Any]) -> bytes | None:
    """The header of ``block`` (the JSON of ``eth_getBlockByNumber``), None where it does not give the hash.

    QBFT chains hash something other than the header they show, and a node may serve a fork that is not
    known here; there, evidence that verifies offline cannot be made.
    """
    import rlp

    expected = bytes.fromhex(block["hash"].removeprefix("0x"))
    try:
        fields = [_field(block, name, is_number) for name, is_number in _ALWAYS]
        # Without the optional fields first, then with ever more of those that the node shows.
        shown = [(name, is_number) for name, is_number in _BY_FORK if block.get(name) is not None]
        for count in range(len(shown) + 1):
            header: bytes = rlp.encode(
                fields + [_field(block, name, is_number) for name, is_number in shown[:count]]
            )
            if keccak(header) == expected:
                return header
    except (KeyError, ValueError, AttributeError):
        return None
    return None


def _field(block: Mapping[str, Any], name: str, is_number: bool) -> bytes:
    text: str = block[name].removeprefix("0x")
    if is_number:
        number = int(text, 16)
        return number.to_bytes((number.bit_length() + 7) // 8, "big")
    return bytes.fromhex(text)
