"""The outbox of attestations on a real chain: each once, whatever fails; what cannot be is told and costs nothing."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator

import pytest

from ledger.chain import devnet
from ledger.chain.attestation import Verdict
from ledger.chain.client import ChainClient
from ledger.chain.keystore import devnet_account
from ledger.errors import ConfigurationError
from ledger.relay import Relayer
from ledger.store import Store
from tests.anchoring import ORIGIN, Crash, bind
from tests.relaying import Desk, automine, desk, new_signer

pytestmark = pytest.mark.devnet

POINTS = ("signed", "stored", "broadcast", "sent", "mined", "final")


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with devnet.running(tmp_path_factory.mktemp("relay") / "devnet") as running:
        yield running.url


@pytest.fixture
def here(chain: str, fresh_sqlite: str) -> Iterator[Desk]:
    with desk(chain, fresh_sqlite) as made:
        yield made


def test_an_attestation_goes_from_waiting_to_final(here: Desk) -> None:
    signer = new_signer()
    signed = here.sign(signer, scope="tape of July")
    digest = here.hand_in(signed)
    relayer = here.relayer()
    assert relayer.step()
    assert here.row(digest).state == "sent"
    assert relayer.step()
    mined = here.row(digest)
    assert mined.state == "mined"
    [transaction] = here.transactions(digest)
    assert mined.transaction_hash == transaction.hash
    assert not relayer.step(), "its block is not final yet"
    here.world.mine(2)
    assert relayer.step()
    final = here.row(digest)
    assert (final.state, final.problem, final.block_number) == ("final", None, mined.block_number)
    [one] = here.registry.page(here.world.client.log_key, "pool:W1", 0, 10)
    assert (one.signer, one.scope, one.time) == (signer.address, "tape of July", final.block_time)
    assert not relayer.step()


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_any_point_relays_once_after_the_restart(here: Desk, point: str) -> None:
    signer = new_signer()
    digest = here.hand_in(here.sign(signer))
    with pytest.raises(Crash, match=point):
        here.run(here.relayer(crash=point))
    before = [row.hash for row in here.transactions(digest)]
    here.run()
    assert here.row(digest).state == "final"
    assert here.on_chain(signer) == 1
    after = [row.hash for row in here.transactions(digest)]
    assert len(after) == 1
    assert after == before or point == "signed", "what was stored is not signed a second time"


def test_sigkill_between_sending_and_noting_relays_once(here: Desk) -> None:
    signer = new_signer()
    digest = here.hand_in(here.sign(signer))

    def kill(reached: str) -> None:
        if reached == "broadcast":
            os.kill(os.getpid(), signal.SIGKILL)

    def child() -> None:
        store, client = Store(here.world.store.url), ChainClient(here.world.url)
        Relayer(store, ORIGIN, client, devnet_account(31337, 1), fault=kill).step()

    # A fork has web3 in memory already; it opens connections of its own.
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    try:
        process.join(60)
    finally:
        process.kill()  # nothing to do for one that has ended; one that hangs must not outlive the test
    assert process.exitcode == -signal.SIGKILL
    assert [one.sent for one in here.transactions(digest)] == [None]
    here.run()
    assert here.row(digest).state == "final"
    assert here.on_chain(signer) == 1
    assert len(here.transactions(digest)) == 1


def test_two_replicas_relay_once(here: Desk) -> None:
    signer = new_signer()
    digest = here.hand_in(here.sign(signer))
    first, second = here.relayer(), here.relayer()
    for _ in range(3):
        first.step()
        second.step()
    here.run()
    assert (here.on_chain(signer), len(here.transactions(digest))) == (1, 1)


def test_one_that_another_has_relayed_is_found(here: Desk) -> None:
    signer = new_signer()
    signed = here.sign(signer)
    digest = here.hand_in(signed)
    receipt = here.registry.relay(devnet_account(31337, 3), signed)
    here.run()
    row = here.row(digest)
    assert (row.state, row.block_number) == ("final", receipt.block_number)
    assert here.transactions(digest) == []
    assert here.on_chain(signer) == 1


def test_a_number_that_went_to_another_attestation(here: Desk) -> None:
    signer = new_signer()
    digest = here.hand_in(here.sign(signer, verdict=Verdict.CHECKED))
    here.registry.relay(devnet_account(31337, 3), here.sign(signer, verdict=Verdict.DISPUTED))
    assert not here.relayer().step(), "that is not final yet"
    here.run()
    row = here.row(digest)
    assert (row.state, row.problem) == ("failed", "number 0 of its signer was used for another attestation")
    assert here.transactions(digest) == []


def test_numbers_are_relayed_in_their_order(here: Desk) -> None:
    signer = new_signer()
    second = here.hand_in(here.sign(signer, nonce=1))
    assert not here.relayer().step()
    assert here.row(second).problem == "waits for number 0 of its signer, who has made 0 so far"
    first = here.hand_in(here.sign(signer, nonce=0))
    here.run()
    assert (here.row(first).state, here.row(second).state) == ("final", "final")
    assert here.row(second).problem is None
    assert here.on_chain(signer) == 2


def test_one_that_came_too_late_costs_nothing(here: Desk) -> None:
    signer = new_signer()
    digest = here.hand_in(here.sign(signer, deadline=here.world.client.latest().time + 30))
    snapshot = here.world.rpc("evm_snapshot")
    here.world.rpc("evm_increaseTime", 60)
    here.world.mine(1)
    try:
        assert not here.relayer().step(), "a reorg may still bring an earlier block"
        here.run()
    finally:
        here.world.rpc("evm_revert", snapshot)
    assert (here.row(digest).state, here.row(digest).problem) == ("failed", "its deadline has passed")
    assert here.transactions(digest) == []


def test_what_the_contract_will_never_take_costs_nothing_and_stops_no_other(here: Desk) -> None:
    wrong, good = new_signer(), new_signer()
    bad = here.hand_in(here.sign(wrong, key=new_signer()))
    early = here.hand_in(here.sign(new_signer(), size=here.size + 100))
    fine = here.hand_in(here.sign(good))
    here.run()
    assert here.row(bad).state == "failed"
    assert "InvalidSignature" in (here.row(bad).problem or "")
    assert here.row(early).state == "waiting"  # that size may still be anchored
    assert "SizeNotAnchored" in (here.row(early).problem or "")
    assert here.transactions(bad) == here.transactions(early) == []
    assert here.row(fine).state == "final"


def test_anchors_and_relays_share_an_account_and_no_nonce(here: Desk) -> None:
    world = here.world
    world.stop_mining()
    anchorer = world.anchorer()
    size = world.publish(3)
    anchorer.plan(now=True)
    anchorer.step()
    digests = [here.hand_in(here.sign(new_signer())) for _ in range(2)]
    relayer = here.relayer()
    relayer.step()
    [anchor] = world.transactions(size)
    nonces = [transaction.nonce for digest in digests for transaction in here.transactions(digest)]
    # Of two that came in at one moment either may go first.
    assert sorted(nonces) == [anchor.nonce + 1, anchor.nonce + 2]
    later = world.publish(2)
    anchorer.plan(now=True)
    world.mine(1)
    anchorer.run_until(later, "final")
    here.run(relayer)
    assert [here.row(digest).state for digest in digests] == ["final", "final"]
    assert world.anchored_events()[-2:] == [size, later]


@pytest.mark.parametrize("late", ["anchor", "relay"])
def test_of_two_that_sign_for_one_nonce_at_once_the_second_gives_way(here: Desk, late: str) -> None:
    world, signer = here.world, new_signer()
    world.stop_mining()
    digest, size = here.hand_in(here.sign(signer)), world.publish(4)
    anchorer, relayer = world.anchorer(), here.relayer()
    anchorer.plan(now=True)
    first, second = (relayer, anchorer) if late == "anchor" else (anchorer, relayer)

    def overtaken(point: str) -> None:
        if point == "signed":
            assert first.step()

    second._sender._fault = overtaken
    assert not second.step()
    assert len(world.transactions(size)) == (late == "relay")
    assert len(here.transactions(digest)) == (late == "anchor")
    second._sender._fault = first._sender._fault
    assert second.step()
    [anchored], [relayed] = world.transactions(size), here.transactions(digest)
    assert {anchored.nonce - relayed.nonce, relayed.nonce - anchored.nonce} == {1, -1}
    automine(world)
    world.mine()
    here.run()
    anchorer.run_until(size, "final")
    assert (here.row(digest).state, here.on_chain(signer)) == ("final", 1)


def test_one_that_is_stuck_offers_more_for_the_same_nonce(here: Desk) -> None:
    world = here.world
    world.stop_mining()
    digest = here.hand_in(here.sign(new_signer()))
    relayer = here.relayer()
    relayer.step()
    relayer.step()
    assert len(here.transactions(digest)) == 1
    world.clock.forward(91)
    relayer.step()
    first, second = here.transactions(digest)
    assert second.nonce == first.nonce
    assert second.max_fee * 8 >= first.max_fee * 9
    here.run(relayer)
    assert here.row(digest).transaction_hash == second.hash


def test_a_reorg_is_made_good(here: Desk) -> None:
    world = here.world
    signer = new_signer()
    digest = here.hand_in(here.sign(signer))
    relayer = here.relayer()
    before = world.rpc("evm_snapshot")
    relayer.step()
    relayer.step()
    assert here.row(digest).state == "mined"
    world.rpc("evm_revert", before)
    world.mine(1)
    assert relayer.step()
    undone = here.row(digest)
    assert (undone.state, undone.block_number, undone.transaction_hash) == ("sent", None, None)
    here.run(relayer)
    assert here.row(digest).state == "final"
    assert here.on_chain(signer) == 1
    assert len(here.transactions(digest)) == 1


def test_an_empty_account_waits_and_says_so(here: Desk) -> None:
    poor = new_signer()
    digest = here.hand_in(here.sign(new_signer()))
    relayer = here.relayer(account=poor)
    assert not relayer.step()
    assert "too little to pay for gas: fund it" in (here.row(digest).problem or "")
    devnet.fund(here.world.url, poor.address)
    here.run(relayer)
    assert (here.row(digest).state, here.row(digest).problem) == ("final", None)


def test_a_log_without_a_registry_has_no_outbox(chain: str, fresh_sqlite: str) -> None:
    world = bind(chain, fresh_sqlite)
    with pytest.raises(ConfigurationError, match="no AttestationRegistry"):
        Relayer(world.store, ORIGIN, world.client, world.account)
    world.store.close()


def test_a_lost_nonce_is_replaced(here: Desk) -> None:
    world = here.world
    world.stop_mining()
    signer = new_signer()
    digest = here.hand_in(here.sign(signer))
    relayer = here.relayer()
    relayer.step()
    [lost] = here.transactions(digest)
    # A hand with the same key sends something else, for more, under this nonce.
    fees = world.client.fees().replacing(world.client.fees()).replacing(world.client.fees())
    dear = world.client.transaction(
        nonce=lost.nonce, gas=21_000, fees=fees.replacing(fees), chain_id=31337, data=b"", to=signer.address
    )
    world.client.broadcast(world.account.sign(dear).raw)
    world.mine(1)
    automine(world)
    here.run(relayer)
    assert here.row(digest).state == "final"
    assert [one.nonce for one in here.transactions(digest)] == [lost.nonce, lost.nonce + 1]
