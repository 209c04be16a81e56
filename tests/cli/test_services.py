"""`worker` and `serve` as processes of their own, ended by a signal."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import Run, data, ndjson, opened

ROOT = Path(__file__).parents[2]


class Service:
    """A running command, and its log lines as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []

    def wait_for(self, event: str) -> dict[str, Any]:
        """The next log line whose event starts so; fails with all that was said when the process ends first."""
        assert self.process.stderr is not None
        for text in self.process.stderr:
            line: dict[str, Any] = json.loads(text)
            self.lines.append(line)
            if line["event"].startswith(event):
                return line
        raise AssertionError(f"never said {event!r}: {self.lines}")

    def end(self, how: signal.Signals) -> int:
        """Send a signal, and wait."""
        self.process.send_signal(how)
        _, rest = self.process.communicate(timeout=60)
        self.lines += [json.loads(text) for text in rest.splitlines()]
        return self.process.returncode


@contextmanager
def running(*args: str) -> Iterator[Service]:
    process = subprocess.Popen(
        [sys.executable, "-m", "ledger", *args, "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Service(process)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_worker_publishes_until_a_signal(
    log: Run, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    monkeypatch.setenv("POOLPROOF_PUBLISH_SECONDS", "0.05")
    log("append", "-", stdin=ndjson(opened("L1")))
    with running("worker") as service:
        assert service.wait_for("published")["size"] == 2
        log("append", "-", stdin=ndjson(opened("L2")))
        assert service.wait_for("published")["size"] == 4
        assert service.end(how) == 0
    assert service.lines[-1]["event"] == "stopping"
    assert data(log("status", "--json"))["pending"] == 0
    assert data(log("fsck", "--json"))["clean"]


def test_the_worker_says_what_it_misses(log: Run, home: Path) -> None:
    (home / "keys" / "log.key").unlink()
    log("append", "-", stdin=ndjson(opened("L1")))
    assert "checkpoint key" in log("worker", "--json", code=2).stderr


def test_the_service_answers_and_publishes_until_a_signal(log: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLPROOF_PUBLISH_SECONDS", "0.05")
    log("append", "-", stdin=ndjson(opened("L1")))
    with running("serve", "--port", "0") as service:
        url = service.wait_for("Uvicorn running on")["event"].split()[3]
        with urllib.request.urlopen(f"{url}/healthz") as answer:
            assert answer.status == 200
        if not any(line["event"] == "published" for line in service.lines):
            service.wait_for("published")
        assert service.end(signal.SIGTERM) == 0
    assert data(log("status", "--json"))["pending"] == 0


def test_a_service_that_cannot_publish_ends(log: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not look alive when nothing that it accepts will ever be published."""
    monkeypatch.setenv("POOLPROOF_PUBLISH_SECONDS", "0.05")
    (home / "keys" / "log.key").unlink()
    log("append", "-", stdin=ndjson(opened("L1")))
    with running("serve", "--port", "0") as service:
        assert service.wait_for("stopped")["code"] == "configuration"
        assert service.process.stderr is not None
        rest = service.process.stderr.read()
        assert service.process.wait(60) == 2
        assert "poolproof: this process does not hold the checkpoint key" in rest


def test_a_service_without_the_checkpoint_key_accepts(log: Run, home: Path) -> None:
    (home / "keys" / "log.key").unlink()
    with running("serve", "--port", "0", "--no-worker") as service:
        service.wait_for("Uvicorn running on")
        assert service.end(signal.SIGTERM) == 0
