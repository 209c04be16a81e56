"""The two real months: the audit says exactly what was worked out by hand (``tests/data/ex102/audit.md``)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from ledger.audit.findings import Outcome
from ledger.audit.perform import audit
from ledger.audit.report import AuditReport
from ledger.audit.run import Request
from ledger.home import Home
from ledger.settings import Settings
from tests.cli.running import run_command

DATA = Path(__file__).parents[1] / "data" / "ex102"
PREFIX = "loan:SDART0202600001:"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuditReport]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POOLPROOF_HOME", str(tmp_path_factory.mktemp("ex102") / "home"))
        run_command("init", "--origin", "servicer.example/auto-2026")
        run_command("party", "add", "servicer", "--role", "servicer", "--role", "originator")
        run_command("party", "add", "trust", "--role", "trustee")
        months = (DATA / "2026-06.xml", DATA / "2026-07.xml")
        run_command("import", "ex102", *months, "--pool", "SDART-2026-1", "--holder", "trust")
        run_command("publish")
        with Home(Settings.load()) as home:
            yield audit(
                home.store,
                home.origin,
                Request(pool="SDART-2026-1", as_of=date(2026, 7, 31)),
                trust=home.ledger.trust_root(),
                kek=home.files.kek,
            )


def test_exactly_the_list_that_was_worked_out_by_hand(report: AuditReport) -> None:
    expected = json.loads((DATA / "audit.json").read_text(encoding="utf-8"))
    found = []
    for one, (_, _, _, facts) in zip(report.findings, expected, strict=False):
        shown = {name: one.facts.get(name) for name in facts}
        found.append([str(one.severity), one.code, one.subject.removeprefix(PREFIX), shown])
    assert found == expected
    assert len(report.findings) == len(expected)


def test_every_finding_names_the_record_that_shows_it(report: AuditReport) -> None:
    for one in report.findings:
        assert one.evidence
        assert all(len(evidence.digest) == 64 for evidence in one.evidence)


def test_what_cannot_be_derived_is_undetermined_and_never_green(report: AuditReport) -> None:
    outcome = {one.name: one.outcome for one in report.procedures}
    for name in ("days_past_due", "interest", "schedule", "cost", "seal", "anchor", "duplicates"):
        assert outcome[name] is Outcome.UNDETERMINED, name
    for name in (
        "balance_identity",
        "continuity",
        "reported_balance",
        "reported_status",
        "records",
        "register",
    ):
        assert outcome[name] is Outcome.PASSED, name
    days = next(one for one in report.procedures if one.name == "days_past_due")
    assert (days.asked, days.undetermined) == (8, 4)
    twice = next(one for one in report.procedures if one.name == "duplicates")
    assert dict(twice.reasons) == {"the loan is seasoned and tells no day of its payout": 6}


def test_the_numbers_and_totals(report: AuditReport) -> None:
    assert report.exit_code == 1
    wanted = {
        "loans": 6,
        "claims": 6,
        "opened": 6,
        "weak_keys": 6,
        "records": 26,
        "unsigned": 26,
        "erased": 0,
    }
    assert {name: report.numbers[name] for name in wanted} == wanted
    # 2869.21 of 22376302 and 534.68 of 22538422; the other four are settled.
    assert report.totals["USD"]["principal"] == "3403.89"
    assert report.totals["USD"]["by_status"] == {"active": "3403.89", "settled": "0.00"}
