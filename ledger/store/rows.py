"""All tables of a database, whole: read in one snapshot, written into another one, and compared.

Nothing here knows what a table holds: whatever :mod:`ledger.store.tables` declares is copied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select, text

from ledger.store import bulk
from ledger.store.engine import ReadConnection, WriteConnection, streamed
from ledger.store.tables import metadata

#: Rows held at a time: they are small, except that a record may have 1 MiB.
ROWS: Final = 1_000

Row = tuple[Any, ...]


def tables() -> list[str]:
    """The names of all tables, each after those that it refers to."""
    return [table.name for table in metadata.sorted_tables]


def hold(connection: WriteConnection) -> None:
    """Let nobody else write before this transaction ends, so that all that it reads is one snapshot."""
    if connection.dialect.name == "postgresql":
        names = ", ".join(f'"{name}"' for name in tables())
        connection.exec_driver_sql(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")
    # A writer of SQLite is alone already.


def count(connection: ReadConnection, name: str) -> int:
    """How many rows a table has."""
    return int(connection.execute(select(func.count()).select_from(metadata.tables[name])).scalar_one())


def read(connection: ReadConnection, name: str) -> Iterator[list[Row]]:
    """All rows of a table by its primary key, streamed, some at a time."""
    table = metadata.tables[name]
    statement = select(table).order_by(*table.primary_key.columns)
    return (
        [tuple(row) for row in part] for part in streamed(connection, statement, at_a_time=ROWS).partitions()
    )


def write(connection: WriteConnection, name: str, rows: Sequence[Row]) -> None:
    """Add rows as :func:`read` gives them."""
    table = metadata.tables[name]
    bulk.insert(connection, table, [column.name for column in table.columns], rows)


def restart_counters(connection: WriteConnection) -> None:
    """Let PostgreSQL go on counting after the greatest id that was written; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is None:
            continue
        sequence = select(func.pg_get_serial_sequence(f'"{table.name}"', column.name))
        name = connection.execute(sequence).scalar_one()
        greatest = connection.execute(select(func.max(column))).scalar_one()
        if name is not None and greatest is not None:
            connection.execute(text("SELECT setval(:name, :value)"), {"name": name, "value": greatest})


@dataclass(slots=True)
class Sum:
    """A fingerprint of a set of rows, whatever their order: databases sort text differently."""

    rows: int = 0
    digest: int = 0

    def add(self, rows: Sequence[Row]) -> None:
        """Take some rows in."""
        for row in rows:
            self.digest += int.from_bytes(hashlib.sha256(repr(row).encode()).digest(), "big")
        self.rows += len(rows)
