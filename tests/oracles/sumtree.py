"""The tree under a seal, by its definition: recursive, over plain tuples, with nothing remembered.

A leaf is (key, share, receivable, credit, state); a subtree is (hash, count, receivable, credit).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from tests.oracles.rfc9162 import largest_power_below

Leaf = tuple[bytes, int, int, int, bytes]
Tree = tuple[bytes, int, int, int]


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def uint(number: int, bits: int) -> bytes:
    if not 0 <= number < 2**bits:
        raise ValueError(f"no uint{bits}")
    return number.to_bytes(bits // 8, "big")


def leaf(one: Leaf) -> Tree:
    key, share, receivable, credit, state = one
    if len(key) != 32 or len(state) != 32 or not 1 <= share <= 10**6 or (receivable and credit):
        raise ValueError("no leaf")
    data = b"\x00" + key + uint(share, 32) + uint(receivable, 128) + uint(credit, 128) + state
    return sha256(data), 1, receivable, credit


def node(left: Tree, right: Tree) -> Tree:
    data = b"\x01"
    for digest, count, receivable, credit in (left, right):
        data += digest + uint(count, 64) + uint(receivable, 128) + uint(credit, 128)
    sums = [left[i] + right[i] for i in (1, 2, 3)]
    for total, bits in zip(sums, (64, 128, 128), strict=True):
        uint(total, bits)
    return sha256(data), sums[0], sums[1], sums[2]


def tree(leaves: Sequence[Leaf]) -> Tree:
    keys = [one[0] for one in leaves]
    if keys != sorted(set(keys)):
        raise ValueError("keys out of order")
    return subtree(leaves)


def subtree(leaves: Sequence[Leaf]) -> Tree:
    if not leaves:
        return sha256(b""), 0, 0, 0
    if len(leaves) == 1:
        return leaf(leaves[0])
    k = largest_power_below(len(leaves))
    return node(subtree(leaves[:k]), subtree(leaves[k:]))


def path(m: int, leaves: Sequence[Leaf]) -> list[tuple[bytes, int, int]]:
    """From the leaf up: hash, receivable and credit of each sibling."""
    if len(leaves) == 1:
        return []
    k = largest_power_below(len(leaves))
    if m < k:
        below, (digest, _, receivable, credit) = path(m, leaves[:k]), subtree(leaves[k:])
    else:
        below, (digest, _, receivable, credit) = path(m - k, leaves[k:]), subtree(leaves[:k])
    return [*below, (digest, receivable, credit)]


def place_holds(total: Tree, one: Leaf, m: int, steps: Sequence[tuple[bytes, int, int]]) -> bool:
    """Whether the steps lead from leaf m to the tree ``total``, its hash and every sum."""

    def climb(m: int, n: int, rest: list[tuple[bytes, int, int]]) -> Tree:
        if n == 1:
            if rest:
                raise ValueError("a step too many")
            return leaf(one)
        if not rest:
            raise ValueError("a step too few")
        digest, receivable, credit = rest[-1]
        if len(digest) != 32:
            raise ValueError("no hash")
        k = largest_power_below(n)
        if m < k:
            return node(climb(m, k, rest[:-1]), (digest, n - k, receivable, credit))
        return node((digest, k, receivable, credit), climb(m - k, n - k, rest[:-1]))

    if not 0 <= m < total[1]:
        return False
    try:
        return climb(m, total[1], list(steps)) == total
    except ValueError:
        return False


def seal(header: Any) -> bytes:
    """The seal of a header whose keys and strings are plain ASCII."""
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode("ascii")
    return sha256(b"poolproof/seal/v1\0" + text)


def last_seal(seals: dict[str, str]) -> bytes:
    """What a pool's value in the register says of its last seals (hex, by currency)."""
    if not seals:
        return bytes(32)
    if len(seals) == 1:
        return bytes.fromhex(*seals.values())
    text = json.dumps([[name, seals[name]] for name in sorted(seals)], separators=(",", ":"))
    return sha256(b"poolproof/seals/v1\0" + text.encode("ascii"))
