from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from ledger.proofs.trust import TrustRoot
from ledger.vault import Vault
from tests.cli.running import ORIGIN, Run, data


def test_a_log_is_made_once(run: Run, home: Path) -> None:
    first = data(
        run("init", "--origin", ORIGIN, "--zone", "UTC", "--party", "lender:originator,servicer", "--json")
    )
    assert first["made"] == ["key-encryption key", "log.key", "service.key", "log"]
    assert first["chain"] is None
    again = data(run("init", "--json"))
    assert again["made"] == []
    assert again["origin"] == ORIGIN
    assert again["trust_root"] == first["trust_root"]


@pytest.mark.parametrize(
    "args", [["loan", "show", "L1"], ["watch", "W1", "--once"], ["pool", "list"], ["fsck"]]
)
def test_a_question_to_a_wrong_home_leaves_nothing_in_it(run: Run, home: Path, args: list[str]) -> None:
    assert "no log in" in run(*args, code=2).stderr
    assert not home.exists()


def test_keys_are_for_their_owner_only(log: Run, home: Path) -> None:
    for name in ("kek", "log.key", "service.key"):
        assert stat.S_IMODE((home / "keys" / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_what_is_lost_in_between_is_made_again(log: Run, home: Path) -> None:
    (home / "ledger.db").unlink()
    assert data(log("init", "--json"))["made"] == ["log"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--origin", "other.example/log"], "home of"),
        (["--origin", ORIGIN, "--zone", "Asia/Tokyo"], "zone"),
        (["--day-cut", "05:00"], "day cut"),
        (["--party", "lender"], "NAME:ROLE"),
        (["--party", "lender:king"], "a role is one of"),
    ],
)
def test_what_is_for_ever_does_not_change(log: Run, args: list[str], says: str) -> None:
    assert says in log("init", *args, code=2).stderr


@pytest.mark.parametrize(
    "args",
    [["--origin", "two words"], ["--origin", "a+b"], ["--origin", "日本"], ["--origin", "x" * 256], []],
)
def test_an_ill_formed_origin_makes_nothing(run: Run, home: Path, args: list[str]) -> None:
    run("init", *args, code=2)
    assert not (home / "ledger.db").exists()
    assert not (home / "keys").exists()


@pytest.mark.parametrize(
    "args", [["--finality", "soon"], ["--grade", "gold"], ["--contract", "0x12"]], ids=lambda args: args[0]
)
def test_a_policy_that_cannot_be_makes_nothing_even_without_a_chain(
    run: Run, home: Path, args: list[str]
) -> None:
    run("init", "--origin", ORIGIN, *args, code=2)
    assert not home.exists()


@pytest.mark.parametrize("args", [["--zone", "Mars/Olympus"], ["--day-cut", "25:00"]])
def test_an_unknown_zone_makes_no_log(run: Run, args: list[str]) -> None:
    run("init", "--origin", ORIGIN, *args, code=2)
    run("status", code=2)


def test_the_backup_is_read_back(log: Run, home: Path, tmp_path: Path) -> None:
    assert "never confirmed" in log("doctor").stdout
    result = log("init", "--kek-backup", tmp_path / "safe" / "kek")
    assert "Back up" not in result.stderr
    assert Vault.load(tmp_path / "safe" / "kek").fingerprint == Vault.load(home / "keys" / "kek").fingerprint
    assert "read back at" in log("doctor").stdout
    # The copy that is there already is only read.
    log("init", "--kek-backup", tmp_path / "safe" / "kek")


def test_another_key_is_no_backup(log: Run, home: Path, tmp_path: Path) -> None:
    Vault.create(tmp_path / "other")
    assert "not a copy" in log("init", "--kek-backup", tmp_path / "other", code=2).stderr
    assert "would be lost with it" in log("init", "--kek-backup", home / "keys" / "copy", code=2).stderr
    assert not (home / "kek-backup.json").exists()


def test_without_a_backup_init_warns(run: Run) -> None:
    assert "Back up the key-encryption key now" in run("init", "--origin", ORIGIN).stderr


def test_a_party_keeps_its_keys(log: Run, tmp_path: Path) -> None:
    key = data(log("party", "keygen", "lender", "-o", tmp_path / "lender.key", "--json"))["key"]
    log("party", "add", "lender", "--role", "originator", "--key", key)
    log("init", "--party", "lender:servicer")
    assert data(log("party", "list", "--json"))["parties"][1] == {
        "name": "lender",
        "roles": ["servicer"],
        "keys": [key],
    }


def test_parties_stand_in_the_trust_root(log: Run, tmp_path: Path) -> None:
    log("trust", "-o", tmp_path / "trust.json")
    root = TrustRoot.parse((tmp_path / "trust.json").read_bytes())
    assert {party.name: party.roles for party in root.parties} == {
        "lender": ("originator", "servicer"),
        "fund": ("funding_partner",),
    }


def test_a_trust_root_is_issued_when_it_changed(log: Run, tmp_path: Path) -> None:
    first = data(log("trust", "-o", "trust.json", "--json"))
    assert (first["changed"], first["on_chain"]) == (False, False)  # init issued it
    log("party", "add", "bank", "--role", "account_bank")
    assert "not up to date" in log("doctor").stdout
    second = data(log("trust", "-o", "trust.json", "--json"))
    assert second["changed"]
    assert second["fingerprint"] != first["fingerprint"]
    printed = log("trust")
    assert printed.stdout.encode() == (tmp_path / "trust.json").read_bytes()
    assert second["fingerprint"] in printed.stderr


def test_the_configuration_says_where_a_value_is_from(log: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLPROOF_PASSPHRASE", "hunter2")
    result = log("config", "--json")
    assert "hunter2" not in result.stdout
    found = {row["name"]: (row["value"], row["source"]) for row in json.loads(result.stdout)["settings"]}
    assert found["origin"] == (ORIGIN, "config.toml")
    assert found["home"][1] == "environment"
    assert found["port"] == ("8080", "default")
