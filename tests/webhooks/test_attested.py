"""Attestations on a real chain, told to those who may see what they are about."""

from __future__ import annotations

import json

import pytest

from ledger.chain import devnet
from ledger.store.logs import ChainRow
from ledger.webhooks.sources.attested import Attested
from tests.chain.test_attestation_registry import Scene, scene  # noqa: F401 - the fixture
from tests.webhooks.conftest import Office

pytestmark = pytest.mark.devnet


@pytest.fixture
def listening(office: Office, scene: Scene) -> Office:  # noqa: F811 - the fixture
    """The office's log is the scene's, and its parties listen."""
    client = scene.anchors
    office.pools()
    office.ledger.bind_chain(
        ChainRow(
            chain_id=31337,
            genesis=client.genesis(),
            contract=client.contract,
            code_hash=client.code_hash(),
            log_key=client.log_key,
            finality="depth:2",
            grade="devnet",
            max_anchor_age=604_800,
        )
    )
    office.courier = office.new_courier(Attested(lambda: client, every=0))
    for party in ("bank-a", "bank-b", "bank-c"):
        office.add(party, path=f"/{party}")
    return office


def mine(scene: Scene, blocks: int) -> None:  # noqa: F811
    devnet.mine(scene.anchors._rpc._url, blocks)


def test_attestations_are_told_once_their_block_is_final(listening: Office, scene: Scene) -> None:  # noqa: F811
    office = listening
    office.ledger.bind_attestations(scene.registry.contract)
    mine(scene, 2)
    scene.relay(scene.sign(scene.signer(), subject="pool:A", rules_version=7))
    mine(scene, 2)
    office.run()
    assert office.receiver.got == []  # made before anybody asked
    signer = scene.signer()
    for subject in ("pool:A", "pool:B", "pool:unknown", "loan:L0", "log"):
        scene.relay(scene.sign(signer, subject=subject))
    office.run()
    assert "log" not in {body["data"]["subject"] for body in office.bodies}  # not final yet
    mine(scene, 2)
    office.run()
    office.run()
    heard = sorted((got.path, json.loads(got.body)["data"]["subject"]) for got in office.receiver.got)
    assert heard == [
        ("/bank-a", "log"), ("/bank-a", "pool:A"), ("/bank-b", "log"), ("/bank-b", "pool:B"), ("/bank-c", "log"),
    ]  # fmt: skip
    [body] = [one for one in office.bodies if one["data"]["subject"] == "pool:A"]
    assert body["type"] == "attestation.made"
    data = body["data"]
    assert (data["signer"], data["verdict"], data["scope"]) == (
        f"0x{signer.address.hex()}",
        "checked",
        "all of it",
    )
    assert (data["size"], data["root"], data["evidence"]) == (10, "0a" * 32, "0e" * 32)
    assert (data["index"], data["contract"]) == (1, f"0x{scene.registry.contract.hex()}")


def test_a_log_without_them_asks_nothing(listening: Office) -> None:
    def asked() -> None:
        raise AssertionError("the node was asked")

    listening.courier = listening.new_courier(Attested(asked, every=0))  # type: ignore[arg-type]
    listening.run()
    listening.run()


def test_the_node_is_asked_seldom(listening: Office, scene: Scene) -> None:  # noqa: F811
    asked = 0

    def node() -> object:
        nonlocal asked
        asked += 1
        return scene.anchors

    listening.ledger.bind_attestations(scene.registry.contract)
    listening.courier = listening.new_courier(Attested(node, every=3_600))  # type: ignore[arg-type]
    for _ in range(5):
        listening.run()
    assert asked == 2  # where to begin, and the first look
