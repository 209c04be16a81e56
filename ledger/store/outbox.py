"""The jobs of the outboxes and the transactions signed for them: what all that must get into a block has in common.

A job is a row of its own table, which says what is to be done (:mod:`ledger.store.anchors`,
:mod:`ledger.store.relays`). Here it is a state, an account with one nonce, a number of attempts, and a problem in
words. Each attempt is a signed transaction, stored before any node sees it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Row, Table, insert, select, union_all, update

from ledger.store.engine import ReadConnection, WriteConnection
from ledger.store.tables import anchor_transactions, anchors, logs, relay_transactions, relays

#: On their way, whichever word an outbox has for its first state.
UNFINISHED = ("planned", "waiting", "sent", "mined")


@dataclass(frozen=True, slots=True)
class Outbox:
    """One kind of jobs. ``key`` is the column that tells its jobs apart within a log."""

    name: str
    jobs: Table
    transactions: Table
    key: str


ANCHORS = Outbox("anchor", anchors, anchor_transactions, "size")
RELAYS = Outbox("relay", relays, relay_transactions, "digest")


class Job(NamedTuple):
    """Which row is meant; ``key`` is a size, or the digest of an attestation."""

    outbox: Outbox
    log_id: int
    key: int | bytes

    @property
    def key_text(self) -> str:
        return self.key.hex() if isinstance(self.key, bytes) else str(self.key)


class Standing(NamedTuple):
    """Who signed the newest attempt and with which nonce, None before the first; and why the job does not go on."""

    account: bytes | None
    nonce: int | None
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionRow:
    """A signed transaction; ``attempt`` counts from 1, fees are wei per unit of gas, ``sent`` is null until a
    node took it. ``expected`` is what it takes the contract to hold, in columns that only this outbox has.
    """

    attempt: int
    hash: bytes
    nonce: int
    gas: int
    max_fee: int
    priority_fee: int
    raw: bytes
    stored: str
    sent: str | None
    expected: Mapping[str, int] = field(default_factory=dict)


#: What the transactions of every outbox have.
_COMMON: Final = tuple(one.name for one in fields(TransactionRow) if one.name != "expected")


def standing(connection: ReadConnection, job: Job) -> Standing:
    table = job.outbox.jobs
    row = connection.execute(
        select(table.c.account, table.c.nonce, table.c.problem).where(*_is(table, job))
    ).one()
    return Standing(bytes(row.account) if row.account is not None else None, row.nonce, row.problem)


def transactions(connection: ReadConnection, job: Job) -> list[TransactionRow]:
    """Every transaction signed for this job, oldest first."""
    table = job.outbox.transactions
    rows = connection.execute(select(table).where(*_is(table, job)).order_by(table.c.attempt))
    own = set(table.c.keys()) - {"log_id", job.outbox.key, *_COMMON}
    return [_transaction(row, own) for row in rows]


def pinned(connection: ReadConnection, chain_id: int, account: bytes) -> set[int]:
    """The nonces of this account that jobs of any log on this chain hold and no block has yet.

    One account pays for all outboxes, so each must know what the others have pinned.
    """
    held = [
        select(table.c.nonce)
        .join(logs, logs.c.id == table.c.log_id)
        .where(logs.c.chain_id == chain_id, table.c.account == account, table.c.state == "sent")
        for table in (anchors, relays)
    ]
    return set(connection.execute(union_all(*held)).scalars())


def add_transaction(
    connection: WriteConnection, job: Job, transaction: TransactionRow, *, chain_id: int, account: bytes
) -> bool:
    """Store attempt n and pin its nonce, if n − 1 attempts are stored so far and no other job has pinned it.

    Else False, and nothing happens: of several replicas that sign at the same time one goes on, the others look
    again.
    """
    before = standing(connection, job)
    mine = (before.account, before.nonce) == (account, transaction.nonce)
    if not mine and transaction.nonce in pinned(connection, chain_id, account):
        return False
    table = job.outbox.jobs
    statement = (
        update(table)
        .where(
            *_is(table, job), table.c.attempts == transaction.attempt - 1, table.c.state.in_(UNFINISHED)
        )
        .values(
            attempts=transaction.attempt,
            state="sent",
            account=account,
            nonce=transaction.nonce,
            problem=None,
            **transaction.expected,
        )
    )  # fmt: skip
    if connection.execute(statement).rowcount == 0:
        return False
    values: dict[str, Any] = {name: getattr(transaction, name) for name in _COMMON}
    values |= {"max_fee": str(transaction.max_fee), "priority_fee": str(transaction.priority_fee)}
    values |= {"log_id": job.log_id, job.outbox.key: job.key}
    connection.execute(insert(job.outbox.transactions).values(values | dict(transaction.expected)))
    return True


def mark_sent(connection: WriteConnection, job: Job, attempt: int, when: str) -> None:
    """A node has taken this transaction; the first time counts."""
    table = job.outbox.transactions
    where = (*_is(table, job), table.c.attempt == attempt, table.c.sent.is_(None))
    connection.execute(update(table).where(*where).values(sent=when))


def move(connection: WriteConnection, job: Job, state: str, **values: Any) -> bool:
    """Give an unfinished job another state, and ``values``; False if it is finished."""
    table = job.outbox.jobs
    statement = update(table).where(*_is(table, job), table.c.state.in_(UNFINISHED))
    return connection.execute(statement.values(state=state, **values)).rowcount == 1


def note_problem(connection: WriteConnection, job: Job, problem: str | None) -> None:
    """Say why an unfinished job does not go on, or that it does again."""
    table = job.outbox.jobs
    statement = update(table).where(*_is(table, job), table.c.state.in_(UNFINISHED))
    connection.execute(statement.values(problem=problem))


def _is(table: Table, job: Job) -> tuple[ColumnElement[bool], ...]:
    return table.c.log_id == job.log_id, table.c[job.outbox.key] == job.key


def _transaction(row: Row[Any], own: Iterable[str]) -> TransactionRow:
    values = {name: row._mapping[name] for name in _COMMON}
    values |= {"max_fee": int(row.max_fee), "priority_fee": int(row.priority_fee)}
    values |= {"hash": bytes(row.hash), "raw": bytes(row.raw)}
    return TransactionRow(**values, expected={name: row._mapping[name] for name in own})
