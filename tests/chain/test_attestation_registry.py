"""The AttestationRegistry on a real chain: what is relayed is read back, and what must not count is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ledger.chain import devnet
from ledger.chain.artifact import attestation_registry
from ledger.chain.attestation import Attestation, SignedAttestation, Verdict
from ledger.chain.attestation_registry import AttestationRegistry
from ledger.chain.client import ChainClient
from ledger.chain.keystore import ChainAccount, devnet_account
from ledger.errors import ConfigurationError, VerificationError

pytestmark = pytest.mark.devnet

ROOT = b"\x0a" * 32


@dataclass
class Scene:
    """A log anchored at 10, its attestation contract, and signers who have made nothing yet."""

    anchors: ChainClient
    registry: AttestationRegistry
    payer: ChainAccount
    made: int = 0

    def signer(self) -> ChainAccount:
        """A key that nobody funded: others pay."""
        from eth_account import Account

        self.made += 1
        return ChainAccount(Account.from_key((0xA77E57 + self.made).to_bytes(32, "big")))

    def sign(
        self, signer: ChainAccount, *, key: ChainAccount | None = None, **changes: Any
    ) -> SignedAttestation:
        """The signer's next, signed by ``key`` where that is another's."""
        latest = self.anchors.latest()
        members: dict[str, Any] = {
            "log": self.anchors.log_key,
            "size": 10,
            "root": ROOT,
            "subject": "pool:W1",
            "scope": "all of it",
            "rules_version": 1,
            "evidence": b"\x0e" * 32,
            "verdict": Verdict.CHECKED,
            "signer": signer.address,
            "nonce": self.registry.nonce_of(signer.address),
            "deadline": latest.time + 3600,
        }
        one = Attestation(**(members | changes))
        typed = one.typed_data(chain_id=31337, contract=self.registry.contract)
        return SignedAttestation(
            chain_id=31337,
            contract=self.registry.contract,
            attestation=one,
            signature=(key or signer).sign_typed(typed),
        )

    def relay(self, signed: SignedAttestation) -> None:
        self.registry.relay(self.payer, signed)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with devnet.running(tmp_path_factory.mktemp("devnet")) as running:
        node = ChainClient(running.url)
        owner = devnet_account(31337)
        anchors = node.deploy(owner).open_log(
            owner, origin="a.example/log", anchorer=owner.address, max_growth=100, trust_root=b"\x07" * 32
        )
        anchors.send(owner, anchors.anchor_data(0, 10, ROOT, []))
        registry = AttestationRegistry.deploy(node, owner, anchors=anchors.contract)
        yield Scene(anchors, registry, devnet_account(31337, 3))
        node.close()


def test_what_is_relayed_is_read_back(scene: Scene) -> None:
    signer, subject = scene.signer(), "pool:read-back"
    log = scene.anchors.log_key
    assert scene.registry.count(log, subject) == 0
    assert list(scene.registry.newest_first(log, subject)) == []
    for verdict in Verdict:
        signed = scene.sign(signer, subject=subject, verdict=verdict, scope=f"to be {verdict}")
        scene.relay(SignedAttestation.parse(signed.encode()))  # through a file
    found = scene.registry.page(log, subject, 0, 100)
    assert [one.verdict for one in found] == list(Verdict)
    assert [one.index for one in found] == [0, 1, 2]
    assert list(scene.registry.newest_first(log, subject)) == found[::-1]
    last, one = found[-1], signed.attestation
    assert (last.signer, last.scope, last.size, last.root) == (one.signer, one.scope, one.size, one.root)
    assert (last.rules_version, last.evidence) == (one.rules_version, one.evidence)
    assert abs(last.time - scene.anchors.latest().time) < 60
    assert scene.registry.page(log, subject, 3, 100) == []


def test_many_are_read_page_by_page(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.chain.attestation_registry._PAGE", 2)
    signer = scene.signer()
    for number in range(5):
        scene.relay(scene.sign(signer, subject="pool:many", rules_version=number))
    found = scene.registry.newest_first(scene.anchors.log_key, "pool:many")
    assert [(one.index, one.rules_version) for one in found] == [(4, 4), (3, 3), (2, 2), (1, 1), (0, 0)]


def test_the_contract_makes_the_same_digest(scene: Scene) -> None:
    signed = scene.sign(scene.signer())
    registry = scene.registry.client
    digest = registry.call("digestOf", signed.attestation.to_chain())["digest"]
    assert digest == signed.attestation.digest(chain_id=31337, contract=scene.registry.contract)


def test_the_contract_is_checked(scene: Scene) -> None:
    scene.registry.check(anchors=scene.anchors.contract)
    assert scene.registry.anchors() == scene.anchors.contract
    with pytest.raises(VerificationError, match="is not the AttestationRegistry of 0x07"):
        scene.registry.check(anchors=b"\x07" * 20)
    with pytest.raises(VerificationError, match="is not the AttestationRegistry"):
        AttestationRegistry(scene.anchors, scene.anchors.contract).check(anchors=scene.anchors.contract)
    with pytest.raises(VerificationError, match="there is no contract"):
        AttestationRegistry(scene.anchors, b"\x07" * 20).check(anchors=scene.anchors.contract)


def test_it_is_not_made_for_nothing(scene: Scene) -> None:
    with pytest.raises(VerificationError, match="NoRegistry"):
        AttestationRegistry.deploy(scene.anchors, scene.payer, anchors=b"\x07" * 20)


def test_the_immutable_stands_in_the_code() -> None:
    artifact = attestation_registry()
    assert len(artifact.immutables) == 3
    code = artifact.deployed_with(b"\xab" * 20)
    assert code.count(bytes(12) + b"\xab" * 20) == 3
    assert artifact.deployed_with(bytes(20)) == artifact.deployed


def test_a_replay(scene: Scene) -> None:
    signed = scene.sign(scene.signer())
    scene.relay(signed)
    with pytest.raises(ConfigurationError, match="was relayed already"):
        scene.relay(signed)
    # The contract refuses it by itself too.
    data = scene.registry.client._abi.encode("attest", signed.attestation.to_chain(), signed.signature)
    with pytest.raises(ConfigurationError, match=r"WrongNonce\(.*nonce=1, given=0\)"):
        scene.registry.client.estimate(scene.payer.address, data)


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"root": b"\x0b" * 32}, VerificationError, "WrongRoot"),
        ({"size": 11}, VerificationError, "SizeNotAnchored"),
        ({"log": bytes(32)}, VerificationError, "SizeNotAnchored"),
        ({"evidence": bytes(32)}, VerificationError, "ZeroEvidence"),
        ({"deadline": 1_000}, ConfigurationError, "Expired"),
        ({"nonce": 1}, ConfigurationError, "WrongNonce"),
    ],
)
def test_a_wrong_member(scene: Scene, changes: dict[str, Any], error: type[Exception], says: str) -> None:
    signer = scene.signer()
    with pytest.raises(error, match=says):
        scene.relay(scene.sign(signer, **changes))
    assert scene.registry.nonce_of(signer.address) == 0


def test_a_foreign_signature(scene: Scene) -> None:
    signer = scene.signer()
    with pytest.raises(VerificationError, match="InvalidSignature"):
        scene.relay(scene.sign(signer, key=scene.signer()))
    signed = scene.sign(signer)
    altered = replace(signed, attestation=replace(signed.attestation, verdict=Verdict.DISPUTED))
    with pytest.raises(VerificationError, match="InvalidSignature"):
        scene.relay(altered)


def test_another_chain_or_contract(scene: Scene) -> None:
    signer = scene.signer()
    signed = scene.sign(signer)
    with pytest.raises(ConfigurationError, match="signed for chain 1; "):
        scene.relay(replace(signed, chain_id=1))
    with pytest.raises(ConfigurationError, match="signed for the contract 0x07"):
        scene.relay(replace(signed, contract=b"\x07" * 20))
    # Signed for another chain, and the file's word for it changed.
    typed = signed.attestation.typed_data(chain_id=1, contract=scene.registry.contract)
    foreign = signer.sign_typed(typed)
    with pytest.raises(VerificationError, match="InvalidSignature"):
        scene.relay(replace(signed, signature=foreign))
