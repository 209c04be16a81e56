"""fsck finds what was changed behind the ledger's back, whatever it is."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from ledger.audit.fsck import Report, fsck
from ledger.errors import IntegrityError
from ledger.log import Ledger
from ledger.store import Store, tables
from tests import book
from tests.audit.signedbook import issue_trust_root
from tests.conftest import TestClock, new_ledger
from tests.databases import sqlite_in


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """A log with loans, a pool, a pledge, private fields, two checkpoints and a receipt; made once, to be copied."""
    folder = tmp_path_factory.mktemp("sound")
    ledger = new_ledger(Store(sqlite_in(folder)), folder / "kek", TestClock())
    ledger.append(list(book.loans(120)), party="fenqile")
    ledger.publish()
    pledge = book.pledged("P", "bank-a", ("L1", "c1", 500_000), id="p1")
    ledger.append([book.pool_created("P"), pledge, book.repaid("L2", 2)], party="fenqile")
    ledger.publish()
    ledger.receipt("L3.originated")
    ledger.append([book.repaid("L5", 2)], party="fenqile")
    ledger.store.close()
    return ledger


@pytest.fixture
def filled(sound: Ledger, tmp_path: Path, clock: TestClock, open_store: Callable[[str], Store]) -> Ledger:
    """That log, for one test to change."""
    file = tmp_path / "ledger.db"
    shutil.copy(sound.store.url.removeprefix("sqlite:///"), file)
    return Ledger(
        open_store(f"sqlite:///{file}"), sound.origin, vault=sound.vault, service=sound.service,
        signer=sound.signer, clock=clock,
    )  # fmt: skip


def codes(report: Report) -> set[str]:
    return {problem.code for problem in report.problems}


def change(ledger: Ledger, statement: Any) -> None:
    with ledger.store.write() as connection:
        assert connection.execute(statement).rowcount == 1


def at(table: Any, column: str, value: Any) -> Any:
    return update(table).where(table.c[column] == value)


def flip(ledger: Ledger, table: Any, column: str, key: str, value: Any) -> None:
    """Change one bit in the middle of a stored value."""
    with ledger.store.read() as connection:
        old = bytes(connection.execute(select(table.c[column]).where(table.c[key] == value)).scalar_one())
    middle = len(old) // 2
    new = old[:middle] + bytes([old[middle] ^ 1]) + old[middle + 1 :]
    change(ledger, at(table, key, value).values({column: new}))


def test_a_sound_log_has_no_problem(filled: Ledger) -> None:
    seen: list[tuple[int, int]] = []
    report = fsck(filled, progress=lambda done, of: seen.append((done, of)))
    assert report.problems == []
    assert (report.records, report.registers, report.checkpoints, report.receipts, report.chain) == (
        364,
        2,
        2,
        1,
        None,
    )
    assert seen[-1] == (366, 366)


def test_a_rewritten_amount_is_found(filled: Ledger) -> None:
    with filled.store.read() as connection:
        row = connection.execute(
            select(tables.records).where(tables.records.c.event_id == "L4.repaid.1")
        ).one()
    forged = bytes(row.record).replace(b'"94.62"', b'"95.62"')
    change(filled, at(tables.records, "index", row.index).values(record=forged))
    report = fsck(filled)
    assert {"record", "tile", "checkpoint", "register", "subject"} <= codes(report)
    assert any(f"entry {row.index} (L4.repaid.1)" in problem.place for problem in report.problems)


def test_a_rewrite_with_its_digest_is_still_found(filled: Ledger) -> None:
    with filled.store.read() as connection:
        row = connection.execute(
            select(tables.records).where(tables.records.c.event_id == "L4.repaid.1")
        ).one()
    forged = bytes(row.record).replace(b'"94.62"', b'"95.62"')
    digest = hashlib.sha256(forged).digest()
    change(filled, at(tables.records, "index", row.index).values(record=forged, digest=digest))
    assert {"tile", "checkpoint", "batch"} <= codes(fsck(filled))


@pytest.mark.parametrize(
    ("table", "column", "key", "value", "code"),
    [
        ("records", "digest", "event_id", "L4.repaid.1", "record"),
        ("tiles", "hashes", "level", 1, "tile"),
        ("checkpoints", "note", "size", 361, "checkpoint"),
        ("checkpoints", "root", "size", 365, "checkpoint"),
        ("registers", "root", "index", 360, "register"),
        ("batches", "signature", "first", 0, "batch"),
        ("receipts", "receipt", "index", 9, "receipt"),
        ("subjects", "state", "name", "loan:L7", "subject"),
        ("subjects", "head", "name", "loan:L7", "subject"),
        ("claims", "history", "version", 1, "claim"),
        ("encumbrances", "history", "version", 1, "claim"),
        ("disclosures", "sealed", "index", 12, "disclosure"),
    ],
)
def test_one_bit_anywhere_is_found(
    filled: Ledger, table: str, column: str, key: str, value: object, code: str
) -> None:
    flip(filled, tables.metadata.tables[table], column, key, value)
    assert code in codes(fsck(filled))


@pytest.mark.parametrize(
    ("table", "key", "value", "values", "code"),
    [
        # The rows that the next pledge, append or publish is built on.
        ("encumbrances", "version", 1, {"change": 1}, "claim"),
        ("encumbrances", "version", 1, {"holder": "bank-b"}, "claim"),
        ("encumbrances", "version", 1, {"pool_id": 1}, "claim"),
        ("encumbrances", "version", 1, {"version": 2}, "claim"),
        ("claims", "version", 1, {"log_id": 2}, "claim"),
        ("logs", "id", 1, {"register_page": 1}, "log"),
        ("logs", "id", 1, {"next_page": 1}, "log"),
        ("logs", "id", 1, {"next_subject": 1}, "log"),
        ("logs", "id", 1, {"posted": "2020-01-01T00:00:00.000000Z"}, "log"),
        ("logs", "id", 1, {"day_cut": "04:00"}, "trust"),
        ("subjects", "name", "pool:P", {"secret": bytes(60)}, "subject"),
        ("trust_roots", "number", 0, {"fingerprint": bytes(32)}, "trust"),
        ("trust_roots", "number", 0, {"document": b"{}"}, "trust"),
        ("anchors", "size", 361, {"root": bytes(32)}, "anchor"),
        ("anchors", "size", 361, {"size": 362}, "anchor"),
        ("anchors", "size", 361, {"evidence": b"{}"}, "anchor"),
    ],
)
def test_a_changed_row_beside_the_tree_is_found(
    filled: Ledger, table: str, key: str, value: object, values: dict[str, object], code: str
) -> None:
    issue_trust_root(filled)
    assert codes(fsck(filled)) == set()
    without_foreign_keys(filled, at(tables.metadata.tables[table], key, value).values(values))
    assert code in codes(fsck(filled))


def without_foreign_keys(ledger: Ledger, statement: Any) -> None:
    """As a stranger's own connection does it: SQLite asks for foreign keys connection by connection."""
    with ledger.store.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN")
        assert connection.execute(statement).rowcount == 1
        connection.commit()
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def test_a_pledge_that_is_gone_is_found(filled: Ledger) -> None:
    change(filled, delete(tables.encumbrances))
    assert codes(fsck(filled)) == {"claim"}


def test_a_batch_without_its_only_record_is_found(filled: Ledger) -> None:
    change(filled, delete(tables.records).where(tables.records.c.event_id == "L5.repaid.2"))
    assert {"gap", "batch"} <= codes(fsck(filled))


@pytest.mark.parametrize(
    ("table", "key", "value", "values"),
    [
        ("parties", "name", "bank-a", {"keys": "bank-a+00000000+AAAA"}),
        ("verifier_keys", "kind", "service", {"kind": "nothing"}),
    ],
)
def test_keys_that_are_damaged_are_named(
    filled: Ledger, table: str, key: str, value: object, values: dict[str, object]
) -> None:
    change(filled, at(tables.metadata.tables[table], key, value).values(values))
    with pytest.raises(IntegrityError, match=r"the keys, parties or chain of .* are damaged"):
        fsck(filled)


def test_a_register_page_that_changed_is_found(filled: Ledger) -> None:
    with filled.store.read() as connection:
        page = connection.execute(
            select(tables.registers.c.page).where(tables.registers.c.index == 364)
        ).scalar_one()
    flip(filled, tables.register_pages, "page", "id", page)
    assert "register" in codes(fsck(filled))


@pytest.mark.parametrize("code", ["gap", "record"])
def test_a_missing_record_is_told_from_an_erased_one(filled: Ledger, code: str) -> None:
    here = tables.records.c.event_id == "L4.repaid.1"
    if code == "gap":
        change(filled, delete(tables.records).where(here))
        assert "gap" in codes(fsck(filled))
        return
    change(filled, update(tables.records).where(here).values(record=None))
    report = fsck(filled)
    assert any("missing" in problem.message for problem in report.problems)
    assert report.erased == 0


def test_an_erased_loan_is_counted_and_no_problem(filled: Ledger, clock: TestClock) -> None:
    end = book.event("loan.settled", "loan:L9", {"reason": "matured"}, id="L9.end")
    filled.append([end], party="fenqile")
    filled.publish()
    clock.now += timedelta(days=5 * 366)
    filled.erase("L9", party="fenqile", basis="retention_ended")
    filled.publish()
    report = fsck(filled)
    assert report.erased == 4
    # What the register said of it cannot be derived again, and the report must not call that a forgery.
    assert codes(report) == set()


def test_a_record_that_could_not_have_been_accepted_is_found(filled: Ledger) -> None:
    # A second pledge of the same claim, slipped in by whoever holds every key of the log.
    event = book.pledged("P", "bank-b", ("L1", "c1", 600_000), id="p2")
    book_ = json.loads(json.dumps(event))
    book_["data"]["claims"][0]["share"] = 500_000
    filled.append([book_], party="fenqile")
    with filled.store.read() as connection:
        row = connection.execute(select(tables.records).where(tables.records.c.event_id == "p2")).one()
    forged = bytes(row.record).replace(b'"share":500000', b'"share":600000')
    change(filled, at(tables.records, "index", row.index).values(record=forged))
    report = fsck(filled)
    assert any("could not have been accepted" in problem.message for problem in report.problems)
