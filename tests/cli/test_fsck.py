from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.running import Run, data, ndjson, opened, pledged, pool


@pytest.fixture
def published(log: Run) -> Run:
    log("append", "-", stdin=ndjson(opened("L1"), opened("L2"), pool("P1"), pledged("e1", "P1", "L1")))
    log("publish")
    return log


def change(home: Path, statement: str) -> None:
    """Behind the ledger's back."""
    with closing(sqlite3.connect(home / "ledger.db")) as connection, connection:
        assert connection.execute(statement).rowcount > 0


def test_an_honest_log_is_clean(published: Run) -> None:
    found = data(published("fsck", "--json"))
    assert found["clean"]
    assert (found["size"], found["records"], found["registers"], found["checkpoints"]) == (5, 4, 1, 1)
    assert found["anchors"] is None
    assert published("fsck").stdout.endswith("\nclean\n")


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE records SET record = replace(record, '207.10', '307.10') WHERE \"index\" = 0", "record"),
        ("UPDATE records SET record = CAST(replace(record, '207.10', '307.10') AS BLOB)", "record"),
        ("UPDATE records SET record = CAST(record AS TEXT)", "store"),
        ("UPDATE logs SET day_cut = '04:00'", "trust"),
        ('UPDATE records SET record = NULL WHERE "index" = 1', "record"),
        ('DELETE FROM records WHERE "index" = 1', "gap"),
        ("UPDATE claims SET version = 0, holders = x'00' WHERE version = 1", "claim"),
        ("UPDATE registers SET count = count + 1", "register"),
        ("UPDATE tiles SET hashes = zeroblob(length(hashes))", "tile"),
        ("UPDATE batches SET anchor_by = '2099-01-01T00:00:00.000000Z'", "batch"),
    ],
)
def test_one_change_is_found(published: Run, home: Path, statement: str, code: str) -> None:
    change(home, statement)
    found = data(published("fsck", "--json", code=1))
    assert not found["clean"]
    assert code in {problem["code"] for problem in found["problems"]}
    count = len(found["problems"])
    assert published("fsck", code=1).stdout.endswith(f"\n{count} problem{'s' if count > 1 else ''}\n")


def test_without_a_trust_root_zone_and_day_cut_are_undecided(published: Run, home: Path) -> None:
    change(home, "DELETE FROM trust_roots")
    told = published("fsck", code=3)
    assert "nothing commits to the log's zone and day cut" in told.stderr


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET record = CAST(record AS TEXT)",
        "UPDATE records SET record = x''",
        "UPDATE records SET digest = 'short'",
        "UPDATE records SET seq = 'x'",
        "UPDATE subjects SET \"last_index\" = 'x' WHERE name = 'loan:L1'",
        "UPDATE subjects SET count = 'x' WHERE name = 'loan:L1'",
        "UPDATE logs SET zone = x'ff'",
    ],
)
def test_a_loan_that_cannot_be_read_is_said_to_be(published: Run, home: Path, statement: str) -> None:
    change(home, statement)
    told = published("loan", "show", "L1", code=1)
    assert "poolproof: " in told.stderr
    assert "Traceback" not in told.stderr


def test_the_doctor_finds_a_sound_home(published: Run) -> None:
    found = data(published("doctor", "--json"))
    assert found["sound"]
    states = {one["name"]: one["state"] for one in found["findings"]}
    assert states == {
        "home": "ok",
        "disk": "ok",
        "database": "ok",
        "keys": "ok",
        "key-encryption key": "ok",
        "kek backup": "warning",
        "erasures": "ok",
        "trust root": "ok",
        "clock": "ok",
        "chain": "warning",
        "contract": "skipped",
        "anchorer": "skipped",
    }


def finding(run: Run, name: str) -> dict[str, str]:
    found = data(run("doctor", "--json", code=1))
    assert not found["sound"]
    one: dict[str, str] = next(one for one in found["findings"] if one["name"] == name)
    assert one["state"] == "failed"
    return one


def test_the_doctor_misses_a_home(run: Run) -> None:
    assert "poolproof init" in finding(run, "home")["detail"]


def test_the_doctor_sees_a_key_that_others_can_read(published: Run, home: Path) -> None:
    (home / "keys" / "log.key").chmod(0o644)
    assert "log.key" in finding(published, "home")["detail"]


def test_the_doctor_sees_another_kek(published: Run, home: Path) -> None:
    published("init", "--kek-backup", "safe/kek")
    (home / "keys" / "kek").unlink()
    published("init")  # makes a new one where none is
    assert "does not open" in finding(published, "key-encryption key")["detail"]
    assert "the backup is of key" in finding(published, "kek backup")["detail"]
    (home / "keys" / "kek").write_text(Path("safe/kek").read_text())
    published("doctor")


def test_the_doctor_sees_another_signing_key(published: Run, home: Path) -> None:
    (home / "keys" / "service.key").unlink()
    published("init")
    assert "not one of the log's" in finding(published, "keys")["detail"]


def test_the_doctor_warns_where_the_checkpoint_key_is_not(published: Run, home: Path) -> None:
    (home / "keys" / "log.key").unlink()
    found = {one["name"]: one for one in data(published("doctor", "--json"))["findings"]}
    assert found["keys"]["state"] == "warning"
    assert "checkpoint key" in published("publish", code=2).stderr


def test_the_doctor_sees_an_old_schema(published: Run, home: Path) -> None:
    change(home, "UPDATE alembic_version SET version_num = '0000'")
    assert "0000" in finding(published, "database")["detail"]


def test_the_doctor_sees_a_clock_that_went_back(published: Run, home: Path) -> None:
    change(home, "UPDATE logs SET posted = '2999-01-01T00:00:00.000000Z'")
    assert "clock" in finding(published, "clock")["detail"]


def test_the_doctor_sees_a_database_that_is_none(published: Run, home: Path) -> None:
    for file in home.glob("ledger.db*"):
        file.unlink()
    (home / "ledger.db").write_bytes(b"not a database" * 1000)
    assert "database" in finding(published, "database")["detail"]
