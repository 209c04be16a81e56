"""The outbox when nothing goes wrong, and when the settings do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ledger.anchors import Anchorer, AnchorPolicy
from ledger.chain.keystore import devnet_account
from ledger.errors import ConfigurationError, IntegrityError, UnauthorisedError, UnavailableError
from ledger.proofs.evidence import Evidence
from ledger.store import anchors, logs
from tests.anchoring import ORIGIN, Crash, World, world

pytestmark = pytest.mark.devnet


@pytest.fixture
def here(tmp_path: Path, fresh_sqlite: str) -> Iterator[World]:
    with world(tmp_path, fresh_sqlite) as made:
        yield made
        made.store.close()


def test_a_checkpoint_goes_from_planned_to_final_and_leaves_its_evidence(here: World) -> None:
    size = here.publish(5)
    anchorer = here.anchorer()
    planned = anchorer.plan()
    assert planned is not None
    assert (planned.size, planned.state) == (size, "planned")

    assert anchorer.step()
    assert here.row(size).state == "sent"
    assert anchorer.step()
    mined = here.row(size)
    assert mined.state == "mined"
    assert not anchorer.step(), "nothing is final two blocks below the head yet"

    here.mine(2)
    assert anchorer.step()
    final = here.row(size)
    assert final.state == "final"
    assert final.problem is None
    assert here.client.root_at(size) == final.root
    assert not anchorer.step()

    with here.store.read() as connection:
        document = anchors.evidence(connection, here.log_id, size)
    assert document is not None
    evidence = Evidence.parse(document)
    assert (evidence.size, evidence.root, evidence.block_hash) == (size, final.root, mined.block_hash)
    assert evidence.checkpoint.startswith(f"{ORIGIN}\n{size}\n")


def test_later_anchors_carry_the_consistency_proof_and_do_not_wait_for_finality(here: World) -> None:
    anchorer = here.anchorer()
    for entries in (1, 6, 300, 70_000):
        anchorer.run_until(here.publish(entries))
    assert here.anchored_events() == [1, 7, 307, 70_307]
    assert anchorer.run_until(70_307, "final").state == "final"
    assert set(here.states().values()) == {"final"}


def test_nothing_is_planned_before_the_interval_has_passed_or_enough_has_come(here: World) -> None:
    anchorer = here.anchorer(policy=AnchorPolicy(interval=timedelta(minutes=10), growth=100))
    assert anchorer.plan() is None, "there is no checkpoint yet"
    here.publish(3)
    assert anchorer.plan() is not None
    assert anchorer.plan() is None, "the one before waits for its block"
    anchorer.run_until(3)
    here.publish(1)
    assert anchorer.plan() is None
    here.clock.forward(600)
    planned = anchorer.plan()
    assert planned is not None
    assert planned.size == 4
    anchorer.run_until(4)
    here.publish(99)
    assert anchorer.plan() is None
    here.publish(1)
    planned = anchorer.plan()
    assert planned is not None
    assert planned.size == 104
    assert anchorer.plan(now=True) is None, "it is planned already"


def test_a_size_that_a_receipt_wants_is_anchored_before_a_newer_one(here: World) -> None:
    sizes = [here.publish(2) for _ in range(3)]
    with here.store.write() as connection:
        root = here.root(sizes[0])
        for _ in range(2):
            anchors.want(connection, here.log_id, sizes[0], root)
        assert [one.size for one in anchors.listed(connection, here.log_id)] == [sizes[0]]
        assert anchors.smallest_size_above(connection, here.log_id, 0) == sizes[0]
    here.anchorer().plan(now=True)
    here.anchorer().run_until(sizes[2])
    assert here.anchored_events() == [sizes[0], sizes[2]]


def test_the_contracts_growth_limit_is_met_by_stepping_through_published_sizes(
    tmp_path: Path, fresh_sqlite: str
) -> None:
    with world(tmp_path, fresh_sqlite, max_growth=10) as here:
        for entries in (4, 4, 4, 8, 3):
            here.publish(entries)
        here.anchorer().run_until(23)
        assert here.anchored_events() == [8, 12, 20, 23]
        here.publish(11)
        with pytest.raises(ConfigurationError, match="at most 10 entries an anchor"):
            here.anchorer().run_until(34)
        assert "at most 10 entries" in (here.row(34).problem or "")
        here.store.close()


def test_a_key_that_is_not_the_anchorers_is_refused_and_nothing_is_sent(here: World) -> None:
    size = here.publish(5)
    stranger = here.anchorer(account=devnet_account(31337, 2))
    with pytest.raises(UnauthorisedError, match="NotAnchorer"):
        stranger.run_until(size)
    row = here.row(size)
    assert (row.state, row.nonce) == ("planned", None)
    assert "NotAnchorer" in (row.problem or "")
    assert here.anchorer().run_until(size).problem is None, "the right key goes on"


def test_a_log_that_is_bound_to_no_chain_is_a_matter_of_configuration(here: World) -> None:
    with here.store.write() as connection:
        logs.create(connection, origin="other.example/log", zone="UTC", day_cut="00:00")
    with pytest.raises(ConfigurationError, match="bound to no chain"):
        Anchorer(here.store, "other.example/log", here.client, here.account)


def test_what_an_anchor_waits_for_is_logged_once(here: World) -> None:
    size = here.publish(5)
    here.rpc("anvil_setBalance", "0x" + here.account.address.hex(), "0x0")
    with capture_logs() as logged, pytest.raises(UnavailableError):
        here.anchorer().run_until(size, timeout=1)
    [waits] = [one for one in logged if one["event"] == "anchor_waits"]
    assert (waits["log_level"], waits["size"]) == ("warning", size)
    assert "fund it" in waits["reason"]


def test_an_account_without_money_says_whom_to_fund_and_goes_on_once_funded(here: World) -> None:
    size = here.publish(5)
    address = "0x" + here.account.address.hex()
    here.rpc("anvil_setBalance", address, "0x0")
    with pytest.raises(UnavailableError, match=f"account {address} has 0 wei.*fund it"):
        here.anchorer().run_until(size, timeout=0)
    assert not here.anchorer().step(), "the worker goes on, so that publishing does"
    row = here.row(size)
    assert (row.state, row.attempts) == ("planned", 0)
    assert "fund it" in (row.problem or "")
    here.rpc("anvil_setBalance", address, hex(10**18))
    assert here.anchorer().run_until(size).state == "mined"
    assert here.row(size).problem is None


def test_an_account_that_runs_dry_after_signing_sends_when_it_is_funded(here: World) -> None:
    size = here.publish(5)
    address = "0x" + here.account.address.hex()
    with pytest.raises(Crash):
        here.anchorer(crash="stored").run_until(size)
    here.rpc("anvil_setBalance", address, "0x1")
    assert not here.anchorer().step()
    assert "has 1 wei" in (here.row(size).problem or "")
    here.rpc("anvil_setBalance", address, hex(10**18))
    row = here.anchorer().run_until(size)
    assert (row.state, row.attempts, row.problem) == ("mined", 1, None)


def test_another_root_at_our_size_stops_everything_and_names_both(here: World) -> None:
    size = here.publish(5)
    here.anchorer().plan(now=True)
    here.anchor_from_elsewhere(size, b"\x66" * 32)
    ours = here.row(size).root
    for _ in range(2):
        with pytest.raises(IntegrityError) as caught:
            here.anchorer().step()
        assert "0x" + "66" * 32 in str(caught.value)
        assert "0x" + ours.hex() in str(caught.value)
    assert here.row(size).state == "planned"
    assert "another root" in (here.row(size).problem or "")


def test_a_head_that_is_not_ours_stops_everything(here: World) -> None:
    here.anchor_from_elsewhere(3, b"\x66" * 32)
    here.publish(5)
    with pytest.raises(IntegrityError, match="another root at size 3"):
        here.anchorer().run_until(5)


def test_a_database_older_than_the_contract_stops_everything(here: World) -> None:
    here.publish(5)
    here.anchor_from_elsewhere(9, b"\x66" * 32)
    with pytest.raises(IntegrityError, match="holds size 9, this database only 5 entries"):
        here.anchorer().run_until(5)


def test_a_size_that_the_contract_went_past_is_superseded(here: World) -> None:
    small = here.publish(5)
    here.anchorer().plan(now=True)
    large = here.publish(5)
    here.anchor_from_elsewhere(large, here.root(large))
    assert not here.anchorer().step()
    assert here.row(small).state == "planned", "a reorg may still undo it"
    here.mine(2)
    assert here.anchorer().step()
    assert here.row(small).state == "superseded"
    here.anchorer().run_until(large)
    assert here.row(large).state == "final"
    assert here.row(large).block_hash is not None, "found by its event: the transaction was not ours"
    with here.store.read() as connection:
        assert anchors.smallest_size_above(connection, here.log_id, 0) == large


def test_a_paused_log_waits_and_a_closed_one_is_a_matter_of_configuration(here: World) -> None:
    size = here.publish(5)
    until = here.client.latest().time + 3600
    here.client.execute(here.owner, "pause", here.client.log_key, until)
    with pytest.raises(UnavailableError, match="paused"):
        here.anchorer().run_until(size, timeout=0)
    here.client.execute(here.owner, "unpause", here.client.log_key)
    here.anchorer().run_until(size)
    here.publish(2)
    here.client.execute(here.owner, "close", here.client.log_key, size, bytes(32))
    with pytest.raises(ConfigurationError, match="LogIsClosed"):
        here.anchorer().run_until(7)


@pytest.mark.parametrize("finality", ["instant", "depth:3", "tag:safe"])
def test_finality_is_a_policy(tmp_path: Path, fresh_sqlite: str, finality: str) -> None:
    with world(tmp_path, fresh_sqlite, finality=finality) as here:
        size = here.publish(5)
        anchorer = here.anchorer()
        anchorer.run_until(size)
        blocks = 0
        while here.row(size).state != "final":
            if not anchorer.step():
                here.mine()
                blocks += 1
        assert blocks == {"instant": 0, "depth:3": 3, "tag:safe": 1}[finality]
        here.store.close()


def test_the_same_on_postgresql(tmp_path: Path, fresh_postgres: str) -> None:
    with world(tmp_path, fresh_postgres) as here:
        for entries in (5, 9):
            here.anchorer().run_until(here.publish(entries), "final")
        assert here.anchored_events() == [5, 14]
        assert here.states() == {5: "final", 14: "final"}
        here.store.close()
