"""The makers of the golden vectors, one module for each family of formats.

A maker returns JSON-ready data and is registered under the name of its file; ``scripts/vectors.py`` imports
the modules of this folder and writes what they make. Everything is derived from fixed seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ledger.proofs import merkle

Case = dict[str, Any]
MAKERS: dict[str, Callable[[], Any]] = {}


def vectors(name: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Register a maker for ``tests/vectors/<name>.json``."""

    def register(maker: Callable[[], Any]) -> Callable[[], Any]:
        MAKERS[name] = maker
        return maker

    return register


def cases(field: str, named: Mapping[str, Any], **same: Any) -> list[Case]:
    """One case for each name: its name, its value under ``field``, and what is the same in all."""
    return [{"case": name, field: value, **same} for name, value in named.items()]


def leaf_hashes(count: int) -> list[bytes]:
    """Leaves ``"leaf 0"``, ``"leaf 1"``, … hashed."""
    return [merkle.leaf_hash(f"leaf {i}".encode()) for i in range(count)]


def flip(data: bytes, at: int = 0) -> bytes:
    """One bit changed."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def hexes(values: list[bytes]) -> list[str]:
    """Hashes in hexadecimal."""
    return [value.hex() for value in values]
