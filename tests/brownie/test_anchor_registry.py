"""The AnchorRegistry from Python, on a chain, as the deployment script leaves it there.

The proofs come from the recursive definitions of RFC 9162; forge's tests go through every revert and fuzz the
arithmetic, these show that the same holds in real transactions and through the ABI.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from brownie import AnchorRegistry, accounts, chain, web3

from tests.brownie.conftest import LEAVES, ORIGIN, TRUST, ZERO, consistency, hex0x, refused, root
from tests.oracles import rfc9162

ARTIFACT = Path(__file__).parents[2] / "ledger" / "chain" / "contracts" / "AnchorRegistry.json"


def test_the_deployed_code_is_the_committed_one(registry):
    committed = json.loads(ARTIFACT.read_text())["deployed_bytecode"]
    assert "0x" + bytes(web3.eth.get_code(registry.address)).hex() == committed


def test_brownie_compiles_the_committed_interface():
    def by_name(abi):
        return sorted(json.dumps(item, sort_keys=True) for item in abi)

    assert by_name(AnchorRegistry.abi) == by_name(json.loads(ARTIFACT.read_text())["abi"])


def test_opening(registry, log, owner, anchorer):
    assert log == registry.logKey(owner, ORIGIN)
    info = registry.logInfo(log).dict()
    assert info["owner"] == owner
    assert info["anchorer"] == anchorer
    assert info["maxGrowth"] == 500
    assert info["trustRoot"] == TRUST == registry.trustRoot(log)
    assert info["size"] == 0


def test_a_growing_tree(registry, log, anchorer):
    previous = 0
    for size in (1, 2, 3, 64, 65, 127, 128, 300, 600):
        receipt = registry.anchor(
            log, previous, size, root(size), consistency(previous, size), {"from": anchorer}
        )
        event = receipt.events["Anchored"]
        assert (event["log"], event["size"], event["root"]) == (log, size, root(size))
        assert (event["prevSize"], event["proven"]) == (previous, previous > 0)
        assert registry.head(log) == (size, chain[-1].timestamp, chain[-1].number, False)
        previous = size
    assert registry.rootAt(log, 64) == root(64)
    assert registry.rootAt(log, 66) == ZERO


@pytest.mark.parametrize("change", ["rewritten", "cut", "longer", "reversed", "swapped root"])
def test_a_wrong_proof(registry, log, anchorer, change):
    registry.anchor(log, 0, 70, root(70), [], {"from": anchorer})
    leaves = LEAVES[:300]
    if change == "rewritten":
        leaves[5] = rfc9162.leaf(b"another record")
    proof = [hex0x(item) for item in rfc9162.proof(70, leaves)]
    new_root = hex0x(rfc9162.mth(leaves))
    if change == "cut":
        proof = proof[:-1]
    elif change == "longer":
        proof.append(new_root)
    elif change == "reversed":
        proof = proof[::-1]
    elif change == "swapped root":
        new_root = root(301)
    with refused("InvalidConsistencyProof"):
        registry.anchor(log, 70, 300, new_root, proof, {"from": anchorer})
    registry.anchor(log, 70, 300, root(300), consistency(70, 300), {"from": anchorer})


def test_refusals_carry_what_was_expected(registry, log, owner, anchorer):
    registry.anchor(log, 0, 70, root(70), [], {"from": anchorer})
    with refused("NotAnchorer", log, owner.address):
        registry.anchor(log, 70, 71, root(71), consistency(70, 71), {"from": owner})
    with refused("WrongPrevSize", log, 70, 69):
        registry.anchor(log, 69, 71, root(71), consistency(69, 71), {"from": anchorer})
    with refused("NotGrowing", log, 70, 70):
        registry.anchor(log, 70, 70, root(70), [], {"from": anchorer})
    with refused("GrowthAboveLimit", log, 501, 500):
        registry.anchor(log, 70, 571, root(571), consistency(70, 571), {"from": anchorer})


def test_rotation_and_the_end(registry, log, owner, anchorer):
    registry.anchor(log, 0, 70, root(70), [], {"from": anchorer})
    successor = accounts[2]
    registry.proposeAnchorer(log, successor, {"from": owner})
    registry.acceptAnchorer(log, {"from": successor})
    with refused("NotAnchorer", log, anchorer.address):
        registry.anchor(log, 70, 71, root(71), consistency(70, 71), {"from": anchorer})
    registry.anchor(log, 70, 71, root(71), consistency(70, 71), {"from": successor})

    registry.close(log, 70, ZERO, {"from": owner})
    assert registry.head(log)[3]
    path = [hex0x(item) for item in rfc9162.path(4, LEAVES[:70])]
    registry.verifyInclusion(log, 70, 4, hex0x(LEAVES[4]), path)
    path = [hex0x(item) for item in rfc9162.path(4, LEAVES[:71])]
    with refused("SizeDisowned", log, 71, 70):
        registry.verifyInclusion(log, 71, 4, hex0x(LEAVES[4]), path)


def test_a_pause_ends_by_itself(registry, log, owner, anchorer):
    until = chain.time() + 3600
    registry.pause(log, until, {"from": owner})
    with refused("LogIsPaused", log, until):
        registry.anchor(log, 0, 70, root(70), [], {"from": anchorer})
    chain.sleep(3700)
    registry.anchor(log, 0, 70, root(70), [], {"from": anchorer})


def test_the_gas_of_a_transaction(registry, log, anchorer):
    """The same as in forge's snapshot; the promise at 1,000,000 leaves is asserted there."""
    registry.anchor(log, 0, 500, root(500), [], {"from": anchorer})
    receipt = registry.anchor(log, 500, 501, root(501), consistency(500, 501), {"from": anchorer})
    assert receipt.gas_used < 75_000
