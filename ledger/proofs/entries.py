"""The two kinds of leaves of a log, both ending in a C2SP tlog-addenda index.

::

    record entry    digest (32) || 00000000 || 01                                            37 bytes
    register entry  "PPR1" || uint64 index || uint64 count || register root (32) || 00       53 bytes

A record entry points at its addendum, the record; a register entry has none and is public whole.
See `tlog-addenda <https://c2sp.org/tlog-addenda>`_.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from ledger.errors import MalformedError

RECORD_ENTRY_SIZE: Final = 37
REGISTER_ENTRY_SIZE: Final = 53

_RECORD_INDEX: Final = b"\x00\x00\x00\x00\x01"
_REGISTER = struct.Struct(">4sQQ32sB")
_MAGIC: Final = b"PPR1"


@dataclass(frozen=True, slots=True)
class RegisterEntry:
    """The last leaf of a published tree: the register of all records before it.

    ``index`` is the leaf's own index, ``count`` how many keys the register holds, ``root`` its root.
    """

    index: int
    count: int
    root: bytes

    def __post_init__(self) -> None:
        if not (0 <= self.index < 2**64 and 0 <= self.count < 2**64):
            raise MalformedError("register entry", "index or count is not a uint64")
        if len(self.root) != 32:
            raise MalformedError("register entry", "the root is not 32 bytes")

    def encode(self) -> bytes:
        """The 53 bytes of the leaf."""
        return _REGISTER.pack(_MAGIC, self.index, self.count, self.root, 0)


def record_entry(digest: bytes) -> bytes:
    """The 37 bytes of the leaf of the record with this SHA-256 ``digest``."""
    if len(digest) != 32:
        raise MalformedError("record entry", "the digest is not 32 bytes")
    return digest + _RECORD_INDEX


def parse_entry(entry: bytes) -> bytes | RegisterEntry:
    """The record's digest, or the register entry; the length tells which, and nothing else is a leaf."""
    if len(entry) == RECORD_ENTRY_SIZE:
        if entry[32:] != _RECORD_INDEX:
            raise MalformedError("record entry", "does not end in the index of one addendum at offset 0")
        return entry[:32]
    if len(entry) == REGISTER_ENTRY_SIZE:
        magic, index, count, root, addenda = _REGISTER.unpack(entry)
        if magic != _MAGIC or addenda != 0:
            raise MalformedError("register entry", 'does not begin with "PPR1" and end in 00')
        return RegisterEntry(index, count, root)
    raise MalformedError("entry", f"{len(entry)} bytes is the length of no entry")
