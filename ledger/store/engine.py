"""Opening a database, and the two kinds of session on it.

A *read* session sees one snapshot for its whole life. A *write* session is one transaction: it is durable
when the block ends and leaves nothing behind when the block raises. SQLite runs in WAL mode with
``synchronous=FULL``, because an acceptance that has been returned must survive a power cut.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NewType, TypeVarTuple

from sqlalchemy import Connection, Engine, Result, Select, create_engine, event, func, make_url, select
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from ledger.errors import ConfigurationError, IntegrityError, UnavailableError

ReadConnection = NewType("ReadConnection", Connection)
#: Whoever may write may also read.
WriteConnection = NewType("WriteConnection", ReadConnection)
#: What the columns of a statement hold.
Columns = TypeVarTuple("Columns")

#: How SQLite says that its file is not, or no longer, one of its own.
_DAMAGED = ("not a database", "disk image is malformed")

#: How long a writer waits for another one; appends take milliseconds, publishing a big register seconds.
BUSY_TIMEOUT_SECONDS = 60

#: PostgreSQL's connections that a process keeps open, and those that it opens beyond when all are in use. To open one
#: costs more than most questions; two API processes and a worker stay below PostgreSQL's own limit of 100.
POOL_SIZE = 20
POOL_OVERFLOW = 4
#: A connection that nobody used for so long may have been cut: the server restarted, a firewall forgot it.
IDLE_SECONDS = 10.0


class Store:
    """One database, by URL (``sqlite:///path`` or ``postgresql://…``).

    Raises :class:`ConfigurationError` for a URL that cannot work and :class:`UnavailableError` when the
    database does not answer, is locked for longer than a minute, or has no room left, and
    :class:`IntegrityError` for a file that is damaged.
    """

    def __init__(self, url: str, views: Mapping[str, str] | None = None) -> None:
        """``views`` stand in for tables of a SQLite database that cannot be read whole (:mod:`ledger.store.sieve`)."""
        self.url = url
        self.views = dict(views or {})
        try:
            parsed = make_url(url)
            if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
                raise ConfigurationError(
                    f"database URL: {parsed.get_backend_name()} is not supported; use sqlite or postgresql"
                )
            self.engine: Engine = (
                _sqlite(url, self.views) if parsed.get_backend_name() == "sqlite" else _postgresql(url)
            )
        except SQLAlchemyError as error:
            raise ConfigurationError(f"database URL: {error}") from error

    def __str__(self) -> str:
        """The URL, fit for a terminal or a log: without its password."""
        return self.engine.url.render_as_string(hide_password=True)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[ReadConnection]:
        """One snapshot of the database."""
        with _translated(), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield ReadConnection(connection)

    @contextmanager
    def ask(self) -> Iterator[ReadConnection]:
        """For one statement, which is a snapshot by itself: on PostgreSQL it costs one round trip instead of three."""
        with _translated(), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="AUTOCOMMIT")
            yield ReadConnection(connection)

    @contextmanager
    def write(self) -> Iterator[WriteConnection]:
        """One transaction; committed when the block ends, rolled back when it raises."""
        with _translated(), self.engine.connect() as connection:
            connection.execution_options(poolproof_write=True)
            with connection.begin():
                yield WriteConnection(ReadConnection(connection))

    @contextmanager
    def maintain(self) -> Iterator[WriteConnection]:
        """Outside any transaction: for statements such as VACUUM, which allow none around them."""
        with _translated(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.execution_options(poolproof_maintains=True)
            else:
                connection.execution_options(isolation_level="AUTOCOMMIT")
            yield WriteConnection(ReadConnection(connection))

    def close(self) -> None:
        self.engine.dispose()


def shared_time(connection: ReadConnection, here: datetime) -> datetime:
    """The time by the one clock that all processes on this database share; ``here`` is this process's own.

    Leases are taken and judged by it: with the clocks of two machines a lease could run out before it began. Of
    PostgreSQL it is the server's. SQLite has none of its own, and its processes are all on one machine.
    """
    if connection.dialect.name != "postgresql":
        return here
    # Not now(), which stands still in a transaction that may have waited for a lock.
    told: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return told.astimezone(UTC)


def streamed(connection: ReadConnection, statement: Select[*Columns], *, at_a_time: int) -> Result[*Columns]:
    """The rows of a statement as they are asked for: no more than ``at_a_time`` of them are in memory.

    Only this statement is streamed. A connection can be told the same, and then keeps it: on PostgreSQL each of its
    small questions would go through a cursor of the server, three round trips instead of one.
    """
    return connection.execute(statement, execution_options={"yield_per": at_a_time})


@contextmanager
def _translated() -> Iterator[None]:
    """Foreign errors stop here."""
    try:
        yield
    except OperationalError as error:
        raise UnavailableError(f"database: {_first_line(error)}") from error
    except DBAPIError as error:
        if "full" in str(error.orig).lower() or "no space" in str(error.orig).lower():
            raise UnavailableError(f"database: {_first_line(error)}", retry_after=60) from error
        if any(sign in str(error.orig) for sign in _DAMAGED):
            raise IntegrityError(f"database: {_first_line(error)}; restore it from its backup") from error
        raise


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]


def _sqlite(url: str, views: Mapping[str, str]) -> Engine:
    engine = create_engine(
        url, poolclass=QueuePool, connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_SECONDS}
    )

    @event.listens_for(engine, "connect")
    def _configure(dbapi_connection: Any, _record: Any) -> None:
        # The driver must not open transactions by itself: `begin` below does, and says of which kind.
        dbapi_connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-65536",
            "wal_autocheckpoint=16384",
        ):
            dbapi_connection.execute(f"PRAGMA {pragma}")
        for name, query in views.items():  # a temporary view goes before the table of its name
            dbapi_connection.execute(f'CREATE TEMP VIEW "{name}" AS {query}')

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("poolproof_maintains", False):
            return
        # A writer takes its lock at once: a transaction that reads first and writes later could not be retried.
        writes = connection.get_execution_options().get("poolproof_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: str) -> Engine:
    # By itself PostgreSQL waits for a lock without end, and with it every thread that wants to write.
    # What the URL says goes before it.
    options = f"-c lock_timeout={BUSY_TIMEOUT_SECONDS}s {make_url(url).query.get('options', '')}"
    engine = create_engine(
        url, pool_size=POOL_SIZE, max_overflow=POOL_OVERFLOW, connect_args={"options": options.strip()}
    )

    @event.listens_for(engine, "checkin")
    def _remember(_dbapi_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _ping(dbapi_connection: Any, record: Any, _proxy: Any) -> None:
        # To ask before each use would cost a round trip in four; a connection in use is known to be alive.
        if time.monotonic() - record.info.get("idle_since", time.monotonic()) < IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(dbapi_connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error

    return engine
