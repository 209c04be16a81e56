"""SIGKILL at seeded points of append and anchor: nothing accepted is lost, nothing is doubled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.audit.fsck import fsck
from ledger.chain import devnet, keystore
from ledger.chain.client import ChainClient
from ledger.log import Ledger
from ledger.store.logs import ChainRow
from ledger.vault import Vault
from tests.audit.signedbook import issue_trust_root
from tests.e2e import crash_driver

ROOT = Path(__file__).parents[2]
#: What the whole suite has time for; `make crash` asks for fifty on both.
KILLS = {"sqlite": 5, "postgresql": 3}

pytestmark = pytest.mark.devnet


@pytest.fixture
def rpc(tmp_path: Path) -> Iterator[str]:
    with devnet.running(tmp_path / "devnet") as chain:
        yield chain.url


def bind(ledger: Ledger, node: ChainClient) -> None:
    """Deploy the contract, open the log in it, say so in the database, and name the trust root there."""
    owner, anchorer = keystore.devnet_account(31337, 0), keystore.devnet_account(31337, 1)
    client = node.deploy(owner)
    opened = client.open_log(
        owner,
        origin=ledger.origin,
        anchorer=anchorer.address,
        max_growth=1_000_000,
        trust_root=bytes([7]) * 32,
    )
    ledger.bind_chain(
        ChainRow(
            chain_id=node.chain_id(), genesis=node.genesis(), contract=client.contract, code_hash=client.code_hash(),
            log_key=opened.log_key, finality="tag:finalized", grade="devnet", max_anchor_age=86_400,
        )
    )  # fmt: skip
    opened.set_trust_root(owner, issue_trust_root(ledger))
    ledger.store.close()


def anchored_sizes(rpc: str, client: ChainClient) -> list[int]:
    """The sizes that the contract says it took, in order."""
    topic = "0x" + client._abi.topic("Anchored").hex()
    query = {"address": "0x" + client.contract.hex(), "topics": [topic], "fromBlock": "0x0"}
    return [int(entry["topics"][2], 16) for entry in devnet._request(rpc, "eth_getLogs", [query])]


@pytest.mark.timeout(600)
def test_deaths_lose_and_double_nothing(database_url: str, rpc: str, tmp_path: Path) -> None:
    kills = int(os.environ.get("POOLPROOF_TEST_KILLS", KILLS[database_url.partition(":")[0]]))
    Vault.create(tmp_path / "kek")
    client = ChainClient(rpc)
    bind(crash_driver.open_ledger(tmp_path, database_url), client)
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.crash_driver", str(tmp_path), database_url, rpc, "7", str(kills)],
        cwd=ROOT, capture_output=True, text=True, timeout=580, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert len(result["deaths"]) == kills
    if kills >= 50:
        assert {"statement", "commit", "acceptance"} <= set(result["deaths"])

    ledger = crash_driver.open_ledger(tmp_path, database_url)
    try:
        accepted = crash_driver.delivered(tmp_path)
        for name, (index, digest) in accepted.items():
            state = ledger.state_of(name)
            assert (state["index"], state["digest"]) == (index, digest)
        chain = client.at(row.contract, row.log_key) if (row := ledger.row().chain) else None
        assert chain is not None
        report = fsck(ledger, contract=chain)
        assert report.problems == []
        assert report.records == result["sent"]
        anchored = anchored_sizes(rpc, chain)
        assert sorted(set(anchored)) == anchored
        assert anchored[-1] == ledger.status().final
    finally:
        ledger.store.close()
