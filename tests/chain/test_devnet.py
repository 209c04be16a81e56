"""The devnet as a process: it starts once, keeps its state through an end and a kill, and leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ledger.chain import devnet
from ledger.errors import ConfigurationError, UnavailableError
from scripts import devnet as devnet_script

pytestmark = pytest.mark.devnet

SENDER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
RECIPIENT = "0x1111111111111111111111111111111111111111"


def ask(chain: devnet.Devnet, method: str, *parameters: Any) -> Any:
    return devnet._request(chain.url, method, list(parameters))


def pay(chain: devnet.Devnet) -> None:
    ask(chain, "eth_sendTransaction", {"from": SENDER, "to": RECIPIENT, "value": "0x1"})


def state_holds(directory: Path, text: str) -> None:
    """Wait for anvil's own saving of the state, once a second."""
    deadline = time.monotonic() + 10
    path = directory / "state.json"
    while not (path.exists() and text in path.read_text()):
        assert time.monotonic() < deadline, "the state was not saved"
        time.sleep(0.05)


def test_a_second_start_finds_the_first(tmp_path: Path) -> None:
    with devnet.running(tmp_path) as first:
        assert devnet.start(tmp_path, port=0) == first
        assert devnet.status(tmp_path) == first
        assert ask(first, "eth_chainId") == hex(devnet.CHAIN_ID)
    assert devnet.status(tmp_path) is None
    assert not devnet.stop(tmp_path)


def test_state_and_identity_survive_a_restart(tmp_path: Path) -> None:
    with devnet.running(tmp_path) as chain:
        genesis = ask(chain, "eth_getBlockByNumber", "0x0", False)["hash"]
        pay(chain)
        devnet.mine(chain.url, 2)
    with devnet.running(tmp_path) as chain:
        assert ask(chain, "eth_getBlockByNumber", "0x0", False)["hash"] == genesis
        assert ask(chain, "eth_getBalance", RECIPIENT, "latest") == "0x1"
        assert ask(chain, "eth_getBlockByNumber", "finalized", False)["number"] == "0x1"
        # State proofs of blocks from before the restart are what evidence is made of.
        assert ask(chain, "eth_getProof", RECIPIENT, [], "finalized")["balance"] == "0x1"


def test_state_survives_a_kill(tmp_path: Path) -> None:
    with devnet.running(tmp_path) as chain:
        pay(chain)
        state_holds(tmp_path, RECIPIENT)
        os.kill(chain.pid, signal.SIGKILL)
        assert devnet._wait_until_gone(chain.pid, 10)
        assert devnet.status(tmp_path) is None
        again = devnet.start(tmp_path, port=0)
        assert ask(again, "eth_getBalance", RECIPIENT, "latest") == "0x1"


def test_it_outlives_the_process_that_started_it(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from ledger.chain import devnet; "
    script += "print(devnet.start(Path(sys.argv[1]), port=0).pid)"
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    found = devnet.status(tmp_path)
    assert found is not None
    assert found.pid == int(done.stdout)
    assert devnet.stop(tmp_path)


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} is taken"):
            devnet.start(tmp_path, port=port)


def test_an_unreadable_state_is_told_and_leaves_no_process(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{broken")
    with pytest.raises(ConfigurationError, match="anvil ended at once"):
        devnet.start(tmp_path, port=0)
    assert devnet.status(tmp_path) is None
    assert not (tmp_path / "anvil.json").exists()


def test_an_executable_of_another_machine(tmp_path: Path) -> None:
    (tmp_path / "anvil").write_bytes(b"\x7fELF of another machine")
    (tmp_path / "anvil").chmod(0o755)
    with pytest.raises(ConfigurationError, match="does not run here"):
        devnet.start(tmp_path / "devnet", port=0, anvil=tmp_path / "anvil")


def test_somebody_elses_process_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "anvil.json").write_text(json.dumps({"pid": os.getpid(), "port": 1}))
    assert devnet.status(tmp_path) is None
    assert not devnet.stop(tmp_path)
    assert not (tmp_path / "anvil.json").exists()


def test_blocks_by_the_clock(tmp_path: Path) -> None:
    with devnet.running(tmp_path, block_time=0.2) as chain:
        deadline = time.monotonic() + 10
        while int(ask(chain, "eth_blockNumber"), 16) < 2:
            assert time.monotonic() < deadline, "no block was made"
            time.sleep(0.05)


def test_asking_a_devnet_that_is_gone(tmp_path: Path) -> None:
    with devnet.running(tmp_path) as chain:
        url = chain.url
    with pytest.raises(UnavailableError):
        devnet.mine(url)


def test_without_anvil_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(
        devnet, "__file__", str(tmp_path / "site-packages" / "ledger" / "chain" / "devnet.py")
    )
    with pytest.raises(ConfigurationError, match="npm ci --ignore-scripts"):
        devnet.start(tmp_path / "devnet", port=0)
    (tmp_path / "anvil").write_text("#!/bin/sh\n")
    (tmp_path / "anvil").chmod(0o755)
    assert devnet.find_anvil() == tmp_path / "anvil"


def test_the_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--directory", str(tmp_path)]
    assert devnet_script.main(["status", *where]) == 3
    assert devnet_script.main(["start", *where, "--port", "0"]) == 0
    running = devnet.status(tmp_path)
    assert running is not None
    assert devnet_script.main(["status", *where]) == 0
    assert devnet_script.main(["stop", *where]) == 0
    assert devnet_script.main(["stop", *where]) == 0
    shown = f"{running.url} (chain 31337, process {running.pid}, state in {tmp_path})"
    assert capsys.readouterr().out.splitlines() == [
        "none is running",
        shown,
        shown,
        "stopped",
        "none was running",
    ]
