"""Two API processes and a worker on one PostgreSQL, killed and restarted under load: nothing lost, nothing doubled.

``make soak`` runs it for ten minutes (``SOAK_MINUTES``), ``make slow`` for one. ``SOAK_SEED`` draws other faults. It
fails, too, where the load did not meet what it is for: refusals of every kind that passes, dropped connections, each
kind of fault.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ledger.audit.fsck import fsck
from ledger.chain import devnet
from ledger.home import Home
from ledger.proofs import canonical
from ledger.proofs.verify import verify_acceptance
from ledger.settings import Settings
from ledger.store import records
from tests import book
from tests.api.conftest import new_key
from tests.e2e import soak, soak_clients
from tests.e2e.soak_clients import Batcher, Bulk, Client, Crowd, Hasty, Platform, Told, Twins
from tests.e2e.test_crash import anchored_sizes

MINUTES = float(os.environ.get("SOAK_MINUTES", "1"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
LOAD: dict[type[Client], int] = {Platform: 5, Batcher: 2, Bulk: 1, Hasty: 1, Twins: 1, Crowd: 1}
#: What the clients must have met, in the words of :class:`soak_clients.Told`.
MET = {
    "201", "200", "202", "409 taken", "409 idempotency_conflict", "429 too_many_requests", "503 unavailable",
    "dropped", "hung up", "job done",
}  # fmt: skip
#: Why the service had to say 503, in the words of its log.
REASONS = {"queue full": "batches are being read", "store locked": "lock timeout"}

pytestmark = [pytest.mark.devnet, pytest.mark.slow, pytest.mark.timeout(MINUTES * 60 + 1_800)]


@pytest.fixture
def log(tmp_path: Path, fresh_postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home of a log on PostgreSQL and on a devnet that makes a block a second."""
    with devnet.running(tmp_path / "devnet", block_time=1) as chain:
        environ = soak.environment(tmp_path / "home", fresh_postgres, chain.url)
        for name in set(os.environ) - set(environ):
            monkeypatch.delenv(name)
        for name in set(environ) - set(os.environ):
            monkeypatch.setenv(name, environ[name])
        roles = f"{soak_clients.PLATFORM}:originator,servicer"
        soak.poolproof("init", "--origin", soak_clients.ORIGIN, "--party", roles)
        vkey = soak_clients.BANK_KEY.verifier.vkey
        soak.poolproof("party", "add", soak_clients.BANK, "--role", "funding_partner", "--key", vkey)
        yield tmp_path / "home"


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def clients(urls: list[str], told: Told, quiet: threading.Event) -> list[Client]:
    """Each with keys of its own, so that no other meets the limit of the hasty one's."""
    with Home(Settings.load()) as home:
        return [
            kind(
                number,
                urls,
                {party: new_key(home.ledger, party) for party in (soak_clients.PLATFORM, soak_clients.BANK)},
                told,
                quiet,
            )
            for kind, count in LOAD.items()
            for number in range(count)
        ]


def raise_failure(threads: Sequence[Client | soak.Faults], services: Sequence[soak.Service]) -> None:
    for failure in [one.failure for one in threads if one.failure is not None]:
        for service in services:
            failure.add_note(f"{service.log.name}: {service.log.read_text()[-1500:]}")
        raise failure


def reasons(services: Sequence[soak.Service]) -> Counter[str]:
    """Why requests were answered with 503, and what was a fault of ours."""
    found: Counter[str] = Counter()
    for service in services:
        for line in service.log.read_text().splitlines():
            if not line.startswith('{"'):  # what a service says last, before it ends, is no line of its log
                continue
            entry = json.loads(line)
            if entry["event"] == "request.unavailable":
                known = [name for name, words in REASONS.items() if words in entry["reason"]]
                found[known[0] if known else "store away"] += 1
            elif entry["event"] == "request.failed":
                found[f"failed: {entry}"] += 1
    return found


def test_deaths_under_load_lose_and_double_nothing(
    log: Path, tmp_path: Path, fresh_postgres: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told, quiet, calm = Told(), threading.Event(), threading.Event()
    ports = free_ports(2)
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    load = clients(urls, told, quiet)
    with told.watching(), soak.services(tmp_path, ports) as services:
        shared = book.loans(soak_clients.CONTENDED, repayments=0, prefix="shared-")
        for event in [book.pool_created("pool"), *shared]:
            load[0].post(event)
        faults = soak.Faults(services, urls, fresh_postgres, calm, SEED)
        started = time.monotonic()
        threads = [*load, faults]
        for thread in threads:
            thread.start()
        deadline = started + MINUTES * 60
        while time.monotonic() < deadline and not any(one.failure for one in threads):
            time.sleep(0.2)
        seconds = time.monotonic() - started
        accepted = len(told.acceptances)
        calm.set()
        faults.join()
        quiet.set()
        while any(one.is_alive() for one in load) and not any(one.failure for one in load):
            faults.look()
            time.sleep(soak.LOOK_EVERY)
        told.failed.set()
        raise_failure(threads, services)
        for service in services:
            service.stop()

    why = reasons(services)
    with capsys.disabled():
        print(
            f"\n{len(told.acceptances)} events accepted once, {accepted / seconds:.0f} a second for {seconds:.0f} s"
            f"\nfaults: {dict(Counter(faults.done))}"
            f"\ntries: {dict(sorted(told.met.items()))}; 503 for {dict(why)}",
            flush=True,
        )
    assert not any(name.startswith(("5", "failed")) for name in told.met + why if name != "503 unavailable")
    assert not MET - told.met.keys(), "the load is no longer what it was"
    assert not REASONS.keys() - why.keys()
    assert set(faults.done) == set(soak.DECK)
    soak.poolproof("anchor", "--wait")
    assert check_the_log(told) > MINUTES


def check_the_log(told: Told) -> int:
    """What was told is what stands there, each event once; nothing is wrong with it. The number of anchors."""
    with Home(Settings.load()) as home:
        ledger = home.ledger
        trust = ledger.trust_root()
        for acceptance in told.acceptances.values():
            verify_acceptance(trust, canonical.encode(acceptance) + b"\n")
        with ledger.store.read() as connection:
            rows = records.between(connection, home.log_id(connection), 0, ledger.row().size)
            stored = {row.event_id: (row.index, row.digest.hex()) for row in rows}
        assert stored == {
            name: (acceptance["index"], acceptance["digest"]) for name, acceptance in told.acceptances.items()
        }
        client = home.client()
        report = fsck(ledger, contract=client)
        assert report.problems == []
        anchored = anchored_sizes(home.rpc_url, client)
        assert sorted(set(anchored)) == anchored
        assert ledger.status().final == ledger.status().published
    return len(anchored)
