"""What of a database can be read at all, for those who must go on over a damaged one.

PostgreSQL lets nothing into a column that is not of its type. SQLite does: a text among bytes, bytes among texts, a
number that is none, a digest of no length stay where somebody's statement or a failing disk has left them, and whoever
reads them stumbles. :func:`misfits` finds them by the declarations in :mod:`ledger.store.tables`, and a
:class:`~ledger.store.Store` opened with :func:`views` does not see them: their rows are missing, as if somebody had
deleted them, or empty in that place where it may be. Bytes that are merely filed as text are read as bytes.

Whoever cannot go on over damage stops within :func:`stumbling`, which says where it is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Column, Integer, LargeBinary, Table, text
from sqlalchemy.exc import DBAPIError

from ledger.errors import IntegrityError, MalformedError
from ledger.store.engine import ReadConnection, Store
from ledger.store.tables import metadata

#: Rows of one table that are named; of more it is enough to know that they are many.
MOST: Final = 100


#: What reading a value of another type raises, somewhere on its way.
_STUMBLED: Final = (
    TypeError,
    AttributeError,
    ValueError,
    LookupError,
    OverflowError,
    struct.error,
    DBAPIError,
)
#: Where the way out is told.
_FSCK: Final = "`poolproof fsck` names every place"


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """A value that does not fit its column; ``row`` is the row's primary key as it stands, in words."""

    table: str
    row: str
    column: str
    #: what stands there, such as ``text of 5 bytes``
    found: str
    #: whether the row is there without it
    nullable: bool

    @property
    def place(self) -> str:
        """Where it is, in words."""
        return f"{self.table}.{self.column} of {self.row}"


@contextmanager
def stumbling(store: Store) -> Iterator[None]:
    """Say what does not fit, where the block stumbles over it: :class:`IntegrityError`.

    What is malformed within a value that fits its column is damage too, since no ledger wrote it. An error that no
    damage explains is a defect of ours, and goes on as it is.
    """
    try:
        yield
    except MalformedError as error:
        raise IntegrityError(f"the database is damaged: {error}; {_FSCK}") from error
    except _STUMBLED as error:
        with store.read() as connection:
            found = misfits(connection, metadata.tables)
        if not found:
            raise
        place, others = found[0], len(found) - 1
        more = f", and {others} more" if others else ""
        raise IntegrityError(
            f"the database is damaged: {place.place} is {place.found}{more}; {_FSCK}"
        ) from error


def misfits(connection: ReadConnection, tables: Iterable[str]) -> list[Misfit]:
    """What does not fit in these tables, at most :data:`MOST` rows of each; nothing on PostgreSQL."""
    if connection.dialect.name != "sqlite":
        return []
    found: list[Misfit] = []
    for name in tables:
        found += _of_table(connection, metadata.tables[name])
    return found


def views(found: Iterable[Misfit]) -> dict[str, str]:
    """A query for each table that has misfits: its rows without them."""
    return {name: _sieved(metadata.tables[name]) for name in sorted({one.table for one in found})}


def _of_table(connection: ReadConnection, table: Table) -> list[Misfit]:
    columns = list(table.columns)
    kinds = ", ".join(f'typeof("{one.name}"), length(CAST("{one.name}" AS BLOB))' for one in columns)
    keys = [one.name for one in table.primary_key.columns]
    shown = ", ".join(f'substr(quote("{name}"), 1, 80)' for name in keys)
    wrong = " OR ".join(f"NOT ({_fits(one)})" for one in columns)
    statement = f'SELECT {shown}, {kinds} FROM "{table.name}" WHERE {wrong} LIMIT {MOST}'  # noqa: S608 - our own names
    found = []
    for row in connection.execute(text(statement)):
        place = ", ".join(f"{name} {value}" for name, value in zip(keys, row, strict=False))
        for n, column in enumerate(columns):
            kind, length = row[len(keys) + 2 * n : len(keys) + 2 * n + 2]
            if not _is_fit(column, kind, length):
                told = f"{kind} of {length} bytes" if kind in ("text", "blob") else str(kind)
                found.append(
                    Misfit(
                        table=table.name,
                        row=place,
                        column=column.name,
                        found=told,
                        nullable=bool(column.nullable),
                    )
                )
    return found


def _kind(column: Column[object]) -> tuple[str, int | None]:
    """SQLite's name for what a column holds, and the length that its bytes must have."""
    if isinstance(column.type, LargeBinary):
        return "blob", column.type.length
    return ("integer" if isinstance(column.type, Integer) else "text"), None


def _fits(column: Column[object]) -> str:
    """The condition in SQL."""
    name = f'"{column.name}"'
    kind, length = _kind(column)
    fits = f"typeof({name}) = '{kind}'" + (f" AND length({name}) = {length}" if length else "")
    return f"{name} IS NULL OR ({fits})" if column.nullable else fits


def _is_fit(column: Column[object], kind: str, length: int | None) -> bool:
    wanted, size = _kind(column)
    if kind == "null":
        return bool(column.nullable)
    return kind == wanted and (size is None or length == size)


def _sieved(table: Table) -> str:
    """Its rows that fit, once text is read as bytes where bytes belong."""
    read = ", ".join(_as_bytes(one) for one in table.columns)
    kept = ", ".join(_or_nothing(one) for one in table.columns)
    fits = " AND ".join(f"({_fits(one)})" for one in table.columns if not one.nullable)
    # Under the table's own name, which the view takes from it for this connection.
    return f'SELECT {kept} FROM (SELECT {read} FROM main."{table.name}") WHERE {fits}'  # noqa: S608 - our own names


def _or_nothing(column: Column[object]) -> str:
    """Where a column may be empty, what does not fit is left out and the row stays."""
    name = f'"{column.name}"'
    return f"CASE WHEN {_fits(column)} THEN {name} END AS {name}" if column.nullable else name


def _as_bytes(column: Column[object]) -> str:
    name = f'"{column.name}"'
    if not isinstance(column.type, LargeBinary):
        return name
    return f"CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) ELSE {name} END AS {name}"
