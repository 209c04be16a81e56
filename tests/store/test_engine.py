"""Sessions: what a block leaves behind, and what a database that cannot work says."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select, text

from ledger.errors import ConfigurationError, UnavailableError
from ledger.store import Store, engine, logs
from ledger.store.tables import logs as logs_table
from ledger.store.tables import metadata


@pytest.fixture
def store(database_url: str, open_store: Callable[[str], Store]) -> Store:
    store = open_store(database_url)
    metadata.create_all(store.engine)
    return store


def test_a_write_that_raises_leaves_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError), store.write() as connection:
        logs.create(connection, origin="a", zone="UTC", day_cut="00:00")
        raise RuntimeError
    with store.read() as connection:
        assert logs.origins(connection) == []


def test_a_read_sees_one_snapshot(store: Store) -> None:
    with store.read() as reading:
        assert logs.origins(reading) == []
        with store.write() as writing:
            logs.create(writing, origin="a", zone="UTC", day_cut="00:00")
        assert logs.origins(reading) == []
    with store.read() as reading:
        assert logs.origins(reading) == ["a"]


def test_writers_of_one_log_take_turns(store: Store) -> None:
    with store.write() as connection:
        logs.create(connection, origin="a", zone="UTC", day_cut="00:00")

    def grow() -> None:
        for _ in range(20):
            with store.write() as connection:
                log = logs.lock(connection, "a")
                logs.advance(connection, log.id, size=log.size + 1)

    threads = [threading.Thread(target=grow) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as connection:
        assert logs.get(connection, "a").size == 80


def test_a_lock_that_nobody_gives_back_is_not_waited_for_without_end(
    fresh_postgres: str, open_store: Callable[[str], Store]
) -> None:
    """A minute on both databases; the options of a PostgreSQL URL may say otherwise."""
    asked = text("SELECT current_setting('lock_timeout')")
    holder = open_store(fresh_postgres)
    other = open_store(f"{fresh_postgres}&options=-c%20lock_timeout%3D20ms")
    with holder.write() as connection:
        assert connection.execute(asked).scalar_one() == "1min"
        logs.create(connection, origin="a", zone="UTC", day_cut="00:00")
    with holder.write() as connection:
        logs.lock(connection, "a")
        with pytest.raises(UnavailableError, match="lock timeout"), other.write() as waiting:
            logs.lock(waiting, "a")
    with other.write() as connection:
        assert logs.lock(connection, "a").size == 0


@pytest.mark.parametrize("url", ["mysql://localhost/x", "not a url", "sqlite+nothing:///x"])
def test_a_url_that_cannot_work_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="database URL"):
        Store(url)


def test_a_server_that_does_not_answer_is_unavailable() -> None:
    store = Store("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2")
    with pytest.raises(UnavailableError, match="database"), store.read() as connection:
        connection.execute(select(logs_table))


def test_a_connection_that_was_cut_while_idle_is_replaced_unseen(
    fresh_postgres: str, open_store: Callable[[str], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = open_store(fresh_postgres), open_store(fresh_postgres)
    ask, cut = text("SELECT pg_backend_pid()"), text("SELECT pg_terminate_backend(:pid, 5000)")

    def cut_off() -> int:
        with store.ask() as connection:
            pid: int = connection.execute(ask).scalar_one()
        with other.write() as connection:
            assert connection.execute(cut, {"pid": pid}).scalar_one()
        return pid

    cut_off()
    with pytest.raises(UnavailableError, match="database"), store.ask() as connection:
        connection.execute(ask)  # it was in use a moment ago and not asked again
    gone = cut_off()
    monkeypatch.setattr(engine, "IDLE_SECONDS", 0.0)
    with store.ask() as connection:
        assert connection.execute(ask).scalar_one() != gone


def test_a_full_disk_stores_nothing_and_says_so(
    fresh_sqlite: str, open_store: Callable[[str], Store]
) -> None:
    store = open_store(fresh_sqlite)
    metadata.create_all(store.engine)
    with store.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    with pytest.raises(UnavailableError, match="full"), store.write() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 1}")
        for n in range(2_000):
            logs.create(connection, origin=f"log-{n}-" + "x" * 200, zone="UTC", day_cut="00:00")
    with store.read() as connection:
        assert logs.origins(connection) == []


def test_a_streamed_statement_is_the_only_one_that_is(store: Store) -> None:
    """PostgreSQL tells which cursors it holds for this transaction: one, and the asking makes no other."""
    with store.write() as connection:
        # One log is all that a database carries, but the table takes more.
        for number in range(25):
            logs.create(connection, origin=f"log-{number:02}", zone="UTC", day_cut="00:00")
    with store.read() as connection:
        statement = select(logs_table.c.origin).order_by(logs_table.c.origin)
        rows = engine.streamed(connection, statement, at_a_time=10)
        assert next(rows)[0] == "log-00"
        assert dict(connection.get_execution_options()).keys() & {"stream_results", "yield_per"} == set()
        if not store.is_sqlite:
            held = text("SELECT count(*) FROM pg_cursors")
            assert connection.execute(held).scalar_one() == 1
        assert len(list(rows)) == 24
