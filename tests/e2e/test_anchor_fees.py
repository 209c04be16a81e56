"""Money and nonces: stuck fees, limits, stolen nonces, gaps, reverts, each on an anvil of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.chain.fees import bumped
from ledger.errors import ConfigurationError
from ledger.store import anchors
from tests.anchoring import World, world

pytestmark = pytest.mark.devnet


@pytest.fixture
def here(tmp_path: Path, fresh_sqlite: str) -> Iterator[World]:
    with world(tmp_path, fresh_sqlite) as made:
        yield made
        made.store.close()


def test_a_stuck_transaction_is_replaced_by_dearer_ones_with_the_same_nonce(here: World) -> None:
    here.stop_mining()
    size = here.publish(4)
    anchorer = here.anchorer(patience=timedelta(seconds=60))
    anchorer.plan()
    anchorer.step()
    here.clock.forward(59)
    anchorer.step()
    assert len(here.transactions(size)) == 1
    # What blocks cost rises to twenty times of what was offered.
    here.rpc("anvil_setNextBlockBaseFeePerGas", hex(20 * here.transactions(size)[0].max_fee))
    here.mine()
    assert here.client.root_at(size) is None, "too cheap to be taken"
    here.clock.forward(1)
    anchorer.step()
    here.clock.forward(60)
    anchorer.step()
    attempts = here.transactions(size)
    assert len(attempts) == 3
    assert len({attempt.nonce for attempt in attempts}) == 1
    for cheaper, dearer in itertools.pairwise(attempts):
        assert dearer.max_fee >= bumped(cheaper.max_fee)
        assert dearer.priority_fee >= bumped(cheaper.priority_fee)
    here.mine()
    anchorer.run_until(size, "final")
    assert here.anchored_events() == [size]
    mined = [attempt.attempt for attempt in attempts if here.client.receipt(attempt.hash) is not None]
    assert mined == [3]


def test_fees_stop_at_the_limit_and_the_row_says_so(here: World) -> None:
    here.stop_mining()
    size = here.publish(4)
    anchorer = here.anchorer(patience=timedelta(seconds=60), max_fee=2 * 10**9)
    anchorer.plan()
    for _ in range(30):
        anchorer.step()
        here.clock.forward(60)
    attempts = here.transactions(size)
    assert 1 < len(attempts) < 10
    assert max(attempt.max_fee for attempt in attempts) <= 2 * 10**9
    assert "the limit of 2000000000 wei per gas" in (here.row(size).problem or "")
    here.mine()
    anchorer.step()
    assert (here.row(size).state, here.row(size).problem) == ("mined", None)


def test_a_stolen_nonce_is_noticed_and_another_taken(here: World) -> None:
    here.stop_mining()
    size = here.publish(4)
    anchorer = here.anchorer()
    anchorer.plan()
    anchorer.step()
    (stolen,) = here.transactions(size)
    # Somebody uses the account by hand, and offers more for the same nonce.
    thief = here.account.sign(
        {
            "type": 2, "chainId": 31337, "nonce": stolen.nonce, "gas": 21_000, "value": 1, "data": b"",
            "to": here.owner.address, "maxFeePerGas": stolen.max_fee * 10,
            "maxPriorityFeePerGas": stolen.priority_fee * 10,
        }
    )  # fmt: skip
    here.client.broadcast(thief.raw)
    here.mine()
    assert here.client.receipt(thief.hash) is not None
    assert here.client.root_at(size) is None

    anchorer.step()
    attempts = here.transactions(size)
    assert [attempt.nonce for attempt in attempts] == [stolen.nonce, stolen.nonce + 1]
    here.mine()
    anchorer.run_until(size, "final")
    assert here.anchored_events() == [size]


def test_a_gap_before_our_nonce_is_filled(here: World) -> None:
    here.stop_mining()
    foreign = here.account.sign(
        {
            "type": 2, "chainId": 31337, "nonce": 0, "gas": 21_000, "value": 1, "data": b"",
            "to": here.owner.address, "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9,
        }
    )  # fmt: skip
    here.client.broadcast(foreign.raw)
    size = here.publish(4)
    anchorer = here.anchorer()
    anchorer.plan()
    anchorer.step()
    assert here.transactions(size)[0].nonce == 1
    # The node forgets the other one: nonce 1 would wait for ever.
    here.rpc("anvil_dropTransaction", "0x" + foreign.hash.hex())
    anchorer.step()
    assert [attempt.nonce for attempt in here.transactions(size)] == [1, 0]
    here.mine()
    anchorer.run_until(size, "final")
    assert here.anchored_events() == [size]


def test_a_transaction_that_was_overtaken_and_reverted_is_followed_by_a_fitting_one(here: World) -> None:
    first, second = here.publish(4), here.publish(4)
    here.stop_mining()
    with here.store.write() as connection:
        anchors.want(connection, here.log_id, second, here.root(second))
    anchorer = here.anchorer()
    anchorer.step()
    # Meanwhile an operator's other database anchors the smaller size, in the same block and before ours.
    rush = here.account.sign(
        here.client.transaction(
            nonce=0,
            gas=200_000,
            fees=here.client.fees().replacing(here.client.fees()).replacing(here.client.fees()),
            chain_id=31337,
            data=here.client.anchor_data(0, first, here.root(first), []),
            to=here.client.contract,
        )
    )
    (ours,) = here.transactions(second)
    assert ours.nonce == 0
    here.client.broadcast(rush.raw)
    here.mine()
    assert here.client.receipt(rush.hash) is not None
    anchorer.step()
    here.mine()
    anchorer.run_until(second)
    assert here.anchored_events() == [first, second]
    assert [attempt.expected["prev_size"] for attempt in here.transactions(second)] == [0, first]


def test_reverts_do_not_burn_money_for_ever(here: World) -> None:
    size = here.publish(4)
    anchorer = here.anchorer()
    # A node that lies in its estimates: half the gas that is needed.
    anchorer._client.estimate = lambda *_, **__: 40_000  # type: ignore[method-assign]
    anchorer.plan()
    with pytest.raises(ConfigurationError, match="3 transactions for size 4 were reverted"):
        for _ in range(10):
            anchorer.step()
    assert len(here.transactions(size)) == 3
    assert "reverted" in (here.row(size).problem or "")
