"""An audit of a database in which records were moved, damaged or taken out: it goes on, and says what and where."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from ledger.audit import integrity
from ledger.audit.findings import Finding, Notes, Procedure
from ledger.audit.perform import audit
from ledger.audit.reconcile.poolloans import PoolView
from ledger.audit.report import AuditReport
from ledger.audit.run import Request
from ledger.audit.timeline import tell
from ledger.errors import IntegrityError
from ledger.log import Ledger
from ledger.proofs.canonical import sha256
from ledger.proofs.entries import record_entry
from ledger.proofs.merkle import leaf_hash
from ledger.store import logs, tables, trees
from tests.audit import bankbook
from tests.audit.casework import provokes

RECORDS = tables.records
_WHY = "an entry is not there, cannot be read or is filed elsewhere"
NO_SETTLEMENT, NO_CLOSE = f"a settlement may be missing: {_WHY}", f"a day close may be missing: {_WHY}"


@pytest.fixture
def filled(sqlite_ledger: Ledger) -> Ledger:
    return bankbook.fill(sqlite_ledger)


def audited(ledger: Ledger, tmp_path: Path) -> AuditReport:
    request = Request(pool="P", as_of=date(2026, 11, 22), processes=1)
    return audit(
        ledger.store, ledger.origin, request, trust=ledger.trust_root(), anchors=None, kek=tmp_path / "kek"
    )


def errors(report: AuditReport) -> list[tuple[str, str]]:
    return [(one.code, one.subject) for one in report.findings if one.severity == "error"]


def procedure(report: AuditReport, name: str) -> Procedure:
    return next(one for one in report.procedures if one.name == name)


def row_of(ledger: Ledger, event_id: str) -> Any:
    with ledger.store.read() as connection:
        return connection.execute(select(RECORDS).where(RECORDS.c.event_id == event_id)).one()


def change(ledger: Ledger, event_id: str, **values: Any) -> None:
    with ledger.store.write() as connection:
        statement = update(RECORDS).where(RECORDS.c.event_id == event_id).values(**values)
        assert connection.execute(statement).rowcount == 1


def take_out(ledger: Ledger, *indexes: int) -> None:
    with ledger.store.write() as connection:
        statement = delete(RECORDS).where(RECORDS.c.index.in_(indexes))
        assert connection.execute(statement).rowcount == len(indexes)


# -- what no register counts -----------------------------------------------------------------------------------


def test_nothing_is_found_where_nothing_was_done(filled: Ledger, tmp_path: Path) -> None:
    report = audited(filled, tmp_path)
    assert errors(report) == [("settlement.reference_twice", "loan:L0")]
    assert report.numbers["payments_confirmed"] == 1
    assert procedure(report, "days").undetermined == 0


@provokes("record.misfiled")
def test_a_settlement_that_is_filed_under_a_loan(filled: Ledger, tmp_path: Path) -> Sequence[Finding]:
    change(filled, "s1", subject_id=row_of(filled, "L3.originated").subject_id, seq=99)
    report = audited(filled, tmp_path)
    assert errors(report) == [("record.misfiled", "account:A1"), ("settlement.reference_twice", "loan:L0")]
    assert procedure(report, "confirmation").reasons == {NO_SETTLEMENT: 1}
    row = row_of(filled, "s1")
    evidence = [one.evidence for one in report.findings if one.code == "record.misfiled"]
    assert evidence == [((row.index, row.digest.hex()),)]
    return report.findings


@provokes("record.misfiled")
def test_a_day_close_that_is_filed_under_a_loan(filled: Ledger, tmp_path: Path) -> Sequence[Finding]:
    change(filled, "d1", subject_id=row_of(filled, "L3.originated").subject_id, seq=99)
    report = audited(filled, tmp_path)
    assert errors(report)[0] == ("record.misfiled", "log")
    assert procedure(report, "days").reasons == {NO_CLOSE: 1}
    return report.findings


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"record": b"{}"}, "record.altered"),
        ({"record": None}, "record.withheld"),
    ],
)
@pytest.mark.parametrize(
    ("event", "subject", "asked"), [("s1", "account:A1", "confirmation"), ("d1", "log", "days")]
)
def test_a_settlement_or_close_that_cannot_be_read(
    filled: Ledger, tmp_path: Path, *, event: str, subject: str, asked: str, values: dict[str, Any], code: str
) -> None:
    change(filled, event, **values)
    report = audited(filled, tmp_path)
    assert (code, subject) in errors(report)
    assert procedure(report, asked).undetermined == 1
    assert report.exit_code == 1


def test_a_settlement_of_the_committed_digest_and_no_form(filled: Ledger, tmp_path: Path) -> None:
    raw = b'{"type":"cash.settled"}'
    change(filled, "s1", record=raw, digest=sha256(raw))
    assert ("record.malformed", "account:A1") in errors(audited(filled, tmp_path))


def test_a_damaged_record_of_a_loan_outside_the_pool(filled: Ledger, tmp_path: Path) -> None:
    """Its reference was used twice, and the loan is read again: what is left of it, without a stop."""
    change(filled, "L1.repaid.1", record=b'{"data":{},"type":"repayment.received","v":1}')
    report = audited(filled, tmp_path)
    assert [code for code, _ in errors(report)] == ["tree.contradicts"]
    assert procedure(report, "duplicates").reasons["the record cannot be read"] == 1


# -- entries that are not there ----------------------------------------------------------------------------


@provokes("entry.missing")
def test_a_record_that_is_missing(ledger: Ledger, tmp_path: Path) -> Sequence[Finding]:
    filled = bankbook.fill(ledger)
    row = row_of(filled, "L0.repaid.1")
    take_out(filled, row.index)
    report = audited(filled, tmp_path)
    missing = next(one for one in report.findings if one.code == "entry.missing")
    assert missing.facts == {"entries": str(row.index), "leaf": leaf_hash(record_entry(row.digest)).hex()}
    assert errors(report) == [("entry.missing", "log"), ("register.contradicts", "loan:L0")], (
        "the root still fits"
    )
    assert procedure(report, "tree").undetermined == 1
    assert report.exit_code == 1
    return report.findings


def test_neighbours_that_are_missing_are_told_together(filled: Ledger, tmp_path: Path) -> None:
    take_out(filled, 4, 5, 6, row_of(filled, "s1").index)
    report = audited(filled, tmp_path)
    assert [one.facts["entries"] for one in report.findings if one.code == "entry.missing"] == [
        "4–6", str(row_of(filled, "d1").index - 1),
    ]  # fmt: skip
    assert procedure(report, "confirmation").reasons == {NO_SETTLEMENT: 1}


@pytest.mark.parametrize(
    ("tile", "expected"), [(None, ["entry.missing"]), (b"\7", ["entry.missing", "tree.contradicts"])]
)
def test_the_tile_is_gone_too_or_tells_another_leaf(
    filled: Ledger, tile: bytes | None, expected: list[str]
) -> None:
    take_out(filled, row_of(filled, "p0").index)
    with filled.store.write() as connection:
        where = tables.tiles.c.level == 0
        kept = connection.execute(select(tables.tiles.c.hashes).where(where)).scalar_one()
        connection.execute(update(tables.tiles).where(where).values(hashes=(tile or b"") * len(kept)))
    notes = Notes()
    with filled.store.read() as connection:
        log = logs.get(connection, filled.origin)
        checkpoint = trees.checkpoint(connection, log.id)
    assert checkpoint is not None
    integrity.check_tree([integrity.hash_range(filled.store, log, 0, log.size)], checkpoint, notes)
    assert [one.code for one in notes.findings] == expected
    assert notes.findings[0].facts["leaf"] == ("07" * 32 if tile else "unknown")


def test_a_register_that_is_missing(filled: Ledger, tmp_path: Path) -> None:
    filled.seal_pool("P", as_of="2026-11-21", party="fenqile")
    filled.publish()
    first = filled.checkpoint_sizes()[0]
    with filled.store.write() as connection:
        assert connection.execute(
            delete(tables.registers).where(tables.registers.c.index == first - 1)
        ).rowcount
    report = audited(filled, tmp_path)
    assert ("entry.missing", "log") in errors(report)
    assert procedure(report, "seal").reasons == {"the register of the sealed size is missing": 1}


def test_a_loan_with_a_hole_in_it_is_neither_told_nor_compared(filled: Ledger) -> None:
    """What its other records give would look like an answer."""
    take_out(filled, row_of(filled, "L0.disbursed").index, row_of(filled, "L1.repaid.1").index)
    with filled.store.read() as connection:
        log = logs.get(connection, filled.origin)
        view = PoolView.open(connection, log, "P", size=log.size, day=date(2026, 11, 22))
        loans = view.loans(["L0", "L1", "L2"])
        assert {name: one.why for name, one in loans.items()} == {
            "L0": "a record of the loan is missing or cannot be read",
            "L1": "a record of the loan is missing or cannot be read", "L2": "",
        }  # fmt: skip
        for name in ("L0", "L1"):
            with pytest.raises(IntegrityError, match="missing"):
                tell(connection, log, name)
