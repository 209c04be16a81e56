"""Two API processes and a worker on one PostgreSQL, killed and restarted under load: nothing lost, nothing doubled.

``make soak`` runs it for ten minutes (``SOAK_MINUTES``), ``make slow`` for half a minute. ``SOAK_SEED`` draws other
faults.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
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
from tests.e2e import soak
from tests.e2e.test_crash import anchored_sizes

MINUTES = float(os.environ.get("SOAK_MINUTES", "0.5"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
PLATFORMS = 8

pytestmark = [pytest.mark.devnet, pytest.mark.slow, pytest.mark.timeout(MINUTES * 60 + 900)]


@pytest.fixture
def log(tmp_path: Path, fresh_postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home of a log on PostgreSQL and on a devnet that makes a block a second."""
    with devnet.running(tmp_path / "devnet", block_time=1) as chain:
        environ = soak.environment(tmp_path / "home", fresh_postgres, chain.url)
        for name in set(os.environ) - set(environ):
            monkeypatch.delenv(name)
        for name in set(environ) - set(os.environ):
            monkeypatch.setenv(name, environ[name])
        soak.poolproof("init", "--origin", soak.ORIGIN, "--party", f"{soak.PLATFORM}:originator,servicer")
        vkey = soak.BANK_KEY.verifier.vkey
        soak.poolproof("party", "add", soak.BANK, "--role", "funding_partner", "--key", vkey)
        yield tmp_path / "home"


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def test_deaths_under_load_lose_and_double_nothing(
    log: Path, tmp_path: Path, fresh_postgres: str, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = {
        party: soak.poolproof("party", "key", "add", party)["token"] for party in (soak.PLATFORM, soak.BANK)
    }
    told, quiet, calm = soak.Told(), threading.Event(), threading.Event()
    ports = free_ports(2)
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    with soak.services(tmp_path, ports) as services:
        platforms = [soak.Platform(number, urls, keys, told, quiet) for number in range(PLATFORMS)]
        for event in [book.pool_created("pool"), *book.loans(soak.CONTENDED, repayments=0, prefix="shared-")]:
            platforms[0].post(event)
        faults = soak.Faults(services, urls, fresh_postgres, calm, SEED)
        started = time.monotonic()
        for thread in [*platforms, faults]:
            thread.start()
        deadline = started + MINUTES * 60
        while time.monotonic() < deadline and not any(one.failure for one in [*platforms, faults]):
            time.sleep(0.2)
        calm.set()
        faults.join()
        quiet.set()
        while any(one.is_alive() for one in platforms) and not any(one.failure for one in platforms):
            faults.look()
            time.sleep(soak.LOOK_EVERY)
        told.failed.set()
        for failure in [one.failure for one in [*platforms, faults] if one.failure is not None]:
            for service in services:
                failure.add_note(f"{service.log.name}: {service.log.read_text()[-1500:]}")
            raise failure
        for service in services:
            service.stop()

    soak.poolproof("anchor", "--wait")
    with Home(Settings.load()) as home:
        ledger = home.ledger
        trust = ledger.trust_root()
        for acceptance in told.acceptances.values():
            verify_acceptance(trust, canonical.encode(acceptance) + b"\n")
        with ledger.store.read() as connection:
            stored = {
                row.event_id: (row.index, row.digest.hex())
                for row in records.between(connection, home.log_id(connection), 0, ledger.row().size)
            }
        assert stored == {
            name: (acceptance["index"], acceptance["digest"]) for name, acceptance in told.acceptances.items()
        }
        client = home.client()
        report = fsck(ledger, root_at=client.root_at)
        assert report.problems == []
        anchored = anchored_sizes(home.rpc_url, client)
        assert sorted(set(anchored)) == anchored
        assert ledger.status().final == ledger.status().published
    assert faults.done
    assert told.refused_first, "nobody had to wait for a claim: the load is no longer what it was"
    with capsys.disabled():
        print(
            f"\n{len(told.acceptances)} events accepted once in {time.monotonic() - started:.0f} s, "
            f"{dict(Counter(faults.done))}, {told.refused_first} times 409, {len(anchored)} anchors"
        )
