"""One pass over a log's records, read from its database in ranges."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from ledger.audit.findings import Notes
from ledger.audit.scan import logscan
from ledger.audit.scan.cash import CashBook
from ledger.audit.scan.logscan import Known, LogScan
from ledger.domain import calendar
from ledger.log import Ledger
from ledger.store import logs, subjects, tables
from tests.audit import bankbook

DAY = calendar.parse_day(bankbook.DAY, "day")


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    return bankbook.fill(ledger)


def audited(ledger: Ledger, *, step: int = 100, before: int | None = None) -> tuple[CashBook, Notes]:
    """Scanned in ranges of ``step`` entries."""
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        size = log.size if before is None else before
        notes = Notes()
        known = logscan.known(connection, log, before=size, notes=notes)
        whole, *rest = bankbook.scanned(ledger, known, [*range(0, size, step), size])
        for part in rest:
            whole.add(part)
        whole.days.check(notes, known.closes)
        loan = subjects.by_name(connection, log.id, ["loan:L0"])["loan:L0"].id
        read = logscan.reader(connection, log, before=size)
        whole.duplicates.check(notes, read, logscan.of_pool(connection, log, [loan]))
        return whole.book(), notes


@pytest.mark.parametrize("step", [1, 3, 100])
def test_settlements_day_closes_and_duplicates_in_one_pass(filled: Ledger, step: int) -> None:
    cash, notes = audited(filled, step=step)
    assert [(till.account, till.day, row.fits) for till, (row,) in cash.settled.items()] == [
        ("A1", DAY.toordinal(), True)
    ]
    assert notes.procedure("days").asked == 1
    assert [(one.code, one.subject) for one in notes.findings] == [("settlement.reference_twice", "loan:L0")]
    assert "L1 (entry" in str(notes.findings[0].facts["others"]), "the other loan is in no pool"


def test_only_what_stands_below_the_size_is_known(filled: Ledger) -> None:
    cash, notes = audited(filled, before=10)
    assert (cash.settled, notes.procedure("days").asked) == ({}, 0)


def test_a_record_that_cannot_be_read_is_lost(filled: Ledger) -> None:
    with filled.store.write() as connection:
        payment = tables.records.c.event_id == "L3.repaid.1"
        assert connection.execute(update(tables.records).where(payment).values(record=b"{}")).rowcount == 1
    assert fitting(audited(filled)[0]) == [None]
    with filled.store.write() as connection:
        connection.execute(update(tables.records).where(payment).values(record=None))
    cash, notes = audited(filled)
    assert fitting(cash) == [None]
    assert notes.procedure("days").reasons == {"a record before its index cannot be read": 1}


def fitting(cash: CashBook) -> list[bool | None]:
    return [row.fits for rows in cash.settled.values() for row in rows]


def test_a_record_of_the_right_type_and_the_wrong_form_is_lost() -> None:
    scan = LogScan(Known())
    scan.take(0, b'{"data":{},"type":"loan.disbursed","v":1}')
    assert scan.cash.lost == scan.days.lost == 0
