"""Databases that have the tables already: the migrations run once in a test process, not once for each test.

What the migrations make of a database with nothing in it is shown by ``tests/store/test_migrations.py``, by the
commands (``poolproof init`` in a home of its own) and by the tests that ask for ``bare_postgres``.
"""

from __future__ import annotations

import sqlite3
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.pool import QueuePool

from ledger.store import Store, migrations


def sqlite_in(folder: Path) -> str:
    """The URL of a database without a log, ``ledger.db`` in this folder."""
    file = folder / "ledger.db"
    file.write_bytes(_migrated())
    return f"sqlite:///{file}"


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory(prefix="poolproof-") as folder:
        file = Path(folder) / "ledger.db"
        _migrate(f"sqlite:///{file}")
        return file.read_bytes()


@contextmanager
def postgres_on(server: str, *, bare: bool = False) -> Iterator[str]:
    """The URL of a database without a log on this server, or of one without tables."""
    name = f"t{uuid.uuid4().hex}"
    # Copied as files, a database is there in a sixth of the time that its copy by way of the log takes.
    _run(
        server,
        f"CREATE DATABASE {name}" + ("" if bare else f" TEMPLATE {_template(server)} STRATEGY FILE_COPY"),
    )
    try:
        yield _renamed(server, name)
    finally:
        _run(server, f"DROP DATABASE {name} WITH (FORCE)")


def forgetful(server: str) -> None:
    """Have a server not wait for its disk: no test takes away its power."""
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        _run(server, f"ALTER SYSTEM SET {setting} = off")
    _run(server, "SELECT pg_reload_conf()")


@event.listens_for(QueuePool, "checkout")
def _forgetful_too(dbapi_connection: Any, record: Any, _proxy: Any) -> None:
    """The same of SQLite, in this process."""
    if isinstance(dbapi_connection, sqlite3.Connection) and record.info.setdefault("waits", True):
        dbapi_connection.execute("PRAGMA synchronous=OFF")
        record.info["waits"] = False


@cache
def _template(server: str) -> str:
    name = "migrated"
    _run(server, f"CREATE DATABASE {name}")
    _migrate(_renamed(server, name))
    return name


def _migrate(url: str) -> None:
    store = Store(url)
    migrations.upgrade(store)
    store.close()


def _renamed(server: str, database: str) -> str:
    return make_url(server).set(database=database).render_as_string(hide_password=False)


def let_go(server: str) -> None:
    """Close what is kept open to a server."""
    _admin(server).dispose()


@cache
def _admin(server: str) -> Engine:
    return create_engine(server, isolation_level="AUTOCOMMIT")


def _run(server: str, statement: str) -> None:
    with _admin(server).connect() as connection:
        connection.execute(text(statement))
