"""The migrations make exactly the tables that the code works with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select

from ledger.audit.fsck import fsck
from ledger.errors import RefusedError
from ledger.store import Store, migrations
from ledger.store.tables import metadata, subjects
from tests import book
from tests.conftest import TestClock, new_ledger


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


def test_a_log_from_before_subjects_stood_in_the_order_of_their_bytes(
    bare_url: str, open_store: Callable[[str], Store], tmp_path: Path, clock: TestClock
) -> None:
    """Its rows come through the change of the column, their index gives the order of bytes, and the log goes on."""
    store = open_store(bare_url)
    migrations.upgrade(store)
    ledger = new_ledger(store, tmp_path / "kek", clock)
    for prefix in ("b", "B", "a", "A", "_", "a."):
        ledger.append(list(book.loans(2, prefix=prefix)), party="fenqile")
    config = migrations.configuration()
    with store.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0014")
    rows = select(subjects.c.id, subjects.c.name, subjects.c.head, subjects.c.state).order_by(subjects.c.id)
    with store.read() as connection:
        before = connection.execute(rows).all()
    migrations.upgrade(store)
    assert migrations.current(store) == migrations.newest()
    with store.read() as connection:
        assert connection.execute(rows).all() == before
        names = connection.execute(select(subjects.c.name).order_by(subjects.c.name)).scalars().all()
    assert names == sorted(names, key=str.encode)
    assert len(names) == 12
    with pytest.raises(RefusedError, match="has begun already"):
        ledger.append([book.originated("B0") | {"id": "again"}], party="fenqile")
    ledger.append([book.repaid("B0", 2)], party="fenqile")
    ledger.publish()
    assert fsck(ledger).problems == []
