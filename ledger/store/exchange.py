"""What became of the files that parties exchange with a log, and of the dates told to partners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, insert, select, update

from ledger.store.engine import ReadConnection, WriteConnection
from ledger.store.tables import exchange_days, exchange_files, exchanges


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRow:
    """Where the log's files lie, by which plan, and how far its records are told to partners."""

    place: str
    plan: str
    ran: str
    scanned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One content seen under one name; see :data:`ledger.store.tables.exchange_files` for the members."""

    party: str
    day: str
    name: str
    sha256: bytes
    state: str
    tag: str
    detail: str
    arrived: str
    begun: int
    rows: int
    accepted: int
    repeated: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    """A business date that partners were told of."""

    day: str
    before: int
    closed: int | None


def get(connection: ReadConnection, log_id: int) -> ExchangeRow | None:
    row = connection.execute(select(exchanges).where(exchanges.c.log_id == log_id)).one_or_none()
    return (
        None if row is None else ExchangeRow(**{name: getattr(row, name) for name in ExchangeRow.__slots__})
    )


def put(connection: WriteConnection, log_id: int, row: ExchangeRow) -> None:
    _put(connection, exchanges, {"log_id": log_id}, row)


def files(
    connection: ReadConnection, log_id: int, *, first: str = "", last: str = "9999-12-31"
) -> list[FileRow]:
    """Every content seen for the dates from ``first`` to ``last``, by date, party and name."""
    table = exchange_files.c
    statement = (
        select(exchange_files)
        .where(table.log_id == log_id, table.day >= first, table.day <= last)
        .order_by(table.day, table.party, table.name, table.sha256)
    )
    return [
        FileRow(**{name: getattr(row, name) for name in FileRow.__slots__})
        for row in connection.execute(statement)
    ]


def put_file(connection: WriteConnection, log_id: int, row: FileRow) -> None:
    key = {
        "log_id": log_id, "party": row.party, "day": row.day, "name": row.name, "sha256": row.sha256,
    }  # fmt: skip
    _put(connection, exchange_files, key, row)


def days(connection: ReadConnection, log_id: int) -> dict[str, DayRow]:
    """The dates that partners were told of."""
    rows = connection.execute(
        select(exchange_days).where(exchange_days.c.log_id == log_id).order_by(exchange_days.c.day)
    )
    return {row.day: DayRow(day=row.day, before=row.before, closed=row.closed) for row in rows}


def put_day(connection: WriteConnection, log_id: int, row: DayRow) -> None:
    _put(connection, exchange_days, {"log_id": log_id, "day": row.day}, row)


def _put(connection: WriteConnection, table: Table, key: dict[str, Any], row: Any) -> None:
    """Change the row of this key, or make it."""
    values = {name: getattr(row, name) for name in row.__slots__} | key
    here = [table.c[name] == value for name, value in key.items()]
    if connection.execute(update(table).where(*here).values(**values)).rowcount == 0:
        connection.execute(insert(table).values(**values))
