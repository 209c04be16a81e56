"""A pool's folded state: its rules, its last seals, and how many claims; which ones, the claims' places tell."""

from __future__ import annotations

from typing import Any

import msgspec

from ledger.errors import IntegrityError
from ledger.proofs.seal import last_seal


class Sealed(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A seal: the size it is of, its 32 bytes, and ``index`` of the record that has its header."""

    size: int
    seal: bytes
    index: int


class PoolState(msgspec.Struct, array_like=True):
    """The fold of a pool's events.

    ``rules`` is canonical JSON; ``claims`` counts those that the pool holds a share of; ``seals`` are the
    last ones by currency.
    """

    rules_version: int
    rules: str
    title: str = ""
    structure: str = ""
    events: int = 0
    claims: int = 0
    closed: bool = False
    seals: dict[str, Sealed] = {}

    @property
    def rules_data(self) -> dict[str, Any]:
        """The rules as plain values."""
        result: dict[str, Any] = msgspec.json.decode(self.rules)
        return result

    @property
    def last_seal(self) -> bytes:
        """What the pool's register value says of its seals."""
        return last_seal({currency: sealed.seal for currency, sealed in self.seals.items()})


_decoder = msgspec.msgpack.Decoder(PoolState)

#: The stored bytes of a state.
encode = msgspec.msgpack.Encoder().encode


def decode(data: bytes) -> PoolState:
    """Read a stored state. Raises :class:`IntegrityError`: only our own store holds such bytes."""
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise IntegrityError(f"a stored pool state cannot be read: {error}") from None
