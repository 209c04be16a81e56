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
    assert "no API key yet" in log("party", "key", "list").stdout
    token = data(log("party", "key", "add", "lender", "--json"))["token"]
    listed = log("party", "key", "list")
    assert token.split("_")[1] in listed.stdout
    assert token.split("_")[2] not in listed.stdout


def test_an_api_key_ends(log: Run) -> None:
    key_id = log("party", "key", "lender").stdout.split("_")[1]
    first = data(log("party", "key", "revoke", key_id, "--json"))
    assert data(log("party", "key", "revoke", key_id, "--json")) == first
    assert f"{key_id}  lender  attest,audit,read,write  ended" in log("party", "key", "list").stdout


def test_unknown_parties_and_keys_are_named(log: Run) -> None:
    assert "nobody" in log("party", "key", "add", "nobody", code=2).stderr
    assert "0000" in log("party", "key", "revoke", "0000", code=2).stderr


def test_a_key_is_made_with_limits(log: Run, tmp_path: Path) -> None:
    signing = data(log("party", "keygen", "request", "-o", tmp_path / "request.key", "--json"))["key"]
    limits = ("--scope", "read", "--days", "90", "--network", "10.2.0.0/16", "--signed-by", signing)
    made = data(log("party", "key", "lender", *limits, "--json"))
    assert made["scopes"] == ["read"]
    [key] = data(log("party", "key", "list", "--json"))["keys"]
    assert (key["networks"], key["expires"], key["last_used"]) == (["10.2.0.0/16"], made["expires"], None)
    assert len(bytes.fromhex(key["signing_key"])) == 32


@pytest.mark.parametrize(
    ("limit", "names"),
    [
        (("--scope", "everything"), "everything"),
        (("--network", "10.2.0.1/16"), "--network"),
        (("--days", "0"), "--days"),
        (("--certificate", "none.pem"), "--certificate"),
        (("--signed-by", "nonsense"), "key"),
    ],
)
def test_a_limit_that_is_none_is_named(log: Run, limit: tuple[str, str], names: str) -> None:
    assert names in log("party", "key", "lender", *limit, code=2).stderr


def test_grants_are_given_and_withdrawn(log: Run) -> None:
    assert data(log("party", "grant", "lender", "operator", "--json"))["new"]
    assert not data(log("party", "grant", "lender", "operator", "--json"))["new"]
    [grant] = data(log("party", "grants", "--json"))["grants"]
    assert (grant["party"], grant["target"]) == ("lender", "operator")
    log("party", "withdraw", "lender", "operator")
    assert "lender" in log("party", "withdraw", "lender", "operator", code=2).stderr
    assert data(log("party", "grants", "--json"))["grants"] == []
    for target, reason in (("pool:none", "no pool"), ("everything", "one of"), ("pool:", "one of")):
        assert reason in log("party", "grant", "lender", target, code=2).stderr
    assert "nobody" in log("party", "grant", "nobody", "log", code=2).stderr


def test_people_are_let_in_and_removed(log: Run) -> None:
    made = data(log("party", "person", "lender", "248289761001", "--name", "Wang Fang", "--json"))
    assert made["scopes"] == ["audit", "read"]
    assert [one["name"] for one in data(log("party", "people", "--json"))["people"]] == ["Wang Fang"]
    log("party", "dismiss", "248289761001")
    assert "248289761001" in log("party", "dismiss", "248289761001", code=2).stderr
    assert data(log("party", "reads", "--json")) == {"reads": []}
