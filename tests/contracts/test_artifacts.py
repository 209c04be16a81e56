"""The committed artifacts are what the pinned compiler makes of the sources."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts import compile_contracts
from tests.contracts.conftest import ROOT, run_tool

FOLDER = ROOT / "ledger" / "chain" / "contracts"
NAMES = ("AnchorRegistry", "AttestationRegistry")


@pytest.fixture(params=NAMES)
def artifact(request: pytest.FixtureRequest) -> Any:
    return json.loads((FOLDER / f"{request.param}.json").read_bytes())


def test_every_contract_has_its_artifact() -> None:
    assert {file.stem for file in (ROOT / "contracts").glob("*.sol")} == set(NAMES)
    assert {file.stem for file in FOLDER.glob("*.json")} == set(NAMES)


@pytest.mark.devnet
def test_recompiling_gives_the_same(node_tools: Path) -> None:
    said = run_tool(sys.executable, ROOT / "scripts" / "compile_contracts.py", "--check")
    assert said == "".join(f"{name}: as compiled\n" for name in NAMES)


@pytest.mark.devnet
@pytest.mark.parametrize(
    ("change", "differing"),
    [(("bytecode", "0x00"), ["bytecode"]), (("abi", []), ["abi"]), (("sources", {}), ["sources"])],
)
def test_a_changed_artifact_is_noticed(
    node_tools: Path,
    artifact: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: tuple[str, Any],
    differing: list[str],
) -> None:
    name = artifact["contract_name"]
    (tmp_path / f"{name}.json").write_text(json.dumps({**artifact, change[0]: change[1]}))
    monkeypatch.setattr(compile_contracts, "ARTIFACTS", tmp_path)
    assert compile_contracts.differences(name, (FOLDER / f"{name}.json").read_text()) == differing


def test_a_missing_artifact_is_noticed(
    artifact: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compile_contracts, "ARTIFACTS", tmp_path)
    expected = json.dumps(artifact)
    assert compile_contracts.differences(artifact["contract_name"], expected) == ["file (missing)"]


def test_the_sources_are_those_of_the_artifact(artifact: Any) -> None:
    """Without a compiler at hand: nobody changed a source and forgot the artifact."""
    for name, digest in artifact["sources"].items():
        assert hashlib.sha256((ROOT / name).read_bytes()).hexdigest() == digest, name
    assert artifact["source_name"] in artifact["sources"]


def test_settings_are_those_of_the_other_tools(artifact: Any) -> None:
    settings = artifact["compiler"]["settings"]
    assert settings["evmVersion"] == "london"
    foundry, brownie = (ROOT / "foundry.toml").read_text(), (ROOT / "brownie-config.yaml").read_text()
    assert 'evm_version = "london"' in foundry
    assert "evm_version: london" in brownie
    assert 'bytecode_hash = "none"' in foundry
    assert "optimizer_runs = 200" in foundry
    assert "runs: 200" in brownie
    version = artifact["compiler"]["version"].split("+")[0]
    assert f'version: "{version}"' in brownie
    assert json.loads((ROOT / "package.json").read_bytes())["devDependencies"]["solc"] == version
