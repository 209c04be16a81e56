"""“Not pledged at this checkpoint”, by the files that a ledger hands out: offline, and by the contract itself.

The same proofs go to the verifier and into eth_call; forged ones are refused by both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ledger.chain import devnet
from ledger.chain.client import ChainClient
from ledger.chain.keystore import devnet_account
from ledger.domain import statements
from ledger.domain.events import read_submission
from ledger.errors import PoolproofError, VerificationError
from ledger.log import Ledger
from ledger.proofs import mpt
from ledger.proofs.claimproof import ClaimProof
from ledger.proofs.encumbrance import claim_key, pool_key
from ledger.proofs.entries import RegisterEntry, parse_entry
from ledger.proofs.note import Signer
from ledger.proofs.sealproof import SealProof
from ledger.proofs.verify import verify_file
from ledger.store import Store
from ledger.vault import Vault
from tests import book
from tests.conftest import NOW
from tests.databases import sqlite_in

pytestmark = pytest.mark.devnet

ORIGIN = "fenqile.example/consumer-2026"
BANK = Signer.from_seed("bank-a", bytes([10]) * 32)
SERVICE = Signer.from_seed(f"{ORIGIN}/service", bytes(32))
#: An asset key that nobody has used.
UNKNOWN = hashlib.sha256(b"a loan of somebody else's").hexdigest()


@dataclass(frozen=True)
class Scene:
    """A log whose sizes before and after a release are anchored."""

    ledger: Ledger
    chain: ChainClient
    pledged_size: int
    size: int


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """L0 pledged, L1 pledged and given back, L2 never pledged, among twenty loans; the pool is sealed."""
    folder = tmp_path_factory.mktemp("not-pledged")
    with devnet.running(folder / "devnet") as running:
        chain = ChainClient(running.url)
        owner, anchorer = devnet_account(31337, 0), devnet_account(31337, 1)
        log = chain.deploy(owner).open_log(
            owner, origin=ORIGIN, anchorer=anchorer.address, max_growth=1_000, trust_root=b"\x07" * 32
        )
        store = Store(sqlite_in(folder))
        ledger = Ledger.create(
            store, ORIGIN, vault=Vault.create(folder / "kek"), service=SERVICE,
            signer=Signer.from_seed(ORIGIN, bytes([1]) * 32), clock=lambda: NOW,
        )  # fmt: skip
        ledger.add_party("fenqile", ["originator", "servicer"])
        ledger.add_party("bank-a", ["funding_partner"], [BANK.verifier.vkey])

        def anchor(before: int) -> int:
            row = ledger.publish()
            assert row is not None
            proof = ledger.consistency_proof(before, row.size) if before else []
            log.send(anchorer, log.anchor_data(before, row.size, row.root, proof))
            return row.size

        day = {"effective": "2026-11-01"}
        events = [*book.loans(20), book.pool_created("P", **day)]
        events.append(book.pledged("P", "bank-a", ("L0", "c1", 10**6), ("L1", "c1", 10**6), id="pledge"))
        ledger.append(events, party="fenqile")
        pledged_size = anchor(0)
        data = {"claims": [{"loan": "L1", "claim": "c1"}]}
        release = read_submission(book.event("claim.released", "pool:P", data, id="back"), party="bank-a")
        ledger.append([statements.sign_submission(BANK, ORIGIN, release)], party="bank-a")
        ledger.seal_pool("P", party="fenqile", as_of="2026-11-01", size=pledged_size)
        size = anchor(pledged_size)
        yield Scene(ledger, log, pledged_size, size)
        store.close()
        chain.close()


def register_proof(proof: ClaimProof | SealProof, steps: mpt.Proof) -> tuple[Any, ...]:
    """The contract's RegisterProof: count, root, inclusion, bits, siblings."""
    entry = parse_entry(proof.register.entry)
    assert isinstance(entry, RegisterEntry)
    return (
        entry.count,
        entry.root,
        list(proof.register.proof),
        bytes(bit for bit, _ in steps.steps),
        [sibling for _, sibling in steps.steps],
    )


@dataclass(frozen=True)
class Unencumbered:
    """One call of verifyUnencumbered."""

    size: int
    key: bytes
    nonce: bytes
    version: int
    history: bytes
    state: bytes
    proof: tuple[Any, ...]

    @classmethod
    def of(cls, proof: ClaimProof, size: int) -> Unencumbered:
        assert proof.encumbrance is not None
        assert proof.state is not None
        place = proof.encumbrance
        return cls(
            size, claim_key(proof.asset_key), place.nonce, place.version, place.history,
            hashlib.sha256(proof.state.encode()).digest(), register_proof(proof, proof.proof),
        )  # fmt: skip

    def ask(self, chain: ChainClient) -> None:
        chain.call(
            "verifyUnencumbered", chain.log_key, self.size, self.key, self.nonce, self.version, self.history,
            self.state, self.proof,
        )  # fmt: skip


@dataclass(frozen=True)
class Absence:
    """One call of verifyAbsence."""

    size: int
    key: bytes
    other: bytes
    value: tuple[bytes, bytes]
    proof: tuple[Any, ...]

    @classmethod
    def of(cls, proof: ClaimProof, size: int) -> Absence:
        assert proof.proof.other is not None
        other, value = proof.proof.other
        key = claim_key(proof.asset_key)
        return cls(size, key, other, (value[:32], value[32:]), register_proof(proof, proof.proof))

    def ask(self, chain: ChainClient) -> None:
        chain.call("verifyAbsence", chain.log_key, self.size, self.key, self.other, self.value, self.proof)


def refusal(call: Unencumbered | Absence, chain: ChainClient) -> str:
    """The contract's own error."""
    with pytest.raises(VerificationError) as caught:
        call.ask(chain)
    name: str = caught.value.evidence["error"]
    return name


def read(scene: Scene, claim: str, size: int | None = None) -> ClaimProof:
    """The ledger's proof, verified offline."""
    data = scene.ledger.prove_claim(claim, size=size)
    verify_file(scene.ledger.trust_root(), data)
    return ClaimProof.parse(data)


def flip(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


@pytest.mark.parametrize(("claim", "version"), [("L2/c1", 0), ("L1/c1", 2)])
def test_a_claim_that_nobody_holds_is_shown_to_both(scene: Scene, claim: str, version: int) -> None:
    proof = read(scene, claim)
    assert proof.encumbrance is not None
    assert (proof.encumbrance.holders, proof.encumbrance.version) == ((), version)
    Unencumbered.of(proof, scene.size).ask(scene.chain)


def test_an_asset_key_that_the_log_never_met_is_shown_to_both(scene: Scene) -> None:
    for size in (scene.pledged_size, scene.size):
        proof = read(scene, UNKNOWN, size)
        assert not proof.presence
        Absence.of(proof, size).ask(scene.chain)


def test_what_was_pledged_then_and_is_not_now(scene: Scene) -> None:
    then = read(scene, "L1/c1", scene.pledged_size)
    assert then.encumbrance is not None
    assert then.encumbrance.taken == 10**6
    assert refusal(Unencumbered.of(then, scene.pledged_size), scene.chain) == "InvalidMapProof"
    now = Unencumbered.of(read(scene, "L1/c1"), scene.size)
    assert refusal(replace(now, size=scene.pledged_size), scene.chain) == "InvalidInclusionProof"


FORGED: dict[str, tuple[Callable[[Unencumbered], Unencumbered], str]] = {
    "another claim's key": (lambda call: replace(call, key=flip(call.key)), "InvalidMapProof"),
    "another nonce": (lambda call: replace(call, nonce=flip(call.nonce)), "InvalidMapProof"),
    "another version": (lambda call: replace(call, version=call.version + 1), "InvalidMapProof"),
    "another history": (lambda call: replace(call, history=flip(call.history)), "InvalidMapProof"),
    "another state": (lambda call: replace(call, state=flip(call.state)), "InvalidMapProof"),
    "another size": (lambda call: replace(call, size=call.size - 1), "SizeNotAnchored"),
    "another count": (
        lambda call: replace(call, proof=(call.proof[0] + 1, *call.proof[1:])), "InvalidInclusionProof",
    ),
    "another register": (
        lambda call: replace(call, proof=(call.proof[0], bytes(32), *call.proof[2:])), "InvalidInclusionProof",
    ),
    "an inclusion hash less": (
        lambda call: replace(call, proof=(*call.proof[:2], call.proof[2][1:], *call.proof[3:])),
        "InvalidInclusionProof",
    ),
    "a step less": (
        lambda call: replace(call, proof=(*call.proof[:3], call.proof[3][1:], call.proof[4][1:])), "InvalidMapProof",
    ),
    "another bit": (
        lambda call: replace(call, proof=(*call.proof[:3], flip(call.proof[3]), call.proof[4])), "InvalidMapProof",
    ),
    "another sibling": (
        lambda call: replace(call, proof=(*call.proof[:4], [flip(call.proof[4][0]), *call.proof[4][1:]])),
        "InvalidMapProof",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_proof_is_refused_by_the_contract(scene: Scene, name: str) -> None:
    forge, error = FORGED[name]
    assert refusal(forge(Unencumbered.of(read(scene, "L1/c1"), scene.size)), scene.chain) == error


def test_a_pledged_claim_is_not_shown_as_free(scene: Scene) -> None:
    """With its own nonce, version and history, with those of a free claim, or as if it were not there."""
    pledged, free = read(scene, "L0/c1"), Unencumbered.of(read(scene, "L2/c1"), scene.size)
    call = Unencumbered.of(pledged, scene.size)
    assert refusal(call, scene.chain) == "InvalidMapProof"
    assert refusal(replace(free, key=call.key), scene.chain) == "InvalidMapProof"
    absent = Absence.of(read(scene, UNKNOWN), scene.size)
    assert refusal(replace(absent, key=call.key), scene.chain) == "InvalidMapProof"
    own = replace(absent, key=call.key, other=call.key, proof=call.proof)
    assert refusal(own, scene.chain) == "InvalidMapProof"


def test_a_register_of_the_forgers_own_is_refused_by_both(scene: Scene) -> None:
    """A map in which the pledged claim is free has another root, and that root is in no anchored tree."""
    pledged = read(scene, "L0/c1")
    assert pledged.encumbrance is not None
    assert pledged.state is not None
    place = replace(pledged.encumbrance, holders=())
    key = claim_key(pledged.asset_key)
    value = hashlib.sha256(place.encode()).digest() + hashlib.sha256(pledged.state.encode()).digest()
    mapping = {key: value, bytes(32): bytes(64)}
    steps = mpt.prove(mapping, key)
    entry = parse_entry(pledged.register.entry)
    assert isinstance(entry, RegisterEntry)
    own = replace(entry, count=2, root=mpt.root(mapping))
    forged = replace(
        pledged, encumbrance=place, proof=steps, register=replace(pledged.register, entry=own.encode())
    )
    assert refusal(Unencumbered.of(forged, scene.size), scene.chain) == "InvalidInclusionProof"
    with pytest.raises(VerificationError) as caught:
        verify_file(scene.ledger.trust_root(), forged.signed(SERVICE).encode())
    assert caught.value.step == "register"


@pytest.mark.parametrize(
    ("name", "forge", "step"),
    [
        ("no holders", lambda proof: {"encumbrance": replace(proof.encumbrance, holders=())}, "presence"),
        ("called absent", lambda _: {"presence": False, "encumbrance": None, "state": None, "history": ()}, "absence"),
        ("another asset key", lambda proof: {"asset_key": flip(proof.asset_key)}, "presence"),
        ("a step less", lambda proof: {"proof": mpt.Proof(proof.proof.steps[1:])}, "presence"),
    ],
)  # fmt: skip
def test_a_forged_file_is_refused_offline_though_the_service_signed_it(
    scene: Scene, name: str, forge: Callable[[ClaimProof], dict[str, Any]], step: str
) -> None:
    proof = read(scene, "L0/c1")
    forged = replace(proof, **forge(proof)).signed(SERVICE)
    with pytest.raises(VerificationError) as caught:
        verify_file(scene.ledger.trust_root(), forged.encode())
    assert caught.value.step == step


def test_the_contract_sees_the_pools_seal(scene: Scene) -> None:
    """The register's value of the pool ends in the seal; another seal is not in it."""
    proof = SealProof.parse(scene.ledger.prove_seal("P", "L1/c1"))
    verify_file(scene.ledger.trust_root(), proof.encode())
    given = register_proof(proof, proof.pool.proof)

    def ask(seal: bytes) -> None:
        scene.chain.call(
            "verifyPresence", scene.chain.log_key, scene.size, pool_key("P"), (proof.pool.head, seal), given
        )

    ask(proof.header.seal)
    with pytest.raises(PoolproofError, match="InvalidMapProof"):
        ask(flip(proof.header.seal))
