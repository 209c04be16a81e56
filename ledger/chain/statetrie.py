"""RLP and the state trie, read strictly: enough to check a node's ``eth_getProof`` without any node.

Follows the Yellow Paper, appendices B (RLP), C (hex prefix) and D (trie). Written here, because importing
``trie`` and ``rlp`` takes longer than a whole verification may; the tests compare with both packages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from eth_hash.auto import keccak

from ledger.errors import MalformedError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A string, or a list of items.
Rlp: TypeAlias = "bytes | list[Rlp]"

#: Headers, accounts and nodes nest two deep; a branch may hold an embedded branch, and so on for a short way.
MAX_DEPTH: Final = 16
#: The root of a trie with nothing in it: keccak256(RLP of the empty string).
EMPTY_ROOT: Final = keccak(b"\x80")
_WHAT: Final = "RLP"


def decode_rlp(data: bytes) -> Rlp:
    """The item that ``data`` is, in its one encoding. Raises :class:`MalformedError`."""
    item, end = _item(data, 0, len(data), 0)
    if end != len(data):
        raise MalformedError(_WHAT, "bytes after the item")
    return item


def decode_rlp_strings(data: bytes, what: str, least: int) -> list[bytes]:
    """A list of at least ``least`` strings. Raises :class:`MalformedError`."""
    item = decode_rlp(data)
    if not isinstance(item, list) or len(item) < least:
        raise MalformedError(what, f"not a list of at least {least} items")
    strings = [member for member in item if isinstance(member, bytes)]
    if len(strings) != len(item):
        raise MalformedError(what, "holds a list in place of a string")
    return strings


def read_integer(data: bytes, what: str) -> int:
    """A big-endian integer without leading zeros. Raises :class:`MalformedError`."""
    if data[:1] == b"\0" or len(data) > 32:
        raise MalformedError(what, "not an integer of at most 32 bytes without leading zeros")
    return int.from_bytes(data, "big")


def trie_value(root: bytes, key: bytes, nodes: Sequence[bytes]) -> bytes | None:
    """What the trie with ``root`` holds under the Keccak-256 of ``key``, None when it holds nothing.

    ``nodes`` are those on the way from the root down, each in RLP and all of them used. Raises
    :class:`VerificationError` for nodes that are not those of this root.
    """
    left = list(nodes)
    value = None if root == EMPTY_ROOT else _walk(root, keccak(key).hex(), left)
    if left:
        raise VerificationError("the proof holds nodes that are not on the way", step="anchor")
    return value


def _walk(reference: Rlp, path: str, left: list[bytes]) -> bytes | None:
    """From the node that ``reference`` names along the nibbles ``path``, which get fewer with each step."""
    while True:
        node = _open(reference, left)
        if len(node) == 17:
            if not path:
                # All keys have 32 bytes, so that values stand in leaves only.
                raise VerificationError("a branch where a leaf must be", step="anchor")
            reference, path = node[int(path[0], 16)], path[1:]
            if reference == b"":
                return None
            continue
        is_leaf, shared = _prefix(node)
        if is_leaf:
            value = node[1]
            if not isinstance(value, bytes):
                raise VerificationError("a leaf that holds a list", step="anchor")
            return value if path == shared else None
        if not path.startswith(shared):
            return None
        reference, path = node[1], path[len(shared) :]


def _open(reference: Rlp, left: list[bytes]) -> list[Rlp]:
    """The node that ``reference`` names: embedded as it is, else the next of the proof, by its hash."""
    if isinstance(reference, list):
        return reference
    if len(reference) != 32:
        raise VerificationError("a node names another by something that is no hash", step="anchor")
    if not left:
        raise VerificationError("the proof ends before the way does", step="anchor")
    encoded = left.pop(0)
    if keccak(encoded) != reference:
        raise VerificationError("a node of the proof has another hash than the way to it", step="anchor")
    node = decode_rlp(encoded)
    if not isinstance(node, list):
        raise VerificationError("a node of the proof is no list", step="anchor")
    return node


def _prefix(node: list[Rlp]) -> tuple[bool, str]:
    """Whether a node of two items is a leaf, and the nibbles that it shares with every key below it."""
    if len(node) != 2 or not isinstance(node[0], bytes) or not node[0]:
        raise VerificationError("a node that is neither branch, extension nor leaf", step="anchor")
    prefix = node[0].hex()
    flag = int(prefix[0], 16)
    if flag > 3 or (not flag & 1 and prefix[1] != "0"):
        raise VerificationError("a node with a hex prefix that there is not", step="anchor")
    shared = prefix[1:] if flag & 1 else prefix[2:]
    if flag < 2 and not shared:
        raise VerificationError("an extension that leads nowhere", step="anchor")
    return flag >= 2, shared


def _item(data: bytes, at: int, end: int, depth: int) -> tuple[Rlp, int]:
    """The item that starts at ``at`` and where it ends, not beyond ``end``."""
    if at >= end:
        raise MalformedError(_WHAT, "ends early")
    if depth > MAX_DEPTH:
        raise MalformedError(_WHAT, f"nested deeper than {MAX_DEPTH}")
    head = data[at]
    if head < 0x80:
        return data[at : at + 1], at + 1
    is_list = head >= 0xC0
    start, stop = _payload(data, at, end, head - (0xC0 if is_list else 0x80))
    if not is_list:
        if stop - start == 1 and data[start] < 0x80:
            raise MalformedError(_WHAT, "a small byte with a length")
        return data[start:stop], stop
    items: list[Rlp] = []
    while start < stop:
        item, start = _item(data, start, stop, depth + 1)
        items.append(item)
    return items, stop


def _payload(data: bytes, at: int, end: int, size: int) -> tuple[int, int]:
    """Where the payload starts and stops; ``size`` is the length up to 55, or 55 and the length's length."""
    start = at + 1
    if size > 55:
        width = size - 55
        digits = data[start : start + width]
        size = int.from_bytes(digits, "big")
        if len(digits) != width or digits[0] == 0 or size <= 55:
            raise MalformedError(_WHAT, "a length that is not in its shortest form")
        start += width
    if start + size > end:
        raise MalformedError(_WHAT, "ends early")
    return start, start + size
