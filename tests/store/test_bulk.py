"""Bulk rows: the few and the many take different roads and arrive the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ledger.store import Store, bulk, logs
from ledger.store.tables import metadata, subjects

COLUMNS = ("id", "log_id", "name", "count", "head", "last_index", "secret", "state")


@pytest.fixture
def store(database_url: str, open_store: Callable[[str], Store]) -> Store:
    store = open_store(database_url)
    metadata.create_all(store.engine)
    with store.write() as connection:
        logs.create(connection, origin="a", zone="UTC", day_cut="00:00")
    return store


def row(n: int, count: int) -> tuple[object, ...]:
    return (n, 1, f"loan:{n}", count, bytes([n % 256]) * 32 if n % 3 else None, n, None, b"\x00state")


def stored(store: Store) -> list[tuple[object, ...]]:
    sql = "SELECT id, log_id, name, count, head, last_index, secret, state FROM subjects ORDER BY id"
    with store.read() as connection:
        return [tuple(one) for one in connection.exec_driver_sql(sql)]


@pytest.mark.parametrize("many", [1, bulk.COPY_FROM_ROWS - 1, bulk.COPY_FROM_ROWS, 5_000])
def test_rows_come_back_as_they_went_in(store: Store, many: int) -> None:
    rows = [row(n, 1) for n in range(many)]
    with store.write() as connection:
        bulk.insert(connection, subjects, COLUMNS, rows)
    assert stored(store) == rows


@pytest.mark.parametrize("many", [1, 5_000])
def test_upsert_changes_what_stands_and_adds_the_rest(store: Store, many: int) -> None:
    with store.write() as connection:
        bulk.insert(connection, subjects, COLUMNS, [row(n, 1) for n in range(0, many, 2)])
        bulk.upsert(connection, subjects, ("id",), COLUMNS, [row(n, 2) for n in range(many)])
        bulk.upsert(connection, subjects, ("id",), COLUMNS, [row(n, 3) for n in range(many)])
    assert stored(store) == [row(n, 3) for n in range(many)]


def test_many_keys_are_found(store: Store) -> None:
    with store.write() as connection:
        bulk.insert(connection, subjects, COLUMNS, [row(n, 1) for n in range(100)])
    names = [f"loan:{n}" for n in range(bulk.MAX_VARIABLES * 2 + 10)]
    sql = "SELECT id FROM subjects WHERE log_id = {p} AND name {keys}"
    with store.read() as connection:
        found = {one[0] for one in bulk.select_in(connection, sql, names, 1)}
        none = list(bulk.select_in(connection, sql, [], 1))
    assert found == set(range(100))
    assert none == []


@pytest.mark.parametrize("many", [1, 5_000])
def test_update_changes_what_stands_and_adds_nothing(store: Store, many: int) -> None:
    with store.write() as connection:
        bulk.insert(connection, subjects, COLUMNS, [row(n, 1) for n in range(many)])
        moved = [(n, 1, 7, None if n % 2 else b"head", b"") for n in range(0, 2 * many, 2)]
        bulk.update(connection, subjects, ("id", "log_id"), ("count", "head", "state"), moved)
        bulk.update(connection, subjects, ("id",), ("count",), [])
    expected = [row(n, 1) for n in range(many)]
    for n in range(0, many, 2):
        expected[n] = (n, 1, f"loan:{n}", 7, b"head", n, None, b"")
    assert stored(store) == expected
