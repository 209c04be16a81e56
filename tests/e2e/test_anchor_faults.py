"""The outbox under every fault that its rules name, each on an anvil of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ledger.anchors import Anchorer
from ledger.chain import devnet
from ledger.chain.client import ChainClient
from ledger.chain.keystore import devnet_account
from ledger.errors import (
    ConfigurationError,
    IntegrityError,
    PoolproofError,
    UnavailableError,
    VerificationError,
)
from ledger.store import Store, anchors
from tests.anchoring import ORIGIN, Crash, World, bind, world

pytestmark = pytest.mark.devnet

POINTS = ("planned", "signed", "stored", "broadcast", "sent", "mined", "proved", "final")


@pytest.fixture
def here(tmp_path: Path, fresh_sqlite: str) -> Iterator[World]:
    with world(tmp_path, fresh_sqlite) as made:
        yield made
        made.store.close()


# ------------------------------------------------------------------------------------------------- crashes


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_any_point_anchors_once_after_the_restart(here: World, point: str) -> None:
    here.anchorer().run_until(here.publish(3), "final")
    size = here.publish(4)
    with pytest.raises(Crash, match=point):
        here.anchorer(crash=point).run_until(size, "final")
    signed_before = [row.hash for row in here.transactions(size)]

    here.anchorer().run_until(size, "final")
    assert here.anchored_events() == [3, size]
    assert here.states() == {3: "final", size: "final"}
    if signed_before:
        assert [row.hash for row in here.transactions(size)] == signed_before, (
            "nothing is signed a second time"
        )


@pytest.mark.parametrize("point", ["stored", "broadcast", "mined"])
def test_sigkill_of_the_process_anchors_once_after_the_restart(here: World, point: str) -> None:
    size = here.publish(4)

    def kill(reached: str) -> None:
        if reached == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def child() -> None:
        client = ChainClient(here.url)
        store = Store(here.store.url)
        Anchorer(store, ORIGIN, client, devnet_account(31337, 1), fault=kill).run_until(size)

    # A fork has web3 in memory already; it opens connections of its own.
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    try:
        process.join(60)
    finally:
        process.kill()  # nothing to do for one that has ended; one that hangs must not outlive the test
    assert process.exitcode == -signal.SIGKILL
    assert len(here.transactions(size)) == 1
    here.anchorer().run_until(size, "final")
    assert here.anchored_events() == [size]
    assert len(here.transactions(size)) == 1


def test_a_transaction_that_was_stored_but_never_broadcast_is_the_one_that_goes_out(here: World) -> None:
    size = here.publish(4)
    with pytest.raises(Crash):
        here.anchorer(crash="stored").run_until(size)
    (stored,) = here.transactions(size)
    assert here.client.receipt(stored.hash) is None
    here.anchorer().run_until(size)
    assert here.client.receipt(stored.hash) is not None


# ------------------------------------------------------------------------------------------ duplicates, replicas


def test_a_broadcast_that_is_repeated_is_one_transaction(here: World) -> None:
    here.stop_mining()
    size = here.publish(4)
    anchorer = here.anchorer()
    anchorer.plan()
    anchorer.step()
    for _ in range(3):
        anchorer.step()
    assert len(here.transactions(size)) == 1
    here.mine()
    anchorer.step()
    assert here.row(size).state == "mined"
    assert here.anchored_events() == [size]


def test_two_replicas_at_once_anchor_each_size_once(tmp_path: Path, database_url: str) -> None:
    with world(tmp_path, database_url) as here:
        failures: list[PoolproofError] = []

        def replica() -> None:
            store = Store(database_url)
            try:
                for size in sizes:
                    other = World(
                        here.url, store, here.owner, here.account, here.client, here.log_id, here.clock
                    )
                    other.anchorer().run_until(size, timeout=60)
            except PoolproofError as error:
                failures.append(error)
            finally:
                store.close()

        sizes = [here.publish(entries) for entries in (3, 4, 5)]
        for size in sizes:
            with here.store.write() as connection:
                anchors.want(connection, here.log_id, size, here.root(size))
        threads = [threading.Thread(target=replica) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert here.anchored_events() == sizes
        assert [len(here.transactions(size)) for size in sizes] == [1, 1, 1]
        here.store.close()


def test_a_replica_that_signs_second_gives_way(here: World) -> None:
    size = here.publish(4)
    first, second = here.anchorer(crash="stored"), here.anchorer()

    def overtaken(point: str) -> None:
        if point == "signed":
            with pytest.raises(Crash):
                first.step()

    first.plan()
    second._sender._fault = overtaken
    assert not second.step()
    assert len(here.transactions(size)) == 1
    here.anchorer().run_until(size)
    assert here.anchored_events() == [size]


# ------------------------------------------------------------------------------------------------------ reorg


@pytest.mark.parametrize("depth", [1, 3])
def test_after_a_reorg_the_stored_transactions_are_broadcast_again(here: World, depth: int) -> None:
    anchorer = here.anchorer()
    anchorer.run_until(here.publish(3), "final")
    sizes = [here.publish(2) for _ in range(2)]
    for size in sizes:
        with here.store.write() as connection:
            anchors.want(connection, here.log_id, size, here.root(size))
        anchorer.run_until(size)
    before = {size: here.transactions(size) for size in sizes}
    here.rpc("anvil_reorg", depth, [])

    # Two anchors stood in the last two blocks; what the reorg took away goes back to sent, and out again.
    anchorer.step()
    lost = sizes[-1:] if depth == 1 else sizes
    assert here.row(lost[0]).state in {"sent", "mined"}
    for size in sizes:
        anchorer.run_until(size, "final")
    assert here.anchored_events() == [3, *sizes]
    assert {size: [t.hash for t in here.transactions(size)] for size in sizes} == {
        size: [t.hash for t in rows] for size, rows in before.items()
    }
    for size in sizes:
        row = here.row(size)
        block = here.client.block(row.block_number or 0)
        assert block is not None
        assert block.hash == row.block_hash, "the row names a block of the chain as it is now"


# ------------------------------------------------------------------------------------------------- the node


def test_a_node_that_goes_down_and_comes_back_delays_and_loses_nothing(
    tmp_path: Path, fresh_sqlite: str
) -> None:
    folder = tmp_path / "devnet"
    chain = devnet.start(folder, port=0)
    try:
        here = bind(chain.url, fresh_sqlite)
        here.anchorer().run_until(here.publish(3), "final")
        size = here.publish(4)
        with pytest.raises(Crash):
            here.anchorer(crash="stored").run_until(size)
        devnet.stop(folder)
        for _ in range(2):
            with pytest.raises(UnavailableError, match="does not answer"):
                here.anchorer().step()
        assert (here.row(size).state, here.row(size).problem) == ("sent", None)
        devnet.start(folder, port=chain.port)
        here.anchorer().run_until(size, "final")
        assert here.anchored_events() == [3, size]
        assert len(here.transactions(size)) == 1
        here.store.close()
    finally:
        devnet.stop(folder)


def test_a_devnet_that_was_started_anew_is_another_chain(tmp_path: Path, fresh_sqlite: str) -> None:
    with (
        devnet.running(tmp_path / "one") as one,
        devnet.running(tmp_path / "two", options=("--timestamp", "1700000000")) as two,
    ):
        here = bind(one.url, fresh_sqlite)
        here.publish(3)
        here.client = ChainClient(two.url)
        with pytest.raises(ConfigurationError, match="genesis block"):
            here.anchorer().run_until(3)
        here.store.close()


def test_a_contract_that_is_gone_or_another_one_stops_everything(here: World) -> None:
    size = here.publish(3)
    address = "0x" + here.client.contract.hex()
    code = here.rpc("eth_getCode", address, "latest")
    here.rpc("anvil_setCode", address, "0x")
    with pytest.raises(VerificationError, match="there is no contract"):
        here.anchorer().run_until(size)
    here.rpc("anvil_setCode", address, "0x6001")
    with pytest.raises(VerificationError, match="has code 0x"):
        here.anchorer().run_until(size)
    here.rpc("anvil_setCode", address, code)
    assert here.anchorer().run_until(size).state == "mined"


def test_a_node_that_has_lost_the_state_leaves_the_anchor_mined_until_it_has_it_again(here: World) -> None:
    size = here.publish(3)
    anchorer = here.anchorer()
    anchorer.run_until(size)
    here.mine(3)
    proof = anchorer._client.state_proof

    def pruned(*_arguments: Any) -> Any:
        raise UnavailableError("missing trie node")

    anchorer._client.state_proof = pruned  # type: ignore[method-assign]
    with pytest.raises(UnavailableError, match="missing trie node"):
        anchorer.step()
    assert here.row(size).state == "mined"
    anchorer._client.state_proof = proof  # type: ignore[method-assign]
    assert anchorer.step()
    assert here.row(size).state == "final"


def test_a_state_proof_that_does_not_hold_is_not_kept(here: World) -> None:
    size = here.publish(3)
    anchorer = here.anchorer()
    proof = anchorer._client.state_proof

    def forged(*arguments: Any) -> Any:
        found = proof(*arguments)
        return found and replace(found, storage_proof=found.storage_proof[:-1])

    anchorer._client.state_proof = forged  # type: ignore[method-assign]
    row = anchorer.run_until(size, "final")
    assert "the node's state proof does not hold" in (row.problem or "")
    with here.store.read() as connection:
        assert anchors.evidence(connection, here.log_id, size) is None


def test_a_rewritten_log_is_refused_by_the_contract_from_the_right_key(here: World) -> None:
    here.anchorer().run_until(here.publish(3))
    forged = here.client.anchor_data(3, 7, b"\x66" * 32, [b"\x11" * 32])
    with pytest.raises(VerificationError, match="InvalidConsistencyProof"):
        here.client.send(here.account, forged)


def test_a_tile_changed_behind_the_ledgers_back_cannot_be_anchored(here: World) -> None:
    here.anchorer().run_until(here.publish(3))
    size = here.publish(4)
    with here.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE tiles SET hashes = zeroblob(length(hashes))")
    with pytest.raises((VerificationError, IntegrityError)):
        here.anchorer().run_until(size)
    assert here.anchored_events() == [3]


# ------------------------------------------------------------------------------------------------- all at once


@pytest.mark.parametrize("seed", range(4))
def test_any_sequence_of_faults_ends_with_every_size_anchored_once(here: World, seed: int) -> None:
    random = Random(seed)

    def crash() -> None:
        with suppress(Crash):
            anchorer = here.anchorer(crash=random.choice(POINTS))
            anchorer.plan(now=True)
            anchorer.step()

    def steal() -> None:
        nonce = here.client.nonce(here.account.address)
        fees = {"maxFeePerGas": 50 * 10**9, "maxPriorityFeePerGas": 5 * 10**9}
        thief = {"type": 2, "chainId": 31337, "nonce": nonce, "gas": 21_000, "value": 1, "data": b""}
        here.client.broadcast(here.account.sign(thief | fees | {"to": here.owner.address}).raw)

    def reorg() -> None:
        # Not deeper than what is not final yet.
        here.rpc("anvil_reorg", random.randint(1, 2), [])

    faults = [
        lambda: here.publish(random.randint(1, 9)),
        lambda: here.anchorer().step(),
        here.mine,
        lambda: here.clock.forward(random.randint(1, 120)),
        lambda: here.rpc("evm_setAutomine", random.random() < 0.5),
        crash,
        steal,
        reorg,
    ]
    here.mine(3)
    here.publish(3)
    for _ in range(40):
        random.choice(faults)()
    here.rpc("evm_setAutomine", True)
    last = here.publish(1)
    here.anchorer().run_until(last, "final", timeout=60)

    anchored = here.anchored_events()
    assert anchored == sorted(set(anchored))
    assert anchored[-1] == last
    assert here.states() == dict.fromkeys(anchored, "final")
    for size in anchored:
        assert here.client.root_at(size) == here.root(size)
