"""``audit``, ``watch`` and ``loan show`` on the two real months: what they print, write, and end with."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import data, run_command
from tests.tapes.mappings import BALANCES

DATA = Path(__file__).parents[1] / "data" / "ex102"
POOL = "SDART-2026-1"
LOAN = "SDART0202600001:22376302"
DAY = ("--as-of", "2026-07-31")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("audit")
        patch.setenv("POOLPROOF_HOME", str(folder / "home"))
        run_command("init", "--origin", "servicer.example/auto-2026")
        run_command("party", "add", "servicer", "--role", "servicer", "--role", "originator")
        run_command("party", "add", "trust", "--role", "trustee")
        months = (DATA / "2026-06.xml", DATA / "2026-07.xml")
        run_command("import", "ex102", *months, "--pool", POOL, "--holder", "trust")
        run_command("publish")
        run_command("trust", "-o", folder / "trust.json")
        yield folder


def test_the_audit_prints_and_writes_its_report(home: Path, tmp_path: Path) -> None:
    files = ("-o", tmp_path / "a.json", "--html", tmp_path / "a.html")
    done = run_command("audit", POOL, *DAY, "--trust", home / "trust.json", *files, code=1)
    assert "cash.parts  loan:SDART0202600001:21884987" in done.stdout
    assert "compare it with your agreement" not in done.stderr
    written = json.loads((tmp_path / "a.json").read_text())
    assert written["outcome"] == "findings"
    assert "cash.parts" in (tmp_path / "a.html").read_text()
    assert run_command("report", tmp_path / "a.json").exit_code == 0


def test_as_one_document_and_in_chinese(home: Path) -> None:
    document: dict[str, Any] = data(run_command("audit", POOL, *DAY, "--json", code=1))
    assert (document["pool"], document["counts"]) == (POOL, {"error": 1, "warning": 20, "info": 4})
    assert "还款 210.00" in run_command("audit", POOL, *DAY, "--language", "zh", code=1).stdout


def test_a_tape_is_of_a_day_that_was(home: Path, tmp_path: Path) -> None:
    """At a day to come everybody looks late, for payments until then are not recorded."""
    (tmp_path / "tape.toml").write_text(BALANCES)
    tape, ask = tmp_path / "tape.csv", ("audit", POOL, *DAY, "--mapping", tmp_path / "tape.toml", "--partial")
    for day, code, says in (
        ("2026-07-31", 1, ""),
        ("2999-07-31", 2, "cut_off: 2999-07-31 has not come"),
    ):
        tape.write_text(f"loan,as of,balance\n{LOAN},{day},2869.21\n")
        assert says in run_command(*ask, "--tape", tape, code=code).stderr


def test_a_sample_and_its_receipts(home: Path, tmp_path: Path) -> None:
    ask = ("audit", POOL, *DAY, "--sample", "2", "--seed", "0x" + "Ab" * 32, "--receipts", tmp_path, "--json")
    first = data(run_command(*ask, code=1))["sample"]
    assert first == data(run_command(*ask, code=1))["sample"]
    assert (len(first["loans"]), first["of"]) == (2, 6)
    for file in first["receipts"]:
        run_command("verify", file, "--trust", home / "trust.json", "--offline")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("NO-POOL",), 2, "no pool 'NO-POOL'"),
        ((POOL, "--size", "7"), 2, "size 7 is not published"),
        ((POOL, "--as-of", "2026-07"), 2, "a day is wanted"),
        ((POOL, "--as-of", "2999-01-01"), 2, "2999-01-01 has not come"),
        ((POOL, "--as-of", "2020-01-01"), 2, f"pool:{POOL} began after 2020-01-01"),
        ((POOL, "--since", "999"), 2, "since: size 999 is later than"),
        ((POOL, "--since", "-1"), 2, "--since"),
        ((POOL, "--sample", "2"), 2, "needs --seed"),
        ((POOL, "--sample", "2", "--seed", "good loans"), 2, "is no block hash"),
        ((POOL, "--receipts", "samples"), 2, "--receipts: it goes with --sample"),
        ((POOL, "--mapping", "tape.toml"), 2, "--mapping: it goes with --tape"),
        ((POOL, "--partial"), 2, "--partial: it goes with --tape"),
        ((POOL, "--into", "mirror"), 2, "--into: it goes with --from"),
        ((POOL, "--trust", "nothing.json"), 2, "nothing.json"),
    ],
)
def test_what_it_refuses(home: Path, arguments: tuple[str, ...], code: int, says: str) -> None:
    done = run_command("audit", *arguments, code=code)
    assert says in done.stderr


@pytest.mark.parametrize("option", ["-o", "--html", "--pdf"])
def test_a_place_that_cannot_be_written_is_refused_before_the_work(home: Path, option: str) -> None:
    done = run_command("audit", "NO-POOL", option, home, code=2)
    assert f"{home} is a folder" in done.stderr
    assert "NO-POOL" not in done.stderr


def test_receipts_go_into_a_folder(home: Path) -> None:
    ask = ("audit", POOL, "--sample", "2", "--seed", "0x" + "ab" * 32, "--receipts", home / "trust.json")
    assert "is a file, not a folder" in run_command(*ask, code=3).stderr


def test_a_missing_typesetter_is_told_before_the_work(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    done = run_command("audit", "NO-POOL", "--pdf", tmp_path / "a.pdf", code=3)
    assert "poolproof[reports]" in done.stderr


def test_a_watch_looks_once(home: Path) -> None:
    seen = data(run_command("watch", POOL, "--once", "--json", code=3))
    assert (len(seen["came"]), seen["left"], seen["findings"], seen["registers"]) == (6, [], [], 1)
    assert (
        run_command("watch", POOL, "--once", "--since", str(seen["size"]), code=3).stdout.count("came") == 0
    )


@pytest.mark.parametrize(
    ("since", "code", "says"), [("999", 1, "a tree of 999 entries was shown before"), ("-1", 2, "--since")]
)
def test_a_watch_begins_at_a_size_that_was(home: Path, since: str, code: int, says: str) -> None:
    assert says in run_command("watch", POOL, "--once", "--since", since, code=code).stderr


def test_a_loan_is_shown(home: Path) -> None:
    shown = run_command("loan", "show", LOAN, *DAY)
    assert "2869.21 USD of principal owed" in shown.stdout
    assert "days past due undetermined" in shown.stdout
    document = data(run_command("loan", "show", LOAN, *DAY, "--json"))
    assert [one["type"] for one in document["events"]] == [
        "loan.opened",
        "repayment.received",
        "balance.reported",
    ]
    assert "no loan 'X'" in run_command("loan", "show", "X", code=2).stderr
