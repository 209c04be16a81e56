"""A log that moves: SQLite to PostgreSQL and back, with its proofs, all of it or nothing."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from ledger.audit.fsck import fsck
from ledger.copying import copy, give_up
from ledger.errors import ConfigurationError, IntegrityError, UnavailableError
from ledger.log import Ledger
from ledger.store import Store, logs, migrations, rows
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
        with pytest.raises(UnavailableError, match=rf"goes on in another database \(sqlite:.*\) since {NOW}"):
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
        assert not logs.get(connection, source.origin).closed
    assert source.publish() is not None


#: Runs a move in a process that kills itself at one point of it.
KILLED = """
import os, signal, sys
from ledger import copying
from ledger.store import Store, logs

point, source, target = sys.argv[1:]
close = logs.close

def closing(connection, *, successor, moved):
    if point == ("before the source is closed" if moved is None else "before the source says where"):
        os.kill(os.getpid(), signal.SIGKILL)
    close(connection, successor=successor, moved=moved)

def progress(stage, done, of):
    if (point, stage) == ("half-way", "records") or (
        point == "before the target's commit" and (stage, done) == ("tree", of)
    ):
        os.kill(os.getpid(), signal.SIGKILL)

copying.logs.close = closing
copying.copy(Store(source), Store(target), now=sys.argv[0], progress=progress)
"""


def is_open(store: Store) -> bool:
    """Whether a log goes on in this database."""
    if migrations.current(store) is None:
        return False
    with store.read() as connection:
        return any(not logs.get(connection, origin).closed for origin in logs.origins(connection))


def killed(point: str, source: Store, target: Store) -> None:
    command = [sys.executable, "-c", KILLED, point, source.url, target.url]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL


#: Where a process dies, and in which of the databases, source and target, the log goes on then.
POINTS = {
    "before the source is closed": (True, False),
    "half-way": (False, False),
    "before the target's commit": (False, False),
    "before the source says where": (False, True),
}


@pytest.mark.parametrize("point", POINTS)
def test_a_move_that_is_killed_never_leaves_two_open_and_goes_on(
    source: Ledger, tmp_path: Path, open_store: OpenStore, point: str
) -> None:
    before, target = documents(source), open_store(f"sqlite:///{tmp_path / 'other.db'}")
    killed(point, source.store, target)
    assert (is_open(source.store), is_open(target)) == POINTS[point]
    if not is_open(source.store):
        with pytest.raises(UnavailableError, match=r"is being moved to sqlite:.*other\.db: `poolproof copy"):
            source.append([book.originated("fork")], party="fenqile")
        with pytest.raises(UnavailableError, match="is being moved to"):
            copy(source.store, open_store(f"sqlite:///{tmp_path / 'third.db'}"), now=NOW)
    if is_open(target):  # it may have gone on there before anybody looks
        opened(source, target).append([book.originated("new")], party="fenqile")
    copied, _ = copy(source.store, target, now=NOW)
    here = opened(source, target)
    assert (is_open(source.store), is_open(target)) == (False, True)
    assert [one.size for one in copied] == [here.status().size]
    assert documents(here)[:-1] == before[:-1]
    assert fsck(here).problems == []
    with source.store.read() as connection:
        row = logs.get(connection, source.origin)
    assert (row.successor, row.moved) == (str(target), NOW)


def test_a_move_that_was_cut_off_is_given_up_only_while_the_target_is_empty(
    source: Ledger, tmp_path: Path, open_store: OpenStore
) -> None:
    target, other = (open_store(f"sqlite:///{tmp_path / name}.db") for name in ("target", "other"))
    with pytest.raises(ConfigurationError, match="is not being moved to"):
        give_up(source.store, target)
    killed("half-way", source.store, target)
    with pytest.raises(ConfigurationError, match="is not being moved to"):
        give_up(source.store, other)
    give_up(source.store, target)
    assert (is_open(source.store), is_open(target)) == (True, False)
    source.append([book.originated("goes-on")], party="fenqile")

    killed("before the source says where", source.store, target)
    with pytest.raises(ConfigurationError, match="has the log"):
        give_up(source.store, target)
    assert (is_open(source.store), is_open(target)) == (False, True)
