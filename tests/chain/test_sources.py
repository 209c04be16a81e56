"""A node as the source of anchors: every parameter from the trust root, every contradiction named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ledger.chain import devnet
from ledger.chain.client import ChainClient
from ledger.chain.keystore import devnet_account
from ledger.chain.sources import OnlineAnchors
from ledger.errors import (
    ConfigurationError,
    InconsistencyError,
    UnavailableError,
    UndeterminedError,
    VerificationError,
)
from ledger.proofs.trust import ChainTrust, PinnedBlock, TrustRoot
from ledger.proofs.verdict import Level
from ledger.proofs.verify import verify_receipt
from tests.samples import ORIGIN, TRUST, SampleLog, simple_log

pytestmark = pytest.mark.devnet

OWNER = devnet_account(31337, 0)


@dataclass
class Here:
    """The sample log, opened on a devnet with its trust root, not anchored yet."""

    client: ChainClient
    log: SampleLog
    trust: TrustRoot
    url: str

    @property
    def size(self) -> int:
        return len(self.log.entries)

    def anchor(self, root: bytes | None = None) -> int:
        data = self.client.anchor_data(0, self.size, root or self.log.checkpoint(self.size).root, [])
        return self.client.send(OWNER, data).block_number

    def source(self, clock: Any = None, **chain: Any) -> OnlineAnchors:
        assert self.trust.chain is not None
        trust = replace(self.trust, chain=replace(self.trust.chain, **chain))
        return OnlineAnchors(ChainClient(self.url), trust, **({"clock": clock} if clock else {}))


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    log = simple_log()
    with devnet.running(tmp_path / "devnet") as chain:
        node = ChainClient(chain.url)
        deployed = node.deploy(OWNER)
        log_key = deployed.call("logKey", OWNER.address, ORIGIN)["log"]
        trust = replace(
            TRUST,
            chain=ChainTrust(
                chain_id=node.chain_id(),
                genesis=node.genesis(),
                contract=deployed.contract,
                code_hash=deployed.code_hash(),
                log_id=log_key,
                finality="tag:finalized",
                grade="devnet",
                max_anchor_age=3600,
            ),
        )
        client = deployed.open_log(
            OWNER,
            origin=ORIGIN,
            anchorer=OWNER.address,
            max_growth=1000,
            trust_root=bytes.fromhex(trust.fingerprint),
        )
        yield Here(client, log, trust, chain.url)


def test_an_anchor_is_anchored_first_and_final_two_blocks_later(here: Here) -> None:
    number = here.anchor()
    view = here.source().root_at(here.size)
    assert (view.size, view.root) == (here.size, here.log.checkpoint(here.size).root)
    assert view.level is Level.ANCHORED
    assert view.block_number == number
    assert view.trust_fingerprint == here.trust.fingerprint
    devnet.mine(here.url, 2)
    assert here.source().root_at(here.size).level is Level.FINAL


@pytest.mark.parametrize(("policy", "blocks"), [("instant", 0), ("depth:2", 2), ("tag:safe", 1)])
def test_finality_is_the_trust_roots(here: Here, policy: str, blocks: int) -> None:
    here.anchor()
    for _ in range(blocks):
        assert here.source(finality=policy).root_at(here.size).level is Level.ANCHORED
        devnet.mine(here.url)
    assert here.source(finality=policy).root_at(here.size).level is Level.FINAL


def test_a_size_that_is_not_anchored_leaves_it_open(here: Here) -> None:
    with pytest.raises(
        UndeterminedError, match=f"size {here.size} of this log is not anchored: it has no anchor"
    ):
        here.source().root_at(here.size)
    here.anchor()
    with pytest.raises(UndeterminedError, match=f"its newest anchor is of size {here.size}"):
        here.source().root_at(here.size - 1)


def test_the_age_of_the_newest_anchor_is_told(here: Here) -> None:
    here.anchor()
    time = here.client.latest().time
    assert here.source(clock=lambda: time + 4000.0).root_at(here.size).anchor_age == 4000
    assert here.source(clock=lambda: time - 5.0).root_at(here.size).anchor_age == 0


def test_sizes_that_the_owner_disowned_are_refused(here: Here) -> None:
    here.anchor()
    here.client.execute(OWNER, "close", here.client.log_key, 0, b"\x09" * 32)
    with pytest.raises(VerificationError, match="disowns every size above 0") as caught:
        here.source().root_at(here.size)
    assert caught.value.evidence["successor"] == "0x" + "09" * 32


def test_a_closed_log_keeps_its_good_sizes(here: Here) -> None:
    here.anchor()
    here.client.execute(OWNER, "close", here.client.log_key, here.size, bytes(32))
    assert here.source().root_at(here.size).level is Level.ANCHORED


def test_a_node_of_another_chain_is_refused(here: Here) -> None:
    here.anchor()
    with pytest.raises(ConfigurationError, match="serves chain id 31337, expected is 1"):
        here.source(chain_id=1).root_at(here.size)
    with pytest.raises(ConfigurationError, match="has genesis block"):
        here.source(genesis=b"\x01" * 32).root_at(here.size)


def test_another_contract_or_log_is_refused(here: Here) -> None:
    here.anchor()
    with pytest.raises(VerificationError, match="there is no contract"):
        here.source(contract=b"\x02" * 20).root_at(here.size)
    with pytest.raises(VerificationError, match="has code"):
        here.source(code_hash=b"\x03" * 32).root_at(here.size)
    with pytest.raises(VerificationError, match="has no log"):
        here.source(log_id=b"\x04" * 32).root_at(here.size)


def test_a_pinned_block_must_be_on_the_nodes_chain(here: Here) -> None:
    number = here.anchor()
    block = here.client.block(number)
    assert block is not None
    seen = replace(here.trust, pinned_blocks=(PinnedBlock(number=number, hash=block.hash),))
    assert (
        OnlineAnchors(ChainClient(here.url), seen).root_at(here.size).root
        == here.log.checkpoint(here.size).root
    )
    for pinned in (PinnedBlock(number=number, hash=b"\x01" * 32), PinnedBlock(number=10**6, hash=block.hash)):
        other = replace(here.trust, pinned_blocks=(pinned,))
        with pytest.raises(ConfigurationError, match=f"at number {pinned.number}, the trust root pins"):
            OnlineAnchors(ChainClient(here.url), other).root_at(here.size)


def test_a_node_that_is_down_is_unavailable(here: Here) -> None:
    down = OnlineAnchors(ChainClient("http://127.0.0.1:1", timeout=1), here.trust)
    with pytest.raises(UnavailableError):
        down.root_at(here.size)


def test_a_trust_root_without_a_chain_leaves_it_open(here: Here) -> None:
    with pytest.raises(UndeterminedError, match="names no chain"):
        OnlineAnchors(ChainClient(here.url), replace(here.trust, chain=None))


# ------------------------------------------------------------------------------- as the verifier uses it


def receipt(here: Here) -> bytes:
    assert here.trust.chain is not None
    return here.log.receipt(1, chain=here.trust.chain.binding).encode()


def test_a_receipt_verifies_against_the_node_up_to_final(here: Here) -> None:
    here.anchor()
    verdict = verify_receipt(here.trust, receipt(here), anchors=here.source(), require=Level.ANCHORED)
    assert verdict.level is Level.ANCHORED
    with pytest.raises(UndeterminedError, match="level final was not shown"):
        verify_receipt(here.trust, receipt(here), anchors=here.source(), require=Level.FINAL)
    devnet.mine(here.url, 2)
    verdict = verify_receipt(here.trust, receipt(here), anchors=here.source(), require=Level.FINAL)
    assert verdict.level is Level.FINAL
    assert "node" in {caveat.name for caveat in verdict.not_checked}


def test_another_root_on_chain_contradicts_the_receipt(here: Here) -> None:
    here.anchor(root=b"\x66" * 32)
    with pytest.raises(InconsistencyError) as caught:
        verify_receipt(here.trust, receipt(here), anchors=here.source())
    assert caught.value.evidence["contract"]["root"] == "66" * 32
    assert caught.value.evidence["checkpoint"]["root"] == here.log.checkpoint(here.size).root.hex()


def test_a_stale_trust_root_is_refused_with_both_fingerprints(here: Here) -> None:
    here.anchor()
    here.client.set_trust_root(OWNER, b"\x08" * 32)
    with pytest.raises(VerificationError, match="stale") as caught:
        verify_receipt(here.trust, receipt(here), anchors=here.source())
    assert caught.value.step == "trust_root"
    assert caught.value.evidence == {"contract": "08" * 32, "given": here.trust.fingerprint}


def test_a_log_that_stopped_anchoring_is_a_warning(here: Here) -> None:
    here.anchor()
    late = here.source(clock=lambda: here.client.latest().time + 3601.0)
    verdict = verify_receipt(here.trust, receipt(here), anchors=late)
    assert any("newest anchor of the log is 3601 s old" in warning for warning in verdict.warnings)


def test_a_node_that_is_down_leaves_the_receipt_published(here: Here) -> None:
    down = OnlineAnchors(ChainClient("http://127.0.0.1:1", timeout=1), here.trust)
    assert verify_receipt(here.trust, receipt(here), anchors=down).level is Level.PUBLISHED
    with pytest.raises(UndeterminedError, match="no connection"):
        verify_receipt(here.trust, receipt(here), anchors=down, require=Level.ANCHORED)
