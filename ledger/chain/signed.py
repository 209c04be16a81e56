"""A signed transaction that anchors, read back from its bytes: the witness for what a table remembers of it.

EIP-1559 transactions (``02 ||`` RLP of chain id, nonce, tip, fee, gas, to, value, data, …) and those before EIP-2718
(RLP of nonce, gas price, gas, to, value, data, …), which is what :meth:`ledger.chain.client.ChainClient.transaction`
makes. Who signed it is not recovered: that costs a thousand times what reading does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from eth_hash.auto import keccak

from ledger.chain.abi import selector
from ledger.chain.artifact import anchor_registry
from ledger.chain.statetrie import decode_rlp, read_integer
from ledger.errors import MalformedError

_WHAT: Final = "signed transaction"
_WORD: Final = 32
#: First byte of an EIP-1559 transaction (EIP-2718).
_MARKET: Final = b"\x02"
#: Where nonce, tip, fee, gas, to and data stand; before the fee market one price is both.
_PLACES: Final = {True: (1, 2, 3, 4, 5, 7), False: (0, 1, 1, 2, 3, 5)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAnchor:
    """What it says; ``hash``, ``log_key`` and ``root`` are 32 bytes, ``contract`` 20, fees wei per unit of gas."""

    hash: bytes
    nonce: int
    gas: int
    max_fee: int
    priority_fee: int
    contract: bytes
    log_key: bytes
    prev_size: int
    size: int
    root: bytes


def read_anchor(raw: bytes) -> SignedAnchor:
    """Read a transaction that calls ``anchor``. Raises :class:`MalformedError` for anything else."""
    market = raw[:1] == _MARKET
    fields = decode_rlp(raw.removeprefix(_MARKET) if market else raw)
    places = _PLACES[market]
    if not isinstance(fields, list) or len(fields) <= max(places):
        raise MalformedError(_WHAT, "not a transaction that this ledger signs")
    nonce, tip, fee, gas, to, data = (fields[place] for place in places)
    if not isinstance(to, bytes) or not isinstance(data, bytes):
        raise MalformedError(_WHAT, "a list where address or data belong")
    words = [data[at : at + _WORD] for at in range(4, 4 + 4 * _WORD, _WORD)]
    if data[:4] != _anchor_selector() or len(words[-1]) < _WORD:
        raise MalformedError(_WHAT, "it anchors nothing")
    log_key, prev_size, size, root = words
    return SignedAnchor(
        hash=keccak(raw),
        nonce=_integer(nonce),
        gas=_integer(gas),
        max_fee=_integer(fee),
        priority_fee=_integer(tip),
        contract=to,
        log_key=log_key,
        prev_size=int.from_bytes(prev_size),
        size=int.from_bytes(size),
        root=root,
    )


def _integer(field: object) -> int:
    if not isinstance(field, bytes):
        raise MalformedError(_WHAT, "a list where a number belongs")
    return read_integer(field, _WHAT)


@cache
def _anchor_selector() -> bytes:
    [item] = [one for one in anchor_registry().abi if one.get("name") == "anchor"]
    return selector(item)
