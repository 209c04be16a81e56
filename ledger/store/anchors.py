"""The outbox of anchors: one row for each size that goes on chain.

What it has in common with the other outbox, its transactions too, is in :mod:`ledger.store.outbox`.

A row's states: ``planned`` (nothing signed yet), ``sent`` (a signed transaction is stored), ``mined`` (the
contract has it at the newest block), ``final`` (also at a final block), ``superseded`` (the contract went
past this size without it, which cannot be made good). Only ``mined`` goes back, when a reorg undid it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Row, func, select
from sqlalchemy.dialects import postgresql, sqlite

from ledger.store import outbox
from ledger.store.engine import ReadConnection, WriteConnection
from ledger.store.outbox import UNFINISHED, Job
from ledger.store.tables import anchor_transactions, anchors, checkpoints

#: On chain, as far as one node knows.
ANCHORED = ("mined", "final")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorRow:
    """A job of the outbox; see :data:`ledger.store.tables.anchors` for the members."""

    size: int
    prev_size: int
    root: bytes
    state: str
    planned: str | None
    account: bytes | None
    nonce: int | None
    attempts: int
    problem: str | None
    block_number: int | None
    block_hash: bytes | None
    block_time: int | None


def job(log_id: int, size: int) -> Job:
    """The job that puts this size on chain."""
    return Job(outbox.ANCHORS, log_id, size)


def want(
    connection: WriteConnection, log_id: int, size: int, root: bytes, *, planned: str | None = None
) -> None:
    """Put a published size into the outbox, unless it is there already, in whatever state."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    values = {"log_id": log_id, "size": size, "prev_size": 0, "root": root}
    statement = dialect.insert(anchors).values(
        values | {"state": "planned", "planned": planned, "attempts": 0}
    )
    connection.execute(statement.on_conflict_do_nothing())


def unfinished(connection: ReadConnection, log_id: int) -> list[AnchorRow]:
    """All that is on its way, smallest size first."""
    return _select(connection, anchors.c.log_id == log_id, anchors.c.state.in_(UNFINISHED))


def get(connection: ReadConnection, log_id: int, size: int) -> AnchorRow | None:
    """The row of this size."""
    rows = _select(connection, anchors.c.log_id == log_id, anchors.c.size == size)
    return rows[0] if rows else None


def listed(
    connection: ReadConnection, log_id: int, *, after: int = 0, limit: int | None = None
) -> list[AnchorRow]:
    """Rows with a size above ``after``, smallest first: every one, or the first ``limit``."""
    return _select(connection, anchors.c.log_id == log_id, anchors.c.size > after, limit=limit)


def newest_size(connection: ReadConnection, log_id: int, *states: str) -> int:
    """The greatest size in any of these states, 0 for none."""
    statement = select(func.max(anchors.c.size)).where(
        anchors.c.log_id == log_id, anchors.c.state.in_(states)
    )
    return int(connection.execute(statement).scalar_one() or 0)


class Payer(NamedTuple):
    """The account that paid last, and the transactions of the newest anchor that is on chain, the latest first."""

    account: bytes
    transactions: tuple[bytes, ...]


def last_payer(connection: ReadConnection, log_id: int) -> Payer | None:
    """None before anything was signed."""
    newest = select(anchors.c.account).where(anchors.c.log_id == log_id, anchors.c.account.is_not(None))
    account = connection.execute(newest.order_by(anchors.c.size.desc()).limit(1)).scalar_one_or_none()
    if account is None:
        return None
    size = newest_size(connection, log_id, *ANCHORED)
    stored = outbox.transactions(connection, job(log_id, size)) if size else []
    return Payer(bytes(account), tuple(one.hash for one in reversed(stored)))


def first_block(connection: ReadConnection, log_id: int) -> int | None:
    """The earliest block that has an anchor of the log."""
    statement = select(func.min(anchors.c.block_number)).where(anchors.c.log_id == log_id)
    block: int | None = connection.execute(statement).scalar_one()
    return block


def smallest_size_above(connection: ReadConnection, log_id: int, index: int) -> int | None:
    """The smallest size that covers the entry at ``index`` and is anchored or will be."""
    statement = select(func.min(anchors.c.size)).where(
        anchors.c.log_id == log_id, anchors.c.size > index, anchors.c.state != "superseded"
    )
    size: int | None = connection.execute(statement).scalar_one()
    return size


def last_planned(connection: ReadConnection, log_id: int) -> str | None:
    """When the policy last put a size into the outbox."""
    statement = select(func.max(anchors.c.planned)).where(anchors.c.log_id == log_id)
    planned: str | None = connection.execute(statement).scalar_one()
    return planned


def evidence(connection: ReadConnection, log_id: int, size: int) -> bytes | None:
    """The evidence file of a final anchor, verbatim."""
    statement = select(anchors.c.evidence).where(anchors.c.log_id == log_id, anchors.c.size == size)
    document: bytes | None = connection.execute(statement).scalar_one_or_none()
    return bytes(document) if document is not None else None


def with_evidence(connection: ReadConnection, log_id: int, sizes: Iterable[int]) -> set[int]:
    """Which of these sizes have an evidence file."""
    statement = select(anchors.c.size).where(
        anchors.c.log_id == log_id, anchors.c.size.in_(list(sizes)), anchors.c.evidence.is_not(None)
    )
    return set(connection.execute(statement).scalars())


def greatest_checkpoint(
    connection: ReadConnection, log_id: int, *, above: int, at_most: int
) -> tuple[int, bytes] | None:
    """The greatest published size (and root) with ``above`` < size ≤ ``at_most``."""
    statement = select(checkpoints.c.size, checkpoints.c.root).where(
        checkpoints.c.log_id == log_id, checkpoints.c.size > above, checkpoints.c.size <= at_most
    )
    row = connection.execute(statement.order_by(checkpoints.c.size.desc()).limit(1)).one_or_none()
    return (row.size, bytes(row.root)) if row else None


def signed_sizes(connection: ReadConnection, log_id: int) -> list[tuple[int, int]]:
    """(size, the size before it) of each anchor that was ever signed, ascending."""
    columns = (anchor_transactions.c.size, anchor_transactions.c.prev_size)
    statement = select(*columns).where(anchor_transactions.c.log_id == log_id).distinct().order_by(*columns)
    return [(int(size), int(prev_size)) for size, prev_size in connection.execute(statement)]


def size_of_transaction(connection: ReadConnection, log_id: int, digest: bytes) -> int | None:
    """The size that a transaction with this hash was signed to anchor."""
    where = (anchor_transactions.c.log_id == log_id) & (anchor_transactions.c.hash == digest)
    return connection.execute(select(anchor_transactions.c.size).where(where).limit(1)).scalar_one_or_none()


def _select(connection: ReadConnection, *where: Any, limit: int | None = None) -> list[AnchorRow]:
    columns = [anchors.c[name] for name in AnchorRow.__slots__]
    statement = select(*columns).where(*where).order_by(anchors.c.size).limit(limit)
    return [_anchor(row) for row in connection.execute(statement)]


def _anchor(row: Row[Any]) -> AnchorRow:
    values = dict(row._mapping)
    for name in ("root", "account", "block_hash"):
        values[name] = bytes(values[name]) if values[name] is not None else None
    return AnchorRow(**values)
