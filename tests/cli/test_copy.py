from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import Run, data, ndjson, opened


def test_a_log_moves_and_the_commands_go_on_there(
    log: Run, bare_postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log("append", "-", stdin=ndjson(*(opened(f"L{n}") for n in range(30))))
    log("publish")
    log("trust", "-o", "trust.json")
    log("receipt", "L1:opened", "-o", "before.receipt.json")
    document = data(log("copy", "--to", bare_postgres, "--json"))
    assert (document["logs"][0]["size"], document["rows"]["records"]) == (31, 30)
    assert "goes on in another database" in log("append", "-", stdin=ndjson(opened("X")), code=3).stderr

    monkeypatch.setenv("POOLPROOF_DATABASE_URL", bare_postgres)
    assert data(log("fsck", "--json"))["clean"]
    log("receipt", "L1:opened", "-o", "after.receipt.json")
    assert Path("after.receipt.json").read_bytes() == Path("before.receipt.json").read_bytes()
    assert data(log("append", "-", "--json", stdin=ndjson(opened("X"))))["accepted"] == 1

    trial = f"sqlite:///{tmp_path / 'trial.db'}"
    said = log("copy", "--to", trial, "--keep").stdout
    assert "the log goes on here" in said
    assert "has the log" in log("copy", "--to", trial, code=2).stderr
    log("publish")
    assert "is not being moved" in log("copy", "--to", trial, "--give-up", code=2).stderr


def test_a_password_is_not_shown(log: Run) -> None:
    result = log("copy", "--to", "postgresql://me:hidden@127.0.0.1:9/none", "--json", code=3)
    assert "hidden" not in result.stdout + result.stderr
