from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import Run, data, ndjson

TAPES = Path(__file__).parents[1] / "data" / "ex102"
JUNE, JULY = TAPES / "2026-06.xml", TAPES / "2026-07.xml"
CSV, MAPPINGS = TAPES.parent / "csv", TAPES.parents[2] / "docs" / "mappings"
POOL = ("--pool", "SDART-2026-1", "--holder", "fund")


def size(log: Run) -> int:
    return int(data(log("status", "--json"))["ladder"][0]["size"])


def test_two_real_months_go_in_once(log: Run) -> None:
    first = data(log("import", "ex102", JUNE, JULY, *POOL, "--json"))
    counts = [file["counts"] for file in first["files"]]
    assert [count["balance.reported"] for count in counts] == [4, 4]
    assert [count["loan.opened"] for count in counts] == [4, 2]
    assert [count["claim.sold"] for count in counts] == [1, 1]
    assert first["party"] == "lender"
    before = size(log)
    assert first["ledger"]["accepted"] == before == sum(file["events"] for file in first["files"]) + 1
    again = data(log("import", "ex102", JUNE, JULY, *POOL, "--json"))
    assert (again["ledger"]["accepted"], again["ledger"]["refused"]) == (0, 0)
    assert size(log) == before


def test_a_dry_run_tells_what_would_go_in(log: Run) -> None:
    dry = data(log("import", "ex102", JUNE, JULY, *POOL, "--dry-run", "--json"))
    assert size(log) == 0
    wet = data(log("import", "ex102", JUNE, JULY, *POOL, "--json"))
    assert dry["files"] == wet["files"]
    assert dry["ledger"]["accepted"] == wet["ledger"]["accepted"]


def test_a_dry_run_shows_the_first_events(log: Run) -> None:
    shown = log("import", "ex102", JUNE, "--dry-run").stdout
    assert '"id": "ex102:SDART0202600001:21884987:2026-06:opened"' in shown
    assert "1671.90 USD" in shown
    assert "14 events would be accepted" in shown


def test_what_does_not_add_up_is_pointed_at_and_goes_in(log: Run) -> None:
    assert "not the sum of its parts" in log("import", "ex102", JUNE).stdout


def test_a_rejected_record_leaves_the_rest(log: Run, tmp_path: Path) -> None:
    text = JUNE.read_text()
    (tmp_path / "bad.xml").write_text(
        text.replace("<originalLoanAmount>34748.88000000<", "<originalLoanAmount>lots<", 1)
    )
    result = log("import", "ex102", "bad.xml", "--json", code=2)
    file = data(result)["files"][0]
    assert (file["records"], file["rejected"]) == (4, 1)
    assert file["rejects"][0]["field"] == "originalLoanAmount"
    assert f"bad.xml:{file['rejects'][0]['line']}: originalLoanAmount: " in result.stderr
    assert file["counts"]["loan.opened"] == 3
    assert size(log) == data(result)["ledger"]["accepted"] > 0


def test_the_ledgers_refusals_name_the_event(log: Run) -> None:
    result = log("import", "ex102", JUNE, "--party", "fund", "--json", code=2)
    account = data(result)["ledger"]
    assert account["accepted"] == 0
    assert account["refusals"][0]["id"].endswith(":opened")
    assert "event ex102:" in result.stderr


@pytest.mark.parametrize("cut", [100, 5_000, -20])
def test_a_truncated_file_adds_nothing(log: Run, tmp_path: Path, cut: int) -> None:
    (tmp_path / "cut.xml").write_bytes(JUNE.read_bytes()[:cut])
    log("import", "ex102", "cut.xml", code=2)
    assert size(log) == 0


def test_an_entity_bomb_is_refused(log: Run, tmp_path: Path) -> None:
    (tmp_path / "bomb.xml").write_text(
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]><assetData>&x;</assetData>'
    )
    log("import", "ex102", "bomb.xml", code=2)


def test_a_pool_needs_a_holder(log: Run) -> None:
    assert "--holder" in log("import", "ex102", JUNE, "--pool", "P", code=2).stderr


def test_who_submits_must_be_clear(log: Run) -> None:
    log("party", "add", "second", "--role", "servicer")
    assert data(log("import", "ex102", JUNE, "--json"))["party"] == "lender"  # the only originator
    log("party", "add", "third", "--role", "originator")
    assert "--party" in log("import", "ex102", JUNE, code=2).stderr


def test_an_interrupted_import_is_finished_by_the_next(log: Run) -> None:
    """Loans that were opened and not yet placed are placed by the next run."""
    whole = data(log("import", "ex102", JUNE, *POOL, "--dry-run", "--json"))["files"][0]
    opened = [event for event in whole["first"] if event["type"] == "loan.opened"]
    log("append", "-", stdin=ndjson(*opened))
    found = data(log("import", "ex102", JUNE, *POOL, "--json"))
    assert found["files"][0]["counts"]["claim.sold"] == 1
    assert found["ledger"]["repeated"] == 0  # what is open is not opened again
    assert size(log) == whole["events"] + 1


def test_what_has_ended_needs_no_place(log: Run) -> None:
    log("import", "ex102", JUNE)  # two of the four loans end in it
    found = data(log("import", "ex102", JUNE, *POOL, "--json"))
    assert found["ledger"]["accepted"] == 2  # the pool, and the sale of the other two


def test_a_file_of_ones_own_goes_in_by_its_mapping(log: Run) -> None:
    given = ("import", "csv", CSV / "loans-zh.csv", "--mapping", MAPPINGS / "loans-zh.toml", "--json")
    dry = data(log(*given, "--dry-run", code=2))
    assert size(log) == 0
    result = log(*given, code=2)  # two rows do not fit
    file = data(result)["files"][0]
    assert file == dry["files"][0]
    assert (file["counts"], file["rejected"]) == ({"loan.disbursed": 2, "loan.originated": 2}, 2)
    assert file["sums"]["CNY"]["loan.originated.principal"] == "35000.50"
    assert "loans-zh.csv:5: 合同日期" in result.stderr
    assert data(log(*given, code=2))["ledger"]["repeated"] == 4
    assert size(log) == 4


def test_a_missing_mapping_is_named(log: Run) -> None:
    assert "nowhere.toml" in log("import", "csv", JUNE, "--mapping", "nowhere.toml", code=2).stderr
