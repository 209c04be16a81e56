"""A partner without money and without a node attests through the ledger's service, whatever becomes of its workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from api.app import create_app
from ledger.chain import devnet, keystore
from ledger.cli.service import API_KEY
from ledger.home import Home
from ledger.relay import Relayer
from ledger.settings import Settings
from ledger.store import relays
from ledger.webhooks.sources.attested import Attested
from tests.api.test_log import serving
from tests.cli.running import data, run_command
from tests.e2e.audited import PASSPHRASE, POOL, Audited, audited_in

pytestmark = pytest.mark.devnet


@dataclass(frozen=True)
class Partner:
    """What a partner has beside the platform's files: a service, an API key and an address that its operator named."""

    audited: Audited
    service: str
    key: str
    signer: str

    @property
    def node(self) -> str:
        return self.audited.url

    def attest(self, *args: Any, code: int = 0) -> Any:
        command = ("attest", "audit.report.json", "--keystore", "fund.json", "--trust", "trust.json")
        return run_command(*command, "--relay", self.service, *args, code=code)


@pytest.fixture(scope="module")
def partner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Partner]:
    """An audited pool, a grant, and a service without a worker."""
    with audited_in(tmp_path_factory.mktemp("relay")) as audited:
        signer = "0x" + keystore.create(audited.hand / "fund.json", PASSPHRASE, iterations=2).address.hex()
        run_command("party", "grant", "fund", f"signer:{signer}")
        key = data(run_command("party", "key", "fund", "--scope", "attest", "--scope", "read", "--json"))
        with Home(Settings.load()) as platform:
            app = create_app(platform.served_settings(), ledger=platform.ledger)
            with serving(SimpleNamespace(client=SimpleNamespace(app=app))) as url:  # type: ignore[arg-type]
                yield Partner(audited, url, key["token"], signer)


@pytest.fixture
def desk(partner: Partner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Partner:
    """In the partner's folder, with its key and no home."""
    partner.audited.visit(monkeypatch, tmp_path)
    monkeypatch.setenv(API_KEY, partner.key)
    monkeypatch.setattr("ledger.cli.relayed._POLL_SECONDS", 0.1)
    return partner


@contextmanager
def in_home(partner: Partner, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the platform's, which does not outlive the block, however that ends."""
    names = ("PATH", "HOME", "LANG")
    environment = {name: os.environ[name] for name in names if name in os.environ}
    environment |= {"POOLPROOF_HOME": str(partner.audited.home), "POOLPROOF_CHAIN_POLL_SECONDS": "0.2"}
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-m", *command], cwd=root, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_partner_attests_without_money_and_without_a_node(desk: Partner) -> None:
    before = finals(desk)
    worker = threading.Thread(target=step_until_final, args=(desk, before + 2))
    worker.start()
    made = data(desk.attest("--verdict", "checked", "--scope", "every loan", "--json"))
    devnet.mine(desk.node, 3)
    # Signed already, and handed in twice, it is what it was.
    trust = ("--trust", "trust.json", "--contract", made["contract"], "--rpc", desk.node)
    dispute = ("attest", "audit.report.json", "--verdict", "disputed", "--keystore", "fund.json")
    run_command(*dispute, *trust, "-o", "word.json")
    again = [data(run_command("attest", "word.json", "--relay", desk.service, "--json")) for _ in range(2)]
    devnet.mine(desk.node, 3)
    worker.join(60)
    assert finals(desk) == before + 2
    assert again[0]["transaction"] == again[1]["transaction"] != made["transaction"]
    listed = data(run_command("attestations", POOL, *trust, "--json"))["attestations"]
    assert [one["verdict"] for one in listed][:2] == ["disputed", "checked"]
    assert {one["signer"] for one in listed} == {desk.signer}
    with opened_home(desk) as home:
        assert home.node().balance(bytes.fromhex(desk.signer[2:])) == 0


@pytest.mark.slow
def test_a_worker_killed_between_sending_and_noting_attests_once(desk: Partner) -> None:
    before, ended = finals(desk), list[int]()

    def workers() -> None:
        with in_home(desk, "tests.e2e.relay_driver") as driver:
            ended.append(driver.wait(120))
        with in_home(desk, "ledger", "worker", "--only", "relay") as worker:
            until_final(desk, before + 1)
            worker.send_signal(signal.SIGTERM)
            ended.append(worker.wait(60))

    thread = threading.Thread(target=workers)
    thread.start()
    made = data(desk.attest("--verdict", "checked", "--scope", "after a kill", "--json"))
    devnet.mine(desk.node, 3)
    thread.join(200)
    assert ended == [-signal.SIGKILL, 0]
    assert made["state"] in ("mined", "final")
    assert made["block_number"] > 0
    with opened_home(desk) as home:
        [row] = [
            one
            for one in relays_of(home)
            if f"0x{(one.transaction_hash or b'').hex()}" == made["transaction"]
        ]
        assert (row.state, row.attempts, row.party) == ("final", 1, "fund")
        with home.store.read() as connection:
            told, _ = Attested(home.node, every=0).look(connection, home.ledger.row(), 0)
        scopes = [one.data["scope"] for one in told]
        assert scopes.count("after a kill") == 1, "a webhook tells of it once"


def opened_home(partner: Partner) -> Home:
    """The platform's home, seen from the partner's environment."""
    return Home(Settings.load({"POOLPROOF_HOME": str(partner.audited.home)}))


def relays_of(home: Home) -> list[Any]:
    with home.store.read() as connection:
        return relays.of_pool(connection, home.ledger.row().id, POOL, "fund", most=10)


def finals(partner: Partner) -> int:
    """How many attestations are final."""
    with opened_home(partner) as home:
        return [row.state for row in relays_of(home)].count("final")


def until_final(partner: Partner, count: int) -> None:
    """Wait until so many attestations are final."""
    end = time.monotonic() + 100
    with opened_home(partner) as home:
        while [row.state for row in relays_of(home)].count("final") < count and time.monotonic() < end:
            time.sleep(0.1)


def step_until_final(partner: Partner, count: int) -> None:
    """Be the worker."""
    end = time.monotonic() + 60
    with opened_home(partner) as home:
        relayer: Relayer = home.relayer
        while [row.state for row in relays_of(home)].count("final") < count and time.monotonic() < end:
            relayer.step()
            time.sleep(0.05)


def test_what_the_service_will_not_relay(desk: Partner) -> None:
    keystore.create(Path("stranger.json"), PASSPHRASE, iterations=2)
    strange = ("attest", "audit.report.json", "--keystore", "stranger.json", "--trust", "trust.json")
    refused = run_command(*strange, "--verdict", "checked", "--relay", desk.service, code=4)
    assert "is not known as an address of fund" in refused.stderr
    assert "give --verdict" in desk.attest(code=2).stderr
    assert "is 0x" in desk.attest("--verdict", "checked", "--contract", "0x" + "07" * 20, code=2).stderr
    output = desk.attest("--verdict", "checked", "-o", "w.json", code=2)
    assert "--relay URL takes a REPORT" in output.stderr
    os.environ[API_KEY] = "poolproof_0123456789abcdef_" + "0" * 64
    assert "Authorization" in desk.attest("--verdict", "checked", code=4).stderr
