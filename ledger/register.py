"""The register: the map from asset key or pool to its state, kept up to date as the log grows.

The map's root is that of the path-compressed Merkle Patricia map of :mod:`ledger.proofs.mpt`. How it is
*kept* is this module's business: as immutable pages, each written once under its own id, so that a new
register shares every page that did not change and any old one can still be walked from its root page.

::

    bucket  00 || n × (key[32] || value[64])            up to 32 leaves, ascending
    branch  01 || 16 × (page id uint64 || hash[32])     by the next 4 bits of the key; id 0: nothing there

A page at depth d holds the keys that share their first 4·d bits. The shape of the pages does not matter to
anyone but this module: keys are of one length, so where both halves of a key range hold something, the
first bit in which they differ is the bit that parts the range, and the hashes come out the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from struct import Struct
from typing import NamedTuple

from ledger.errors import IntegrityError
from ledger.proofs import mpt

KEY_LENGTH = 32
VALUE_LENGTH = 64
#: A fuller bucket becomes a branch. Small buckets make small history; large ones make few rows.
BUCKET_LEAVES = 32
_BUCKET, _BRANCH = b"\x00", b"\x01"
_SLOT = Struct(">Q32s")
_LEAF = Struct("32s64s")
_NO_SLOT = (0, b"")
#: Children of a branch: the next 4 bits of the key.
_FAN = 16
#: Leaves between two words on the progress.
_TOLD_EACH = 1 << 16

ReadPages = Callable[[Iterable[int]], Mapping[int, bytes]]
Slot = tuple[int, bytes]
_Leaves = dict[bytes, bytes]
#: What one of two registers has in a place: a page, or leaves that the other keeps in several.
_Side = Slot | _Leaves


class Update(NamedTuple):
    """A new register: its root page and root, the pages to write, and those of the old one it no longer uses."""

    page: int
    root: bytes
    written: list[tuple[int, bytes]]
    replaced: list[int]
    added: int


class Lookup(NamedTuple):
    """What stands under a key (None: nothing), and the proof of it against the register's root."""

    value: bytes | None
    proof: mpt.Proof


def update(read: ReadPages, page: int, next_page: int, changes: Mapping[bytes, bytes]) -> Update:
    """Give each key of ``changes`` its value, in the register whose root page is ``page`` (0: the empty one).

    New pages take the ids from ``next_page`` on. ``added`` counts the keys that were not there before.
    """
    for key, value in changes.items():
        if len(key) != KEY_LENGTH or len(value) != VALUE_LENGTH:
            raise ValueError("a register key has 32 bytes and a value 64")
    writer = _Writer(next_page)
    leaves = sorted(changes.items())
    pages = _load(read, page, [key for key, _ in leaves])
    slot = _apply(writer, pages, page, 0, leaves)
    return Update(slot[0], slot[1] or mpt.EMPTY_ROOT, writer.written, writer.replaced, writer.added)


def lookup(read: ReadPages, page: int, key: bytes) -> Lookup:
    """The value under ``key`` in the register with this root page, with a proof of its presence or absence."""
    if len(key) != KEY_LENGTH:
        raise ValueError("a register key has 32 bytes")
    steps: list[tuple[int, bytes]] = []  # (bit, hash of the other side), from the root down
    depth = 0
    while page:
        data = _one(read, page)
        if data[:1] == _BUCKET:
            bucket = dict(_leaves(data))
            inner = mpt.prove(bucket, key)
            return Lookup(bucket.get(key), mpt.Proof(inner.steps + tuple(reversed(steps)), inner.other))
        slots = _slots(data)
        page, depth = slots[_descend(slots, key, depth, steps)][0], depth + 1
    return Lookup(None, mpt.Proof(()))


def values(read: ReadPages, page: int, keys: Sequence[bytes]) -> dict[bytes, bytes]:
    """What stands under these keys, ascending, in the register with this root page; without those it lacks.

    A page is read once for all of them, so neighbours cost little.
    """
    wanted = set(keys)
    return {
        key: value
        for data in _load(read, page, keys).values()
        if data[:1] == _BUCKET
        for key, value in _leaves(data)
        if key in wanted
    }


def leaves(read: ReadPages, page: int) -> Iterator[tuple[bytes, bytes]]:
    """Every (key, value) of a register in ascending order, a page at a time."""
    stack = [page] if page else []
    while stack:
        at = stack.pop()
        data = _one(read, at)
        if data[:1] == _BUCKET:
            yield from _leaves(data)
        else:
            stack.extend(slot[0] for slot in reversed(_below(data, at)) if slot[0])


def fold(read: ReadPages, page: int, told: Callable[[int], None] = lambda _seen: None) -> tuple[bytes, int]:
    """The root that all leaves of a register give, trusting no hash in its pages, and how many they are.

    ``told`` is called with the number of leaves seen, now and then.
    """
    seen = 0

    def hashed() -> Iterator[tuple[bytes, bytes]]:
        nonlocal seen
        for key, value in leaves(read, page):
            yield key, mpt.leaf_hash(key, value)
            seen += 1
            if seen % _TOLD_EACH == 0:
                told(seen)

    return mpt.fold(hashed(), KEY_LENGTH), seen


def changed(read: ReadPages, old: int, new: int, prefix: str = "") -> Iterator[tuple[bytes, bytes | None]]:
    """(key, value) for each key whose value in the register ``new`` is another than in ``old``; None: it is gone.

    Both are root pages; ``prefix`` are the hex digits that the keys asked for begin with. Pages that the two share are
    not read, so this costs what changed between them; a level of the map is read at a time.
    """
    digits = [int(digit, _FAN) for digit in prefix]
    pairs: list[tuple[_Side, _Side]] = [((old, b""), (new, b""))] if old != new else []
    depth = 0
    while pairs:
        wanted = {side[0] for pair in pairs for side in pair if isinstance(side, tuple) and side[0]}
        found = read(wanted)
        if len(found) != len(wanted):
            raise IntegrityError(f"register: page {min(wanted - set(found))} is missing")
        below: list[tuple[_Side, _Side]] = []
        for before, after in pairs:
            one, other = _opened(before, found), _opened(after, found)
            if isinstance(one, dict) and isinstance(other, dict):
                differ = [(key, value) for key, value in other.items() if one.get(key) != value]
                gone = [(key, None) for key in one.keys() - other.keys()]
                yield from (leaf for leaf in (*differ, *gone) if leaf[0].hex().startswith(prefix))
                continue
            for nibble in range(_FAN) if depth >= len(digits) else (digits[depth],):
                left, right = _child(one, nibble, depth), _child(other, nibble, depth)
                if left != right:
                    below.append((left, right))
        pairs, depth = below, depth + 1


def _opened(side: _Side, found: Mapping[int, bytes]) -> _Leaves | list[Slot]:
    """The leaves of a bucket, or the slots of a branch."""
    if isinstance(side, dict):
        return side
    page = side[0]
    if not page:
        return {}
    return dict(_leaves(found[page])) if found[page][:1] == _BUCKET else _below(found[page], page)


def _child(part: _Leaves | list[Slot], nibble: int, depth: int) -> _Side:
    """What a side has under a nibble: a slot, or those leaves of its bucket, which the other side has parted."""
    if isinstance(part, list):
        return part[nibble]
    return {key: value for key, value in part.items() if _nibble(key, depth) == nibble} or _NO_SLOT


def root_of(read: ReadPages, page: int) -> bytes:
    """The root that a register's root page gives, trusting the hashes in it."""
    if not page:
        return mpt.EMPTY_ROOT
    data = _one(read, page)
    if data[:1] == _BUCKET:
        return mpt.fold_sorted([(key, mpt.leaf_hash(key, value)) for key, value in _leaves(data)])
    return _combine([digest for _, digest in _slots(data)], 0)


def verify(read: ReadPages, page: int, root: bytes, verified: dict[int, tuple[bytes, str]]) -> None:
    """Walk a register from its root page; each page must have the hash that leads to it, and keys of its own place.

    ``verified`` keeps what was shown of pages before (hash, and the hex digits that their keys begin with), so that
    those that registers share are walked once. Raises :class:`IntegrityError`.
    """
    level = {page: (root, "")} if page else {}
    if not page and root != mpt.EMPTY_ROOT:
        raise IntegrityError("register: no page is the root of it")
    while level:
        level = {one: slot for one, slot in level.items() if verified.get(one) != slot}
        found = read(level)
        below: dict[int, tuple[bytes, str]] = {}
        for one, (expected, prefix) in level.items():
            if one not in found:
                raise IntegrityError(f"register: page {one} is missing")
            if _page_hash(found[one], prefix, one) != expected:
                raise IntegrityError(f"register: page {one} has another hash than what leads to it says")
            verified[one] = (expected, prefix)
            if found[one][:1] == _BRANCH:
                for nibble, (child, digest) in enumerate(_below(found[one], one)):
                    if child:
                        below[child] = (digest, f"{prefix}{nibble:x}")
        level = below


def _page_hash(data: bytes, prefix: str, page: int) -> bytes:
    """The hash of a page whose keys begin with these hex digits."""
    if data[:1] == _BRANCH:
        return _combine([digest for _, digest in _below(data, page)], 4 * len(prefix))
    found = _leaves(data)
    keys = [key for key, _ in found]
    if keys != sorted(set(keys)) or not all(key.hex().startswith(prefix) for key in keys):
        raise IntegrityError(f"register: the keys of page {page} are not in their place")
    return mpt.fold_sorted([(key, mpt.leaf_hash(key, value)) for key, value in found])


class _Writer:
    """Hands out page ids and collects what is written."""

    def __init__(self, next_page: int) -> None:
        self.next_page = next_page
        self.written: list[tuple[int, bytes]] = []
        self.replaced: list[int] = []
        self.added = 0

    def write(self, data: bytes, root: bytes) -> Slot:
        page = self.next_page
        self.next_page += 1
        self.written.append((page, data))
        return page, root


def _load(read: ReadPages, page: int, keys: Sequence[bytes]) -> dict[int, bytes]:
    """The pages on the paths of ``keys``, a level at a time: as many queries as the map is deep."""
    loaded: dict[int, bytes] = {}
    frontier: dict[int, Sequence[bytes]] = {page: keys} if page and keys else {}
    depth = 0
    while frontier:
        found = read(frontier)
        if len(found) != len(frontier):
            raise IntegrityError(f"register: page {min(set(frontier) - set(found))} is missing")
        loaded.update(found)
        below: dict[int, Sequence[bytes]] = {}
        for page_id, part in frontier.items():
            if found[page_id][:1] == _BRANCH:
                slots = _slots(found[page_id])
                for nibble, some in _by_nibble(part, depth):
                    if slots[nibble][0]:
                        below[slots[nibble][0]] = some
        frontier, depth = below, depth + 1
    return loaded


def _apply(
    writer: _Writer, pages: Mapping[int, bytes], page: int, depth: int, changes: Sequence[tuple[bytes, bytes]]
) -> Slot:
    if not changes:
        raise ValueError("no change to apply")
    if page and pages[page][:1] == _BRANCH:
        writer.replaced.append(page)
        slots = _slots(pages[page])
        start = 0
        for nibble, keys in _by_nibble([key for key, _ in changes], depth):
            part = changes[start : start + len(keys)]
            slots[nibble] = _apply(writer, pages, slots[nibble][0], depth + 1, part)
            start += len(keys)
        return _write_branch(writer, slots, depth)
    standing: dict[bytes, bytes] = {}
    if page:
        writer.replaced.append(page)
        standing = dict(_leaves(pages[page]))
    before = len(standing)
    standing.update(changes)
    writer.added += len(standing) - before
    return _build(writer, sorted(standing.items()), depth)


def _build(writer: _Writer, leaves: Sequence[tuple[bytes, bytes]], depth: int) -> Slot:
    """Pages for leaves that share their first 4·depth bits."""
    if len(leaves) <= BUCKET_LEAVES:
        root = mpt.fold_sorted([(key, mpt.leaf_hash(key, value)) for key, value in leaves])
        return writer.write(_BUCKET + b"".join(key + value for key, value in leaves), root)
    slots = [_NO_SLOT] * _FAN
    start = 0
    for nibble, keys in _by_nibble([key for key, _ in leaves], depth):
        slots[nibble] = _build(writer, leaves[start : start + len(keys)], depth + 1)
        start += len(keys)
    return _write_branch(writer, slots, depth)


def _write_branch(writer: _Writer, slots: Sequence[Slot], depth: int) -> Slot:
    data = _BRANCH + b"".join(_SLOT.pack(page, digest) for page, digest in slots)
    return writer.write(data, _combine([digest for _, digest in slots], depth * 4))


def _combine(hashes: Sequence[bytes], bit: int) -> bytes:
    """The hash over a range of slots; ``bit`` is the one that parts its halves, b"" where nothing stands."""
    if len(hashes) == 1:
        return hashes[0]
    middle = len(hashes) // 2
    left, right = _combine(hashes[:middle], bit + 1), _combine(hashes[middle:], bit + 1)
    return mpt.inner_hash(bit, left, right) if left and right else left or right


def _descend(slots: Sequence[Slot], key: bytes, depth: int, steps: list[tuple[int, bytes]]) -> int:
    """Walk a branch's four bits as the Patricia map does; returns the slot it ends in.

    Where only one side holds anything there is no node, and the walk goes to that side whatever the key says:
    that is how it ends at another key's leaf and thereby shows that the key is absent.
    """
    low, high, bit = 0, 16, depth * 4
    while high - low > 1:
        middle = (low + high) // 2
        left = _combine([digest for _, digest in slots[low:middle]], bit + 1)
        right = _combine([digest for _, digest in slots[middle:high]], bit + 1)
        go_right = bool(mpt.key_bit(key, bit)) if left and right else bool(right)
        if left and right:
            steps.append((bit, left if go_right else right))
        low, high, bit = (middle, high, bit + 1) if go_right else (low, middle, bit + 1)
    return low


def _by_nibble(keys: Sequence[bytes], depth: int) -> Iterable[tuple[int, Sequence[bytes]]]:
    """Ascending keys in runs of one nibble at this depth."""
    start = 0
    while start < len(keys):
        nibble = _nibble(keys[start], depth)
        stop = start + 1
        while stop < len(keys) and _nibble(keys[stop], depth) == nibble:
            stop += 1
        yield nibble, keys[start:stop]
        start = stop


def _nibble(key: bytes, depth: int) -> int:
    try:
        byte = key[depth >> 1]
    except IndexError:
        raise IntegrityError("register: pages go deeper than its keys") from None
    return byte & 15 if depth & 1 else byte >> 4


def _one(read: ReadPages, page: int) -> bytes:
    found = read((page,)).get(page)
    if found is None:
        raise IntegrityError(f"register: page {page} is missing")
    return found


def _slots(data: bytes) -> list[Slot]:
    if data[:1] != _BRANCH or len(data) != 1 + _FAN * _SLOT.size:
        raise IntegrityError("register: a stored page is neither a branch nor a bucket")
    return [(page, digest) if page else _NO_SLOT for page, digest in _SLOT.iter_unpack(data[1:])]


def _below(data: bytes, page: int) -> list[Slot]:
    """The slots of a branch; pages are written from the leaves up, so what leads back up is no register."""
    slots = _slots(data)
    if any(child >= page for child, _ in slots):
        raise IntegrityError(f"register: page {page} leads to one that was written after it")
    return slots


def _leaves(data: bytes) -> list[tuple[bytes, bytes]]:
    if len(data) % _LEAF.size != 1:
        raise IntegrityError("register: a stored page is neither a branch nor a bucket")
    return list(_LEAF.iter_unpack(data[1:]))
