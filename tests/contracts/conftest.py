"""The node tools and Brownie's environment: where they are, or loudly why a test is skipped."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NODE_BIN = ROOT / "node_modules" / ".bin"
#: Below pytest's own timeout, so that what the tool said so far is shown.
TOOL_TIMEOUT_SECONDS = 280


def run_tool(*command: str | Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a tool in the checkout; what it said, on both channels. Fails the test with that if it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=TOOL_TIMEOUT_SECONDS,
    )
    if done.returncode:
        pytest.fail(
            f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}", pytrace=False
        )
    return done.stdout


@pytest.fixture(scope="session")
def node_tools() -> Path:
    """The folder of forge, anvil and the compiler."""
    if not (NODE_BIN / "forge").exists() or not (ROOT / "node_modules" / "solc").is_dir():
        pytest.skip(
            "CONTRACTS NOT TESTED: the node tools are missing; run `npm ci --ignore-scripts` (or `make setup`)"
        )
    return NODE_BIN


@pytest.fixture(scope="session")
def brownie(node_tools: Path) -> Path:
    """The wrapper that runs Brownie in its own environment."""
    if not (ROOT / ".venv-brownie" / "bin" / "brownie").exists():
        pytest.skip(
            "BROWNIE NOT RUN: its environment is missing; run scripts/setup-brownie.sh (`make test` does)"
        )
    return ROOT / "scripts" / "brownie.sh"
