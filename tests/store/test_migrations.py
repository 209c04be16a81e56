"""The migrations make exactly the tables that the code works with."""

from __future__ import annotations

from collections.abc import Callable

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from ledger.store import Store, migrations
from ledger.store.tables import metadata


def test_the_migrations_make_the_tables_of_the_code(
    database_url: str, open_store: Callable[[str], Store]
) -> None:
    store = open_store(database_url)
    assert migrations.current(store) is None
    migrations.upgrade(store)
    assert migrations.current(store) == migrations.newest()
    with store.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_an_upgrade_of_the_newest_does_nothing(database_url: str, open_store: Callable[[str], Store]) -> None:
    store = open_store(database_url)
    migrations.upgrade(store)
    migrations.upgrade(store)
    assert migrations.current(store) == migrations.newest()
