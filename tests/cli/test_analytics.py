"""``poolproof analytics``, on two real months of an auto-loan trust."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.running import Run, data

TAPES = Path(__file__).parents[1] / "data" / "ex102"
POOL = "SDART-2026-1"


@pytest.fixture
def imported(log: Run) -> Run:
    log("import", "ex102", TAPES / "2026-06.xml", TAPES / "2026-07.xml", "--pool", POOL, "--holder", "fund")
    log("publish")
    return log


def test_two_real_months_to_the_cent(imported: Run) -> None:
    shown = data(imported("analytics", POOL, "--as-of", "2026-07-31", "--json"))
    sums = shown["currencies"]["USD"]
    june, july = sums["months"]
    # By hand from the files: what the loans that go on owe at the end of each period.
    # June: 722.43 + 206.51. July: 2869.21 + 534.68; the two of June were settled in it.
    assert (june["outstanding"], july["outstanding"]) == ("928.94", "3403.89")
    # June: 207.10 + 1404.49 + 558.50 + 198.29 came in. July: 3114.93 + 1144.32.
    assert (june["change"]["entered"], july["change"]["entered"]) == ("2368.38", "4259.25")
    # June: 207.10 + 682.06 + 351.99 + 198.29. July: 722.43 + 206.51 + 245.72 + 609.64.
    assert (june["change"]["repaid"], july["change"]["repaid"]) == ("-1439.44", "-1784.30")
    # June: 210.00 + 904.49 + 359.12 + 198.29; of 21884987 the parts are 7.45 more than the total.
    assert june["cash"]["total"] == "1671.90"
    assert june["cash"]["by_component"] == {
        "principal": "1439.44", "interest": "19.56", "fee": "0.00", "penalty": "0.00", "other": "220.35",
        "unapplied": "-7.45",
    }  # fmt: skip
    # July: 739.44 + 398.29 + 300.00 + 626.26.
    assert july["cash"]["total"] == "2063.99"
    assert july["cash"]["by_component"] == {
        "principal": "1784.30", "interest": "74.81", "fee": "0.00", "penalty": "0.00", "other": "204.88",
        "unapplied": "0.00",
    }  # fmt: skip
    assert july["cash"]["by_payer"]["untold"] == "2063.99", "a month's total does not say who paid"


def test_what_the_tape_does_not_determine_is_undetermined(imported: Run) -> None:
    sums = data(imported("analytics", POOL, "--as-of", "2026-07-31", "--json"))["currencies"]["USD"]
    for month, principal in zip(sums["months"], ("928.94", "3403.89"), strict=True):
        assert {name: one["principal"] for name, one in month["buckets"].items() if one["claims"]} == {
            "undetermined": principal
        }
        assert month["prepayment"]["cpr"] is None
        assert month["averages"]["remaining_instalments"] == {"value": None, "share": "0.00000000"}
    july = sums["months"][1]
    assert july["rolls"]["undetermined"]["to"] == {
        "settled": {
            "claims": 2,
            "principal": "928.94",
            "claims_share": "1.00000000",
            "principal_share": "1.00000000",
        }
    }
    assert july["prepayment"]["determined"] == "0.00000000"
    assert (july["default"]["mdr"], july["compensation"]["rate"]) == ("0.00000000", "0.00000000")
    assert sums["vintages"] == []
    assert sums["left_out"] == {"seasoned_claims": 6, "records_before_opening": 0}
    assert july["seasoned"]["share"] == "1.00000000"


def test_the_tables_are_plain_text_in_a_pipe(imported: Run) -> None:
    result = imported("analytics", POOL, "--as-of", "2026-07-31", "--from", "2026-07")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["2026-07", "3403.89", "2", "4259.25", "-1784.30"] in [line[:5] for line in lines]
    assert not any(line[:1] == ["2026-06"] for line in lines)
    assert "6 seasoned claims are in no vintage" in result.stdout
    assert "\x1b" not in result.stdout


def test_no_amount_is_cut_on_a_narrow_terminal(imported: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table goes on below, with its first column again."""
    asked = ("analytics", POOL, "--as-of", "2026-07-31", "--from", "2026-07")
    piped = imported(*asked).stdout.split()
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal, for rich
    monkeypatch.setenv("COLUMNS", "60")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", imported(*asked).stdout)
    tables = shown.partition("\n\n")[2].splitlines()
    assert max(len(line) for line in tables if line[:1].isdigit() or line.startswith("month")) <= 60
    assert "…" not in shown
    assert {one for one in piped if "." in one} <= set(shown.split())
    assert shown.count("\n2026-07 ") > piped.count("2026-07")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--to", "2026-09"), "is after the day of the figures"),
        (("--from", "2026-07-01"), "a month is wanted"),
        (("--as-of", "yesterday"), "is not a day"),
        (("--size", "7"), "is not published"),
    ],
)
def test_what_cannot_be_asked(imported: Run, options: tuple[str, str], reason: str) -> None:
    result = imported("analytics", POOL, "--as-of", "2026-07-31", *options, code=2)
    assert reason in result.stderr


def test_an_empty_pool(log: Run) -> None:
    rules = Path(__file__).parents[2] / "docs" / "rules" / "warehouse.json"
    log("pool", "create", "W1", "--rules", rules, "--effective", "2026-04-01")
    log("publish")
    assert "nothing was in the pool" in log("analytics", "W1").stdout
