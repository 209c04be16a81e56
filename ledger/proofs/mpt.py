"""The register's map: a path-compressed Merkle Patricia tree over SHA-256, as torchwood's ``mpt``.

::

    leaf   H(00 || uvarint(len k) || k || uvarint(len v) || v)
    inner  H(01 || uvarint(B) || left || right)       B: the first bit in which the two sides differ
    empty  H("")

The shape depends on the set of keys only. Keys of different length are compared as if padded with one
00 byte and then FF bytes, so that no two keys are ever equal. A proof is the way from a leaf to the root:
bit and sibling of each inner node, bits strictly falling. For a key that is absent it begins at the leaf at
which looking the key up ends: it agrees with the key in every bit of the way and is another key.

See https://pkg.go.dev/filippo.io/torchwood/mpt, "Tree Snapshots" and "Key Proofs".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from ledger.errors import MalformedError, VerificationError
from ledger.proofs.canonical import b64decode, b64encode

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
#: torchwood's caps; register keys have 32 bytes and values 64. They bound the work of a verifier.
MAX_KEY_BYTES: Final = 1024
MAX_VALUE_BYTES: Final = 1024
#: One more than the bits of the longest key: it may differ from a shorter one only in its padding.
MAX_BIT: Final = 8 * MAX_KEY_BYTES + 1

_sha256 = hashlib.sha256


def uvarint(number: int) -> bytes:
    """Base-128 varint, least significant group first, as in protocol buffers."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


#: The bits of 32-byte keys, ready to hash: this is the hot path of a register update.
_BIT_PREFIX: Final = tuple(b"\x01" + uvarint(bit) for bit in range(264))


def leaf_hash(key: bytes, value: bytes) -> bytes:
    """The hash of one key with its value."""
    return _sha256(b"\x00" + uvarint(len(key)) + key + uvarint(len(value)) + value).digest()


def inner_hash(bit: int, left: bytes, right: bytes) -> bytes:
    """The hash of the node whose two sides first differ in ``bit``."""
    prefix = _BIT_PREFIX[bit] if bit < len(_BIT_PREFIX) else b"\x01" + uvarint(bit)
    return _sha256(prefix + left + right).digest()


def key_bit(key: bytes, bit: int) -> int:
    """Bit ``bit`` of the padded key, 0 being the highest bit of the first byte."""
    byte = bit >> 3
    if byte < len(key):
        return key[byte] >> (7 - (bit & 7)) & 1
    return 0 if byte == len(key) else 1


def first_difference(a: bytes, b: bytes) -> int:
    """The first bit in which two different keys differ, padding included."""
    length = max(len(a), len(b))
    if len(a) != len(b):
        length += 1  # the longer one's padding may decide
    x = int.from_bytes(_padded(a, length)) ^ int.from_bytes(_padded(b, length))
    if not x:
        raise MalformedError("map", "the same key twice")
    return 8 * length - x.bit_length()


def _padded(key: bytes, length: int) -> bytes:
    return (key + b"\x00").ljust(length, b"\xff") if len(key) < length else key


def _check_pair(key: bytes, value: bytes) -> None:
    if len(key) > MAX_KEY_BYTES or len(value) > MAX_VALUE_BYTES:
        raise MalformedError("map", "a key or value is too long")


@dataclass(frozen=True, slots=True)
class Proof:
    """A way from a leaf to the root.

    ``steps`` are (bit, sibling hash) from the leaf upwards, bits strictly falling. ``other`` is the key and
    value met in place of an absent key; None in proofs of presence and in the empty map.
    """

    steps: tuple[tuple[int, bytes], ...]
    other: tuple[bytes, bytes] | None = None

    def __post_init__(self) -> None:
        last = MAX_BIT
        for bit, sibling in self.steps:
            if type(bit) is not int or not 0 <= bit < last:
                raise MalformedError("map proof", "the bits do not fall strictly")
            if not isinstance(sibling, bytes) or len(sibling) != 32:
                raise MalformedError("map proof", "a sibling is not 32 bytes")
            last = bit
        if self.other is not None:
            _check_pair(*self.other)

    def to_json(self) -> dict[str, Any]:
        """``{"other": null | [key, value], "steps": [[bit, sibling], …]}``, bytes in base64."""
        other = None if self.other is None else [b64encode(part) for part in self.other]
        return {"other": other, "steps": [[bit, b64encode(sibling)] for bit, sibling in self.steps]}

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read what :meth:`to_json` writes; :class:`MalformedError` for anything else."""
        what = "map proof"
        if not isinstance(value, dict) or value.keys() != {"other", "steps"}:
            raise MalformedError(what, "not an object of other and steps")
        steps, other = value["steps"], value["other"]
        if not isinstance(steps, list) or not all(isinstance(s, list) and len(s) == 2 for s in steps):
            raise MalformedError(what, "the steps are not a list of pairs")
        if other is not None and not (isinstance(other, list) and len(other) == 2):
            raise MalformedError(what, "the other leaf is not a pair")
        return cls(
            tuple((bit, b64decode(sibling, 32, what=what)) for bit, sibling in steps),
            None if other is None else (b64decode(other[0], what=what), b64decode(other[1], what=what)),
        )


def root(mapping: Mapping[bytes, bytes]) -> bytes:
    """The root of the map; ``H("")`` when it is empty."""
    for key, value in mapping.items():
        _check_pair(key, value)
    width = max(map(len, mapping), default=0) + 1
    keys = sorted(mapping, key=lambda key: _padded(key, width))
    return fold_sorted([(key, leaf_hash(key, mapping[key])) for key in keys])


def fold_sorted(leaves: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The root over (key, hash) pairs in ascending order of their padded keys.

    Raises :class:`MalformedError` when a key does not follow the one before it.
    """
    lengths = {len(key) for key, _ in leaves}
    # Keys of one length need no padding.
    return fold(leaves, max(lengths, default=0) + (len(lengths) > 1))


def fold(leaves: Iterable[tuple[bytes, bytes]], width: int) -> bytes:
    """The same over pairs that come one by one, in memory that does not grow with them.

    ``width`` is the length of the longest key in bytes, and one more where the keys differ in length. Neighbours decide
    the shape: a subtree is closed as soon as the next key leaves it at a higher bit.
    """
    hashes: list[bytes] = []
    bits: list[int] = []  # bits[i] is where hashes[i] and hashes[i + 1] differ; strictly rising
    previous = -1
    for key, leaf in leaves:
        number = int.from_bytes(_padded(key, width))
        if number <= previous:
            raise MalformedError("map", "the keys do not rise strictly")
        if hashes:
            bit = 8 * width - (number ^ previous).bit_length()
            while bits and bits[-1] > bit:
                right = hashes.pop()
                hashes.append(inner_hash(bits.pop(), hashes.pop(), right))
            bits.append(bit)
        hashes.append(leaf)
        previous = number
    while bits:
        right = hashes.pop()
        hashes.append(inner_hash(bits.pop(), hashes.pop(), right))
    return hashes[0] if hashes else EMPTY_ROOT


def prove(mapping: Mapping[bytes, bytes], key: bytes) -> Proof:
    """The proof that ``key`` has its value in ``mapping``, or that it is not in it."""
    if not mapping:
        return Proof(())
    width = max(len(key), *map(len, mapping)) + 1
    keys = sorted(mapping, key=lambda item: _padded(item, width))
    down: list[tuple[int, bytes]] = []
    low, high = 0, len(keys)
    while high - low > 1:
        bit = first_difference(keys[low], keys[high - 1])
        split = _split(keys, low, high, bit)
        if key_bit(key, bit):
            down.append((bit, _hash_range(mapping, keys[low:split])))
            low = split
        else:
            down.append((bit, _hash_range(mapping, keys[split:high])))
            high = split
    met = keys[low]
    return Proof(tuple(reversed(down)), None if met == key else (met, mapping[met]))


def _split(keys: Sequence[bytes], low: int, high: int, bit: int) -> int:
    """The first of the sorted ``keys[low:high]`` in which ``bit`` is set."""
    while low < high:
        middle = (low + high) // 2
        if key_bit(keys[middle], bit):
            high = middle
        else:
            low = middle + 1
    return low


def _hash_range(mapping: Mapping[bytes, bytes], keys: Iterable[bytes]) -> bytes:
    return fold_sorted([(key, leaf_hash(key, mapping[key])) for key in keys])


def _climb(key: bytes, value: bytes, steps: Iterable[tuple[int, bytes]]) -> bytes:
    result = leaf_hash(key, value)
    for bit, sibling in steps:
        left, right = (sibling, result) if key_bit(key, bit) else (result, sibling)
        result = inner_hash(bit, left, right)
    return result


def _check_inputs(step: str, root: bytes, key: bytes, proof: Proof) -> None:
    if not isinstance(root, bytes) or len(root) != 32:
        raise VerificationError("the root is not 32 bytes", step=step)
    if not isinstance(key, bytes) or len(key) > MAX_KEY_BYTES:
        raise VerificationError("the key is no key of this map", step=step)
    if not isinstance(proof, Proof):
        raise VerificationError("the proof is no proof of this map", step=step)


def verify_presence(root: bytes, key: bytes, value: bytes, proof: Proof) -> None:
    """Raise :class:`VerificationError` unless the map with ``root`` has ``value`` under ``key``."""
    step = "presence"
    _check_inputs(step, root, key, proof)
    if not isinstance(value, bytes) or len(value) > MAX_VALUE_BYTES:
        raise VerificationError("the value is no value of this map", step=step)
    if proof.other is not None:
        raise VerificationError("the proof ends at another key", step=step)
    if _climb(key, value, proof.steps) != root:
        raise VerificationError("the proof leads to another root", step=step)


def verify_absence(root: bytes, key: bytes, proof: Proof) -> None:
    """Raise :class:`VerificationError` unless the map with ``root`` has nothing under ``key``."""
    step = "absence"
    _check_inputs(step, root, key, proof)
    if root == EMPTY_ROOT:
        if proof.steps or proof.other is not None:
            raise VerificationError("the map is empty but the proof is not", step=step)
        return
    if proof.other is None:
        raise VerificationError("the proof names no leaf in place of the key", step=step)
    met, value = proof.other
    if met == key:
        raise VerificationError("the key is in the map", step=step)
    if any(key_bit(met, bit) != key_bit(key, bit) for bit, _ in proof.steps):
        raise VerificationError("looking the key up does not lead to the leaf of the proof", step=step)
    if _climb(met, value, proof.steps) != root:
        raise VerificationError("the proof leads to another root", step=step)
