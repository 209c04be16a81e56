from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import Run, data, ndjson, opened, pledged, pool


def test_events_go_in_once(log: Run, tmp_path: Path) -> None:
    (tmp_path / "events.ndjson").write_text(ndjson(opened("L1"), opened("L2")))
    first = data(log("append", "events.ndjson", "--json"))
    assert (first["accepted"], first["repeated"], first["first_index"], first["last_index"]) == (2, 0, 0, 1)
    again = data(log("append", "events.ndjson", "--json"))
    assert (again["accepted"], again["repeated"]) == (0, 2)
    assert "2 events accepted, entries 0 to 1" not in log("append", "events.ndjson").stdout


def test_standard_input_is_read(log: Run) -> None:
    result = log("append", "-", stdin="\n" + ndjson(opened("L1")) + "\n   \n")
    assert result.stdout == "1 event accepted, entry 0; 0 were there before; 0 refused\n"


def test_abort_stores_nothing_and_names_the_line(log: Run) -> None:
    events = "\n" + ndjson(opened("L1"), {**opened("L2"), "type": "loan.invented"})
    result = log("append", "-", stdin=events, code=2)
    assert result.stderr.startswith("poolproof: line 3: type: ")
    assert data(log("status", "--json"))["ladder"][0]["size"] == 0


def test_report_stores_the_rest_and_lists_the_refusals(log: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLPROOF_IMPORT_BATCH", "2")  # the numbering must survive the batches
    events = [
        opened("L1"),
        {**opened("L2"), "party": "stranger"},
        opened("L3"),
        {**opened("L4"), "effective": "2999-01-01"},
    ]
    result = log("append", "-", "--on-error", "report", "--json", stdin="\n" + ndjson(*events), code=2)
    found = data(result)
    assert (found["accepted"], found["refused"]) == (2, 2)
    assert [(one["line"], one["field"]) for one in found["refusals"]] == [(3, "party"), (5, "effective")]
    assert "line 3: party: " in result.stderr


def test_a_second_pledge_is_refused(log: Run) -> None:
    log("append", "-", stdin=ndjson(opened("L1"), pool("P1"), pool("P2"), pledged("e1", "P1", "L1")))
    error = data(log("append", "-", "--json", stdin=ndjson(pledged("e2", "P2", "L1")), code=2))["error"]
    assert error["code"] == "taken"
    assert data(log("status", "--json"))["ladder"][0]["size"] == 4


def test_a_dry_run_checks_and_stores_nothing(log: Run) -> None:
    events = ndjson(opened("L1"), pool("P1"), pledged("e1", "P1", "L1"))
    found = data(log("append", "-", "--dry-run", "--json", stdin=events))
    assert (found["accepted"], found["dry_run"]) == (3, True)
    assert "3 events would be accepted; 0 were" in log("append", "-", "--dry-run", stdin=events).stdout
    assert data(log("status", "--json"))["ladder"][0]["size"] == 0


def test_events_of_another_party_are_refused(log: Run) -> None:
    assert "party" in log("append", "-", "--party", "fund", stdin=ndjson(opened("L1")), code=2).stderr
    log("append", "-", "--party", "lender", stdin=ndjson(opened("L1")))


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"\xff\xfe",
        json.dumps(opened("L1")).replace('"207.10"', "207.10").encode(),
        json.dumps(opened("L1")).replace('"207.10"', '"207.1"').encode(),
        json.dumps(opened("L1")).replace('"party"', '"id": "e", "party"').encode(),
        b'"' + b"x" * (10 << 20) + b'"',
        json.dumps({**opened("L1"), "subject": "loan:" + "x" * (10 << 20)}).encode(),
    ],
    ids=["broken", "list", "utf-8", "float", "spelling", "duplicate", "10 MB", "10 MB member"],
)
def test_bad_lines_are_refused_by_number(log: Run, line: bytes) -> None:
    good = json.dumps(opened("L9")).encode()
    result = log(
        "append",
        "-",
        "--on-error",
        "report",
        "--json",
        stdin=good + b"\n" + line + b"\n" + good + b"\n",
        code=2,
    )
    found = data(result)
    assert (found["accepted"], found["repeated"], found["refused"]) == (1, 1, 1)
    assert found["refusals"][0]["line"] == 2
    assert ": : " not in result.stderr
    assert len(result.stderr) < 1000


def test_a_missing_file_is_named(log: Run) -> None:
    assert "no file nowhere.ndjson" in log("append", "nowhere.ndjson", code=2).stderr


def test_many_refusals_do_not_fill_the_screen(log: Run) -> None:
    events = ndjson(*({**opened(f"L{n}"), "party": "stranger"} for n in range(50)))
    result = log("append", "-", "--on-error", "report", stdin=events, code=2)
    assert len(result.stderr.splitlines()) == 21
    assert "and 30 more" in result.stderr
