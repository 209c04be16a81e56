"""The money trail of a pool, from a log's database to what a report shows."""

from __future__ import annotations

from datetime import date
from typing import Any

from ledger.audit import pool as pools
from ledger.audit import trail
from ledger.audit.checks.case import Case
from ledger.audit.collectors.backdating import Clock
from ledger.audit.collectors.totals import Totals
from ledger.audit.findings import Notes, Outcome
from ledger.audit.scan import logscan
from ledger.audit.trail import Shown, Trail
from ledger.domain import record, statements
from ledger.domain.events import read_submission
from ledger.domain.fold import unsuperseded
from ledger.log import Ledger
from ledger.proofs import merkle
from ledger.proofs.note import Signer
from ledger.store import logs, records, subjects
from tests import book
from tests.audit import bankbook
from tests.audit.logwork import claim

CLEARING = Signer.from_seed("clearing", bytes([41]) * 32)
AS_OF = date(2026, 11, 22)


def fill(ledger: Ledger, *, stated: str = "213.24") -> None:
    """Two loans pledged at a price; both pay on one account, which is settled; so much is passed on."""
    ledger.add_party("clearing", ["account_bank"], [CLEARING.verifier.vkey])
    ledger.append(list(book.loans(2, repayments=0)), party="fenqile")
    rules = {
        "version": 1,
        "advance_rate": "0.9",
        "concentration": [{"attribute": "creditor", "share": 1_000_000}],
    }
    pledge = book.pledged("P", "bank-a", ("L0", "c1", 1_000_000), ("L1", "c1", 1_000_000), id="p0")
    pledge["data"] |= {"currency": "CNY", "price": "2160.00"}
    ledger.append(
        [book.event("pool.created", "pool:P", {"rules": rules}, id="rules"), pledge], party="fenqile"
    )
    paid = []
    for n in range(2):
        one = book.repaid(f"L{n}", 1, effective="2026-11-20")
        one["data"] |= {"account": "A1", "value_date": "2026-11-20", "bank_ref": f"R{n}"}
        paid += ledger.append([one], party="fenqile").accepted
    before = paid[-1].index + 1
    root = merkle.root([merkle.leaf_hash(one.digest) for one in paid]).hex()
    settled = {
        "currency": "CNY", "value_date": "2026-11-20", "amount": "213.24", "statement": "S1",
        "covered": {"before": before, "count": 2, "sum": "213.24", "root": root},
    }  # fmt: skip
    event = book.event(
        "cash.settled", "account:A1", settled, id="s1", effective="2026-11-21", party="clearing"
    )
    ledger.append([statements.sign_submission(CLEARING, ledger.origin, read_submission(event))])
    remitted = {
        "holder": "bank-a", "currency": "CNY", "first": "2026-11-01", "last": "2026-11-21", "collected": stated,
        "amount": stated,
    }  # fmt: skip
    line = {"type": "repayment.received", "holder": None, "currency": "CNY", "count": 2, "sum": "213.24"}
    closed = {"date": "2026-11-20", "before": before, "lines": [line]}
    ledger.append(
        [
            book.event("remittance.made", "pool:P", remitted, id="m1", effective="2026-11-21"),
            book.event("day.closed", "log", closed, id="d1", effective="2026-11-20"),
        ],
        party="fenqile",
    )
    ledger.publish()


def audited(ledger: Ledger) -> tuple[Notes, Shown]:
    """The three steps, each range of entries and each loan by itself."""
    with ledger.store.read() as connection:
        log = logs.get(connection, ledger.origin)
        size = log.size
        notes = Notes()
        known = logscan.known(connection, log, before=size, notes=notes)
        first, *rest = bankbook.scanned(ledger, known, [*range(0, size, 4), size])
        for part in rest:
            first.add(part)
        pool = pools.load(connection, log, "P", before=size, as_of=AS_OF)
        loan_ids = subjects.loans_of_pool(connection, log.id, pool.id, before=size)
        steps = Trail(first.book(), Clock(log.zone, log.day_cut, None))
        whole: dict[str, Any] = {"totals": Totals(("creditor",))} | steps.collectors(pool.rules)
        for loan_id in loan_ids:
            rows = records.of_subject(connection, loan_id, before=size)
            parsed = [(row.index, record.parse(bytes(row.record or b""))) for row in rows]
            held = unsuperseded(parsed, until=AS_OF)
            own = claim("c1", ("2026-11-01", 1_000_000, "bank-a"))
            case = Case(parsed[0][1].subject[5:], parsed, held, [own], as_of=AS_OF, rules=pool.rules)
            part: dict[str, Any] = {"totals": Totals(("creditor",))} | steps.collectors(pool.rules)
            for collector in part.values():
                collector.take(case)
            for name, collector in part.items():
                whole[name].add(collector)
            notes.add(case.notes)
        shown = trail.check(
            connection, log, pool, whole, known=known, scan=first, totals=whole["totals"], loan_ids=loan_ids, size=size,
            as_of=AS_OF, notes=notes,
        )  # fmt: skip
        return notes, shown


def test_an_honest_trail(ledger: Ledger) -> None:
    fill(ledger)
    notes, shown = audited(ledger)
    # The book is written in one go, three weeks after its first days.
    assert {one.code for one in notes.findings} == {"back_dating.batch", "pledge.back_dated"}
    for name in ("confirmation", "remittance", "borrowing_base", "days"):
        assert notes.procedure(name).outcome is Outcome.PASSED, name
    assert notes.procedure("back_dating").outcome is Outcome.UNDETERMINED
    assert shown.totals == {
        "CNY": {
            "by_confirmation": {"confirmed": "213.24"}, "collected_by_holder": {"bank-a": "213.24"},
            "accounted_for_by_holder": {"bank-a": "213.24"}, "remitted_by_holder": {"bank-a": "213.24"},
            "not_due_yet_by_holder": {"bank-a": "0.00"}, "eligible_alive": "2210.76", "above_limits": "0.00",
            "borrowing_base": "1989.684", "lent": "1970.76",
        },
    }  # fmt: skip
    assert shown.numbers == {"payments_confirmed": 2, "dated_events": 6, "undated": 0, "not_anchored": 6}


def test_cash_that_is_kept_back(sqlite_ledger: Ledger) -> None:
    fill(sqlite_ledger, stated="191.92")
    notes, _ = audited(sqlite_ledger)
    assert [one.code for one in notes.findings if one.severity == "error"] == ["remittance.short"]
