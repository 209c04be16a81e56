"""From entries to the anchored root: the checkpoint, the whole tree, the register, and what the contract holds.

The tree is hashed in ranges of entries that are whole subtrees, so ranges can be hashed on any core and combine
exactly; the register's pages are read to the last leaf and folded to the root that the tree ends in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ledger import register
from ledger.audit.findings import Notes
from ledger.errors import InconsistencyError, IntegrityError, NotFoundError
from ledger.issue import chain_binding, register_leaf
from ledger.proofs import merkle, mpt
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
        raise NotFoundError("nothing is published yet" if size is None else f"size {size} is not published")
    entry = trees.register_at(connection, log.id, row.size - 1)
    if entry is None:
        raise IntegrityError(f"checkpoint {row.size} does not end in a register entry")
    ladder, source = Ladder(trust), None if anchors is None else _Seen(anchors)
    ladder.same_log(log.origin, chain_binding(log))
    opened = ladder.checkpoint(bytes(row.note).decode())
    ladder.register(opened.checkpoint, register_leaf(connection, log, row.size))
    notes.procedure("checkpoint", "checkpoints").answered()
    procedure = notes.procedure("anchor", "checkpoints")
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


def hash_range(
    store: Store,
    log: LogRow,
    start: int,
    stop: int,
    *,
    take: Callable[[int, bytes | None], None] | None = None,
) -> Frontier:
    """What the entries [start, stop) hash to; record bytes count by their own digest, erased ones by the stored one.

    ``take`` is shown each record's index and bytes on the way. Raises :class:`IntegrityError` for a gap.
    """
    with store.read() as connection:
        registers = {
            row.index: RegisterEntry(index=row.index, count=row.count, root=bytes(row.root)).encode()
            for row in trees.registers_between(connection, log.id, start, stop)
        }
        rows = records.between(connection, log.id, start, stop)
        leaves, row = [], next(rows, None)
        for index in range(start, stop):
            if row is not None and row.index == index:
                digest = bytes(row.digest) if row.record is None else hashlib.sha256(row.record).digest()
                leaves.append(leaf_hash(record_entry(digest)))
                if take is not None:
                    take(index, row.record)
                row = next(rows, None)
            elif index in registers:
                leaves.append(leaf_hash(registers[index]))
            else:
                raise IntegrityError(f"entry {index}: neither a record nor a register stands here")
    tree = CompactRange()
    tree.extend(leaves)
    return tree.frontier


def check_tree(frontiers: Sequence[Frontier], checkpoint: CheckpointRow, notes: Notes) -> None:
    """The ranges combine to the root that the checkpoint signs."""
    whole = CompactRange()
    whole.extend(frontier[0] for frontier in frontiers[:-1])  # full ranges: one node each, of one level
    found = merkle.fold([*whole.frontier, *(frontiers[-1] if frontiers else ())])
    notes.procedure("tree", "entries").answered(checkpoint.size)
    if found != bytes(checkpoint.root):
        notes.find("tree.contradicts", "log", found=found.hex(), signed=bytes(checkpoint.root).hex())


def check_register(
    connection: ReadConnection, log: LogRow, row: RegisterRow, progress: Callable[[int, int], None]
) -> None:
    """The register's stored pages are those of the root that the tree ends in.

    Raises :class:`IntegrityError`: lookups in pages that are not the register's would show nothing.
    """
    leaves: list[tuple[bytes, bytes]] = []
    for key, value in register.leaves(lambda ids: trees.pages(connection, log.id, ids), row.page):
        leaves.append((key, mpt.leaf_hash(key, value)))
        if len(leaves) % RANGE == 0:
            progress(len(leaves), row.count)
    if mpt.fold_sorted(leaves) != bytes(row.root) or len(leaves) != row.count:
        raise IntegrityError(f"the stored register at {row.index} is not the one that the tree commits to")
