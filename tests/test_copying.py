"""A log that moves: SQLite to PostgreSQL and back, with its proofs, all of it or nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from ledger.audit.fsck import fsck
from ledger.copying import copy
from ledger.errors import ConfigurationError, IntegrityError, UnavailableError
from ledger.log import Ledger
from ledger.store import Store, logs, rows
from ledger.store.tables import metadata
from tests import book
from tests.conftest import TestClock

OpenStore = Callable[[str], Store]
NOW = "2026-11-23T00:00:00.000000Z"


@pytest.fixture
def source(sqlite_ledger: Ledger) -> Ledger:
    """A log with loans, a pool, a seal, receipts, two checkpoints and entries after the last one."""
    ledger = sqlite_ledger
    ledger.append(list(book.loans(40)), party="fenqile")
    claims = [(f"L{n}", "c1", 1_000_000) for n in (1, 2)]
    ledger.append([book.pool_created("W1"), book.pledged("W1", "bank-a", *claims, id="e1")], party="fenqile")
    ledger.publish()
    ledger.seal_pool("W1", party="fenqile", as_of="2026-11-20")
    ledger.publish()
    ledger.receipt("L1.originated")
    ledger.append(list(book.loans(2, prefix="late-")), party="fenqile")
    return ledger


def opened(ledger: Ledger, store: Store) -> Ledger:
    """The same log with the same keys, in another database."""
    return Ledger(
        store,
        ledger.origin,
        vault=ledger.vault,
        service=ledger.service,
        signer=ledger.signer,
        clock=ledger.clock,
    )


def documents(ledger: Ledger) -> list[bytes]:
    """What partners hold: it must not change with the database."""
    return [
        ledger.receipt("L1.originated"),
        ledger.acceptance("e1"),
        ledger.checkpoint(),
        ledger.prove_claim("L1/c1"),
        ledger.prove_seal("W1", "L1/c1"),
        ledger.read_entries(0, 100),
    ]


def test_a_log_moves_to_postgresql_and_back_and_goes_on(
    source: Ledger, bare_postgres: str, tmp_path: Path, open_store: OpenStore, clock: TestClock
) -> None:
    before, places = documents(source), [source.store]
    stages: list[str] = []
    for url in (bare_postgres, f"sqlite:///{tmp_path / 'back.db'}"):
        store = open_store(url)
        stages.clear()
        copied, counts = copy(
            places[-1], store, now=NOW, progress=lambda stage, _done, _of: stages.append(stage)
        )
        assert [stage for stage, _ in itertools.groupby(stages)] == [*rows.tables(), "tree"]
        assert set(counts) == set(metadata.tables)
        here = opened(source, store)
        status = here.status()
        assert [(one.size, one.published) for one in copied] == [(status.size, status.published)]
        assert documents(here) == before
        assert fsck(here).problems == []
        clock.now = clock.now.replace(minute=clock.now.minute + 1)
        here.append([book.originated(f"new-{len(places)}")], party="fenqile")
        assert here.publish() is not None
        before = documents(here)
        places.append(store)
    assert fsck(here).problems == []


def test_a_log_that_moved_is_read_and_never_continued(
    source: Ledger, tmp_path: Path, open_store: OpenStore
) -> None:
    before = documents(source)
    copy(source.store, open_store(f"sqlite:///{tmp_path / 'other.db'}"), now=NOW)
    assert documents(source) == before
    for write in (
        lambda: source.append([book.originated("fork")], party="fenqile"),
        source.publish,
        lambda: source.add_party("bank-d", ["investor"]),
        lambda: copy(source.store, open_store(f"sqlite:///{tmp_path / 'third.db'}"), now=NOW),
    ):
        with pytest.raises(UnavailableError, match=f"goes on in another database since {NOW}"):
            write()


def test_a_kept_log_goes_on_and_its_copy_does_not(
    source: Ledger, tmp_path: Path, open_store: OpenStore
) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'copy.db'}")
    copy(source.store, store, now=NOW, keep=True)
    here = opened(source, store)
    assert documents(here) == documents(source)
    with pytest.raises(UnavailableError, match="goes on in another database"):
        here.publish()
    source.append([book.originated("more")], party="fenqile")
    assert source.publish() is not None


def test_a_target_with_a_log_is_refused_and_so_is_a_source_without(
    source: Ledger, tmp_path: Path, open_store: OpenStore
) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'copy.db'}")
    with pytest.raises(ConfigurationError, match="schema None"):
        copy(store, source.store, now=NOW)
    copy(source.store, store, now=NOW, keep=True)
    for target in (store, source.store):
        with pytest.raises(ConfigurationError, match="has the log"):
            copy(source.store, target, now=NOW)
    assert source.publish() is not None


@pytest.mark.parametrize(
    ("damage", "noticed"),
    [
        ("UPDATE tiles SET hashes = zeroblob(length(hashes)) WHERE level = 0", "different trees"),
        ('UPDATE records SET digest = zeroblob(32) WHERE "index" = 3', "different trees"),
        ('DELETE FROM records WHERE "index" = 3', "is missing"),
        ("UPDATE checkpoints SET root = zeroblob(32)", "another root than the checkpoint"),
        ("UPDATE registers SET page = (SELECT min(page) FROM registers)", "the copied register"),
    ],
)
def test_a_damaged_log_leaves_nothing_behind(
    source: Ledger, tmp_path: Path, open_store: OpenStore, damage: str, noticed: str
) -> None:
    with source.store.write() as connection:
        connection.execute(text(damage))
    store = open_store(f"sqlite:///{tmp_path / 'copy.db'}")
    with pytest.raises(IntegrityError, match=noticed):
        copy(source.store, store, now=NOW)
    with store.read() as connection:
        assert not any(rows.count(connection, name) for name in rows.tables())
    with source.store.read() as connection:
        assert logs.get(connection, source.origin).moved is None
