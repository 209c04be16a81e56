"""fsck finds what was changed behind the ledger's back, whatever it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from ledger.audit.fsck import Report, fsck
from ledger.log import Ledger
from ledger.store import tables
from tests import book


@pytest.fixture
def filled(sqlite_ledger: Ledger) -> Ledger:
    """A log with loans, a pool, a pledge, private fields, two checkpoints and a receipt."""
    sqlite_ledger.append(list(book.loans(120)), party="fenqile")
    sqlite_ledger.publish()
    pledge = book.pledged("P", "bank-a", ("L1", "c1", 500_000), id="p1")
    sqlite_ledger.append([book.pool_created("P"), pledge, book.repaid("L2", 2)], party="fenqile")
    sqlite_ledger.publish()
    sqlite_ledger.receipt("L3.originated")
    sqlite_ledger.append([book.repaid("L5", 2)], party="fenqile")
    return sqlite_ledger


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
    import hashlib

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


def test_an_erased_loan_is_counted_and_no_problem(filled: Ledger) -> None:
    with filled.store.write() as connection:
        subject = connection.execute(
            select(tables.subjects.c.id).where(tables.subjects.c.name == "loan:L9")
        ).scalar_one()
        indexes = select(tables.records.c.index).where(tables.records.c.subject_id == subject)
        connection.execute(delete(tables.disclosures).where(tables.disclosures.c.index.in_(indexes)))
        connection.execute(at(tables.records, "subject_id", subject).values(record=None))
        connection.execute(at(tables.subjects, "id", subject).values(secret=None))
    report = fsck(filled)
    assert report.erased == 3
    # What the register said of it cannot be derived again, and the report must not call that a forgery.
    assert codes(report) == set()


def test_an_anchor_that_the_contract_contradicts_is_found(filled: Ledger) -> None:
    roots = {size: filled.root_of(size) for size in filled.checkpoint_sizes()}
    change(filled, at(tables.anchors, "size", 361).values(state="final"))
    assert fsck(filled, root_at=roots.get).problems == []
    assert fsck(filled, root_at=roots.get).chain == 1
    assert codes(fsck(filled, root_at=lambda _size: bytes(32))) == {"anchor"}
    assert codes(fsck(filled, root_at=lambda _size: None)) == {"anchor"}


def test_a_newest_anchor_that_is_not_ours_is_found(filled: Ledger) -> None:
    size = filled.checkpoint_sizes()[-1]
    root = filled.root_of(size)
    assert fsck(filled, head=(size, root)).problems == []
    assert fsck(filled, head=(0, bytes(32))).problems == []
    for head in ((size, bytes(32)), (size - 1, root), (size + 1, root)):
        assert codes(fsck(filled, head=head)) == {"anchor"}
    [problem] = fsck(filled, head=(size + 1, root)).problems
    assert "older backup" in problem.message


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
