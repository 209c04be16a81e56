"""Many rows in, many rows out: COPY on PostgreSQL, one prepared statement on SQLite.

SQLAlchemy's own ``executemany`` costs more than hashing a record does; these few functions are the hot
path of every append and stay below it.
"""

# ruff: noqa: S608 - the only names put into SQL here are those of our own tables and columns
from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Float, Integer, LargeBinary, SmallInteger, String, Table
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.type_api import TypeEngine

from ledger.errors import PoolproofError
from ledger.store.engine import ReadConnection, WriteConnection

#: Below this many rows a COPY costs more round trips than it saves.
COPY_FROM_ROWS = 24
#: How PostgreSQL calls the types of our columns; the first that fits.
_COPY_TYPES: Final[tuple[tuple[type[TypeEngine[Any]], str], ...]] = (
    (BigInteger, "int8"),
    (SmallInteger, "int2"),
    (Integer, "int4"),
    (LargeBinary, "bytea"),
    (Boolean, "bool"),
    (Float, "float8"),
    (String, "varchar"),
)
#: SQLite's limit of variables in a statement is 32,766 since 3.32.
MAX_VARIABLES = 16_000


class DuplicateError(PoolproofError):
    """A row with one of these unique values stands there already; the transaction is lost."""

    code = "duplicate"


def insert(
    connection: WriteConnection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert ``rows``, each a tuple in the order of ``columns``; raises :class:`DuplicateError`."""
    if not rows:
        return
    if connection.dialect.name == "postgresql" and len(rows) >= COPY_FROM_ROWS:
        _copy(connection, table, columns, rows)
        return
    try:
        connection.exec_driver_sql(_insert_sql(table, tuple(columns), connection.dialect.name), list(rows))
    except IntegrityError as error:
        raise DuplicateError(str(error.orig)) from error


def upsert(
    connection: WriteConnection,
    table: Table,
    key: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Insert ``rows``, or give the row with the same ``key`` the new values; ``columns`` are all of the table's."""
    if not rows:
        return
    assignments = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name not in key)
    conflict = f" ON CONFLICT ({', '.join(_quoted(key))}) DO UPDATE SET {assignments}"
    if connection.dialect.name == "postgresql":
        names = ", ".join(_quoted(columns))
        sql = (
            f'INSERT INTO "{table.name}" ({names}) SELECT * FROM {_unnested(table, tuple(columns))}{conflict}'
        )
        connection.exec_driver_sql(sql, _by_column(rows))
    else:
        sql = _insert_sql(table, tuple(columns), connection.dialect.name) + conflict
        connection.exec_driver_sql(sql, list(rows))


def update(
    connection: WriteConnection,
    table: Table,
    key: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Give rows that stand there new values: each tuple has the ``key`` of one, then what its ``columns`` become."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        names = (*key, *columns)
        values = ", ".join(f'"{name}" = fresh."{name}"' for name in columns)
        same = " AND ".join(f'row."{name}" = fresh."{name}"' for name in key)
        fresh = f"{_unnested(table, names)} AS fresh ({', '.join(_quoted(names))})"
        connection.exec_driver_sql(
            f'UPDATE "{table.name}" AS row SET {values} FROM {fresh} WHERE {same}', _by_column(rows)
        )
    else:
        values = ", ".join(f'"{name}" = ?' for name in columns)
        same = " AND ".join(f'"{name}" = ?' for name in key)
        sql = f'UPDATE "{table.name}" SET {values} WHERE {same}'
        connection.exec_driver_sql(sql, [(*row[len(key) :], *row[: len(key)]) for row in rows])


def select_in(
    connection: ReadConnection,
    sql: str,
    keys: Iterable[Any],
    *parameters: Any,
    kind: str = "text",
) -> Iterable[Any]:
    """Rows of ``sql``, in which ``{keys}`` stands for the list of keys and ``{p}`` for one parameter each.

    ``sql`` reads ``… WHERE "log_id" = {p} AND "name" {keys}``; ``kind`` is the keys' PostgreSQL type.
    """
    wanted = list(keys)
    if not wanted:
        return
    if connection.dialect.name == "postgresql":
        statement = sql.format(keys=f"= ANY(%s::{kind}[])", p="%s")
        yield from connection.exec_driver_sql(statement, (*parameters, wanted)).all()
        return
    for start in range(0, len(wanted), MAX_VARIABLES):
        part = wanted[start : start + MAX_VARIABLES]
        statement = sql.format(keys=f"IN ({','.join('?' * len(part))})", p="?")
        yield from connection.exec_driver_sql(statement, (*parameters, *part)).all()


def _quoted(names: Iterable[str]) -> list[str]:
    return [f'"{name}"' for name in names]


@cache
def _insert_sql(table: Table, columns: tuple[str, ...], dialect: str) -> str:
    mark = "?" if dialect == "sqlite" else "%s"
    return f'INSERT INTO "{table.name}" ({", ".join(_quoted(columns))}) VALUES ({", ".join([mark] * len(columns))})'


@cache
def _unnested(table: Table, columns: tuple[str, ...]) -> str:
    """Rows from an array for each column: one statement, where a table to copy them into first would take four."""
    return f"unnest({', '.join(f'%b::{_copy_type(table.c[name].type)}[]' for name in columns)})"


def _by_column(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    return tuple(map(list, zip(*rows, strict=True)))


def _copy(
    connection: WriteConnection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    driver: Any = connection.connection.driver_connection
    types = [_copy_type(table.c[name].type) for name in columns]
    sql = f'COPY "{table.name}" ({", ".join(_quoted(columns))}) FROM STDIN (FORMAT BINARY)'
    import psycopg

    try:
        with driver.cursor() as cursor, cursor.copy(sql) as copy:
            copy.set_types(types)
            write = copy.write_row
            for row in rows:
                write(row)
    except psycopg.errors.UniqueViolation as error:
        raise DuplicateError(str(error).splitlines()[0]) from error


def _copy_type(of: TypeEngine[Any]) -> str:
    for kind, name in _COPY_TYPES:
        if isinstance(of, kind):
            return name
    raise TypeError(f"no row of a column of type {of!r} can be written in bulk: name its type here")
