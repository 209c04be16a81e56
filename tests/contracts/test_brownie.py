"""Brownie in its own environment: its tests of the contracts, and the deployment script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.chain import devnet
from ledger.chain.attestation_registry import AttestationRegistry
from ledger.chain.client import ChainClient
from ledger.chain.rpc import from_hex
from tests.contracts.conftest import ROOT, run_tool

pytestmark = pytest.mark.devnet


@pytest.fixture(scope="module")
def code_hash() -> str:
    from eth_hash.auto import keccak

    artifact = json.loads((ROOT / "ledger" / "chain" / "contracts" / "AnchorRegistry.json").read_bytes())
    return "0x" + keccak(bytes.fromhex(artifact["deployed_bytecode"][2:])).hex()


def test_brownie_tests(brownie: Path) -> None:
    said = run_tool(brownie, "test", "--network", "anvil")
    assert " passed in " in said
    assert "failed" not in said


def test_deployment_on_a_chain_of_brownies_own(brownie: Path, code_hash: str) -> None:
    deployed = deployment(run_tool(brownie, "run", "deploy", "--network", "anvil"))
    assert deployed["chain_id"] == devnet.CHAIN_ID
    assert deployed["code_hash"] == code_hash


def test_deployment_on_a_running_devnet(brownie: Path, code_hash: str, tmp_path: Path) -> None:
    """The contract stays there, under the same code hash, for everybody else's clients."""
    with devnet.running(tmp_path / "devnet") as chain:
        home = home_with_network(tmp_path, chain.url)
        said = run_tool(brownie, "run", "deploy", "--network", "devnet-local", environment=home)
        deployed = deployment(said)
        code = devnet._request(chain.url, "eth_getCode", [deployed["contract"], "latest"])
        genesis = devnet._request(chain.url, "eth_getBlockByNumber", ["0x0", False])["hash"]
        attestations = deployed["attestations"]["contract"]
        AttestationRegistry(ChainClient(chain.url), from_hex(attestations)).check(
            anchors=from_hex(deployed["contract"])
        )

        # Over the one that stands now, another.
        home["POOLPROOF_DEPLOY_ANCHORS"] = deployed["contract"]
        said = run_tool(brownie, "run", "deploy", "--network", "devnet-local", environment=home)
        again = deployment(said)
    assert deployed["genesis"] == genesis
    assert deployed["code_hash"] == code_hash
    assert len(code) > 2
    assert again["contract"] == deployed["contract"]
    assert again["attestations"]["contract"] != attestations
    assert again["attestations"]["code_hash"] == deployed["attestations"]["code_hash"]


def deployment(said: str) -> dict[str, Any]:
    (line,) = [line for line in said.splitlines() if line.startswith("{")]
    found: dict[str, Any] = json.loads(line)
    return found


def home_with_network(folder: Path, url: str) -> dict[str, str]:
    """A home of Brownie's in which devnet-local is the chain at ``url``."""
    made = ROOT / ".venv-brownie" / "home" / ".brownie" / "network-config.yaml"
    home = folder / "home"
    (home / ".vvm").mkdir(parents=True)
    (home / ".brownie").mkdir()
    text = made.read_text()
    assert "http://127.0.0.1:8545" in text, "scripts/setup-brownie.sh has not added devnet-local"
    (home / ".brownie" / "network-config.yaml").write_text(text.replace("http://127.0.0.1:8545", url))
    return {"POOLPROOF_BROWNIE_HOME": str(home)}
