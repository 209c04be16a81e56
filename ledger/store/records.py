"""Records, their disclosures and the batches they were accepted in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import func, select

from ledger.store import bulk
from ledger.store.engine import ReadConnection, WriteConnection, streamed
from ledger.store.subjects import of_kind
from ledger.store.tables import batches, disclosures, records, subjects


class RecordRow(NamedTuple):
    """One committed record; ``record`` is None once erased."""

    index: int  # type: ignore[assignment]  # hides a method of tuple that nobody calls
    subject_id: int
    seq: int
    party: str
    event_id: str
    digest: bytes
    record: bytes | None


class BatchRow(NamedTuple):
    """Records accepted together: ``root`` is over the acceptance leaves of ``first … first + count − 1``."""

    first: int
    count: int  # type: ignore[assignment]  # hides a method of tuple that nobody calls
    root: bytes
    posted: str
    anchor_by: str
    key: str
    signature: bytes


_COLUMNS = ("log_id", "index", "subject_id", "seq", "party", "event_id", "digest", "record")
_BATCH_COLUMNS = ("log_id", *BatchRow._fields)
_ROW = [records.c[name] for name in RecordRow._fields]


def add(connection: WriteConnection, log_id: int, rows: Iterable[RecordRow]) -> None:
    bulk.insert(connection, records, _COLUMNS, [(log_id, *row) for row in rows])


def add_disclosures(connection: WriteConnection, log_id: int, rows: Iterable[tuple[int, bytes]]) -> None:
    """``rows`` are (index, sealed bytes)."""
    bulk.insert(connection, disclosures, ("log_id", "index", "sealed"), [(log_id, *row) for row in rows])


def add_batches(connection: WriteConnection, log_id: int, rows: Iterable[BatchRow]) -> None:
    bulk.insert(connection, batches, _BATCH_COLUMNS, [(log_id, *row) for row in rows])


def find_ids(
    connection: ReadConnection, log_id: int, ids: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], RecordRow]:
    """The records that already have one of these (party, event id)."""
    by_party: dict[str, list[str]] = {}
    for party, event_id in set(ids):
        by_party.setdefault(party, []).append(event_id)
    columns = ", ".join(f'records."{name}"' for name in RecordRow._fields)
    if connection.dialect.name == "sqlite":
        # Its planner takes a log to have ten records and would rather read them all than look up four ids:
        # a cross join is the one order of work that it does not change.
        each = "json_each(?) AS wanted CROSS JOIN records ON records.event_id = wanted.value"
        sql = f"SELECT {columns} FROM {each} WHERE records.log_id = ? AND records.party = ?"  # noqa: S608 - our own column names
    else:
        sql = f"SELECT {columns} FROM records WHERE event_id = ANY(%s::text[]) AND log_id = %s AND party = %s"  # noqa: S608 - our own column names
    found: dict[tuple[str, str], RecordRow] = {}
    for party, event_ids in by_party.items():
        wanted = json.dumps(event_ids) if connection.dialect.name == "sqlite" else event_ids
        for row in connection.exec_driver_sql(sql, (wanted, log_id, party)):
            found[party, row[4]] = RecordRow(*row)
    return found


def at(connection: ReadConnection, log_id: int, index: int) -> RecordRow | None:
    row = connection.execute(
        select(*_ROW).where(records.c.log_id == log_id, records.c.index == index)
    ).one_or_none()
    return RecordRow(*row) if row else None


def between(connection: ReadConnection, log_id: int, start: int, stop: int) -> Iterator[RecordRow]:
    """Records with start ≤ index < stop, in the log's order, streamed."""
    statement = select(*_ROW).where(
        records.c.log_id == log_id, records.c.index >= start, records.c.index < stop
    )
    result = streamed(connection, statement.order_by(records.c.index), at_a_time=5_000)
    return (RecordRow(*row) for row in result)


def committed(
    connection: ReadConnection, log_id: int, start: int, stop: int
) -> Iterator[tuple[int, bytes, bytes | None]]:
    """(index, digest, record) of the records with start ≤ index < stop, in the log's order, streamed."""
    statement = select(records.c.index, records.c.digest, records.c.record).where(
        records.c.log_id == log_id, records.c.index >= start, records.c.index < stop
    )
    result = streamed(connection, statement.order_by(records.c.index), at_a_time=5_000)
    for rows in result.partitions():
        yield from rows


def digests_between(connection: ReadConnection, log_id: int, start: int, stop: int) -> dict[int, bytes]:
    """Index → digest of the records in a range of at most a few tiles."""
    statement = select(records.c.index, records.c.digest).where(
        records.c.log_id == log_id, records.c.index >= start, records.c.index < stop
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def digests_at(connection: ReadConnection, log_id: int, indexes: Iterable[int]) -> dict[int, bytes]:
    """Index → digest of the records at these indexes."""
    sql = 'SELECT "index", digest FROM records WHERE log_id = {p} AND "index" {keys}'
    return {row[0]: bytes(row[1]) for row in bulk.select_in(connection, sql, indexes, log_id, kind="int8")}


def raw_at(connection: ReadConnection, log_id: int, indexes: Iterable[int]) -> dict[int, bytes | None]:
    """Index → bytes of the records at these indexes; None once erased."""
    sql = 'SELECT "index", record FROM records WHERE log_id = {p} AND "index" {keys}'
    found = bulk.select_in(connection, sql, indexes, log_id, kind="int8")
    return {row[0]: None if row[1] is None else bytes(row[1]) for row in found}


def subjects_at(connection: ReadConnection, log_id: int, indexes: Iterable[int]) -> list[int]:
    """Ids of the subjects of the records at these indexes, each once."""
    sql = 'SELECT DISTINCT subject_id FROM records WHERE log_id = {p} AND "index" {keys}'
    return sorted({row[0] for row in bulk.select_in(connection, sql, indexes, log_id, kind="int8")})


def subject_of_each(connection: ReadConnection, log_id: int, indexes: Iterable[int]) -> dict[int, int]:
    """Index → id of the subject of the records at these indexes."""
    sql = 'SELECT "index", subject_id FROM records WHERE log_id = {p} AND "index" {keys}'
    return {row[0]: row[1] for row in bulk.select_in(connection, sql, indexes, log_id, kind="int8")}


def last_posted(connection: ReadConnection, log_id: int, before: int) -> str:
    """When the newest record with an index < ``before`` was accepted; empty where there is none."""
    statement = select(batches.c.posted).where(batches.c.log_id == log_id, batches.c.first < before)
    posted: str | None = connection.execute(
        statement.order_by(batches.c.first.desc()).limit(1)
    ).scalar_one_or_none()
    return posted or ""


def last_batch(connection: ReadConnection, log_id: int, before: int) -> BatchRow | None:
    """The batch of the newest record with an index < ``before``."""
    columns: list[Any] = [batches.c[name] for name in BatchRow._fields]
    statement = select(*columns).where(batches.c.log_id == log_id, batches.c.first < before)
    row = connection.execute(statement.order_by(batches.c.first.desc()).limit(1)).one_or_none()
    return BatchRow(*row) if row else None


def of_subject(connection: ReadConnection, subject_id: int, *, before: int | None = None) -> list[RecordRow]:
    """All records of a subject in the order of ``seq``, those with index < ``before`` where given."""
    statement = select(*_ROW).where(records.c.subject_id == subject_id).order_by(records.c.seq)
    if before is not None:
        statement = statement.where(records.c.index < before)
    return [RecordRow(*row) for row in connection.execute(statement)]


def of_subjects(connection: ReadConnection, subject_ids: Iterable[int], *, before: int) -> list[RecordRow]:
    """All records of these subjects with index < ``before``, each subject's in the order of ``seq``."""
    names = ", ".join(f'"{name}"' for name in RecordRow._fields)
    sql = f'SELECT {names} FROM records WHERE "index" < {{p}} AND subject_id {{keys}}'  # noqa: S608 - our own column names
    rows = [RecordRow(*row) for row in bulk.select_in(connection, sql, subject_ids, before, kind="int8")]
    return sorted(rows, key=lambda row: (row.subject_id, row.seq))


def first_of(connection: ReadConnection, subject_ids: Iterable[int]) -> dict[int, bytes | None]:
    """Subject id → bytes of its first record; None once erased."""
    sql = "SELECT subject_id, record FROM records WHERE seq = 0 AND subject_id {keys}"
    found = bulk.select_in(connection, sql, subject_ids, kind="int8")
    return {row[0]: None if row[1] is None else bytes(row[1]) for row in found}


def newest_of(connection: ReadConnection, subject_id: int, *, before: int) -> RecordRow | None:
    """The last record of a subject with index < ``before``."""
    statement = select(*_ROW).where(records.c.subject_id == subject_id, records.c.index < before)
    row = connection.execute(statement.order_by(records.c.seq.desc()).limit(1)).one_or_none()
    return RecordRow(*row) if row else None


def subjects_changed(connection: ReadConnection, log_id: int, start: int, stop: int) -> list[int]:
    """Ids of the subjects that have a record with start ≤ index < stop."""
    statement = select(records.c.subject_id).where(
        records.c.log_id == log_id, records.c.index >= start, records.c.index < stop
    )
    return sorted(connection.execute(statement.distinct()).scalars())


def of_pools(connection: ReadConnection, log_id: int, start: int, stop: int) -> list[RecordRow]:
    """The records about pools with start ≤ index < stop, in that order."""
    statement = (
        select(*_ROW)
        .join(subjects, subjects.c.id == records.c.subject_id)
        .where(records.c.log_id == log_id, records.c.index >= start, records.c.index < stop)
        .where(*of_kind(log_id, "pool"))
        .order_by(records.c.index)
    )
    return [RecordRow(*row) for row in connection.execute(statement)]


def sealed_between(connection: ReadConnection, log_id: int, start: int, stop: int) -> dict[int, bytes]:
    """Index → sealed disclosures of the records in a range of at most a few tiles that have any."""
    statement = select(disclosures.c.index, disclosures.c.sealed).where(
        disclosures.c.log_id == log_id, disclosures.c.index >= start, disclosures.c.index < stop
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def sealed_at(connection: ReadConnection, log_id: int, indexes: Iterable[int]) -> dict[int, bytes]:
    """Sealed disclosures of those of these records that have any, by index."""
    sql = 'SELECT "index", sealed FROM disclosures WHERE log_id = {p} AND "index" {keys}'
    return {
        int(row[0]): bytes(row[1]) for row in bulk.select_in(connection, sql, indexes, log_id, kind="int8")
    }


def sealed_disclosures(connection: ReadConnection, log_id: int, index: int) -> bytes | None:
    statement = select(disclosures.c.sealed).where(
        disclosures.c.log_id == log_id, disclosures.c.index == index
    )
    sealed: bytes | None = connection.execute(statement).scalar_one_or_none()
    return sealed


def batch_of(connection: ReadConnection, log_id: int, index: int) -> BatchRow | None:
    """The batch that the record at ``index`` was accepted in."""
    columns: list[Any] = [batches.c[name] for name in BatchRow._fields]
    statement = select(*columns).where(batches.c.log_id == log_id, batches.c.first <= index)
    row = connection.execute(statement.order_by(batches.c.first.desc()).limit(1)).one_or_none()
    return BatchRow(*row) if row and row.first <= index < row.first + row.count else None


def first_posted_from(connection: ReadConnection, log_id: int, posted: str) -> int | None:
    """The index of the first record posted at this time or later."""
    statement = select(func.min(batches.c.first)).where(
        batches.c.log_id == log_id, batches.c.posted >= posted
    )
    first: int | None = connection.execute(statement).scalar_one_or_none()
    return first


def all_batches(connection: ReadConnection, log_id: int) -> list[BatchRow]:
    """Every batch, in the order in which they were accepted."""
    columns: list[Any] = [batches.c[name] for name in BatchRow._fields]
    statement = select(*columns).where(batches.c.log_id == log_id).order_by(batches.c.first)
    return [BatchRow(*row) for row in connection.execute(statement)]
