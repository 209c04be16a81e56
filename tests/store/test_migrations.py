"""The migrations make exactly the tables that the code works with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from ledger.store import Store, migrations
from ledger.store.tables import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bare.db'}"
    url: str = request.getfixturevalue("bare_postgres")
    return url


def test_the_migrations_make_the_tables_of_the_code(
    bare_url: str, open_store: Callable[[str], Store]
) -> None:
    store = open_store(bare_url)
    assert migrations.current(store) is None
    migrations.upgrade(store)
    assert migrations.current(store) == migrations.newest()
    with store.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_an_upgrade_of_the_newest_does_nothing(bare_url: str, open_store: Callable[[str], Store]) -> None:
    store = open_store(bare_url)
    migrations.upgrade(store)
    migrations.upgrade(store)
    assert migrations.current(store) == migrations.newest()
