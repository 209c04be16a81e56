"""HMAC-SHA256 (RFC 2104): nonces, salts and keys that look random to whoever has not the secret.

Written out over SHA-256, since the standard library's ``hmac.digest`` makes OpenSSL 3 look its algorithms up anew at
each call, which takes more than the hashing itself, and each record has at least one.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

#: Bytes of a block of SHA-256, to which a key is filled up.
_BLOCK: Final = 64
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """The 32 bytes, for a key of any length."""
    block = (key if len(key) <= _BLOCK else sha256(key).digest()).ljust(_BLOCK, b"\0")
    return sha256(block.translate(_OUTER) + sha256(block.translate(_INNER) + message).digest()).digest()
