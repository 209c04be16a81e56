"""HMAC-SHA256 (RFC 2104): nonces, salts and keys that look random to whoever has not the secret.

Written out over SHA-256, since the standard library's ``hmac.digest`` makes OpenSSL 3 look its algorithms up anew at
each call, which takes more than the hashing itself, and each record has at least one.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final

#: Bytes of a block of SHA-256, to which a key is filled up.
_BLOCK: Final = 64
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """The 32 bytes, for a key of any length."""
    block = _block(key)
    return sha256(block.translate(_OUTER) + sha256(block.translate(_INNER) + message).digest()).digest()


def hmac_sha256_under(key: bytes) -> Callable[[bytes], bytes]:
    """:func:`hmac_sha256` of many messages under one key, in half the time: the key is hashed once."""
    block = _block(key)
    inner, outer = sha256(block.translate(_INNER)), sha256(block.translate(_OUTER))

    def of(message: bytes) -> bytes:
        first, second = inner.copy(), outer.copy()
        first.update(message)
        second.update(first.digest())
        return second.digest()

    return of


def _block(key: bytes) -> bytes:
    return (key if len(key) <= _BLOCK else sha256(key).digest()).ljust(_BLOCK, b"\0")
