"""The last part of ``make demo``: a portal over the real pool and a simulated book, and a key for each role.

``python scripts/demo_portal.py`` serves again what ``make demo`` has left; that is ``make portal``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data" / "ex102"
ORIGIN = "lender.example/consumer"
REAL = "SDART-2026-1"
#: Twelve whole months and the one that runs: the simulation ends with yesterday.
MONTHS = 13
#: The party that shows each role's first screen; those above the line come with the simulated book.
READERS = {
    "platform (originator, servicer)": "platform",
    "funding partner": "fund-b",
    "account bank": "custody",
    "guarantor": "guarantor-a",
    "trustee": "spv-1",
    "investor": "reader",
    "auditor": "checker",
    "regulator": "watch",
}
ADDED = {
    "santander": "originator,servicer",
    "sdart-2026-1": "trustee",
    "reader": "investor",
    "checker": "auditor",
    "watch": "regulator",
}
GRANTS = {"reader": ("pool:ABS-1", f"pool:{REAL}"), "platform": ("operator",)}
SEALED = ("ABS-1", "WAREHOUSE-B")
SIMULATED = ("ABS-1", "WAREHOUSE-A", "WAREHOUSE-B")
#: A service that has not answered by then has failed.
PATIENCE_SECONDS = 600


class Book:
    """A ledger's home in the demo's folder, and the command that works on it."""

    def __init__(self, folder: Path, command: Sequence[str]) -> None:
        self.folder = folder
        self.command = list(command)
        self.environment = {**os.environ, "POOLPROOF_HOME": "book", "NO_COLOR": "1"}

    def run(self, *arguments: str) -> str:
        """What a command prints; one that fails ends the demo with its words."""
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            sys.stderr.write(done.stdout + done.stderr)
            raise SystemExit(f"demo: poolproof {' '.join(arguments)}: exit code {done.returncode}")
        return done.stdout

    def data(self, *arguments: str) -> Any:
        """The JSON of a command."""
        return json.loads(self.run(*arguments, "--json"))


def build(book: Book, loans: int) -> dict[str, str]:
    """Make the ledger: simulated book (where there are loans in it), real months, seals, anchor; a key by role."""
    last = datetime.now(UTC).date().replace(day=1)
    start = date(last.year - 1, last.month, 1)
    book.run("devnet", "start", "--port", "0")
    book.run("init", "--origin", ORIGIN)
    if loans:
        span = ("--months", str(MONTHS), "--start", start.isoformat())
        book.run("simulate", "--loans", str(loans), *span, "--append")
    else:
        book.run("simulate", "--register")
    for party, roles in ADDED.items():
        book.run("party", "add", party, *(part for role in roles.split(",") for part in ("--role", role)))
    months = [os.path.relpath(DATA / f"2026-0{month}.xml", book.folder) for month in (6, 7)]
    real = ("--pool", REAL, "--holder", "sdart-2026-1", "--party", "santander")
    book.run("import", "ex102", *months, *real)
    book.run("publish")
    for pool in SEALED if loans else ():
        cut_off = (last - timedelta(days=1)).isoformat()
        book.run("pool", "seal", pool, "--as-of", cut_off, "--party", "platform")
    book.run("anchor", "--wait")
    book.run("trust", "--pin", "-o", "book.trust.json")
    there = {f"pool:{pool}" for pool in pools(loans)}
    for party, targets in GRANTS.items():
        for target in targets:
            if target in there or not target.startswith("pool:"):
                book.run("party", "grant", party, target)
    return {role: key(book, party) for role, party in READERS.items()}


def pools(loans: int) -> tuple[str, ...]:
    """The pools of the ledger; without simulated loans there is the real one alone."""
    return (REAL, *SIMULATED) if loans else (REAL,)


def key(book: Book, party: str) -> str:
    """A key of a party that may do all that the portal offers."""
    scopes = ("read", "write", "audit", "attest", "admin")
    return str(
        book.data("party", "key", party, *(part for one in scopes for part in ("--scope", one)))["token"]
    )


@contextmanager
def served(book: Book, port: int) -> Iterator[str]:
    """The service, from the moment it answers to the end of the block."""
    log = (book.folder / "portal.log").open("a")
    command = [*book.command, "serve", "--port", str(port)]
    with (
        log,
        subprocess.Popen(command, cwd=book.folder, env=book.environment, stdout=log, stderr=log) as process,
    ):
        address = f"http://127.0.0.1:{port}"
        try:
            wait(lambda: ask(f"{address}/readyz") is not None, process)
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def audit(address: str, auditor: str, wanted: Sequence[str]) -> None:
    """Have the service audit pools, and wait for the reports: the portal shows them."""
    running = []
    for pool in wanted:
        made = ask(f"{address}/v1/audits", auditor, {"pool": pool})
        assert made is not None
        running.append(made["id"])
    for one in running:
        wait(lambda: (ask(f"{address}/v1/audits/{one}", auditor) or {}).get("state") in ("done", "failed"))  # noqa: B023


def ask(url: str, token: str | None = None, body: object = None) -> Any:
    """The JSON that a URL answers with; None where it does not answer yet."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    method = "GET" if body is None else "POST"
    try:
        answer = httpx2.request(method, url, headers=headers, json=body, timeout=30)
    except httpx2.TransportError:
        return None
    if answer.status_code == httpx2.codes.SERVICE_UNAVAILABLE:
        return None
    if answer.is_error:
        raise SystemExit(f"demo: {url}: {answer.status_code} {answer.text}")
    return answer.json()


def wait(done: Any, process: subprocess.Popen[Any] | None = None) -> None:
    """Ask twice a second until it is done."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not done():
        if time.monotonic() > until or (process is not None and process.poll() is not None):
            raise SystemExit("demo: the service does not answer; portal.log says why")
        time.sleep(0.5)


def free_port(wanted: int = 8080) -> int:
    """The customary port, or another where that is taken."""
    for port in (wanted, 0):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(trial.getsockname()[1])
    raise SystemExit("demo: no free port")


def show(address: str, keys: dict[str, str]) -> None:
    """The address, and how to come in."""
    print(
        f"\n  The portal: {address}\n\n  Sign in with one of these keys; each shows another first screen:\n"
    )
    for role, token in keys.items():
        print(f"    {role:32} {token}")
    print(flush=True)


def stay(address: str) -> None:
    """Serve until Ctrl-C where somebody sits before it; else stop here."""
    if not sys.stdin.isatty():
        print("  Nobody sits at a terminal, so it stops here; `make portal` serves it again.", flush=True)
        return
    print(f"  Serving {address} until Ctrl-C; `make portal` serves it again.", flush=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        print()


def show_portal(folder: Path, command: Sequence[str], loans: int) -> None:
    """Build it, audit it, serve it."""
    book = Book(folder, command)
    try:
        keys = build(book, loans)
        (folder / "keys.json").write_text(json.dumps(keys, indent=1) + "\n")
        with served(book, free_port()) as address:
            audit(address, keys["auditor"], pools(loans))
            show(address, keys)
            stay(address)
    finally:
        subprocess.run(
            [*book.command, "devnet", "stop"],
            cwd=folder, env=book.environment, capture_output=True, check=False,
        )  # fmt: skip


def main() -> None:
    """Serve the portal that ``make demo`` has left."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "demo")
    folder = parser.parse_args().folder.resolve()
    if not (folder / "keys.json").exists():
        raise SystemExit("there is no portal yet: `make demo` makes one")
    book = Book(folder, [sys.executable, "-m", "ledger"])
    book.run("devnet", "start", "--port", "0")
    try:
        with served(book, free_port()) as address:
            show(address, json.loads((folder / "keys.json").read_text()))
            stay(address)
    finally:
        book.run("devnet", "stop")


if __name__ == "__main__":
    main()
