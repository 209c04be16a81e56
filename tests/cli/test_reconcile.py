from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from tests.audit import tapebook
from tests.audit.tapebook import Row
from tests.cli.running import Run, data, ndjson, opened, pledged, pool

TAPES = Path(__file__).parents[1] / "data" / "ex102"
JUNE, JULY = TAPES / "2026-06.xml", TAPES / "2026-07.xml"
POOL = ("--pool", "SDART-2026-1", "--holder", "fund")
CLOSE = ("--resolution", "record_corrected", "--explanation", "the month came late")


@pytest.fixture
def june(log: Run) -> Run:
    """A log that has the first real month, and not the second."""
    log("import", "ex102", JUNE, *POOL)
    return log


def size(log: Run) -> int:
    return int(data(log("status", "--json"))["ladder"][0]["size"])


def digests(home: Path) -> dict[str, str]:
    """Every file of the home, byte for byte."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in home.rglob("*")
        if path.is_file()
    }


def test_without_post_nothing_is_written(june: Run) -> None:
    before = size(june)
    found = data(june("reconcile", JULY, "--json", code=1))
    assert (found["outcome"], len(found["breaks"]), found["posted"]) == ("open breaks", 10, None)
    assert size(june) == before


def test_a_real_month_after_its_import_is_undetermined_only_in_what_it_cannot_be_asked(june: Run) -> None:
    result = june("reconcile", JUNE, "--partial", code=3)
    assert re.search(r"^  undetermined: days_past_due: .+: 2$", result.stdout, re.MULTILINE)
    assert "balance USD: reported 928.94, derived 928.94, difference 0.00" in result.stdout


def test_what_is_posted_once_is_not_posted_again(june: Run) -> None:
    before = size(june)
    first = data(june("reconcile", JULY, "--post", "--json", code=1))
    assert first["posted"] == {"tape_received": 1, "breaks_opened": 10}
    assert size(june) == before + 11
    again = data(june("reconcile", JULY, "--post", "--json", code=1))
    assert again["posted"] == {"tape_received": 0, "breaks_opened": 0}
    assert {one["status"] for one in again["breaks"]} == {"open"}
    assert size(june) == before + 11


def test_breaks_are_listed_aged_and_closed_by_two_sides(june: Run) -> None:
    june("reconcile", JULY, "--post", code=1)
    listed = data(june("breaks", "SDART-2026-1", "--as-of", "2026-08-10", "--json", code=1))
    assert (listed["open"], listed["closed"]) == (10, 0)
    assert {(one["age_days"], one["status"], one["owner"]) for one in listed["breaks"]} == {
        (10, "open", "lender")
    }
    name = next(one["name"] for one in listed["breaks"] if one["item"] == "status")
    one_side = june("breaks", "close", "SDART-2026-1", name[:14], *CLOSE)
    assert one_side.stdout == f"{name}: agreed; waits for fund\n"
    assert "agreed; waits for fund" in june("breaks", "close", "SDART-2026-1", name, *CLOSE).stdout
    both = data(june("breaks", "close", "SDART-2026-1", name, *CLOSE, "--party", "fund", "--json"))
    assert (both["status"], [one["party"] for one in both["agreed_by"]]) == ("closed", ["lender", "fund"])
    assert "is closed already" in june("breaks", "close", "SDART-2026-1", name, *CLOSE, code=2).stderr
    assert len(data(june("breaks", "list", "SDART-2026-1", "--json", code=1))["breaks"]) == 9
    assert len(data(june("breaks", "list", "SDART-2026-1", "--all", "--json", code=1))["breaks"]) == 10
    assert (
        "10 breaks of this pool begin with 'b-': give more of it"
        in june("breaks", "close", "SDART-2026-1", "b-", *CLOSE, code=2).stderr
    )
    assert "no break 'x'" in june("breaks", "close", "SDART-2026-1", "x", *CLOSE, code=2).stderr


def test_a_pool_without_breaks(june: Run) -> None:
    assert june("breaks", "SDART-2026-1").stdout == "0 open, 0 closed\n"
    assert "'nowhere'" in june("breaks", "nowhere", code=2).stderr


def test_a_private_comparison_leaves_every_byte_as_it_was(june: Run, home: Path) -> None:
    """Nothing is stored: not in the database, not beside it."""
    before = digests(home)
    found = data(june("reconcile", "--private", JULY, "--json", code=1))
    assert digests(home) == before
    assert (found["private"], found["posted"], len(found["breaks"])) == (True, None, 10)
    assert {one["owner"] for one in found["breaks"]} == {None}
    assert "excludes --post" in june("reconcile", "--private", JULY, "--post", code=2).stderr


def test_a_private_comparison_needs_no_key(june: Run, home: Path) -> None:
    """A partner's copy of the database has none of the platform's keys."""
    for key in (home / "keys").iterdir():
        key.unlink()
    june("reconcile", "--private", JUNE, code=3)


def test_a_core_file_of_ones_own(log: Run, tmp_path: Path) -> None:
    events: list[dict[str, Any]] = [pool("W1"), opened("L1"), opened("L2"), pledged("e1", "W1", "L1", "L2")]
    log("append", "-", stdin=ndjson(*events))
    rows = [Row(name, 20710, days="", rate="", left="") for name in ("L1", "L2")]
    path = tapebook.write(tmp_path, *rows)
    given = ("reconcile", "--private", path, "--mapping", "tape.toml")
    assert log(*given).stdout.endswith("agrees\n")
    tapebook.write(tmp_path, rows[0])
    assert "absent_in_tape" in log(*given, code=1).stdout
    assert log(*given, "--partial").stdout.endswith("agrees\n")


def test_a_malformed_file_stores_nothing(june: Run, tmp_path: Path) -> None:
    before = size(june)
    text = JULY.read_text()
    (tmp_path / "bad.xml").write_text(
        text.replace(
            "<reportingPeriodActualEndBalanceAmount>2869.21", "<reportingPeriodActualEndBalanceAmount>lots"
        )
    )
    result = june("reconcile", "bad.xml", "--post", code=2)
    assert "line 123: reportingPeriodActualEndBalanceAmount: " in result.stderr
    assert "is not a plain decimal number; nothing was compared" in result.stderr
    (tmp_path / "cut.xml").write_bytes(JULY.read_bytes()[:5_000])
    june("reconcile", "cut.xml", "--post", code=2)
    assert size(june) == before


def test_totals_of_a_general_ledger(june: Run, tmp_path: Path) -> None:
    (tmp_path / "gl.csv").write_text("name,currency,amount\nbalance,USD,928.94\ncount,USD,2\n")
    given = ("reconcile", "gl.csv", "--form", "totals", "--cut-off", "2026-06-30")
    assert june(*given).stdout.endswith("agrees\n")
    (tmp_path / "gl.csv").write_text("name,currency,amount\nbalance,USD,928.95\n")
    posted = june(*given, "--post", code=1).stdout
    assert "total: ledger.balance: reported 928.95, derived 928.94, with lender" in posted
    assert "posted: 1 file, 1 break opened" in posted
    assert posted.endswith("\n1 open break\n")
    assert "give --cut-off" in june("reconcile", "gl.csv", "--form", "totals", code=2).stderr


def test_esmas_template(june: Run, tmp_path: Path) -> None:
    header = "CMRL2,CMRL3,CMRL6,CMRL26,CMRL28"
    rows = ["21904424,21904424,2026-06-30,USD,722.43", "21919291,21919291,2026-06-30,USD,206.50"]
    (tmp_path / "esma.csv").write_text("\n".join([header, *rows]) + "\n")
    found = data(
        june("reconcile", "esma.csv", "--form", "esma", "--prefix", "SDART0202600001", "--json", code=1)
    )
    assert [(one["item"], one["difference"]) for one in found["breaks"]] == [("balance", "-0.01")]
    assert found["form"] == "esma_cmrl"


def test_options_that_do_not_go_together(june: Run, tmp_path: Path) -> None:
    assert "--mapping" in june("reconcile", JULY, "--form", "csv", code=2).stderr
    assert "no mapping" in june("reconcile", JULY, "--form", "ex102", "--mapping", "x.toml", code=2).stderr
    assert "--percent" in june("reconcile", JULY, "--form", "totals", "--percent", code=2).stderr
    assert "no file core.csv" in june("reconcile", "core.csv", code=2).stderr
    (tmp_path / "core.csv").write_text("loan\n")
    assert "give the --mapping" in june("reconcile", "core.csv", code=2).stderr
    assert "nowhere.xml" in june("reconcile", "nowhere.xml", code=2).stderr
    assert '"nobody"' in june("reconcile", JULY, "--sender", "nobody", code=2).stderr


def test_which_pool_must_be_clear(log: Run) -> None:
    assert "give --pool" in log("reconcile", JULY, "--private", code=2).stderr
    log("append", "-", stdin=ndjson(pool("A"), pool("B")))
    assert "the log has A, B" in log("reconcile", JULY, "--private", code=2).stderr


@pytest.mark.parametrize("how", ["--post", "--private"])
def test_a_file_of_a_day_to_come_is_not_compared(june: Run, tmp_path: Path, how: str) -> None:
    """Payments until then are not recorded: everybody would look late."""
    (tmp_path / "gl.csv").write_text("name,currency,amount\nbalance,USD,928.94\n")
    refused = june("reconcile", "gl.csv", "--form", "totals", "--cut-off", "2099-01-31", how, code=2)
    assert "cut_off: 2099-01-31 has not come: the log's day is " in refused.stderr


def test_who_explains_what(june: Run) -> None:
    found = data(june("reconcile", JULY, "--party", "fund", "--json", code=1))
    owners = {one["item"]: one["owner"] for one in found["breaks"]}
    assert (owners["balance"], owners["extra_in_tape"]) == ("fund", "lender")
