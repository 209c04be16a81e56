"""What is read for a party that mirrors a pool: records of the loans that were ever in it, and pages of registers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Select, func, select

from ledger.store.engine import ReadConnection
from ledger.store.records import RecordRow
from ledger.store.tables import claims, encumbrances, records, register_pages, subjects


class Pledged(NamedTuple):
    """The loans of which a record with since ≤ index < before first brought a share into the pool."""

    pool_id: int
    before: int
    since: int = 0


def records_between(
    connection: ReadConnection,
    log_id: int,
    start: int,
    stop: int,
    *,
    loans: Pledged | None,
    others: Sequence[int] = (),
    most: int,
) -> list[RecordRow]:
    """The first ``most`` records with start ≤ index < stop of these loans and of the subjects ``others``.

    ``loans`` None: of every subject.
    """
    statement = select(*(records.c[name] for name in RecordRow._fields)).where(
        records.c.log_id == log_id, records.c.index >= start, records.c.index < stop
    )
    if loans is not None:
        wanted = records.c.subject_id.in_(_subjects(log_id, loans))
        statement = statement.where(wanted | records.c.subject_id.in_(list(others)))
    return [RecordRow(*row) for row in connection.execute(statement.order_by(records.c.index).limit(most))]


def loans_from(
    connection: ReadConnection, log_id: int, loans: Pledged, *, after: int, most: int
) -> list[int]:
    """Ids of the first ``most`` of these loans with an id above ``after``, ascending."""
    owner = _subjects(log_id, loans).subquery()
    statement = select(owner.c.subject_id).where(owner.c.subject_id > after).order_by(owner.c.subject_id)
    return list(connection.execute(statement.limit(most)).scalars())


def first_pledged(connection: ReadConnection, log_id: int, loans: Pledged) -> dict[int, int]:
    """Id of each of these loans → index of the record that first brought a share of it into the pool."""
    owner = _subjects(log_id, loans).add_columns(func.min(encumbrances.c.index))
    return {int(row[0]): int(row[1]) for row in connection.execute(owner)}


def all_loans_from(connection: ReadConnection, log_id: int, *, after: int, most: int) -> list[int]:
    """The same of every loan of the log."""
    statement = select(subjects.c.id).where(
        subjects.c.log_id == log_id, subjects.c.name.like("loan:%"), subjects.c.id > after
    )
    return list(connection.execute(statement.order_by(subjects.c.id).limit(most)).scalars())


def pages_between(
    connection: ReadConnection, log_id: int, first: int, last: int, *, most: int
) -> list[tuple[int, bytes]]:
    """The first ``most`` register pages with first ≤ id ≤ last."""
    statement = select(register_pages.c.id, register_pages.c.page).where(
        register_pages.c.log_id == log_id, register_pages.c.id >= first, register_pages.c.id <= last
    )
    rows = connection.execute(statement.order_by(register_pages.c.id).limit(most))
    return [(int(row[0]), bytes(row[1])) for row in rows]


def _subjects(log_id: int, loans: Pledged) -> Select[tuple[int]]:
    """Ids of the loans."""
    first = func.min(encumbrances.c.index)
    statement: Select[tuple[int]] = (
        select(claims.c.subject_id)
        .join(
            encumbrances,
            (encumbrances.c.log_id == claims.c.log_id) & (encumbrances.c.asset_key == claims.c.asset_key),
        )
        .where(
            encumbrances.c.log_id == log_id,
            encumbrances.c.pool_id == loans.pool_id,
            encumbrances.c.index < loans.before,
        )
        .group_by(claims.c.subject_id)
        .having(first >= loans.since)
    )
    return statement
