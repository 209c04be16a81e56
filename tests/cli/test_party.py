from __future__ import annotations

from pathlib import Path

import pytest

from ledger.proofs.note import Verifier
from ledger.vault import load_signer
from tests.cli.running import Run, data


def test_a_statement_key_is_made_anywhere(run: Run, home: Path, tmp_path: Path) -> None:
    printed = run("party", "keygen", "bank", "-o", tmp_path / "bank.key").stdout.strip()
    assert Verifier.parse(printed).vkey == load_signer(tmp_path / "bank.key").verifier.vkey
    assert not home.exists()
    assert "never overwritten" in run("party", "keygen", "bank", "-o", tmp_path / "bank.key", code=2).stderr


def test_an_ill_formed_name_makes_no_key(run: Run, tmp_path: Path) -> None:
    run("party", "keygen", "two words", "-o", tmp_path / "key", code=2)
    assert not (tmp_path / "key").exists()


def test_a_party_is_added_and_replaced(log: Run, tmp_path: Path) -> None:
    key = log("party", "keygen", "bank", "-o", tmp_path / "bank.key").stdout.strip()
    result = log("party", "add", "bank", "--role", "trustee", "--role", "account_bank", "--key", key)
    assert result.stdout == "bank: account_bank, trustee\n"
    assert "poolproof trust" in result.stderr
    log("party", "add", "bank", "--role", "account_bank")
    bank = data(log("party", "list", "--json"))["parties"][0]
    assert bank == {"name": "bank", "roles": ["account_bank"], "keys": []}
    assert "lender: originator, servicer" in log("party", "list").stdout


@pytest.mark.parametrize(
    "args",
    [
        ["bank"],
        ["bank", "--role", "king"],
        ["two words", "--role", "trustee"],
        ["bank", "--role", "trustee", "--key", "nonsense"],
    ],
)
def test_an_ill_formed_party_is_refused(log: Run, args: list[str]) -> None:
    log("party", "add", *args, code=2)
    assert len(data(log("party", "list", "--json"))["parties"]) == 2


def test_every_role_is_listed(run: Run) -> None:
    assert "account_bank" in run("party", "roles").stdout.split()


def test_an_api_key_is_shown_once(log: Run) -> None:
    assert "no API key yet" in log("key", "list").stdout
    token = data(log("key", "add", "lender", "--json"))["token"]
    listed = log("key", "list")
    assert token.split("_")[1] in listed.stdout
    assert token.split("_")[2] not in listed.stdout


def test_an_api_key_ends(log: Run) -> None:
    key_id = log("key", "add", "lender").stdout.split("_")[1]
    first = data(log("key", "revoke", key_id, "--json"))
    assert data(log("key", "revoke", key_id, "--json")) == first
    assert f"{key_id}  lender  ended" in log("key", "list").stdout


def test_unknown_parties_and_keys_are_named(log: Run) -> None:
    assert "nobody" in log("key", "add", "nobody", code=2).stderr
    assert "0000" in log("key", "revoke", "0000", code=2).stderr
