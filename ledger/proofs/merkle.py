"""The log's tree: RFC 9162 section 2.1 over SHA-256.

::

    leaf  H(00 || entry)        node  H(01 || left || right)        empty root  H("")

A node is named ``(level, index)``: the perfect subtree over leaves ``index << level`` up to, not with,
``(index + 1) << level``.
Functions that make proofs answer for a whole list of leaf hashes; :func:`inclusion_nodes` and
:func:`consistency_nodes` name the nodes a proof is made of, so that tiles or a database can serve them.

Verifiers check all bounds and the exact length of the proof before they hash, and raise
:class:`VerificationError`; they return nothing, because there is nothing more to know.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, TypeVar

from ledger.errors import MalformedError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

HASH_SIZE: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
#: Tree sizes are below 2^63, as in Go's tlog, so that they fit signed integers of databases and clients.
MAX_SIZE: Final = 2**63 - 1

#: ``(level, index)`` of a perfect subtree.
Node = tuple[int, int]
#: Perfect subtrees, left to right, that together are one subtree of the proof; folded from the right.
Cover = tuple[Node, ...]
#: What a tree of this shape may hold in its nodes: a hash, or a hash with sums.
Subtree = TypeVar("Subtree")

_sha256 = hashlib.sha256


def leaf_hash(entry: bytes) -> bytes:
    """``H(00 || entry)``."""
    return _sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """``H(01 || left || right)``."""
    return _sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """Join the hashes of adjacent subtrees, largest first, into the hash of the range they cover."""
    if not hashes:
        return EMPTY_ROOT
    result = hashes[-1]
    for left in reversed(hashes[:-1]):
        result = _sha256(b"\x01" + left + result).digest()
    return result


def parents(hashes: Sequence[bytes]) -> list[bytes]:
    """One level up: the hash of each full pair; an unpaired last hash is left out."""
    sha = _sha256
    return [sha(b"\x01" + a + b).digest() for a, b in zip(hashes[::2], hashes[1::2], strict=False)]


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root of the tree over ``leaf_hashes``; ``H("")`` for none."""
    edge: list[bytes] = []
    level = list(leaf_hashes)
    while level:
        if len(level) & 1:
            edge.append(level[-1])
        level = parents(level)
    return fold(edge[::-1])


def without_one(
    leaves: Sequence[Subtree],
    places: Iterable[int],
    *,
    join: Callable[[Subtree, Subtree], Subtree],
    empty: Subtree,
) -> Iterator[Subtree]:
    """The root of the tree without the leaf at each of ``places``, with about log₂(size) joins each.

    Of any tree of this shape: ``join`` makes its nodes, ``empty`` is its root over no leaves. Without leaf i the leaves
    before it stand as they stood and those after it one place to the left, so each root is put together from the nodes
    of two trees, of all leaves and of all but the first, and from the path between them.
    """

    def joined(level: Sequence[Subtree]) -> list[Subtree]:
        return [join(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]

    whole, shifted = _levels(leaves, joined), _levels(leaves[1:], joined)
    covers = cover(0, len(leaves) - 1)

    def node(level: int, place: int, left_out: int) -> Subtree:
        if (place + 1) << level <= left_out:
            return whole(level, place)
        if place << level >= left_out:
            return shifted(level, place)
        return join(node(level - 1, 2 * place, left_out), node(level - 1, 2 * place + 1, left_out))

    for left_out in places:
        nodes = [node(level, place, left_out) for level, place in covers]
        root = nodes.pop() if nodes else empty
        while nodes:
            root = join(nodes.pop(), root)
        yield root


def cover(start: int, end: int) -> Cover:
    """The perfect subtrees that make up leaves ``[start, end)``, left to right.

    ``start`` must be a multiple of a power of two that is at least ``end - start``, as every subtree of the
    tree is; then they shrink from left to right.
    """
    nodes: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return tuple(nodes)


def inclusion_nodes(index: int, size: int) -> list[Cover]:
    """The subtrees whose hashes are the inclusion proof of leaf ``index`` in a tree of ``size``, in order."""
    if not 0 <= index < size <= MAX_SIZE:
        raise MalformedError("leaf index", f"{index} is not in a tree of size {size}")
    return _path(index, index + 1, size)


def consistency_nodes(size1: int, size2: int) -> list[Cover]:
    """The subtrees whose hashes are the consistency proof from ``size1`` to ``size2``, in order.

    Empty when the sizes are equal. From size 0 there is no proof.
    """
    if not 0 < size1 <= size2 <= MAX_SIZE:
        raise MalformedError("tree sizes", f"no consistency proof from {size1} to {size2}")
    if size1 == size2:
        return []
    width = size1 & -size1  # the last perfect subtree of the smaller tree, where both paths begin
    path = _path(size1 - width, size1, size2)
    return path if width == size1 else [cover(size1 - width, size1), *path]


def _path(start: int, end: int, size: int) -> list[Cover]:
    """Siblings on the way from the perfect subtree ``[start, end)`` up to the root of a tree of ``size``."""
    low, high = 0, size
    down: list[Cover] = []
    while (low, high) != (start, end):
        split = low + (1 << ((high - low - 1).bit_length() - 1))
        if start < split:
            down.append(cover(split, high))
            high = split
        else:
            down.append(cover(low, split))
            low = split
    return down[::-1]


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The inclusion proof of leaf ``index`` in the tree over all of ``leaf_hashes``."""
    return read_proof(inclusion_nodes(index, len(leaf_hashes)), _levels(leaf_hashes, parents))


def consistency_proof(leaf_hashes: Sequence[bytes], size1: int) -> list[bytes]:
    """The proof that the tree over all of ``leaf_hashes`` extends the one over the first ``size1``."""
    return read_proof(consistency_nodes(size1, len(leaf_hashes)), _levels(leaf_hashes, parents))


def read_proof(covers: Iterable[Cover], node: Callable[[int, int], bytes]) -> list[bytes]:
    """The hashes of a proof from a source of nodes: ``node(level, index)`` is asked for perfect subtrees."""
    return [fold([node(level, index) for level, index in one]) for one in covers]


def _levels(
    leaves: Sequence[Subtree], above: Callable[[Sequence[Subtree]], Sequence[Subtree]]
) -> Callable[[int, int], Subtree]:
    levels = [leaves]

    def node(level: int, index: int) -> Subtree:
        while len(levels) <= level:
            levels.append(above(levels[-1]))
        return levels[level][index]

    return node


def _shape(index: int, size: int) -> tuple[int, int]:
    """How many proof hashes are below the point where the path meets the right edge, and how many above."""
    inner = (index ^ (size - 1)).bit_length()
    return inner, (index >> inner).bit_count()


def _check_hashes(step: str, named: Iterable[tuple[str, bytes]], proof: Sequence[bytes]) -> None:
    if not isinstance(proof, list | tuple):
        raise VerificationError("the proof is not a list of hashes", step=step)
    for value in proof:
        if not isinstance(value, bytes) or len(value) != HASH_SIZE:
            raise VerificationError(f"a proof hash is not {HASH_SIZE} bytes", step=step)
    for name, value in named:
        if not isinstance(value, bytes) or len(value) != HASH_SIZE:
            raise VerificationError(f"{name} is not {HASH_SIZE} bytes", step=step)


def _check_number(step: str, name: str, value: int) -> None:
    if type(value) is not int or not 0 <= value <= MAX_SIZE:
        raise VerificationError(f"{name} is not a number from 0 to 2^63 − 1", step=step)


def root_from_inclusion(index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes]) -> bytes:
    """The root that an inclusion proof leads to, after checking its bounds and its exact length."""
    step = "inclusion"
    _check_number(step, "index", index)
    _check_number(step, "size", size)
    if index >= size:
        raise VerificationError(f"index {index} is not below the size {size}", step=step)
    _check_hashes(step, [("the leaf hash", leaf_hash)], proof)
    inner, border = _shape(index, size)
    if len(proof) != inner + border:
        raise VerificationError(f"the proof has {len(proof)} hashes, not {inner + border}", step=step)
    sha = _sha256
    result = leaf_hash
    for i in range(inner):
        if index >> i & 1:
            result = sha(b"\x01" + proof[i] + result).digest()
        else:
            result = sha(b"\x01" + result + proof[i]).digest()
    for left in proof[inner:]:
        result = sha(b"\x01" + left + result).digest()
    return result


def verify_inclusion(index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Raise :class:`VerificationError` unless ``leaf_hash`` is leaf ``index`` of the tree (size, root)."""
    _check_hashes("inclusion", [("the root", root)], ())
    if root_from_inclusion(index, size, leaf_hash, proof) != root:
        raise VerificationError(
            f"the proof of leaf {index} in a tree of size {size} leads to another root", step="inclusion"
        )


def verify_consistency(size1: int, size2: int, root1: bytes, root2: bytes, proof: Sequence[bytes]) -> None:
    """Raise :class:`VerificationError` unless the tree (size2, root2) extends the tree (size1, root1).

    A proof from size 0 is refused: every tree extends the empty one, so it would show nothing.
    """
    step = "consistency"
    _check_number(step, "size1", size1)
    _check_number(step, "size2", size2)
    if size1 == 0:
        raise VerificationError("nothing is shown by a proof from size 0", step=step)
    if size1 > size2:
        raise VerificationError(f"size {size2} is below size {size1}", step=step)
    _check_hashes(step, [("root1", root1), ("root2", root2)], proof)
    if size1 == size2:
        if proof:
            raise VerificationError("the sizes are equal but the proof is not empty", step=step)
        if root1 != root2:
            raise VerificationError(f"two roots for size {size1}", step=step)
        return
    inner, border = _shape(size1 - 1, size2)
    shift = (size1 & -size1).bit_length() - 1
    inner -= shift
    # The smaller tree is itself a node of the larger one when its size is a power of two.
    hashes = [root1, *proof] if size1 == 1 << shift else list(proof)
    if len(hashes) != 1 + inner + border:
        expected = inner + border + (size1 != 1 << shift)
        raise VerificationError(f"the proof has {len(proof)} hashes, not {expected}", step=step)
    mask = (size1 - 1) >> shift
    first = second = hashes[0]
    for i, sibling in enumerate(hashes[1 : 1 + inner]):
        if mask >> i & 1:
            first = node_hash(sibling, first)
            second = node_hash(sibling, second)
        else:
            second = node_hash(second, sibling)
    for left in hashes[1 + inner :]:
        first = node_hash(left, first)
        second = node_hash(left, second)
    if first != root1:
        raise VerificationError(f"the proof does not lead to the root of size {size1}", step=step)
    if second != root2:
        raise VerificationError(f"the proof does not lead to the root of size {size2}", step=step)


class CompactRange:
    """The right edge of a growing tree: enough to append and to know the root, log₂(size) hashes.

    ``frontier`` holds the roots of the perfect subtrees of the tree, largest first.
    """

    __slots__ = ("_frontier", "_size")

    def __init__(self, size: int = 0, frontier: Iterable[bytes] = ()) -> None:
        """Start empty, or from a stored ``size`` and ``frontier``."""
        self._size = size
        self._frontier = list(frontier)
        if not 0 <= size <= MAX_SIZE or len(self._frontier) != size.bit_count():
            raise MalformedError("compact range", f"{len(self._frontier)} hashes for size {size}")
        if any(len(node) != HASH_SIZE for node in self._frontier):
            raise MalformedError("compact range", "a hash is not 32 bytes")

    @property
    def size(self) -> int:
        """How many leaves the tree has."""
        return self._size

    @property
    def frontier(self) -> tuple[bytes, ...]:
        """Roots of the perfect subtrees, largest first; one for each set bit of ``size``."""
        return tuple(self._frontier)

    def append(self, leaf_hash: bytes) -> None:
        """Add one leaf at the right."""
        size = self._size
        frontier = self._frontier
        while size & 1:
            leaf_hash = _sha256(b"\x01" + frontier.pop() + leaf_hash).digest()
            size >>= 1
        frontier.append(leaf_hash)
        self._size += 1

    def extend(self, leaf_hashes: Iterable[bytes]) -> None:
        """Add many leaves, level by level; about half as much work again as hashing them."""
        nodes = list(leaf_hashes)
        size, unpaired = self._size, []
        self._size += len(nodes)
        while nodes:
            if size & 1:  # the last node of this level waits for its right neighbour
                nodes.insert(0, self._frontier.pop())
            if len(nodes) & 1:
                unpaired.append(nodes.pop())
            nodes = parents(nodes)
            size >>= 1
        self._frontier += reversed(unpaired)

    def root(self) -> bytes:
        """The root of the tree so far."""
        return fold(self._frontier)
