"""Every table and column that fsck reads, damaged in turn: it names the place, or says what it cannot go on without.

The damage is that of :mod:`tests.audit.test_damaged_store`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.audit.fsck import TABLES, Report, fsck
from ledger.errors import IntegrityError, NotFoundError
from ledger.log import Ledger
from ledger.store import Store
from tests import book
from tests.audit.test_damaged_store import Case, Sound, cases, do
from tests.audit.test_fsck import issue_trust_root
from tests.conftest import TestClock, new_ledger
from tests.databases import sqlite_in

#: What nothing commits to: it is said by whoever runs the log, tells a time, or is derived again when it is missing.
UNCOMMITTED = {
    ("logs", "next_page"), ("logs", "next_subject"), ("logs", "chain_id"), ("logs", "genesis"), ("logs", "contract"),
    ("logs", "code_hash"), ("logs", "log_key"), ("logs", "finality"), ("logs", "grade"), ("logs", "max_anchor_age"),
    ("logs", "attestations"), ("logs", "successor"), ("logs", "moved"), ("parties", "keys"), ("trust_roots", "issued"),
    ("receipts", None), ("receipts", "log_id"), ("receipts", "bare"), ("checkpoints", "published"),
    ("seal_chunks", None), ("seal_chunks", "log_id"),
}  # fmt: skip
#: The rows without which nothing that is signed can be checked, or no log is found.
CRUCIAL = ("logs", "parties", "verifier_keys")
#: How the error says so, where it does not name the column.
NAMED = ("damaged in the database", "no log with origin")


@dataclass(frozen=True)
class Kept:
    """A store with nothing wrong in it, and the ledger that made it."""

    sound: Sound
    ledger: Ledger

    def check(self, folder: Path, damage: Callable[[sqlite3.Connection], object]) -> Report:
        """fsck over a copy of it with something done to it."""
        store, made = self.sound.damaged(folder, damage), self.ledger
        try:
            return fsck(
                Ledger(
                    store,
                    made.origin,
                    vault=made.vault,
                    service=made.service,
                    signer=made.signer,
                    clock=made.clock,
                )
            )
        finally:
            store.close()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Four loans, three of them in P, sealed; a private field, a receipt, a trust root; published twice."""
    folder = tmp_path_factory.mktemp("kept")
    store = Store(sqlite_in(folder))
    ledger = new_ledger(store, folder / "kek", TestClock())
    private = book.originated("L9", private={"name": "王小明"})
    ledger.append([private, *book.loans(3, repayments=2)], party="fenqile")
    pledges = [book.pledged("P", "bank-a", (f"L{n}", "c1", 600_000), id=f"p{n}") for n in range(3)]
    ledger.append([book.pool_created("P"), *pledges], party="fenqile")
    ledger.publish()
    ledger.seal_pool("P", as_of="2026-11-21", party="fenqile")
    ledger.publish()
    ledger.receipt("L1.originated")
    issue_trust_root(ledger)
    file, trust = Path(store.url.removeprefix("sqlite:///")), ledger.trust_root()
    store.close()
    return Kept(Sound(file, ledger.origin, trust, folder / "kek"), ledger)


def is_quick(case: Case) -> bool:
    """Those that have ended in a traceback, ran for ever or were called clean; the others take a minute."""
    return case in {
        ("logs", "zone", "as bytes"), ("logs", "day_cut", "as bytes"), ("logs", "day_cut", "flipped"),
        ("logs", "size", "huge"), ("parties", None, "deleted"), ("subjects", "secret", "empty"),
        ("records", "record", "flipped"), ("records", "record", "as text"), ("disclosures", "sealed", "empty"),
        ("trust_roots", "number", "huge"),
    }  # fmt: skip


def every_case() -> Iterator[object]:
    for one in cases(tuple(name for name in TABLES if name != "anchors")):
        marks = () if is_quick(one) else pytest.mark.slow
        yield pytest.param(one, id=f"{one[0]}.{one[1]}-{one[2]}", marks=marks)


def test_a_sound_store_is_clean(kept: Kept, tmp_path: Path) -> None:
    report = kept.check(tmp_path, lambda _connection: None)
    assert (report.problems, report.trust_roots) == ([], 1)


@pytest.mark.parametrize("case", list(every_case()))
def test_what_is_damaged_is_named(kept: Kept, tmp_path: Path, case: Case) -> None:
    name, column, _kind = case
    try:
        report = kept.check(tmp_path, lambda connection: do(connection, case))
    except (IntegrityError, NotFoundError) as error:
        if name in CRUCIAL and any(one in str(error) for one in (*NAMED, f"{name}.")):
            return
        raise
    if (name, column) in UNCOMMITTED:
        return
    if name == "trust_roots" and (column, report.trust_roots) in {(None, 0), ("log_id", 0)}:
        return  # the command says so, and is undecided
    assert report.problems


def test_what_does_not_fit_is_named_by_table_column_and_row(kept: Kept, tmp_path: Path) -> None:
    report = kept.check(
        tmp_path, lambda one: one.execute("UPDATE batches SET root = 'short' WHERE \"first\" = 0")
    )
    [problem] = [one for one in report.problems if one.code == "store"]
    assert problem.place == "batches.root of log_id 1, first 0"
    assert problem.message.startswith("text of 5 bytes")


def test_a_size_beyond_all_entries_is_not_walked(kept: Kept, tmp_path: Path) -> None:
    report = kept.check(tmp_path, lambda one: one.execute("UPDATE logs SET size = 4611686018427387904"))
    assert "log" in {one.code for one in report.problems}
    assert "gap" not in {one.code for one in report.problems}


def test_a_trust_root_that_is_gone_is_missed(kept: Kept, tmp_path: Path) -> None:
    assert kept.check(tmp_path, lambda one: one.execute("DELETE FROM trust_roots")).trust_roots == 0
    report = kept.check(tmp_path, lambda one: one.execute("UPDATE trust_roots SET number = 1"))
    assert [one.message for one in report.problems] == ["a trust root that was issued is missing"]
