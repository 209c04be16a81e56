"""The outbox of relayed attestations: one row for each, and every transaction signed for it.

A row's states: ``waiting`` (nothing signed yet), ``sent`` (a signed transaction is stored), ``mined`` (the contract has
it at the newest block), ``final`` (also at a final block), ``failed`` (the contract will never take it). Only ``mined``
goes back, when a reorg undid it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger.store import nonces
from ledger.store.engine import ReadConnection, WriteConnection
from ledger.store.tables import relay_transactions, relays

#: On their way: the outbox looks at these.
UNFINISHED = ("waiting", "sent", "mined")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayTransactionRow:
    """A signed transaction; ``attempt`` counts from 1, fees are wei per unit of gas."""

    attempt: int
    hash: bytes
    nonce: int
    gas: int
    max_fee: int
    priority_fee: int
    raw: bytes
    stored: str
    sent: str | None


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


def transactions(connection: ReadConnection, log_id: int, digest: bytes) -> list[RelayTransactionRow]:
    """Every transaction signed for this attestation, oldest first."""
    where = (relay_transactions.c.log_id == log_id) & (relay_transactions.c.digest == digest)
    rows = connection.execute(select(relay_transactions).where(where).order_by(relay_transactions.c.attempt))
    return [_transaction(row) for row in rows]


def add_transaction(
    connection: WriteConnection,
    log_id: int,
    digest: bytes,
    *,
    chain_id: int,
    account: bytes,
    transaction: RelayTransactionRow,
) -> bool:
    """Store attempt n and pin its nonce, if n − 1 attempts are stored so far and no other job has pinned it.

    Else False, and nothing happens: of several replicas that sign at the same time one goes on, the others look again.
    """
    mine = get(connection, log_id, digest)
    if mine is None or (
        transaction.nonce != mine.nonce and transaction.nonce in nonces.pinned(connection, chain_id, account)
    ):
        return False
    statement = (
        update(relays)
        .where(
            relays.c.log_id == log_id,
            relays.c.digest == digest,
            relays.c.attempts == transaction.attempt - 1,
            relays.c.state.in_(UNFINISHED),
        )
        .values(
            attempts=transaction.attempt, state="sent", account=account, nonce=transaction.nonce, problem=None
        )
    )
    if connection.execute(statement).rowcount == 0:
        return False
    values = {name: getattr(transaction, name) for name in RelayTransactionRow.__slots__}
    fees = {"max_fee": str(transaction.max_fee), "priority_fee": str(transaction.priority_fee)}
    connection.execute(insert(relay_transactions).values(log_id=log_id, digest=digest, **(values | fees)))
    return True


def mark_sent(connection: WriteConnection, log_id: int, digest: bytes, attempt: int, when: str) -> None:
    """A node has taken this transaction; the first time counts."""
    connection.execute(
        update(relay_transactions)
        .where(
            relay_transactions.c.log_id == log_id,
            relay_transactions.c.digest == digest,
            relay_transactions.c.attempt == attempt,
            relay_transactions.c.sent.is_(None),
        )
        .values(sent=when)
    )


def move(connection: WriteConnection, log_id: int, digest: bytes, state: str, **values: Any) -> bool:
    """Give an unfinished job another state, and ``values``; False if it is finished."""
    statement = update(relays).where(
        relays.c.log_id == log_id, relays.c.digest == digest, relays.c.state.in_(UNFINISHED)
    )
    return connection.execute(statement.values(state=state, **values)).rowcount == 1


def note_problem(connection: WriteConnection, log_id: int, digest: bytes, problem: str | None) -> None:
    """Say why a job does not go on, or that it does again."""
    where = (relays.c.log_id == log_id) & (relays.c.digest == digest) & relays.c.state.in_(UNFINISHED)
    connection.execute(update(relays).where(where).values(problem=problem))


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


def _transaction(row: Row[Any]) -> RelayTransactionRow:
    values = {name: row._mapping[name] for name in RelayTransactionRow.__slots__}
    fees = {"max_fee": int(row.max_fee), "priority_fee": int(row.priority_fee)}
    return RelayTransactionRow(**(values | fees | {"hash": bytes(row.hash), "raw": bytes(row.raw)}))
