"""``poolproof exchange``: what it prints, how it ends."""

from __future__ import annotations

import os
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.exchange import Outbox, Place
from tests.cli.running import Run, data, ndjson, opened, pledged, pool
from tests.exchange.conftest import MAPPING
from tests.exchange.running import stamp

DAY = date(2026, 3, 2)
PLAN = """\
since = 2026-03-02
until = 2026-03-02
[[file]]
party = "lender"
name = "repayments"
mapping = "repayments"
[[file]]
party = "fund"
name = "close"
days = "optional"
"""
PAID = b"number,loan,day,fen\n1,L1,20260302,5000\n2,L1,20260302,1\n"


@pytest.fixture
def files(tmp_path: Path, log: Run) -> Path:
    """An exchange of a log with one loan, pledged to the fund."""
    folder = tmp_path / "files"
    (folder / "mappings").mkdir(parents=True)
    (folder / "exchange.toml").write_text(PLAN)
    (folder / "mappings" / "repayments.toml").write_text(MAPPING)
    log(
        "append",
        "-",
        stdin=ndjson(opened("L1"), pool("P"), pledged("p1", "P", "L1") | {"effective": "2026-03-01"}),
    )
    return folder


def send(files: Path, content: bytes = PAID) -> None:
    flag = Outbox(Place.open(str(files)), "lender").send(
        DAY, "repayments", content, mapping="repayments", sums=["fen"]
    )
    stamp(files / flag, DAY)


def test_missing_then_in_then_closed(log: Run, files: Path) -> None:
    shown = log("exchange", files, code=1).stdout.splitlines()
    assert shown == [
        "to act on: 1",
        "  lender/2026-03-02/repayments: missing: it was due at 2026-03-03T06:00Z",
    ]
    send(files)
    assert log("exchange", files).stdout.splitlines() == [
        "lender/2026-03-02/repayments: taken: 2 rows; 2 events accepted, 0 were there before, 0 refused",
        "reconciliation files: 2026-03-02",
        "nothing to act on",
    ]
    log("party", "keygen", "lender", "-o", "lender.key")
    key = log("party", "keygen", "lender", "-o", "other.key").stdout.strip()
    log("party", "add", "lender", "--role", "originator", "--role", "servicer", "--key", key)
    log("exchange", files, "--close", "2026-03-02", "--key", "lender.key", code=2)
    closed: dict[str, Any] = data(
        log("exchange", files, "--close", "2026-03-02", "--key", "other.key", "--json")
    )["closed"]
    assert [(line["holder"], line["sum"]) for line in closed["lines"]] == [(None, "50.01"), ("fund", "50.01")]
    assert closed["signed"]
    again = log("exchange", files, "--close", "2026-03-02").stdout
    assert (
        f"2026-03-02 is closed by lender, as before: 2 lines over the records before {closed['before']}"
        in again
    )
    theirs = log("exchange", files, "--close", "2026-03-02", "--party", "fund").stdout
    assert "2026-03-02 is closed by fund: 1 line" in theirs
    assert "not signed" in theirs


def test_a_partner_signs_the_close_of_a_date_without_a_home(
    log: Run, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(files)
    log("exchange", files)
    key = log("party", "keygen", "fund", "-o", tmp_path / "fund.key").stdout.strip()
    log("party", "add", "fund", "--role", "funding_partner", "--key", key)
    log("trust", "-o", tmp_path / "trust.json")
    home = os.environ["POOLPROOF_HOME"]
    monkeypatch.setenv("POOLPROOF_HOME", str(tmp_path / "no-home"))
    sign = ("dayclose", files, DAY, "--key", tmp_path / "fund.key")
    assert "the servicer has not closed 2026-03-02 yet" in log(*sign, code=3).stderr
    monkeypatch.setenv("POOLPROOF_HOME", home)
    before = data(log("exchange", files, "--close", DAY, "--json"))["closed"]["before"]
    monkeypatch.setenv("POOLPROOF_HOME", str(tmp_path / "no-home"))
    log("party", "keygen", "fund", "-o", tmp_path / "other.key")
    other = (*sign[:-1], tmp_path / "other.key", "--trust", tmp_path / "trust.json")
    assert "the log would refuse its signature" in log(*other, code=2).stderr
    shown = log(*sign, "--trust", tmp_path / "trust.json").stdout.splitlines()
    assert shown == [
        f"2026-03-02 of bank.example/pool-2026, over the records before {before}: signed by fund",
        "  repayment.received: 2, 50.01 CNY",
        "wrote in/fund/2026-03-02/close.ndjson",
    ]
    stamp(files / "in/fund/2026-03-02/close.ok", DAY)
    assert data(log(*sign, "--json"))["again"]
    monkeypatch.setenv("POOLPROOF_HOME", home)
    assert "fund/2026-03-02/close: taken: 1 row; 1 event accepted" in log("exchange", files).stdout
    (files / "out/fund/2026-03-02/recon.csv").write_text("")
    assert "recon.csv is not the file" in log(*sign, code=1).stderr


def test_refused_lines_are_something_to_act_on(log: Run, files: Path) -> None:
    send(files, PAID.replace(b"2,L1", b"2,L9"))
    document = data(log("exchange", files, "--json", code=1))
    assert [(one["kind"], one["detail"]) for one in document["problems"]] == [
        ("refused", "1 of 2 lines refused; the reply names them")
    ]
    assert document["files"][0]["accepted"] == 1
    assert (
        "cannot be closed: lender/2026-03-02/repayments: refused"
        in log("exchange", files, "--close", "2026-03-02", code=2).stderr
    )


def test_it_keeps_running_and_speaks_when_something_happens(
    log: Run, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            send(files)
        if len(naps) == 3:
            monkeypatch.setenv("POOLPROOF_DATABASE_URL", "postgresql://127.0.0.1:9/nowhere")
        if len(naps) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", nap)
    done = log("exchange", files, "--watch", "5", code=130)
    assert naps == [5.0] * 4
    assert done.stdout.count("missing") == done.stdout.count("taken") == 1
    assert "the next look is in 5 seconds" in done.stderr, "a database that does not answer is asked again"


def test_what_cannot_be_asked(log: Run, files: Path, tmp_path: Path) -> None:
    assert "no directory" in log("exchange", tmp_path / "nowhere", code=2).stderr
    assert "has no exchange.toml" in log("exchange", tmp_path, code=2).stderr
    assert "nonsense://x" in log("exchange", "nonsense://x", code=2).stderr
    assert (
        "give one of them" in log("exchange", files, "--close", "2026-03-02", "--watch", "9", code=2).stderr
    )
    assert "go with --close" in log("exchange", files, "--party", "lender", code=2).stderr
    assert "2026-03-32" in log("exchange", files, "--close", "2026-03-32", code=2).stderr


def test_a_simulated_platform_sends_its_files(log: Run, tmp_path: Path) -> None:
    log("simulate", "--register")
    folder = tmp_path / "daily"
    made = data(
        log(
            "simulate",
            "--origin",
            "bank.example/pool-2026",
            "--loans",
            "5",
            "--months",
            "1",
            "--daily",
            folder,
            "--json",
        )
    )
    assert made["days"] == 31
    report = data(log("exchange", folder, "--json"))
    assert (len(report["files"]), sum(one["accepted"] for one in report["files"])) == (
        made["files"],
        made["rows"],
    )
    assert (report["problems"], report["late"], len(report["told"])) == ([], [], 31)
