"""The log as pages show it: its checkpoints with register and anchor, its entries, and the proof between two sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from api.portal.models.ladder import Step, of_log, reach
from ledger import published
from ledger.access import Caller, View
from ledger.errors import NotFoundError
from ledger.log import Ledger
from ledger.proofs import merkle
from ledger.store import ReadConnection, anchors, logs, outbox, records, subjects, trees
from ledger.store.anchors import AnchorRow
from ledger.store.logs import LogRow
from ledger.store.outbox import TransactionRow
from ledger.store.trees import CheckpointRow

#: Checkpoints, and entries, on one page.
PAGE: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A checkpoint in the list, with its register and, where it was anchored, its anchor.

    ``covered_by`` is the smallest size with an anchor, made or under way, whose tree extends this one; one that was
    passed over stands under a later one too. None where there is none yet.
    """

    size: int
    root: str
    published: str
    claims: int
    register_root: str
    anchor: AnchorRow | None
    covered_by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """The log's ladder, some of its checkpoints from the newest on, and the size before which the next page begins."""

    ladder: tuple[Step, ...]
    rows: tuple[Row, ...]
    total: int
    next: int | None
    contract: str | None
    chain_id: int | None
    log_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointPage:
    """One checkpoint, verbatim, with all that was done for it; ``previous`` and ``following`` are sizes beside it."""

    row: Row
    note: str
    signers: tuple[str, ...]
    transactions: tuple[TransactionRow, ...]
    evidence: bool
    previous: int | None
    following: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistency:
    """The proof that the tree of ``second`` extends that of ``first``, which was checked as it is shown."""

    first: int
    second: int
    first_root: str
    second_root: str
    proof: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A leaf: a record's digest, or a register's root. ``seen`` says whether the reader may open the record."""

    index: int
    kind: str
    digest: str
    state: str
    seen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesPage:
    """Entries from ``first`` on; the addresses before and after, None at the ends."""

    rows: tuple[Entry, ...]
    first: int
    size: int
    previous: int | None
    next: int | None


def log_page(ledger: Ledger, *, before: int | None) -> LogPage:
    """The newest checkpoints with a size below ``before``."""
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        found = trees.checkpoints_before(connection, log.id, before=before, limit=PAGE + 1)
        shown = found[:PAGE]
        return LogPage(
            ladder=of_log(reach(connection, log), log.posted or None),
            rows=tuple(row_of(connection, log, one) for one in shown),
            total=trees.count_checkpoints(connection, log.id),
            next=shown[-1].size if len(found) > PAGE else None,
            contract=None if log.chain is None else "0x" + log.chain.contract.hex(),
            chain_id=None if log.chain is None else log.chain.chain_id,
            log_key=None if log.chain is None else "0x" + log.chain.log_key.hex(),
        )


def checkpoint_page(ledger: Ledger, size: int) -> CheckpointPage:
    """One checkpoint. Raises :class:`NotFoundError`."""
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        found = published.checkpoint(connection, log, size)
        following = trees.first_checkpoint_above(connection, log.id, size)
        before = trees.checkpoints_before(connection, log.id, before=size, limit=1)
        return CheckpointPage(
            row=row_of(connection, log, found),
            note=bytes(found.note).decode(),
            signers=_signers(found.note),
            transactions=tuple(outbox.transactions(connection, anchors.job(log.id, size))),
            evidence=anchors.evidence(connection, log.id, size) is not None,
            previous=before[0].size if before else None,
            following=None if following is None else following.size,
        )


def consistency(ledger: Ledger, first: int, second: int) -> Consistency:
    """The proof between two published sizes, in whichever order they are named. Raises :class:`NotFoundError`."""
    first, second = sorted((first, second))
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        found = published.consistency(connection, log, first, second)
    first_root, second_root = bytes(found.first.root), bytes(found.second.root)
    merkle.verify_consistency(first, second, first_root, second_root, list(found.proof))
    return Consistency(
        first=first, second=second, first_root=first_root.hex(), second_root=second_root.hex(),
        proof=tuple(one.hex() for one in found.proof),
    )  # fmt: skip


def entries_page(ledger: Ledger, caller: Caller, *, first: int) -> EntriesPage:
    """Entries from ``first`` on, records and registers. Raises :class:`NotFoundError` beyond the log."""
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        if first and first >= log.size:
            raise NotFoundError(f"no entry {first}: the log has {log.size}")
        stop = min(first + PAGE, log.size)
        found, view = reach(connection, log), View(connection, log, caller)
        own = list(records.between(connection, log.id, first, stop))
        about = subjects.by_id(connection, {one.subject_id for one in own})
        seen = {row.id: view.sees(row) for row in about.values()}
        rows = [
            Entry(
                index=one.index, kind="record", digest=bytes(one.digest).hex(), state=found.state_of(one.index),
                seen=seen[one.subject_id],
            )
            for one in own
        ]  # fmt: skip
        rows += [
            Entry(
                index=one.index, kind="register", digest=bytes(one.root).hex(), state=found.state_of(one.index),
                seen=True,
            )
            for one in trees.registers_between(connection, log.id, first, stop)
        ]  # fmt: skip
    return EntriesPage(
        rows=tuple(sorted(rows, key=lambda one: one.index)),
        first=first,
        size=log.size,
        previous=max(0, first - PAGE) if first else None,
        next=stop if stop < log.size else None,
    )


def row_of(connection: ReadConnection, log: LogRow, found: CheckpointRow) -> Row:
    """A checkpoint with what stands beside it in the list."""
    register = published.register(connection, log, found.size)
    return Row(
        size=found.size, root=bytes(found.root).hex(), published=found.published, claims=register.count,
        register_root=bytes(register.root).hex(), anchor=anchors.get(connection, log.id, found.size),
        covered_by=anchors.smallest_size_above(connection, log.id, found.size - 1),
    )  # fmt: skip


def _signers(note: bytes) -> tuple[str, ...]:
    """The names under a checkpoint, the log's own first."""
    _, _, lines = note.decode().rpartition("\n\n")
    return tuple(line.split(" ")[1] for line in lines.splitlines())
