"""The tree under a seal: a pool's claims in ascending order of their register keys, with sums in every node.

::

    leaf   H(00 || key (32) || uint32 share || uint128 receivable || uint128 credit || state digest (32))
    node   H(01 || left hash || left sums || right hash || right sums)
    sums   uint64 count || uint128 receivable || uint128 credit               empty tree: H(""), sums of zero

H is SHA-256, numbers are big endian, amounts are in units of 1e-8. The shape is that of RFC 9162, section
2.1.1. ``share`` is held of the claim through the pool, in ppm; ``receivable`` and ``credit`` are what the
share is of its principal, one of them zero: what the borrower owes, or is owed.

Keys rise strictly, so a claim has one place and cannot be left out and in. A node's hash covers the sums of
both sides, so no side can lend the other what it has not. A path tells its reader the amounts of one
neighbour and the subtotals above it, and of no claim whose it is.

Builders refuse leaves out of order and sums that do not fit their width with :class:`MalformedError`;
:func:`verify_place` checks all bounds before it hashes, and raises :class:`VerificationError` at step
``place``.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.errors import MalformedError, VerificationError
from ledger.proofs import merkle
from ledger.proofs.amounts import MAX_UNITS
from ledger.proofs.encumbrance import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

#: Bytes of a leaf before hashing; the first 32 are the key, so that sorting leaves sorts keys.
LEAF_SIZE: Final = 100
_STEP: Final = "place"
_LEAF: Final = struct.Struct(">32sI16s16s32s")
_SUMS: Final = struct.Struct(">32sQ16s16s")

_sha256 = hashlib.sha256


class Node(NamedTuple):
    """The hash of a subtree and the sums over its leaves: how many, owed by and owed to borrowers (1e-8)."""

    hash: bytes
    count: int  # type: ignore[assignment]  # hides a method of tuple that nobody calls
    receivable: int
    credit: int

    def encode(self) -> bytes:
        """The 72 bytes that stand for this subtree in the node above it."""
        return _sums(self)

    @classmethod
    def parse(cls, data: bytes) -> Node:
        """Read what :meth:`encode` printed. Raises :class:`MalformedError`."""
        if len(data) != _SUMS.size:
            raise MalformedError("seal node", f"{len(data)} bytes, not {_SUMS.size}")
        digest, count, receivable, credit = _SUMS.unpack(data)
        return cls(digest, count, int.from_bytes(receivable), int.from_bytes(credit))


class Sibling(NamedTuple):
    """A subtree beside a path; how many claims it has, its place in the tree tells."""

    hash: bytes
    receivable: int
    credit: int


#: The tree over no claims.
EMPTY: Final = Node(merkle.EMPTY_ROOT, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One claim in a seal: register key, share in ppm, amounts in units of 1e-8, digest of its state."""

    key: bytes
    share: int
    receivable: int
    credit: int
    state: bytes

    def __post_init__(self) -> None:
        if len(self.key) != 32 or len(self.state) != 32 or not 0 < self.share <= WHOLE:
            raise MalformedError("seal leaf", "key or state is not 32 bytes, or the share not 1 to 1,000,000")
        if not (0 <= self.receivable <= MAX_UNITS and 0 <= self.credit <= MAX_UNITS):
            raise MalformedError("seal leaf", "an amount is not from 0 to 2^128 − 1")
        if self.receivable and self.credit:
            raise MalformedError("seal leaf", "a claim is receivable or a credit, not both")

    def encode(self) -> bytes:
        """The :data:`LEAF_SIZE` bytes that are hashed."""
        receivable, credit = self.receivable.to_bytes(16), self.credit.to_bytes(16)
        return _LEAF.pack(self.key, self.share, receivable, credit, self.state)

    @classmethod
    def parse(cls, data: bytes) -> Leaf:
        """Read what :meth:`encode` printed. Raises :class:`MalformedError`."""
        if len(data) != LEAF_SIZE:
            raise MalformedError("seal leaf", f"{len(data)} bytes, not {LEAF_SIZE}")
        key, share, receivable, credit, state = _LEAF.unpack(data)
        return cls(
            key=key,
            share=share,
            receivable=int.from_bytes(receivable),
            credit=int.from_bytes(credit),
            state=state,
        )

    def node(self) -> Node:
        """The leaf as a tree of one."""
        return Node(_sha256(b"\x00" + self.encode()).digest(), 1, self.receivable, self.credit)


def join(left: Node, right: Node) -> Node:
    """The node over two adjacent subtrees. Raises :class:`MalformedError` when a sum does not fit its width."""
    count, receivable, credit = left[1] + right[1], left[2] + right[2], left[3] + right[3]
    if count > merkle.MAX_SIZE or receivable > MAX_UNITS or credit > MAX_UNITS:
        raise MalformedError("seal", "a sum does not fit its width")
    return Node(_sha256(b"\x01" + _sums(left) + _sums(right)).digest(), count, receivable, credit)


def _sums(node: Node) -> bytes:
    return _SUMS.pack(node[0], node[1], node[2].to_bytes(16), node[3].to_bytes(16))


class SumRange:
    """The right edge of a growing tree: claims go in one by one, log₂(count) nodes are kept.

    Raises :class:`MalformedError` for a key that does not rise and for a sum that does not fit; the range
    is of no use afterwards.
    """

    __slots__ = ("_frontier", "_last", "_size")

    def __init__(self) -> None:
        self._size = 0
        self._last = b""
        self._frontier: list[Node] = []

    def append(self, leaf: Leaf) -> None:
        """Add the claim with the next key."""
        if leaf.key <= self._last:
            raise MalformedError("seal", "the keys of its claims do not rise strictly")
        self._last = leaf.key
        self.add(leaf.node())

    def add(self, node: Node) -> None:
        """Add a perfect subtree, as wide as all that were added before; only the last one may be narrower."""
        rest = self._size
        while rest & 1:
            node = join(self._frontier.pop(), node)
            rest >>= 1
        self._frontier.append(node)
        self._size += 1

    def root(self) -> Node:
        """The root of the tree so far, with its sums."""
        if not self._frontier:
            return EMPTY
        result = self._frontier[-1]
        for left in self._frontier[-2::-1]:
            result = join(left, result)
        return result


def root(leaves: Iterable[Leaf]) -> Node:
    """The root over ``leaves``, in memory that does not grow with them. Raises :class:`MalformedError`."""
    tree = SumRange()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def prove(leaves: Iterable[Leaf], index: int, size: int) -> tuple[Sibling, ...]:
    """The path of leaf ``index`` to the root over ``leaves``, of which there must be ``size``.

    One pass, in memory that does not grow with them. Raises :class:`MalformedError`.
    """

    def nodes() -> Iterator[Node]:
        last = b""
        for leaf in leaves:
            if leaf.key <= last:
                raise MalformedError("seal", "the keys of its claims do not rise strictly")
            last = leaf.key
            yield leaf.node()

    return path(nodes(), index, size)


def path(nodes: Iterable[Node], index: int, size: int) -> tuple[Sibling, ...]:
    """The path of subtree ``index`` to the root over ``size`` adjacent ones, as :meth:`SumRange.add` takes them.

    After the path of a claim within its subtree it is the rest of the claim's own. Raises
    :class:`MalformedError`.
    """
    ranges = _ranges(index, size)
    trees = [SumRange() for _ in ranges]
    # Side by side, the ranges and the place between them take every subtree once.
    turns = iter(sorted(zip(ranges, trees, strict=True), key=lambda item: item[0]))
    (_, stop), tree = next(turns, ((0, 0), SumRange()))
    count = 0
    for node in nodes:
        if count == size:
            raise MalformedError("seal", f"more than {size} claims or subtrees")
        if count != index:
            while count >= stop:
                (_, stop), tree = next(turns)
            tree.add(node)
        count += 1
    if count != size:
        raise MalformedError("seal", f"{count} claims or subtrees, not {size}")
    return tuple(Sibling(node[0], node[2], node[3]) for node in (tree.root() for tree in trees))


def verify_place(total: Node, leaf: Leaf, index: int, path: Sequence[Sibling]) -> None:
    """Raise :class:`VerificationError` unless ``leaf`` is claim ``index`` of the tree with this root and sums."""
    if type(index) is not int or not 0 <= index < total.count <= merkle.MAX_SIZE:
        raise VerificationError(f"place {index} is not in a seal of {total.count} claims", step=_STEP)
    ranges = _ranges(index, total.count)
    if len(path) != len(ranges):
        raise VerificationError(f"the path has {len(path)} steps, not {len(ranges)}", step=_STEP)
    node = leaf.node()
    try:
        for (start, stop), sibling in zip(ranges, path, strict=True):
            _check_sibling(sibling)
            beside = Node(sibling.hash, stop - start, sibling.receivable, sibling.credit)
            node = join(beside, node) if start < index else join(node, beside)
    except MalformedError as error:
        raise VerificationError(error.reason, step=_STEP) from error
    if node != total:
        what = "another root" if node.hash != total.hash else "other sums"
        raise VerificationError(
            f"the path of claim {index} of {total.count} leads to {what} than the seal's", step=_STEP
        )


def _check_sibling(sibling: Sibling) -> None:
    if not isinstance(sibling.hash, bytes) or len(sibling.hash) != merkle.HASH_SIZE:
        raise MalformedError("seal path", "a hash is not 32 bytes")
    for amount in (sibling.receivable, sibling.credit):
        if type(amount) is not int or not 0 <= amount <= MAX_UNITS:
            raise MalformedError("seal path", "a subtotal is not from 0 to 2^128 − 1")


def _ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The leaves [start, stop) under each sibling of leaf ``index``, from the leaf upwards."""
    return [
        (cover[0][1] << cover[0][0], (cover[-1][1] + 1) << cover[-1][0])
        for cover in merkle.inclusion_nodes(index, size)
    ]
