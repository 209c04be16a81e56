from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.domain.erasure import years_after
from tests.cli.running import Run, data, ndjson, opened, pledged, pool

#: The command line goes by the machine's clock: an end whose retention runs, whenever this is run.
RECENT = datetime.now(UTC).date() - timedelta(days=30)


def long_ago(name: str) -> dict[str, Any]:
    event = opened(name, effective="2018-03-01")
    return event | {"data": event["data"] | {"as_of": "2018-02-28"}}


def settled(name: str, day: str) -> dict[str, Any]:
    return {
        "id": f"{name}:end", "type": "loan.settled", "subject": f"loan:{name}", "effective": day, "party": "lender",
        "data": {"reason": "matured"},
    }  # fmt: skip


@pytest.fixture
def old(log: Run) -> Run:
    """Two loans whose retention is over, one whose is not, one that is live; published."""
    events = [
        *(long_ago(name) for name in ("L1", "L2", "L3", "L4")), pool("P1"), pledged("e1", "P1", "L1"),
        settled("L1", "2019-12-31"), settled("L2", "2019-12-31"), settled("L3", RECENT.isoformat()),
    ]  # fmt: skip
    log("append", "-", stdin=ndjson(*events))
    log("publish")
    return log


def states(run: Run) -> dict[str, str]:
    return {one["name"]: one["state"] for one in data(run("doctor", "--json", code=None))["findings"]}


def test_loans_are_erased_and_the_log_stays_clean(old: Run, home: Path) -> None:
    done = data(old("erase", "L1", "L2", "--basis", "request", "--note", "letter of 3 March", "--json"))
    assert [(one["loan"], one["index"]) for one in done["erased"]] == [("L1", 10), ("L2", 11)]
    old("publish")
    found = data(old("fsck", "--json"))
    assert (found["clean"], found["erased"]) == (True, 4)
    assert data(old("pool", "show", "P1", "--json"))["erased"] == 1
    assert "  erased:    1 of these claims\n" in old("pool", "show", "P1").stdout
    journal = [json.loads(line) for line in (home / "erasures.jsonl").read_text().splitlines()]
    assert [(one["loan"], one["party"], one["note"]) for one in journal] == [
        ("L1", "lender", "letter of 3 March"), ("L2", "lender", "letter of 3 March"),
    ]  # fmt: skip
    assert states(old)["erasures"] == "ok"
    assert "nothing to erase" in old("erase", "--replay").stdout


def test_what_may_not_be_erased_yet(old: Run) -> None:
    assert "live" in old("erase", "L4", "--basis", "court", code=2).stderr
    error = data(old("erase", "L3", "--basis", "court", "--json", code=2))["error"]
    assert (error["rule"], error["details"]) == ("retention", {"until": years_after(RECENT, 5).isoformat()})
    assert data(old("fsck", "--json"))["erased"] == 0


def test_of_several_loans_those_that_may_be_are_erased(old: Run, home: Path) -> None:
    result = old("erase", "L1", "L4", "L2", "--basis", "request", "--json", code=2)
    done = data(result)
    assert [one["loan"] for one in done["erased"]] == ["L1", "L2"]
    assert [(one["loan"], one["rule"]) for one in done["failed"]] == [("L4", "live")]
    assert "writing the database's files anew" in result.stderr
    journal = (home / "erasures.jsonl").read_text()
    assert ('"L1"' in journal, '"L4"' in journal) == (True, False)
    assert "loan:L4 is not erased" in old("erase", "L4", "L4", "--basis", "request", code=2).stdout


def test_a_shorter_retention_is_a_setting(old: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLPROOF_RETENTION_YEARS", "0")
    assert "loan:L3 is erased" in old("erase", "L3", "--basis", "other").stdout


def test_an_older_backup_is_told_what_was_erased(old: Run, home: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(home / "ledger.db")) as connection:
        connection.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))
    old("erase", "L1", "--basis", "retention_ended")
    for file in home.glob("ledger.db*"):
        file.unlink()
    shutil.copy(tmp_path / "backup.db", home / "ledger.db")
    assert states(old)["erasures"] == "failed"
    assert "L1" in old("doctor", code=1).stdout
    result = old("erase", "--replay")
    assert "loan:L1 is erased" in result.stdout
    old("publish")
    assert states(old)["erasures"] == "ok"
    assert data(old("fsck", "--json"))["erased"] == 2


def test_what_cannot_be_erased_again_is_a_finding(
    old: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {
        "origin": "bank.example/pool-2026",
        "loan": "L4",
        "party": "lender",
        "basis": "court",
        "note": None,
    }
    (home / "erasures.jsonl").write_text(json.dumps(line) + "\n")
    result = old("erase", "--replay", "--json", code=1)
    assert [one["rule"] for one in data(result)["failed"]] == ["live"]


@pytest.mark.parametrize("args", [[], ["L1"], ["L1", "--basis", "because"], ["L1", "--replay"]])
def test_wrong_use(old: Run, args: list[str]) -> None:
    old("erase", *args, code=2)
    assert data(old("fsck", "--json"))["erased"] == 0
