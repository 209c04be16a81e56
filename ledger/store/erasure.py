"""Taking a subject's contents out of the database, and out of its files.

What goes: record bytes, disclosures, stored receipts, the subject's secret and its state but for a rest; and what was
made of its contents: reports of audits and messages of webhooks that name it. What stays: indexes, digests, event ids,
the subject's name, its claims' places and their history. :func:`rewrite` then makes sure
that the bytes are no longer in the files either, where SQL would not show them.
"""

from __future__ import annotations

import zlib

from sqlalchemy import delete, func, select, update

from ledger.errors import UnavailableError
from ledger.store.engine import BUSY_TIMEOUT_SECONDS, ReadConnection, Store, WriteConnection
from ledger.store.tables import audits, claims, disclosures, encumbrances, receipts, records, subjects
from ledger.store.tables import webhook_deliveries as deliveries
from ledger.store.tables import webhook_messages as messages

#: How long other readers of SQLite are waited for before old pages are left to a second try: a request takes less.
_PATIENCE_MS = 2_000
#: What holds, or held, contents of subjects.
_REWRITTEN = (
    "records", "disclosures", "receipts", "subjects", "audits", "webhook_messages", "jobs", "job_parts",
    "idempotent_answers",
)  # fmt: skip


def erase(connection: WriteConnection, log_id: int, subject_id: int, *, rest: bytes) -> None:
    """Take out all that a subject holds, and put ``rest`` in the place of its state; idempotent."""
    indexes = select(records.c.index).where(records.c.subject_id == subject_id)
    for table in (disclosures, receipts):
        connection.execute(delete(table).where(table.c.log_id == log_id, table.c.index.in_(indexes)))
    connection.execute(update(records).where(records.c.subject_id == subject_id).values(record=None))
    name = connection.execute(select(subjects.c.name).where(subjects.c.id == subject_id)).scalar_one()
    gone = _reports(connection, log_id, subject_id, name)
    connection.execute(update(audits).where(audits.c.id.in_(gone)).values(report=None))
    _forget_messages(connection, log_id, _messages(connection, log_id, name))
    connection.execute(update(subjects).where(subjects.c.id == subject_id).values(secret=None, state=rest))


def _reports(connection: ReadConnection, log_id: int, subject_id: int, name: str) -> list[str]:
    """Runs of the audit with a finding about a subject: of the pools in which it was."""
    steps = (claims.c.log_id == encumbrances.c.log_id) & (claims.c.asset_key == encumbrances.c.asset_key)
    been = (
        select(encumbrances.c.pool_id)
        .join(claims, steps)
        .where(claims.c.log_id == log_id, claims.c.subject_id == subject_id)
    )
    pools = connection.execute(select(subjects.c.name).where(subjects.c.id.in_(been))).scalars()
    audited = audits.c.pool.in_([pool.removeprefix("pool:") for pool in pools])
    rows = connection.execute(
        select(audits.c.id, audits.c.report).where(
            audits.c.log_id == log_id, audited, audits.c.report.is_not(None)
        )
    )
    return [row.id for row in rows if _is_about(zlib.decompress(bytes(row.report)), name)]


def _messages(connection: ReadConnection, log_id: int, name: str) -> list[str]:
    """Messages of webhooks about a subject."""
    rows = connection.execute(select(messages.c.id, messages.c.payload).where(messages.c.log_id == log_id))
    return [row.id for row in rows if _is_about(bytes(row.payload), name)]


def _is_about(document: bytes, subject: str) -> bool:
    """Whether a member of a JSON document names the subject."""
    return b'"%b"' % subject.encode() in document


def _forget_messages(connection: WriteConnection, log_id: int, ids: list[str]) -> None:
    mine = (deliveries.c.log_id == log_id) & deliveries.c.message.in_(ids)
    connection.execute(delete(deliveries).where(mine))
    connection.execute(delete(messages).where(messages.c.log_id == log_id, messages.c.id.in_(ids)))


def remains(connection: ReadConnection, log_id: int, subject_id: int) -> bool:
    """Whether anything is left that :func:`erase` takes out."""
    indexes = select(records.c.index).where(records.c.subject_id == subject_id)
    counts = [
        select(func.count())
        .select_from(records)
        .where(records.c.subject_id == subject_id, records.c.record.is_not(None)),
        select(func.count())
        .select_from(subjects)
        .where(subjects.c.id == subject_id, subjects.c.secret.is_not(None)),
        *(
            select(func.count())
            .select_from(table)
            .where(table.c.log_id == log_id, table.c.index.in_(indexes))
            for table in (disclosures, receipts)
        ),
    ]
    return any(connection.execute(statement).scalar_one() for statement in counts)


def rewrite(store: Store) -> None:
    """Write the database's pages anew, so that what was taken out is in none of its files.

    SQLite: VACUUM, then the write-ahead log is written back and cut to nothing; another process that reads just now
    raises :class:`UnavailableError`. PostgreSQL: VACUUM FULL of these tables, under a lock of each; a plain VACUUM
    would leave the bytes in the pages' gaps. Its write-ahead log and the file system's free blocks are not ours.
    """
    with store.maintain() as connection:
        if not store.is_sqlite:
            for table in _REWRITTEN:
                connection.exec_driver_sql(f'VACUUM FULL "{table}"')
            return
        connection.exec_driver_sql("VACUUM")
        connection.exec_driver_sql(f"PRAGMA busy_timeout={_PATIENCE_MS}")
        busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}")
        if busy:
            raise UnavailableError(
                "database: erased, but another process reads it, so old pages are still in its write-ahead log; "
                "`poolproof erase --replay` tries again"
            )
