"""Whole tables: every one that the code declares is read, written and compared."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, LargeBinary

from ledger.store import Store, bulk, logs, rows
from ledger.store.tables import metadata

#: More than one part, so that parts have to be put together.
MANY = rows.ROWS + 7


def value(column: Column[Any], n: int) -> object:
    """The n-th value of a column; keys differ, what may be null sometimes is."""
    if column.foreign_keys:
        (target,) = column.foreign_keys
        alone = list(column.table.primary_key) == [column]
        return value(target.column, n if alone else 1)
    if column.nullable and n % 3 == 0:
        return None
    if isinstance(column.type, Boolean):
        return n % 2 == 0
    if isinstance(column.type, Float):
        return n / 7
    if isinstance(column.type, BigInteger):
        return n + 2**40 * (not column.primary_key)
    if isinstance(column.type, Integer):
        return n % 30_000  # a small integer too
    if isinstance(column.type, LargeBinary):
        return n.to_bytes(8, "big") * 4
    return f"{n}é"


def fill(store: Store) -> dict[str, list[rows.Row]]:
    """Rows in every table, and what they are. Ids begin at 1, as those that a database counts do."""
    metadata.create_all(store.engine)
    written = {}
    with store.write() as connection:
        for name in rows.tables():
            many = MANY if name == "records" else 5
            written[name] = [
                tuple(value(column, n) for column in metadata.tables[name].columns)
                for n in range(1, many + 1)
            ]
            rows.write(connection, name, written[name])
    return written


def test_every_table_is_copied(
    database_url: str, fresh_sqlite: str, open_store: Callable[[str], Store]
) -> None:
    other = fresh_sqlite.replace("ledger.db", "other.db")
    source, target = open_store(other), open_store(database_url)
    written = fill(source)
    metadata.create_all(target.engine)
    assert set(written) == set(metadata.tables)
    with source.read() as taken, target.write() as given:
        for name in rows.tables():
            assert rows.count(taken, name) == len(written[name])
            before, after = rows.Sum(), rows.Sum()
            for part in rows.read(taken, name):
                assert len(part) <= rows.ROWS
                rows.write(given, name, part)
                before.add(part)
            for part in rows.read(given, name):
                after.add(part)
            assert before == after
            assert sorted(written[name], key=repr) == sorted(
                (row for part in rows.read(given, name) for row in part), key=repr
            )


def test_an_id_that_the_database_counts_goes_on_after_the_greatest(
    database_url: str, open_store: Callable[[str], Store]
) -> None:
    store = open_store(database_url)
    fill(store)
    with store.write() as connection:
        rows.restart_counters(connection)
        assert logs.create(connection, origin="next", zone="UTC", day_cut="00:00") == 6


def test_nobody_writes_while_the_tables_are_held(
    database_url: str, open_store: Callable[[str], Store]
) -> None:
    store, other = open_store(database_url), open_store(database_url)
    metadata.create_all(store.engine)
    done = threading.Event()

    def write() -> None:
        with other.write() as connection:
            logs.create(connection, origin="late", zone="UTC", day_cut="00:00")
        done.set()

    with store.write() as connection:
        rows.hold(connection)
        late = threading.Thread(target=write)
        late.start()
        assert not done.wait(0.2)
        assert rows.count(connection, "logs") == 0
    late.join(20)
    assert done.is_set()


def test_a_sum_tells_sets_of_rows_apart_and_not_their_order() -> None:
    def of(*some: rows.Row) -> rows.Sum:
        total = rows.Sum()
        total.add(some)
        return total

    one, other = (1, "a", None, b"\x00"), (2, "b", b"", 0)
    assert of(one, other) == of(other, one)
    assert len({(s.rows, s.digest) for s in (of(), of(one), of(other), of(one, one), of(one, other))}) == 5
    assert of((1, "1")) != of(("1", 1))
    assert of((None,)) != of((b"",))


def test_a_type_that_no_table_has_yet_is_named() -> None:
    from sqlalchemy import JSON

    with pytest.raises(TypeError, match="JSON"):
        bulk._copy_type(JSON())
