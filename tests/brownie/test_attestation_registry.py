"""The AttestationRegistry from Python, on a chain, signed by keys that Brownie makes, over digests of the oracle.

forge's tests go through every revert; these show that the same holds in real transactions and through the ABI.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from brownie import AttestationRegistry, accounts, chain
from eth_account import Account

from tests.brownie.conftest import ZERO, hex0x, refused, root
from tests.oracles import eip712

ARTIFACT = Path(__file__).parents[2] / "ledger" / "chain" / "contracts" / "AttestationRegistry.json"
SIGNER = Account.from_key(b"\x11" * 32)
VERDICTS = ("acknowledged", "checked", "disputed")
SIZE = 70


@pytest.fixture
def anchored(registry, log, anchorer):
    registry.anchor(log, 0, SIZE, root(SIZE), [], {"from": anchorer})
    return log


def attestation(log, **changes):
    """Members as in an attestation's file."""
    return {
        "log": str(log),
        "size": SIZE,
        "root": root(SIZE),
        "subject": "pool:W1",
        "scope": "all of it",
        "rules_version": 1,
        "evidence": hex0x(hashlib.sha256(b"report").digest()),
        "verdict": "checked",
        "signer": SIGNER.address,
        "nonce": 0,
        "deadline": chain.time() + 3600,
    } | changes


def struct(one):
    return [VERDICTS.index(value) + 1 if name == "verdict" else value for name, value in one.items()]


def signature(attestations, one, signer=SIGNER):
    digest = eip712.attestation_digest(chain.id, attestations.address, one)
    assert hex0x(bytes(attestations.digestOf(struct(one)))) == hex0x(digest)
    return hex0x(bytes(signer.unsafe_sign_hash(digest).signature))


def attest(attestations, one, **signing):
    return attestations.attest(struct(one), signature(attestations, one, **signing), {"from": accounts[5]})


def test_brownie_compiles_the_committed_interface():
    def by_name(abi):
        return sorted(
            json.dumps(item | {"name": item.get("name", "constructor")}, sort_keys=True) for item in abi
        )

    # Brownie gives the constructor a name.
    assert by_name(AttestationRegistry.abi) == by_name(json.loads(ARTIFACT.read_text())["abi"])


def test_it_is_made_for_the_anchor_registry(registry, attestations):
    assert attestations.anchorRegistry() == registry.address


def test_attestations_append(attestations, anchored):
    for nonce, verdict in enumerate(VERDICTS):
        receipt = attest(attestations, attestation(anchored, nonce=nonce, verdict=verdict))
        event = receipt.events["AttestationMade"]
        assert (event["log"], event["signer"], event["index"]) == (anchored, SIGNER.address, nonce)
    assert attestations.count(anchored, "pool:W1") == 3
    assert attestations.nonceOf(SIGNER.address) == 3
    assert [one[2] for one in attestations.page(anchored, "pool:W1", 0, 10)] == [1, 2, 3]
    last = attestations.page(anchored, "pool:W1", 2, 10)[0]
    assert last[0] == SIGNER.address
    assert last[1] == SIZE
    assert last[4] == chain[-1].timestamp
    assert hex0x(bytes(last[5])) == root(SIZE)
    assert attestations.count(anchored, "pool:W2") == 0


def test_refusals_carry_what_was_expected(attestations, anchored):
    one = attestation(anchored)
    attest(attestations, one)
    with refused("WrongNonce", SIGNER.address, 1, 0):
        attest(attestations, one)
    with refused("SizeNotAnchored", anchored, 71):
        attest(attestations, attestation(anchored, nonce=1, size=71))
    with refused("WrongRoot", anchored, SIZE, root(SIZE), ZERO):
        attest(attestations, attestation(anchored, nonce=1, root=ZERO))
    with refused("InvalidSignature", SIGNER.address):
        attest(attestations, attestation(anchored, nonce=1), signer=Account.from_key(b"\x12" * 32))


def test_an_expired_one(attestations, anchored):
    one = attestation(anchored)
    chain.sleep(3700)
    chain.mine()
    with pytest.raises(Exception, match="Expired"):
        attest(attestations, one)
