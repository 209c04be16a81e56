"""The Patricia map by its definition: build the binary trie bit by bit, drop nodes with one child.

From the description in torchwood's ``mpt`` package; independent of ``ledger``.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def varint(n: int) -> bytes:
    if n < 128:
        return bytes([n])
    return bytes([128 + n % 128]) + varint(n // 128)


def bit(key: bytes, position: int) -> str:
    """One bit of the key, then 00, then FF for ever."""
    byte, within = divmod(position, 8)
    stream = key + b"\x00" + b"\xff" * (byte + 1)
    return f"{stream[byte]:08b}"[within]


def leaf(key: bytes, value: bytes) -> bytes:
    return sha256(b"\x00" + varint(len(key)) + key + varint(len(value)) + value)


def root(mapping: Mapping[bytes, bytes], position: int = 0) -> bytes:
    if not mapping:
        return sha256(b"")
    if len(mapping) == 1:
        ((key, value),) = mapping.items()
        return leaf(key, value)
    zeros, ones = halves(mapping, position)
    while not zeros or not ones:  # one child only: no node
        position += 1
        zeros, ones = halves(mapping, position)
    left, right = root(zeros, position + 1), root(ones, position + 1)
    return sha256(b"\x01" + varint(position) + left + right)


def halves(mapping: Mapping[bytes, bytes], position: int) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    zeros = {key: value for key, value in mapping.items() if bit(key, position) == "0"}
    ones = {key: value for key, value in mapping.items() if bit(key, position) == "1"}
    return zeros, ones


def way(
    mapping: Mapping[bytes, bytes], key: bytes, position: int = 0
) -> tuple[tuple[bytes, bytes] | None, list[tuple[int, bytes]]]:
    """The leaf where looking ``key`` up ends, and (bit, sibling) from there to the root."""
    if not mapping:
        return None, []
    if len(mapping) == 1:
        return next(iter(mapping.items())), []
    zeros, ones = halves(mapping, position)
    while not zeros or not ones:
        position += 1
        zeros, ones = halves(mapping, position)
    mine, other = (zeros, ones) if bit(key, position) == "0" else (ones, zeros)
    end, steps = way(mine, key, position + 1)
    return end, [*steps, (position, root(other, position + 1))]


def holds(
    snapshot: bytes,
    key: bytes,
    value: bytes | None,
    other: tuple[bytes, bytes] | None,
    steps: Sequence[tuple[int, bytes]],
) -> bool:
    """Whether the proof shows ``value`` under ``key``, or, with None, that there is nothing under it."""
    if value is None and snapshot == sha256(b""):
        return other is None and not steps
    if (value is None) != (other is not None):
        return False
    start = (key, value) if value is not None else other
    assert start is not None
    if value is None and (start[0] == key or any(bit(start[0], b) != bit(key, b) for b, _ in steps)):
        return False
    if any(lower[0] <= upper[0] for lower, upper in itertools.pairwise(steps)):
        return False
    result = leaf(*start)
    for b, sibling in steps:
        pair = result + sibling if bit(key, b) == "0" else sibling + result
        result = sha256(b"\x01" + varint(b) + pair)
    return result == snapshot
