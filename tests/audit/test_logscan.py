"""One pass over a log's records, read from its database in ranges."""

from __future__ import annotations

from itertools import pairwise

import pytest
from sqlalchemy import update

from ledger.audit import logscan
from ledger.audit.cash import CashBook
from ledger.audit.findings import Notes
from ledger.audit.logscan import Known, LogScan
from ledger.domain import calendar, statements
from ledger.domain.events import read_submission
from ledger.log import Ledger
from ledger.proofs import merkle
from ledger.proofs.note import Signer
from ledger.store import logs, subjects, tables
from tests import book

CLEARING = Signer.from_seed("clearing", bytes([41]) * 32)
DAY = calendar.parse_day("2026-11-01", "day")


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    """Four loans; one payment each on one account, settled and the day closed; two payments have one reference."""
    ledger.add_party("clearing", ["account_bank"], [CLEARING.verifier.vkey])
    ledger.append(list(book.loans(4, repayments=0)), party="fenqile")
    ledger.append(
        [book.pool_created("P"), book.pledged("P", "bank-a", ("L0", "c1", 1_000_000), id="p0")],
        party="fenqile",
    )
    paid = []
    for n in range(4):
        one = book.repaid(f"L{n}", 1)
        one["data"] |= {"account": "A1", "value_date": "2026-11-01", "bank_ref": f"R{n // 2}"}
        paid += ledger.append([one], party="fenqile").accepted
    settled = {
        "currency": "CNY", "value_date": "2026-11-01", "amount": "426.48", "statement": "S1",
        "covered": {
            "before": paid[-1].index + 1, "count": 4, "sum": "426.48",
            "root": merkle.root([merkle.leaf_hash(one.digest) for one in paid]).hex(),
        },
    }  # fmt: skip
    event = book.event("cash.settled", "account:A1", settled, id="s1", party="clearing")
    ledger.append([statements.sign_submission(CLEARING, ledger.origin, read_submission(event))])
    line = {"type": "repayment.received", "holder": None, "currency": "CNY", "count": 4, "sum": "426.48"}
    closed = {"date": "2026-11-01", "before": paid[-1].index + 1, "lines": [line]}
    ledger.append([book.event("day.closed", "log", closed, id="d1")], party="fenqile")
    ledger.publish()
    return ledger


def audited(ledger: Ledger, *, step: int = 100, before: int | None = None) -> tuple[CashBook, Notes]:
    """Scanned in ranges of ``step`` entries."""
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        size = log.size if before is None else before
        known = logscan.known(connection, log, before=size)
        bounds = [*range(0, size, step), size]
        whole, *rest = [
            logscan.scan(ledger.store, log, known, start, stop) for start, stop in pairwise(bounds)
        ]
        for part in rest:
            whole.add(part)
        notes = Notes()
        whole.days.check(notes, known.closes)
        loan = subjects.by_name(connection, log.id, ["loan:L0"])["loan:L0"].id
        read = logscan.reader(connection, log, before=size)
        whole.duplicates.check(notes, read, logscan.of_pool(connection, log, [loan]))
        return whole.cash.finish(), notes


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
