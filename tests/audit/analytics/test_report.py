"""Figures of a pool in a log: the same on many cores, those of the seal, and of proven records only."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from ledger.audit.analytics.report import Figures, analyse
from ledger.audit.run import Request
from ledger.errors import NotFoundError, RefusedError
from ledger.log import Ledger
from ledger.proofs.canonical import sha256
from ledger.store import tables
from tests import book
from tests.conftest import TestClock

LOANS = 12
DAY = date(2026, 11, 22)


@pytest.fixture
def filled(sqlite_ledger: Ledger) -> Ledger:
    """Twelve loans of 1,200.00, each with one repayment; half of each of eleven claims in a pool."""
    sqlite_ledger.append(list(book.loans(LOANS)), party="fenqile")
    pledges = (book.pledged("P", "bank-a", (f"L{n}", "c1", 500_000), id=f"p{n}") for n in range(1, LOANS))
    sqlite_ledger.append([book.pool_created("P"), *pledges], party="fenqile")
    sqlite_ledger.publish()
    return sqlite_ledger


def run(ledger: Ledger, request: Request | None = None, **more: Any) -> Figures:
    chosen = request or Request(pool="P", as_of=DAY, processes=1)
    return analyse(ledger.store, ledger.origin, chosen, trust=ledger.trust_root(), **more)


def test_the_balance_is_that_of_the_seal(filled: Ledger) -> None:
    filled.seal_pool("P", as_of=DAY.isoformat(), party="fenqile")
    [recorded] = filled.pool_seals("P")
    shown = run(filled).to_json()
    # Half of 1,200.00 − 94.62 = 1,105.38, eleven times.
    assert shown["currencies"]["CNY"]["months"][-1]["outstanding"] == "6079.59"
    assert recorded.header.total.receivable == 607_959_000_000
    assert (shown["loans"], shown["from"], shown["to"]) == (LOANS - 1, "2026-11", "2026-11")
    assert shown["basis"]["level"] == "published"


def test_it_is_the_same_on_many_cores(filled: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = run(filled)
    monkeypatch.setattr("ledger.audit.run.RANGE_LOANS", 3)
    assert run(filled, Request(pool="P", as_of=DAY, processes=2)).to_json() == alone.to_json()


def test_months_are_chosen(filled: Ledger) -> None:
    shown = run(filled, first="2026-09", last="2026-10").to_json()
    assert [one["month"] for one in shown["currencies"]["CNY"]["months"]] == ["2026-09", "2026-10"]
    assert {one["outstanding"] for one in shown["currencies"]["CNY"]["months"]} == {"0.00"}
    with pytest.raises(RefusedError, match="to: 2026-12 is after the day"):
        run(filled, last="2026-12")
    with pytest.raises(RefusedError, match="from: 2026-11 is after 2026-10"):
        run(filled, first="2026-11", last="2026-10")
    with pytest.raises(RefusedError, match="a month is wanted"):
        run(filled, first="2026-11-01")


def test_before_anything_happened_there_is_nothing(filled: Ledger) -> None:
    shown = run(filled, Request(pool="P", as_of=date(2026, 10, 31), processes=1)).to_json()
    assert (shown["from"], shown["currencies"]) == (None, {})
    with pytest.raises(NotFoundError):
        run(filled, Request(pool="Q"))


def test_a_loan_with_a_forged_record_is_in_no_figure(filled: Ledger, tmp_path: Path) -> None:
    here = tables.records.c.event_id == "L4.repaid.1"
    with filled.store.write() as connection:
        raw = bytes(connection.execute(select(tables.records.c.record).where(here)).scalar_one())
        forged = raw.replace(b'"94.62"', b'"95.62"')
        values = {"record": forged, "digest": sha256(forged)}
        assert connection.execute(update(tables.records).where(here).values(values)).rowcount == 1
    figures = run(filled)
    codes = {one.code for one in figures.findings}
    assert "tree.contradicts" in codes, "a digest changed with its record is not that of the tree"
    with filled.store.write() as connection:
        assert connection.execute(update(tables.records).where(here).values(digest=sha256(raw))).rowcount == 1
    figures = run(filled)
    assert (figures.unreadable, figures.loans) == (1, LOANS - 1)
    assert {one.code for one in figures.findings} >= {"record.altered"}
    assert figures.to_json()["currencies"]["CNY"]["months"][-1]["outstanding"] == "5526.90"


def test_an_erased_loan_is_counted_and_in_no_figure(filled: Ledger, clock: TestClock) -> None:
    filled.append(
        [book.event("loan.settled", "loan:L4", {"reason": "matured"}, id="L4.end")], party="fenqile"
    )
    filled.publish()
    clock.now += timedelta(days=5 * 366)
    filled.erase("L4", party="fenqile", basis="retention_ended")
    filled.publish()
    figures = run(filled)
    assert (figures.erased, figures.unreadable, figures.findings) == (1, 0, ())
    # Half of 1,105.38, ten times.
    assert figures.to_json()["currencies"]["CNY"]["months"][-1]["outstanding"] == "5526.90"
