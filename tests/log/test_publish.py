"""A publish prepares its register beside the log; what comes in meanwhile is in the same checkpoint."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from ledger import publish
from ledger.audit.fsck import fsck
from ledger.log import Ledger
from ledger.publish import Prepared
from ledger.store import Store, logs, trees
from ledger.store.trees import RegisterRow
from tests import book
from tests.conftest import TestClock
from tests.log.conftest import append

Meanwhile = Callable[[Ledger], object]


def filled(ledger: Ledger) -> Ledger:
    """Loans that were published, a pool, and some of both that wait for a checkpoint."""
    append(ledger, *book.loans(30), book.pool_created("P"))
    ledger.publish()
    append(ledger, *book.loans(5, prefix="N"), *(book.repaid(f"L{n}", 2) for n in range(10)))
    append(ledger, book.pledged("P", "bank-a", ("L1", "c1", 500_000), ("L20", "c1", 1_000_000), id="p1"))
    return ledger


def prepared(ledger: Ledger, *, every: timedelta = timedelta(0)) -> Prepared | None:
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        return publish.prepare(connection, log, vault=ledger.vault, now=ledger.clock(), every=every)


def published(ledger: Ledger, start: Prepared | None) -> RegisterRow:
    """The register of a checkpoint that is made now."""
    assert ledger.signer is not None
    with ledger.store.write() as connection:
        log = logs.lock(connection, ledger.origin)
        row = publish.publish(
            connection, log, vault=ledger.vault, signer=ledger.signer, now=ledger.clock(), prepared=start
        )
        assert row is not None
        found = trees.register_at(connection, log.id, row.size - 1)
    assert found is not None
    return found


def nothing(_ledger: Ledger) -> None:
    pass


def the_same_loans(ledger: Ledger) -> None:
    append(ledger, *(book.repaid(f"L{n}", 3) for n in range(5, 15)), book.repaid("N0", 2))


def other_loans(ledger: Ledger) -> None:
    append(ledger, *book.loans(8, prefix="M"))


def places(ledger: Ledger) -> None:
    pledge = book.pledged("P", "bank-b", ("L1", "c1", 500_000), ("L2", "c1", 1), ("N1", "c1", 7), id="p2")
    append(ledger, pledge)


@pytest.mark.parametrize("meanwhile", [nothing, the_same_loans, other_loans, places])
def test_what_comes_in_meanwhile_is_in_it(
    make_ledger: Callable[[str], Ledger], fresh_sqlite: str, tmp_path: Path, clock: TestClock,
    open_store: Callable[[str], Store], meanwhile: Meanwhile,
) -> None:  # fmt: skip
    ledger = filled(make_ledger(fresh_sqlite))
    start = prepared(ledger)
    assert start is not None
    assert len(start.update.written) > 0
    meanwhile(ledger)
    twin_file = tmp_path / "twin.db"
    with ledger.store.maintain() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(ledger.store.url.removeprefix("sqlite:///"), twin_file)
    twin = Ledger(
        open_store(f"sqlite:///{twin_file}"), ledger.origin, vault=ledger.vault, service=ledger.service,
        signer=ledger.signer, clock=clock,
    )  # fmt: skip
    one, other = published(ledger, start), published(twin, None)
    assert (one.index, one.count, one.root) == (other.index, other.count, other.root)
    assert fsck(ledger).problems == []
    # It can be gone on from.
    append(ledger, book.repaid("L7", 4))
    assert ledger.publish() is not None
    assert fsck(ledger).problems == []


def test_what_was_prepared_before_another_checkpoint_is_left_out(
    make_ledger: Callable[[str], Ledger], database_url: str
) -> None:
    ledger = filled(make_ledger(database_url))
    start = prepared(ledger)
    assert ledger.publish() is not None
    append(ledger, book.repaid("L3", 3))
    published(ledger, start)
    assert fsck(ledger).problems == []


def test_nothing_is_prepared_where_nothing_is_to_be_published(
    make_ledger: Callable[[str], Ledger], fresh_sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = filled(make_ledger(fresh_sqlite))
    assert prepared(ledger, every=timedelta(seconds=60)) is None  # the newest checkpoint is young
    monkeypatch.setattr(publish, "CHUNK_SUBJECTS", 10)
    assert prepared(ledger) is None  # more than fits at once: it is done chunk by chunk, as ever
    assert ledger.publish() is not None
    assert fsck(ledger).problems == []
    monkeypatch.undo()
    assert prepared(ledger) is None
    assert ledger.publish() is None
    append(ledger, book.originated("Z1"))  # no claim of it has its key yet
    assert prepared(ledger) is None
    assert ledger.publish() is not None
