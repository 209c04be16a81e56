"""The outbox of relayed attestations: one row for each.

What it has in common with the other outbox, its transactions too, is in :mod:`ledger.store.outbox`.

A row's states: ``waiting`` (nothing signed yet), ``sent`` (a signed transaction is stored), ``mined`` (the contract has
it at the newest block), ``final`` (also at a final block), ``failed`` (the contract will never take it). Only ``mined``
goes back, when a reorg undid it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.dialects import postgresql, sqlite

from ledger.store import outbox
from ledger.store.engine import ReadConnection, WriteConnection
from ledger.store.outbox import UNFINISHED, Job
from ledger.store.tables import relays

#: On chain, as far as one node knows.
ON_CHAIN = ("mined", "final")


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayRow:
    """A job of the outbox; see :data:`ledger.store.tables.relays` for the members."""

    digest: bytes
    pool: str
    party: str
    signer: bytes
    number: int
    file: bytes
    state: str
    asked: str
    account: bytes | None
    nonce: int | None
    attempts: int
    problem: str | None
    transaction_hash: bytes | None
    block_number: int | None
    block_hash: bytes | None
    block_time: int | None


def job(log_id: int, digest: bytes) -> Job:
    """The job that puts this attestation on chain."""
    return Job(outbox.RELAYS, log_id, digest)


def add(connection: WriteConnection, log_id: int, row: RelayRow) -> bool:
    """Put an attestation into the outbox; False where this very one is there already, in whatever state."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    values = {name: getattr(row, name) for name in RelayRow.__slots__} | {"log_id": log_id}
    return connection.execute(dialect.insert(relays).values(values).on_conflict_do_nothing()).rowcount == 1


def get(connection: ReadConnection, log_id: int, digest: bytes) -> RelayRow | None:
    """The row of this attestation."""
    rows = _select(connection, relays.c.log_id == log_id, relays.c.digest == digest)
    return rows[0] if rows else None


def unfinished(connection: ReadConnection, log_id: int) -> list[RelayRow]:
    """All that is on its way, each signer's in the order of their numbers."""
    return _select(connection, relays.c.log_id == log_id, relays.c.state.in_(UNFINISHED))


def files(connection: ReadConnection, log_id: int) -> list[tuple[str, bytes]]:
    """(pool, signed attestation) of all that the contract has or may still take."""
    where = (relays.c.log_id == log_id) & (relays.c.state != "failed")
    return [
        (row.pool, bytes(row.file))
        for row in connection.execute(select(relays.c.pool, relays.c.file).where(where))
    ]


def of_pool(connection: ReadConnection, log_id: int, pool: str, party: str, *, most: int) -> list[RelayRow]:
    """The newest that a party handed in about a pool, the newest first."""
    return _select(
        connection,
        relays.c.log_id == log_id,
        relays.c.pool == pool,
        relays.c.party == party,
        order=(relays.c.asked.desc(), relays.c.digest),
        limit=most,
    )


def numbers_held(connection: ReadConnection, log_id: int, signer: bytes) -> dict[int, bytes]:
    """A signer's numbers that are on their way, each with the digest that holds it."""
    statement = select(relays.c.number, relays.c.digest).where(
        relays.c.log_id == log_id, relays.c.signer == signer, relays.c.state.in_(UNFINISHED)
    )
    return {int(number): bytes(digest) for number, digest in connection.execute(statement)}


def blocks(connection: ReadConnection, log_id: int, digests: Iterable[bytes]) -> dict[bytes, int]:
    """The blocks of those of these attestations that are on chain."""
    statement = select(relays.c.digest, relays.c.block_number).where(
        relays.c.log_id == log_id, relays.c.digest.in_(list(digests)), relays.c.block_number.is_not(None)
    )
    return {bytes(digest): int(number) for digest, number in connection.execute(statement)}


def asked_since(connection: ReadConnection, log_id: int, party: str, since: str) -> list[str]:
    """When a party handed in attestations from this moment on, the earliest first."""
    statement = (
        select(relays.c.asked)
        .where(relays.c.log_id == log_id, relays.c.party == party, relays.c.asked > since)
        .order_by(relays.c.asked)
    )
    return list(connection.execute(statement).scalars())


def counts(connection: ReadConnection, log_id: int) -> dict[str, int]:
    """How many there are in each state that is not the end."""
    statement = (
        select(relays.c.state, func.count())
        .where(relays.c.log_id == log_id, relays.c.state.in_(UNFINISHED))
        .group_by(relays.c.state)
    )
    return {state: int(number) for state, number in connection.execute(statement)}


def _select(
    connection: ReadConnection,
    *where: Any,
    order: tuple[Any, ...] = (relays.c.signer, relays.c.number, relays.c.asked),
    limit: int | None = None,
) -> list[RelayRow]:
    columns = [relays.c[name] for name in RelayRow.__slots__]
    statement = select(*columns).where(*where).order_by(*order).limit(limit)
    return [_relay(row) for row in connection.execute(statement)]


def _relay(row: Row[Any]) -> RelayRow:
    values = dict(row._mapping)
    for name in ("digest", "signer", "file", "account", "transaction_hash", "block_hash"):
        values[name] = bytes(values[name]) if values[name] is not None else None
    return RelayRow(**values)
