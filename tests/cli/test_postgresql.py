from __future__ import annotations

import pytest

from tests.cli.running import ORIGIN, Run, data, ndjson, opened, pledged, pool


def test_the_same_commands_work_on_postgresql(
    run: Run, bare_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POOLPROOF_DATABASE_URL", bare_postgres)
    run(
        "init",
        "--origin",
        ORIGIN,
        "--zone",
        "UTC",
        "--party",
        "lender:originator",
        "--party",
        "fund:funding_partner",
    )
    events = ndjson(*(opened(f"L{n}") for n in range(60)), pool("P1"), pledged("e1", "P1", "L1"))
    assert data(run("append", "-", "--json", stdin=events))["accepted"] == 62
    run("publish")
    run("trust", "-o", "trust.json")
    run("receipt", "e1", "-o", "r.json")
    run("verify", "r.json", "--offline")
    run("prove", "L1/1", "-o", "c.json")
    run("verify", "c.json", "--offline")
    assert data(run("fsck", "--json"))["clean"]
    assert data(run("doctor", "--json"))["sound"]
    assert data(run("init", "--json"))["made"] == []


@pytest.mark.parametrize(
    ("url", "code"), [("postgresql://nobody@127.0.0.1:9/none", 3), ("mysql://x/y", 2), ("not a url", 2)]
)
def test_a_database_that_cannot_be_reached(
    run: Run, monkeypatch: pytest.MonkeyPatch, url: str, code: int
) -> None:
    monkeypatch.setenv("POOLPROOF_DATABASE_URL", url)
    assert "database" in run("init", "--origin", ORIGIN, code=code).stderr
