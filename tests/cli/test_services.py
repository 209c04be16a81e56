"""`serve`, `api` and `worker` as processes of their own, ended by a signal."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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


def key_of(log: Run, *limits: str) -> str:
    token: str = data(log("party", "key", "add", "lender", *limits, "--json"))["token"]
    return token


def post(url: str, key: str, event: dict[str, Any], **headers: str) -> int:
    headers |= {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/events", json.dumps(event).encode(), headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return int(error.code)


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


def test_a_worker_may_have_one_loop_alone(log: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "a worker has publish, anchor" in log("worker", "--only", "sleep", code=2).stderr
    assert "not on a chain" in log("worker", "--only", "anchor", code=2).stderr
    monkeypatch.setenv("POOLPROOF_PUBLISH_SECONDS", "0.05")
    log("append", "-", stdin=ndjson(opened("L1")))
    with running("worker", "--only", "publish") as service:
        service.wait_for("published")
        assert service.end(signal.SIGTERM) == 0


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


@pytest.mark.parametrize("processes", [1, 2])
def test_the_api_takes_events_without_the_checkpoint_key(log: Run, home: Path, processes: int) -> None:
    key, bound = key_of(log), key_of(log, "--network", "10.0.0.0/8")
    checkpoint_key = home / "keys" / "log.key"
    kept = checkpoint_key.read_bytes()
    checkpoint_key.write_text("no key: whoever reads it fails")
    with running("api", "--port", "0", "--processes", str(processes)) as service:
        url = service.wait_for("Uvicorn running on")["event"].split()[3]
        if processes > 1:
            service.wait_for("Started parent process")
        assert [post(url, key, opened("L1")) for _ in range(2)] == [201, 200]
        # No proxy is trusted, so what a header says of the client's address is not believed.
        assert post(url, bound, opened("L2"), **{"X-Forwarded-For": "10.1.2.3"}) == 403
        assert service.end(signal.SIGTERM) == 0
    checkpoint_key.write_bytes(kept)
    assert data(log("status", "--json"))["pending"] == 1


def test_a_request_under_way_is_answered_before_the_end(log: Run) -> None:
    """The signal comes between the head of a request and its body."""
    head = f"POST /v1/events HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {key_of(log)}\r\n"
    body = json.dumps(opened("L1")).encode()
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    with running("serve", "--port", "0") as service:
        url = service.wait_for("Uvicorn running on")["event"].split()[3]
        client = socket.create_connection(("127.0.0.1", urlsplit(url).port), timeout=60)
        with client, client.makefile("rb") as answer:
            client.sendall(head.encode())
            assert answer.readline() == b"HTTP/1.1 100 Continue\r\n"  # so the service is at this request
            assert answer.readline() == b"\r\n"
            service.process.send_signal(signal.SIGTERM)
            service.wait_for("Waiting for connections to close")
            client.sendall(body)
            assert answer.readline() == b"HTTP/1.1 201 Created\r\n"
        assert service.end(signal.SIGTERM) == 0
    assert data(log("status", "--json"))["ladder"][0]["size"] > 0
