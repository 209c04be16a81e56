"""From entries to the anchored root: the checkpoint, the whole tree, the register, and what the contract holds.

The tree is hashed in ranges of entries that are whole subtrees, so ranges can be hashed on any core and combine
exactly; the register's pages are read to the last leaf and folded to the root that the tree ends in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import Final, NamedTuple, Protocol

from ledger import register
from ledger.audit.findings import Notes
from ledger.errors import InconsistencyError, IntegrityError, NotFoundError
from ledger.grounds import register_leaf
from ledger.issue import chain_binding
from ledger.proofs import merkle, tiles
from ledger.proofs.entries import RegisterEntry, record_entry
from ledger.proofs.ladder import Ladder
from ledger.proofs.merkle import CompactRange, leaf_hash
from ledger.proofs.trust import TrustRoot
from ledger.proofs.verdict import AnchorSource, AnchorView, Verdict
from ledger.store import ReadConnection, Store, records, trees
from ledger.store.logs import LogRow
from ledger.store.trees import CheckpointRow, RegisterRow

#: Entries of one range: 2^16 leaves are one node of the tree, and a fraction of a second's work.
RANGE: Final = 1 << 16

#: Roots of perfect subtrees, largest first; of a full range just one.
Frontier = tuple[bytes, ...]
#: Stands for a leaf that nothing tells; the tree is not compared then.
_UNKNOWN: Final = bytes(merkle.HASH_SIZE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What was shown of the audited size, and the anchor where one was seen."""

    checkpoint: CheckpointRow
    register: RegisterRow
    verdict: Verdict
    view: AnchorView | None


def open_size(
    connection: ReadConnection,
    log: LogRow,
    size: int | None,
    *,
    trust: TrustRoot,
    anchors: AnchorSource | None,
    notes: Notes,
) -> Opened:  # fmt: skip
    """Take the verifier's ladder for a size (default: the newest): log, checkpoint, register, anchor, finality.

    Raises :class:`NotFoundError` for a size that is not published, and :class:`VerificationError` where log, checkpoint
    or register do not verify under the trust root: then there is nothing to audit against.
    """
    row = trees.checkpoint(connection, log.id, size)
    if row is None:
        if size is not None:
            raise NotFoundError(f"size {size} is not published")
        raise NotFoundError(
            "nothing is published yet: `poolproof publish` signs the tree that an audit stands on"
        )
    if size is None and row.size < log.published:
        raise IntegrityError(
            f"checkpoint {log.published} is not in the table checkpoints, the newest there is {row.size}:"
            " name a size to audit that one"
        )
    entry = trees.register_at(connection, log.id, row.size - 1)
    if entry is None:
        raise IntegrityError(
            f"checkpoint {row.size} does not end in a register entry: its row in the table registers is not there"
        )
    ladder, source = Ladder(trust), None if anchors is None else _Seen(anchors)
    ladder.same_log(log.origin, chain_binding(log))
    opened = ladder.checkpoint(bytes(row.note).decode())
    ladder.register(opened.checkpoint, register_leaf(connection, log, row.size))
    notes.procedure("checkpoint").answered()
    procedure = notes.procedure("anchor")
    try:
        ladder.climb(opened, source, None)
    except InconsistencyError:
        held = source.view.root.hex() if source is not None and source.view is not None else ""
        notes.find("anchor.contradicts", "log", size=row.size, held=held, signed=opened.checkpoint.root.hex())
    verdict, view = ladder.verdict("audit"), None if source is None else source.view
    if view is None:
        reason = next((one.says for one in verdict.not_checked if one.name == "anchor"), "no node was asked")
        procedure.undecided(reason)
    else:
        procedure.answered()
        _check_age(trust, view, notes)
    return Opened(checkpoint=row, register=entry, verdict=verdict, view=view)


class _Seen:
    """Passes a source's answer on and keeps it."""

    def __init__(self, source: AnchorSource) -> None:
        self._source = source
        self.view: AnchorView | None = None

    def root_at(self, size: int) -> AnchorView:
        self.view = self._source.root_at(size)
        return self.view


def _check_age(trust: TrustRoot, view: AnchorView, notes: Notes) -> None:
    allowed = trust.chain.max_anchor_age if trust.chain is not None else None
    if allowed is not None and view.anchor_age is not None and view.anchor_age > allowed:
        notes.find("anchor.old", "log", age=f"{view.anchor_age} s", allowed=f"{allowed} s")


def ranges(size: int) -> list[tuple[int, int]]:
    """The tree's entries in whole subtrees, and a shorter last range."""
    return [(start, min(start + RANGE, size)) for start in range(0, size, RANGE)]


class Scan(Protocol):
    """What is shown a range's records while they are hashed, in ascending order."""

    def take(self, index: int, raw: bytes | None) -> None:
        """The next record's bytes; None where they are erased."""

    def miss(self, index: int) -> None:
        """There is neither a record nor a register at this index."""


class Missing(NamedTuple):
    """Entries ``first`` to ``last`` are not there; ``leaf`` is what a tile has for the first, None without one."""

    first: int
    last: int
    leaf: bytes | None


class Hashed(NamedTuple):
    """What a range of entries hashes to. For entries that are missing the tiles' hashes stand in, if they have them."""

    frontier: Frontier
    missing: tuple[Missing, ...] = ()


def hash_range(
    store: Store,
    log: LogRow,
    start: int,
    stop: int,
    *,
    scan: Scan | None = None,
) -> Hashed:
    """What the entries [start, stop) hash to; record bytes count by their own digest, erased ones by the stored one.

    ``scan`` is shown each record on the way.
    """
    with store.read() as connection:
        registers = {
            row.index: RegisterEntry(index=row.index, count=row.count, root=bytes(row.root)).encode()
            for row in trees.registers_between(connection, log.id, start, stop)
        }
        leaves: list[bytes] = []
        gone: list[int] = []

        def pass_over(upto: int) -> None:
            """Entries before ``upto`` that are no records: registers, and what is missing."""
            for index in range(start + len(leaves), upto):
                if index in registers:
                    leaves.append(leaf_hash(registers[index]))
                    continue
                leaves.append(_UNKNOWN)
                gone.append(index)
                if scan is not None:
                    scan.miss(index)

        for index, stored, record in records.committed(connection, log.id, start, stop):
            if index - start != len(leaves):
                pass_over(index)
            digest = bytes(stored) if record is None else sha256(record).digest()
            leaves.append(leaf_hash(record_entry(digest)))
            if scan is not None:
                scan.take(index, record)
        pass_over(stop)
        kept = _kept_leaves(connection, log, gone)
    for index, leaf in kept.items():
        leaves[index - start] = leaf
    tree = CompactRange()
    tree.extend(leaves)
    return Hashed(tree.frontier, tuple(_runs(gone, kept)))


def _kept_leaves(connection: ReadConnection, log: LogRow, indexes: Sequence[int]) -> dict[int, bytes]:
    """The leaf hashes of these entries (ascending) as far as the tiles have them."""
    found: dict[int, bytes] = {}
    for n, of_tile in groupby(indexes, key=lambda index: index // tiles.WIDTH):
        hashes = bytes(trees.tile(connection, log.id, 0, n) or b"")
        for index in of_tile:
            at = index % tiles.WIDTH * merkle.HASH_SIZE
            if at + merkle.HASH_SIZE <= len(hashes):
                found[index] = hashes[at : at + merkle.HASH_SIZE]
    return found


def _runs(indexes: Sequence[int], kept: Mapping[int, bytes]) -> Iterator[Missing]:
    """Neighbouring entries together; those whose leaf is known apart from those whose leaf is not."""
    # Neighbours have the same difference between their index and their place in the list.
    for _, run in groupby(enumerate(indexes), key=lambda pair: (pair[1] - pair[0], pair[1] in kept)):
        entries = [index for _, index in run]
        yield Missing(entries[0], entries[-1], kept.get(entries[0]))


def check_tree(ranges: Sequence[Hashed], checkpoint: CheckpointRow, notes: Notes) -> None:
    """No entry is missing, and the ranges combine to the root that the checkpoint signs."""
    missing = [one for hashed in ranges for one in hashed.missing]
    for one in missing:
        notes.find(
            "entry.missing", "log", leaf=one.leaf.hex() if one.leaf else "unknown",
            entries=str(one.first) if one.first == one.last else f"{one.first}–{one.last}",
        )  # fmt: skip
    gone = sum(one.last + 1 - one.first for one in missing)
    procedure = notes.procedure("tree")
    procedure.answered(checkpoint.size - gone)
    if gone:
        procedure.undecided("the entry is missing: its hash is taken from a tile, if one has it", gone)
    if any(one.leaf is None for one in missing):
        return
    whole = CompactRange()
    whole.extend(hashed.frontier[0] for hashed in ranges[:-1])  # full ranges: one node each, of one level
    found = merkle.fold([*whole.frontier, *(ranges[-1].frontier if ranges else ())])
    if found != bytes(checkpoint.root):
        notes.find("tree.contradicts", "log", found=found.hex(), signed=bytes(checkpoint.root).hex())


def check_register(
    connection: ReadConnection, log: LogRow, row: RegisterRow, progress: Callable[[int, int], None]
) -> None:
    """The register's stored pages are those of the root that the tree ends in.

    Raises :class:`IntegrityError`: lookups in pages that are not the register's would show nothing.
    """
    root, count = register.fold(
        lambda ids: trees.pages(connection, log.id, ids), row.page, lambda seen: progress(seen, row.count)
    )
    if root != bytes(row.root) or count != row.count:
        raise IntegrityError(f"the stored register at {row.index} is not the one that the tree commits to")
