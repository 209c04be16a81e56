"""The commands that ask a chain, on a devnet that they share; every home deploys its own contract."""

from __future__ import annotations

import json
import signal
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger.chain import devnet, keystore
from ledger.chain.keystore import devnet_account
from tests.cli.running import ORIGIN, Run, data, ndjson, opened
from tests.cli.test_services import running

pytestmark = pytest.mark.devnet

#: One of anvil's own accounts: an address that is not ours.
STRANGER = "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc"


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with devnet.running(tmp_path_factory.mktemp("devnet")) as started:
        yield started.url


@pytest.fixture
def bound(log: Run, chain: str) -> Run:
    """A log that is open on the devnet."""
    log("init", "--rpc", chain)
    return log


def finding(run: Run, name: str, *, code: int = 0) -> dict[str, str]:
    found = data(run("doctor", "--json", code=code))
    return next(one for one in found["findings"] if one["name"] == name)


def test_a_log_goes_on_chain_later(log: Run, chain: str, home: Path) -> None:
    log("append", "-", stdin=ndjson(opened("L1")))
    assert "not on a chain" in log("anchor", code=2).stderr
    made = data(log("init", "--rpc", chain, "--json"))
    assert made["made"] == ["contract", "attestation contract", "log on chain"]
    assert made["chain"]["finality"] == "tag:finalized"
    assert chain in (home / "config.toml").read_text()
    assert data(log("init", "--json"))["made"] == []
    found = data(log("anchor", "--json"))
    assert (found["size"], found["state"]) == (2, "anchored")
    assert data(log("anchor", "--wait", "--json"))["state"] == "final"
    assert finding(log, "contract")["state"] == "ok"
    assert finding(log, "anchorer")["state"] == "ok"


def test_an_account_that_runs_dry_is_told_as_health_tells_it(bound: Run, chain: str) -> None:
    account = devnet_account(31337, 1).address
    try:
        for wei, code, state, says in (
            (10**15, 0, "warning", "less than 7 days'"),
            (0, 1, "failed", "some 0 anchors"),
        ):
            devnet._request(chain, "anvil_setBalance", [f"0x{account.hex()}", hex(wei)])
            found = finding(bound, "anchorer", code=code)
            assert (found["state"], says in found["detail"]) == (state, True)
    finally:
        devnet.fund(chain, account)


def test_the_devnets_keys_are_used_loudly(bound: Run) -> None:
    bound("append", "-", stdin=ndjson(opened("L1")))
    result = bound("anchor")
    assert "everybody knows this key" in result.stderr
    assert "everybody" not in result.stdout


def test_an_empty_log_has_nothing_to_anchor(bound: Run) -> None:
    assert "empty" in bound("anchor", code=2).stderr


def test_with_a_passphrase_the_keys_are_its_own(
    log: Run, chain: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "passphrase").write_text("correct horse\n")
    monkeypatch.setenv("POOLPROOF_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    result = log("init", "--rpc", chain, "--json")
    assert data(result)["made"] == [
        "owner.json",
        "anchorer.json",
        "contract",
        "attestation contract",
        "log on chain",
    ]
    assert "devnet_key_in_use" not in result.stderr
    for name in ("owner.json", "anchorer.json"):
        assert stat.S_IMODE((home / "keys" / name).stat().st_mode) == 0o600
        assert json.loads((home / "keys" / name).read_text())["crypto"]["kdf"] == "scrypt"
    log("append", "-", stdin=ndjson(opened("L1")))
    monkeypatch.delenv("POOLPROOF_PASSPHRASE_FILE")
    assert "POOLPROOF_PASSPHRASE_FILE" in log("anchor", code=2).stderr
    monkeypatch.setenv("POOLPROOF_PASSPHRASE", "wrong horse")
    assert "wrong passphrase" in log("anchor", code=2).stderr
    monkeypatch.setenv("POOLPROOF_PASSPHRASE", "correct horse")
    assert data(log("anchor", "--json"))["size"] == 2


def test_accounts_without_money_are_named_at_once(
    log: Run, chain: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POOLPROOF_PASSPHRASE", "correct horse")
    accounts = [
        keystore.create(home / "keys" / name, "correct horse", iterations=2)
        for name in ("owner.json", "anchorer.json")
    ]
    result = log("init", "--rpc", chain, code=2)
    assert all(account.address.hex() in result.stderr for account in accounts)
    assert data(log("status", "--json"))["chain"] is None
    for account in accounts:
        devnet.fund(chain, account.address)
    assert data(log("init", "--json"))["made"] == ["contract", "attestation contract", "log on chain"]


def test_a_second_log_uses_the_contract_that_stands(
    bound: Run, chain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = data(bound("status", "--json"))["chain"]["contract"]
    monkeypatch.setenv("POOLPROOF_HOME", "second")
    made = data(
        bound("init", "--origin", "second.example/log", "--rpc", chain, "--contract", contract, "--json")
    )
    assert made["chain"]["contract"] == contract
    assert made["made"][-3:] == ["binding", "attestation contract", "log on chain"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--contract", STRANGER], "no contract"),
        (["--contract", "0x00"], "40 hex digits"),
        (["--attestations", "old"], "40 hex digits"),
        (["--finality", "depth:0"], "finality"),
        (["--grade", "royal"], "grade"),
        (["--max-growth", "5000"], "more than 1000000"),
    ],
)
def test_a_wrong_choice_binds_nothing(log: Run, chain: str, args: list[str], says: str) -> None:
    assert says in log("init", "--rpc", chain, *args, code=None).stderr
    assert data(log("status", "--json"))["chain"] is None


def test_a_chosen_policy_stands_in_the_trust_root(log: Run, chain: str) -> None:
    log("init", "--rpc", chain, "--finality", "depth:5", "--grade", "operator", "--max-anchor-age", "3600")
    trust = json.loads(log("trust").stdout)["chain"]
    assert (trust["finality"], trust["grade"], trust["max_anchor_age"]) == ("depth:5", "operator", 3600)
    # The same once more is what to do after a failure; another choice is refused, not passed over.
    log("init", "--finality", "depth:5", "--grade", "operator", "--max-anchor-age", "3600")
    for args in (
        ["--finality", "depth:6"],
        ["--grade", "public"],
        ["--max-anchor-age", "60"],
        ["--max-growth", "2000000"],
    ):
        assert "does not change" in log("init", *args, code=2).stderr


def attestations(run: Run) -> str | None:
    found: str | None = data(run("status", "--json"))["chain"]["attestations"]
    return found


def test_off_a_devnet_the_attestation_contract_is_asked_for(log: Run, chain: str) -> None:
    log("init", "--rpc", chain, "--grade", "operator")
    assert attestations(log) is None
    assert "which AttestationRegistry" in log("attestations", "P", code=2).stderr
    assert "is not the AttestationRegistry" in log("init", "--attestations", _contract(log), code=1).stderr
    assert "no contract" in log("init", "--attestations", STRANGER, code=1).stderr
    assert attestations(log) is None
    assert data(log("init", "--attestations", "new", "--json"))["made"] == ["attestation contract"]
    standing = attestations(log)
    assert standing is not None
    # The same once more is what to do after a failure; another is refused.
    for same in ("new", standing):
        assert data(log("init", "--attestations", same, "--json"))["made"] == []
    assert "does not change" in log("init", "--attestations", STRANGER, code=2).stderr
    assert attestations(log) == standing


def test_a_second_log_shares_the_attestation_contract(
    bound: Run, chain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract, standing = _contract(bound), attestations(bound)
    monkeypatch.setenv("POOLPROOF_HOME", "second")
    args = ("--rpc", chain, "--contract", contract, "--attestations", standing)
    made = data(bound("init", "--origin", "second.example/log", *args, "--json"))
    assert made["made"][-3:] == ["binding", "attestations' binding", "log on chain"]
    assert attestations(bound) == standing


def _contract(run: Run) -> str:
    found: str = data(run("status", "--json"))["chain"]["contract"]
    return found


def test_a_party_added_later_changes_the_fingerprint_on_chain(bound: Run) -> None:
    bound("party", "add", "bank", "--role", "account_bank")
    assert finding(bound, "trust root")["state"] == "warning"
    issued = data(bound("trust", "-o", "trust.json", "--json"))
    assert (issued["changed"], issued["on_chain"]) == (True, True)
    assert finding(bound, "contract")["state"] == "ok"


def test_the_worker_anchors(bound: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLPROOF_PUBLISH_SECONDS", "0.05")
    monkeypatch.setenv("POOLPROOF_CHAIN_POLL_SECONDS", "0.1")
    bound("append", "-", stdin=ndjson(opened("L1")))
    with running("worker") as service:
        while service.wait_for("anchor_moved")["state"] != "mined":
            pass
        assert service.end(signal.SIGTERM) == 0
    rungs = {rung["state"]: rung for rung in data(bound("status", "--json"))["ladder"]}
    assert rungs["anchored"]["size"] == 2
    assert rungs["anchored"]["age"] is not None
    assert data(bound("fsck", "--json"))["anchors"] == 1


def test_a_chain_that_is_away_is_3(bound: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    bound("append", "-", stdin=ndjson(opened("L1")))
    bound("anchor")
    bound("append", "-", stdin=ndjson(opened("L2")))
    monkeypatch.setenv("POOLPROOF_RPC_URL", "http://127.0.0.1:9")
    bound("anchor", "--timeout", "1", code=3)
    assert data(bound("status", "--json"))["under_way"] == [
        {"size": 4, "state": "planned", "attempts": 0, "problem": None}
    ]
    assert "size 4 is planned, 0 attempts" in bound("status").stdout
    bound("init", code=3)
    assert finding(bound, "chain", code=1)["state"] == "failed"
    found = bound("fsck", "--json", code=3)
    assert data(found)["clean"]
    assert "the chain was not asked" in found.stderr
    bound("fsck", "--offline")


def test_a_database_restored_from_yesterday_is_noticed(bound: Run, home: Path, tmp_path: Path) -> None:
    bound("append", "-", stdin=ndjson(opened("L1")))
    bound("anchor")
    yesterday = {file.name: file.read_bytes() for file in home.glob("ledger.db*")}
    bound("append", "-", stdin=ndjson(opened("L2")))
    bound("anchor")
    for file in home.glob("ledger.db*"):
        file.unlink()
    for name, content in yesterday.items():
        (home / name).write_bytes(content)
    assert "older backup" in bound("fsck", code=1).stdout
    bound("append", "-", stdin=ndjson(opened("L3")))
    assert "older backup" in finding(bound, "contract", code=1)["detail"]
    assert "poolproof fsck" in bound("anchor", code=1).stderr


def test_an_anchor_whose_row_was_lost_is_named_and_taken_up_again(bound: Run, home: Path) -> None:
    bound("append", "-", stdin=ndjson(opened("L1")))
    bound("anchor", "--wait")
    bound("append", "-", stdin=ndjson(opened("L2")))
    bound("anchor", "--wait")
    assert data(bound("fsck", "--json"))["anchors"] == 2
    with closing(sqlite3.connect(home / "ledger.db")) as database, database:
        for table in ("anchors", "anchor_transactions"):
            assert database.execute(f"DELETE FROM {table} WHERE size = 2").rowcount == 1
    told = bound("fsck", "--offline", code=1).stdout
    assert "anchor: anchor 2: anchor 4 was signed on it, and its row is not there" in told
    bound("anchor", "--size", "2")
    bound("anchor", "--size", "2", "--wait")
    assert bound("fsck").stdout.endswith("\nclean\n")
    assert "no checkpoint of size 3" in bound("anchor", "--size", "3", code=2).stderr


def test_a_trust_root_that_is_not_the_contracts_is_found(bound: Run, home: Path) -> None:
    with closing(sqlite3.connect(home / "ledger.db")) as database, database:
        database.execute("DELETE FROM trust_roots WHERE number = (SELECT max(number) FROM trust_roots)")
    assert "which is none that was issued here" in bound("fsck", code=1).stdout
    assert bound("fsck", "--offline").stdout.endswith("\nclean\n"), "nothing else tells"
    bound("trust", "-o", "trust.json")
    assert bound("fsck").stdout.endswith("\nclean\n")


def test_a_devnet_of_the_home(run: Run, home: Path) -> None:
    assert data(run("devnet", "status", "--json")) == {"running": False}
    started = data(run("devnet", "start", "--port", "0", "--json"))
    try:
        assert data(run("devnet", "start", "--json")) == started
        assert data(run("devnet", "status", "--json")) == started
        made = data(run("init", "--origin", ORIGIN, "--json"))  # finds it by itself
        assert made["chain"]["chain_id"] == started["chain_id"] == 31337
        assert "whoever runs it can rewrite it" in run("init").stderr
        assert data(run("devnet", "stop", "--json"))["stopped"]
        assert run("devnet", "stop").stdout == "none was running\n"
        run("init", code=3)
        assert "poolproof devnet start" in run("fsck", code=3).stderr
        run("devnet", "start", "--port", "0")  # on any port
        assert data(run("init", "--json"))["made"] == []  # the chain was kept
        run("fsck")
    finally:
        devnet.stop(home / "devnet")
    assert not (home / "devnet" / "anvil.json").exists()
