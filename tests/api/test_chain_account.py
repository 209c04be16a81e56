"""The account that pays for anchors, on a real chain: told without waiting, and loudly when it runs dry."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from api.chain_account import AccountWatch, Seen
from ledger.anchors import Anchorer
from ledger.anchors.funds import LOW_DAYS
from ledger.chain import devnet
from ledger.chain.client import ChainClient
from ledger.chain.keystore import ChainAccount, devnet_account
from ledger.domain.calendar import format_instant
from ledger.log import Ledger
from ledger.store import anchors, outbox
from ledger.store.logs import ChainRow
from ledger.store.outbox import TransactionRow
from tests.api.conftest import ORIGIN, Site, make_site, originated
from tests.api.make_examples import CHAIN
from tests.databases import sqlite_in


@dataclass
class Anchored:
    site: Site
    url: str
    account: ChainAccount

    def watch(self, **options: Any) -> AccountWatch:
        return AccountWatch(self.site.ledger, self.url, anchor_seconds=600, **options)

    def has(self, wei: int) -> None:
        devnet._request(self.url, "anvil_setBalance", [f"0x{self.account.address.hex()}", hex(wei)])


@pytest.fixture(scope="module")
def anchored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anchored]:
    folder = tmp_path_factory.mktemp("account")
    with devnet.running(folder / "devnet") as chain:
        site = make_site(sqlite_in(folder), rpc_url=chain.url)
        node, owner, payer = ChainClient(chain.url), devnet_account(31337), devnet_account(31337, 1)
        contract = node.deploy(owner).open_log(
            owner, origin=ORIGIN, anchorer=payer.address, max_growth=1_000, trust_root=b"\x07" * 32
        )
        site.ledger.bind_chain(
            ChainRow(
                chain_id=31337, genesis=node.genesis(), contract=contract.contract, code_hash=contract.code_hash(),
                log_key=contract.log_key, finality="instant", grade="devnet", max_anchor_age=604_800,
            )
        )  # fmt: skip
        site.post(originated("L1"))
        checkpoint = site.ledger.publish()
        assert checkpoint is not None
        assert AccountWatch(site.ledger, chain.url, anchor_seconds=600).seen() is None, "nobody has paid yet"
        Anchorer(site.ledger.store, ORIGIN, node, payer).run_until(checkpoint.size)
        with site.client:
            yield Anchored(site, chain.url, payer)
        node.close()
        site.ledger.store.close()


def looked(watch: AccountWatch) -> Seen:
    """What is seen when the look in the background has ended."""
    for _ in range(400):
        seen = watch.seen()
        if seen is not None and watch._looking is None:
            return seen
        time.sleep(0.02)
    raise AssertionError("the node was not asked")


@pytest.mark.devnet
def test_it_tells_for_how_many_anchors_it_lasts(anchored: Anchored) -> None:
    anchored.has(10**18)
    rich = looked(anchored.watch())
    assert (rich.address, rich.balance) == (f"0x{anchored.account.address.hex()}", 10**18)
    assert rich.anchors is not None
    assert rich.anchors > LOW_DAYS * 144
    assert not rich.low
    cost = 10**18 // rich.anchors
    anchored.has(3 * cost + 1)
    poor = looked(anchored.watch())
    assert (poor.anchors, poor.low) == (3, True)
    anchored.has(0)
    empty = looked(anchored.watch())
    assert (empty.balance, empty.anchors, empty.low) == (0, 0, True)


@pytest.mark.devnet
def test_health_metrics_and_the_operators_page_tell_it(anchored: Anchored) -> None:
    anchored.has(10**15)
    services: Any = anchored.site.client.app.state.services  # type: ignore[attr-defined]  # a Starlette application
    assert looked(services.account).balance == 10**15
    ready = anchored.site.client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["status"] == "degraded"
    [check] = [one for one in ready.json()["checks"] if one["name"] == "account"]
    assert check["status"] == "degraded"
    assert check["detail"].startswith(f"0x{anchored.account.address.hex()} has {10**15} wei, which pays for ")
    lines = anchored.site.client.get("/metrics").text.splitlines()
    told = {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")
    }
    assert told["poolproof_chain_account_balance_wei"] == 10**15
    assert 0 < told["poolproof_chain_account_anchors"] < LOW_DAYS * 144
    session = services.sessions.begin(services.keys.look_up(anchored.site.tokens["fenqile"]).caller)
    headers = {"Cookie": f"poolproof_session={session}", "Accept": "text/html"}
    page = anchored.site.client.get("/", headers=headers | {"Accept-Language": "en"}).text
    for shown in (f"0x{anchored.account.address.hex()}", "0.001", "more anchor", "less than a week"):
        assert shown in page


@pytest.mark.devnet
def test_it_is_asked_seldom_and_never_waited_for_twice(anchored: Anchored) -> None:
    anchored.has(5)
    now = [0.0]
    watch = anchored.watch(clock=lambda: now[0])
    assert looked(watch).balance == 5
    anchored.has(6)
    now[0] = 59.0
    assert looked(watch).balance == 5
    now[0] = 60.0
    watch.seen()
    assert looked(watch).balance == 6


@pytest.fixture
def paid(small_site: Site) -> Ledger:
    """A log whose anchor some account has paid for."""
    ledger = small_site.ledger
    ledger.bind_chain(CHAIN)
    small_site.post(originated("L1"))
    checkpoint = ledger.publish()
    assert checkpoint is not None
    sent = TransactionRow(
        attempt=1, hash=b"\x01" * 32, nonce=0, gas=1, max_fee=1, priority_fee=1, raw=b"",
        stored=format_instant(small_site.clock()), sent=None, expected={"prev_size": 0},
    )  # fmt: skip
    with ledger.store.write() as connection:
        anchors.want(connection, ledger.row().id, checkpoint.size, checkpoint.root)
        job = anchors.job(ledger.row().id, checkpoint.size)
        assert outbox.add_transaction(connection, job, sent, chain_id=CHAIN.chain_id, account=b"\x07" * 20)
    return ledger


def test_a_node_that_hangs_stops_no_page(paid: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.chain_account._TIMEOUT_SECONDS", 1.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        host, port = silent.getsockname()
        watch = AccountWatch(paid, f"http://{host}:{port}", anchor_seconds=600)
        assert watch.seen() is None  # went on without it
        assert watch._looking is not None
        assert watch.seen() is None
        away = looked(watch)
    assert (away.answers, away.balance, away.anchors, away.low) == (False, None, None, False)


def test_a_log_on_no_chain_and_a_service_without_a_node_have_none(still_site: Site, paid: Ledger) -> None:
    assert AccountWatch(still_site.ledger, "http://127.0.0.1:1", anchor_seconds=600).seen() is None
    assert AccountWatch(paid, None, anchor_seconds=600).seen() is None
