"""Planted frauds are found on the right claims, and an honest book of the same size gives no error.

The books come from the simulator, day by day, with the bank's settlements over what was recorded; the audit sees the
log only. The small book is every run's; the one of 100,000 events is for ``make slow``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.audit.findings import Outcome
from ledger.audit.perform import audit
from ledger.audit.report import AuditReport
from ledger.audit.run import Request
from ledger.log import Ledger
from ledger.simulate import FRAUDS, Options, SimulatedClock, Simulation
from tests.simulate.running import log_of, post

SMALL = {"loans": 400, "months": 6}
LARGE = {"loans": 13_700, "months": 12}
PASSED = (
    "tree", "records", "register", "seal", "encumbrance", "cash_identity", "confirmation", "remittance", "days",
)  # fmt: skip


@dataclass(frozen=True)
class Book:
    """A simulated log, sealed and published, and the reports of its pools."""

    ledger: Ledger
    planted: list[dict[str, Any]]
    reports: dict[str, AuditReport]

    def found(self, code: str) -> set[str]:
        """Subjects on which some pool's audit found it."""
        return {
            one.subject for report in self.reports.values() for one in report.findings if one.code == code
        }


@contextmanager
def book(folder: Path, **options: Any) -> Iterator[Book]:
    """Simulate, publish at each month's end, seal every pool at the end, audit every pool."""
    asked = Options(**options)
    with log_of(folder, asked) as ledger:
        simulation = Simulation(asked)
        day = asked.start
        for one in post(ledger, simulation):
            day = one.date
            if (day + timedelta(days=1)).day == 1:
                ledger.publish()
        pools = [one.pool for one in ledger.pools()]
        clock = ledger.clock
        assert isinstance(clock, SimulatedClock)
        clock.set(day + timedelta(days=1))
        for pool in pools:
            ledger.seal_pool(pool, as_of=day.isoformat(), currency="CNY", party="platform")
        ledger.publish()
        reports = {pool: _audited(ledger, folder, pool, day) for pool in pools}
        yield Book(ledger, simulation.summary()["frauds"], reports)


def _audited(ledger: Ledger, folder: Path, pool: str, day: date) -> AuditReport:
    request = Request(pool=pool, as_of=day, processes=1)
    return audit(ledger.store, ledger.origin, request, trust=ledger.trust_root(), kek=folder / "kek")


def check_honest(found: Book) -> None:
    for pool, report in found.reports.items():
        errors = [(one.code, one.subject, one.text()) for one in report.findings if one.severity == "error"]
        assert errors == [], pool
        outcome = {one.name: one.outcome for one in report.procedures}
        for name in (
            "seal",
            "records",
            "register",
            "encumbrance",
            "cash_identity",
            "confirmation",
            "remittance",
            "days",
        ):
            assert outcome[name] is Outcome.PASSED, (pool, name, report.procedures)
        undetermined = {name for name, one in outcome.items() if one is Outcome.UNDETERMINED}
        assert undetermined <= {"anchor", "back_dating"}, "what only a chain could tell"


def check_planted(found: Book) -> None:
    assert {one["fraud"] for one in found.planted} == set(FRAUDS)
    for one in found.planted:
        subjects = found.found(one["finding"])
        if one["finding"] == "settlement.contradicts":
            assert one["account"] in subjects, one
        elif one["finding"] == "remittance.short":
            assert f"pool:{one['pool']}" in subjects, one
        else:
            assert subjects & {f"loan:{loan}" for loan in one["loans"]}, one


def test_an_honest_book(tmp_path: Path) -> None:
    with book(tmp_path, seed=7, **SMALL) as found:
        check_honest(found)


def test_every_fraud_is_found_where_it_was_planted(tmp_path: Path) -> None:
    with book(tmp_path, seed=7, frauds=tuple((name, 1) for name in FRAUDS), **SMALL) as found:
        check_planted(found)
        assert all(report.exit_code == 1 for pool, report in found.reports.items() if pool == "WAREHOUSE-A")


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_an_honest_book_of_a_hundred_thousand_events(tmp_path: Path) -> None:
    with book(tmp_path, seed=11, **LARGE) as found:
        assert found.ledger.status().size > 100_000
        check_honest(found)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_frauds_among_a_hundred_thousand_events(tmp_path: Path) -> None:
    with book(tmp_path, seed=11, frauds=tuple((name, 2) for name in FRAUDS), **LARGE) as found:
        assert found.ledger.status().size > 100_000
        check_planted(found)
