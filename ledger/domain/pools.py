"""A pool's folded state: its rules and the number of its holdings; which ones, the claims' places tell."""

from __future__ import annotations

from typing import Any

import msgspec

from ledger.errors import IntegrityError


class PoolState(msgspec.Struct, array_like=True):
    """The fold of a pool's events. ``rules`` is canonical JSON; ``holdings`` counts (claim, holder) pairs."""

    rules_version: int
    rules: str
    title: str = ""
    structure: str = ""
    events: int = 0
    holdings: int = 0
    closed: bool = False

    @property
    def rules_data(self) -> dict[str, Any]:
        """The rules as plain values."""
        result: dict[str, Any] = msgspec.json.decode(self.rules)
        return result


_decoder = msgspec.msgpack.Decoder(PoolState)

#: The stored bytes of a state.
encode = msgspec.msgpack.Encoder().encode


def decode(data: bytes) -> PoolState:
    """Read a stored state. Raises :class:`IntegrityError`: only our own store holds such bytes."""
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise IntegrityError(f"a stored pool state cannot be read: {error}") from None
