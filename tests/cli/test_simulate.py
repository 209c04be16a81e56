"""`simulate` as a command: events to a pipe, a file, a folder of days, or straight into a log."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.running import Run, data

BOOK = ("simulate", "--loans", 40, "--months", 5)
FRAUD = ("--fraud", "double_pledge:1", "--fraud", "kept_cash")


def test_events_go_to_a_pipe_and_the_log_takes_them(run: Run) -> None:
    run("init", "--origin", "sim.example/consumer")
    said = run(*BOOK)
    assert "left out" in said.stderr
    for line in run("simulate", "--parties").stdout.splitlines():
        words = shlex.split(line)
        assert words[0] == "poolproof"
        run(*words[1:])
    done = data(run("append", "-", "--json", stdin=said.stdout))
    assert done["accepted"] == len(said.stdout.splitlines()) > 100
    assert done["refused"] == 0


def test_register_does_what_parties_prints(run: Run) -> None:
    run("init", "--origin", "sim.example/consumer")
    run("simulate", "--register")
    printed = data(run("simulate", "--parties", "--json"))["parties"]
    listed = {one["name"]: one for one in data(run("party", "list", "--json"))["parties"]}
    for one in printed:
        assert listed[one["name"]]["keys"] == ([one["key"]] if one["key"] else [])
        assert listed[one["name"]]["roles"] == sorted(one["roles"])


def test_a_file_and_a_folder_of_days_hold_the_same(run: Run, tmp_path: Path) -> None:
    run(*BOOK, "-o", tmp_path / "all.ndjson")
    run(*BOOK, "--days", tmp_path / "days")
    files = sorted((tmp_path / "days").glob("*.ndjson"))
    assert files[0].name == "2025-01-01.ndjson"
    assert b"".join(file.read_bytes() for file in files) == (tmp_path / "all.ndjson").read_bytes()
    tapes = {hashlib.sha256(file.read_bytes()).hexdigest() for file in (tmp_path / "days/tapes").iterdir()}
    said = [json.loads(line) for line in (tmp_path / "all.ndjson").read_bytes().splitlines()]
    assert tapes == {event["data"]["tape"] for event in said if event["type"] == "tape.received"} != set()


def test_json_alone_tells_what_there_would_be(run: Run) -> None:
    summary = data(run(*BOOK, *FRAUD, "--json"))
    assert [plot["fraud"] for plot in summary["frauds"]] == ["double_pledge", "kept_cash"]
    assert summary["events"] == sum(row["count"] for row in summary["by_type"].values())
    assert summary["destination"] is None


def test_append_sets_the_clock_and_brings_the_bank_s_word(run: Run) -> None:
    run("init", "--origin", "lender.example/loans", "--zone", "Asia/Shanghai")
    summary = data(run(*BOOK, *FRAUD, "--append", "--json"))
    assert summary["destination"] == "lender.example/loans"
    assert summary["by_type"]["cash.settled"]["count"] > 0
    assert "cash.settled" not in summary["left_out"]
    recorded = data(run("status", "--json"))["ladder"][0]
    assert recorded["at"].startswith("2025-05-31T04:00"), "noon in Shanghai on the last day"
    run("fsck")
    again = run(*BOOK, "--append", code=2)
    assert "into an empty log" in again.stderr


def test_a_book_ends_with_yesterday(run: Run) -> None:
    """A log whose clock is ahead of the world's could take nothing in until the world has caught up."""
    run("init", "--origin", "lender.example/loans", "--zone", "UTC")
    now = datetime.now(UTC)
    start = (now - timedelta(days=3)).date().replace(day=1)
    run("simulate", "--loans", 10, "--start", start.isoformat(), "--months", 3, "--append", "--json")
    recorded = data(run("status", "--json"))["ladder"][0]
    assert start.isoformat() <= recorded["at"][:10] <= (now - timedelta(days=1)).date().isoformat()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--fraud", "arson"), "arson"),
        (("--fraud", "kept_cash:few"), "NAME:COUNT"),
        (("--start", "2025-01-15"), "first of a month"),
        (("--start", "soon"), "start"),
        (("--parties", "--register"), "--parties and --register"),
        (("--scenario", "sunshine"), "baseline"),
    ],
)
def test_wrong_use_is_refused(run: Run, arguments: tuple[str, ...], reason: str) -> None:
    assert reason in run(*BOOK, *arguments, code=2).stderr


def test_another_origin_than_the_home_s_is_refused(run: Run) -> None:
    run("init", "--origin", "lender.example/loans")
    assert "lender.example/loans" in run(*BOOK, "--append", "--origin", "x.example/y", code=2).stderr


def test_the_script_of_the_checkout_is_the_command(run: Run) -> None:
    script = Path(__file__).parents[2] / "scripts" / "simulate.py"
    command = [sys.executable, str(script), "--loans", "5", "--months", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == run("simulate", "--loans", 5, "--months", 1).stdout
