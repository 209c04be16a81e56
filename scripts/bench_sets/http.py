"""The service over HTTP: two API processes and PostgreSQL, a load generator beside them, all on the same cores."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.bench_sets import ORIGIN, ROOT, Json, append, database, say
from scripts.bench_sets.load import pack

PROCESSES = 2
#: Events of one batch, and batches sent; four clients at a time, as a platform's few senders.
BATCH, BATCHES, SENDERS = 500, 200, 4
#: Single posts, by as many clients as the promise names.
SINGLES, CLIENTS = 20_000, 64
#: Reads; each client waits for its answer, so 32 clients at 1,500 a second are answered in 21 ms on average.
READS, READERS = 20_000, 32
#: Receipts that are issued and then read again and again.
RECEIPTS = 2_000
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Service:
    """A running API, and what its CPU time is asked of."""

    port: int
    token: str
    api: int
    postmaster: int
    folder: Path

    def measure(self, name: str, clients: int, requests: Iterable[bytes]) -> Json:
        """Send requests from a process of its own; rates, latencies, and the CPU seconds of all who took part."""
        file = self.folder / "requests"
        file.write_bytes(pack(requests))
        say(f"  {name}")
        load, before = os.getloadavg()[0], [cpu_seconds(self.api), cpu_seconds(self.postmaster)]
        command = [sys.executable, str(ROOT / "scripts/bench_sets/load.py"), "127.0.0.1", str(self.port)]
        done = subprocess.run(
            [*command, str(clients), str(file)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(done.stderr)
        result: Json = json.loads(done.stdout)
        after = [cpu_seconds(self.api), cpu_seconds(self.postmaster)]
        for who, start, end in zip(("api", "postgresql"), before, after, strict=True):
            result[f"{who}_cpu_seconds"] = round(end - start, 2)
            result[f"{who}_cpu_ms_a_request"] = round((end - start) / result["requests"] * 1e3, 3)
        result["load_before"] = round(load, 1)
        say(f"    {result['requests_per_second']} requests/s, p99 {result['p99_ms']} ms")
        return result

    def post(self, body: bytes, media_type: str) -> bytes:
        """A request that submits events."""
        return (
            self._request(
                "POST", "/v1/events", f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
            )
            + body
        )

    def get(self, path: str) -> bytes:
        """A request that reads."""
        return self._request("GET", path, "")

    def _request(self, method: str, path: str, headers: str) -> bytes:
        return (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n{headers}\r\n"
        ).encode()


def http(_: argparse.Namespace) -> Json:
    """Writes and reads over HTTP, with and without a worker that publishes meanwhile."""
    events = BATCH * BATCHES
    with service() as running:
        lines = list(append.lines(events))
        parts = [b"\n".join(lines[at : at + BATCH]) for at in range(0, events, BATCH)]
        batches = running.measure(
            "batches", SENDERS, (running.post(part, "application/x-ndjson") for part in parts)
        )
        batches["events_per_second"] = round(events / batches["seconds"])
        names = [json.loads(line)["id"] for line in lines[:RECEIPTS]]
        results: Json = {"batches_of_500": batches, "single": single(running, events)}
        poolproof("publish")
        with command("worker", "--only", "publish"):
            results["single_beside_a_worker"] = single(running, 2 * events)
        poolproof("publish")
        paths = [f"/v1/events/{name}/receipt" for name in names]
        results["receipts_issued"] = running.measure("receipts issued", READERS, map(running.get, paths))
        again = (running.get(paths[n % RECEIPTS]) for n in range(READS))
        results["receipts_read"] = running.measure("receipts read", READERS, again)
        tiles = events // 256
        some = (running.get(f"/log/{ORIGIN}/tile/0/{n % tiles:03}") for n in range(READS))
        results["tiles_read"] = running.measure("tiles read", READERS, some)
        some = (running.get(f"/log/{ORIGIN}/tile/entries/{n % tiles:03}") for n in range(READS // 4))
        results["entries_read"] = running.measure("entries read", READERS, some)
        smallest = (running.get("/healthz") for _ in range(READS // 4))
        results["smallest_answer"] = running.measure("smallest answer", READERS, smallest)
    return results


def single(running: Service, first_loan: int) -> Json:
    """Single posts of many clients."""
    lines = append.lines(SINGLES, first_loan=first_loan)
    return running.measure(
        "single posts", CLIENTS, (running.post(line, "application/json") for line in lines)
    )


@contextmanager
def service() -> Iterator[Service]:
    """A log in PostgreSQL and two API processes on a free port."""
    with tempfile.TemporaryDirectory() as name, database("postgresql", Path(name)) as url:
        folder = Path(name)
        os.environ |= {"POOLPROOF_HOME": str(folder / "home"), "POOLPROOF_DATABASE_URL": url}
        poolproof("init", "--origin", ORIGIN, "--party", "platform:originator,servicer")
        token = json.loads(poolproof("party", "key", "add", "platform", "--json"))["token"]
        postmaster = int((folder / "pg" / "postmaster.pid").read_text().split()[0])
        with command("api", "--port", "0", "--processes", str(PROCESSES)) as process:
            port = wait_for_port(process)
            yield Service(port, token, process.pid, postmaster, folder)


def wait_for_port(process: subprocess.Popen[str]) -> int:
    """The port that the service says it listens on, once all its processes are there."""
    port, ready = 0, 0
    assert process.stderr is not None
    for text in process.stderr:
        event = json.loads(text)["event"]
        port = int(event.split()[3].rpartition(":")[2]) if event.startswith("Uvicorn running") else port
        ready += event.startswith("Application startup complete")
        if ready == PROCESSES:
            return port
    raise SystemExit("the API did not start")


@contextmanager
def command(*args: str) -> Iterator[subprocess.Popen[str]]:
    """A command that runs until the block ends."""
    call = [sys.executable, "-m", "ledger", *args, "--json"]
    process = subprocess.Popen(call, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def poolproof(*args: str) -> str:
    """Run a command of ours, and what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "ledger", *args], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def cpu_seconds(root: int) -> float:
    """CPU seconds of a process, its children and theirs, those that have ended too."""
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdigit() else []
        except OSError:
            continue
        if fields:
            parents[int(entry.name)] = int(fields[1])
            used[int(entry.name)] = sum(map(int, fields[11:15]))
    family = {root}
    for _ in range(3):
        family |= {child for child, parent in parents.items() if parent in family}
    return sum(used.get(one, 0) for one in family) / _TICKS
