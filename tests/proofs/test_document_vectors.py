"""The vectors of whole files, by ``ledger`` and by the oracle that was written from the formats alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from ledger.errors import PoolproofError
from ledger.proofs.encumbrance import (
    ClaimState,
    Encumbrance,
    advance,
    claim_key,
    claim_value,
    holder_id,
    parse_holders,
    pool_key,
    weak_asset_key,
)
from ledger.proofs.receipt import Receipt
from ledger.proofs.trust import TrustRoot
from ledger.proofs.verify import verify_file
from tests.oracles import documents as oracle
from tests.oracles.signed_note import RefusedError
from tests.proofs.test_vectors import cases, load

unhex = bytes.fromhex
TRUST_FILE = load("documents")["trust"]["file"].encode()
TRUST = TrustRoot.parse(TRUST_FILE)
ORACLES: dict[str, Callable[[bytes, bytes], bool]] = {
    "receipts": oracle.receipt,
    "acceptances": oracle.acceptance,
    "claim_proofs": oracle.claim_proof,
    "seal_proofs": oracle.seal_proof,
}


def test_the_fingerprint() -> None:
    assert (
        hashlib.sha256(TRUST_FILE).hexdigest()
        == TRUST.fingerprint
        == load("documents")["trust"]["fingerprint"]
    )


@pytest.mark.parametrize("kind", ORACLES)
def test_there_are_good_and_bad_ones(kind: str) -> None:
    assert {case["good"] for case in load("documents")[kind]} == {True, False}


@pytest.mark.parametrize("case", cases("documents", *ORACLES))
def test_the_verifier(case: Any) -> None:
    data = case["file"].encode()
    if case["good"]:
        assert sorted(str(level) for level in verify_file(TRUST, data).levels) == case["levels"]
        return
    with pytest.raises(PoolproofError) as caught:
        verify_file(TRUST, data)
    assert caught.value.code == case["error"]
    assert getattr(caught.value, "step", None) == case["step"]


@pytest.mark.parametrize(
    ("kind", "at"), [(kind, at) for kind in ORACLES for at in range(len(load("documents")[kind]))]
)
def test_the_oracle_agrees(kind: str, at: int) -> None:
    case = load("documents")[kind][at]
    data = case["file"].encode()
    if case["good"]:
        assert ORACLES[kind](TRUST_FILE, data)
    else:
        with pytest.raises(RefusedError):
            ORACLES[kind](TRUST_FILE, data)


def test_the_tlog_proof() -> None:
    case = load("documents")["tlog_proof"]
    assert Receipt.parse(case["receipt"].encode()).tlog_proof().decode() == case["file"]
    assert oracle.tlog_proof(case["file"].encode(), case["log_key"], unhex(case["entry"]))


def test_encumbrances() -> None:
    case = load("encumbrances")
    assert {name: holder_id(name).hex() for name in case["holder_ids"]} == case["holder_ids"]
    assert {name: oracle.party_id(name) for name in case["holder_ids"]} == case["holder_ids"]
    for key, digest in case["claim_keys"].items():
        assert claim_key(unhex(key)).hex() == digest
        assert oracle.sha(b"poolproof/claim/v1\0" + unhex(key)).hex() == digest
    assert {name: pool_key(name).hex() for name in case["pool_keys"]} == case["pool_keys"]
    weak = case["weak_asset_key"]
    assert weak_asset_key(weak["origin"], weak["loan"], weak["claim"]).hex() == weak["key"]
    history = bytes(32)
    for step in case["history"]:
        holders = unhex(step["holders"])
        if step["record_digest"] is not None:
            digest = unhex(step["record_digest"])
            assert advance(history, digest, parse_holders(holders)).hex() == step["history"]
            history = oracle.sha(b"poolproof/history/v1\0" + history + digest + holders)
        assert history.hex() == step["history"]
        place = Encumbrance.parse(unhex(step["encumbrance"]))
        assert place.encode() == place.nonce + step["version"].to_bytes(8, "big") + history + holders
        assert oracle.sha(place.encode()).hex() == step["digest"]
    state = case["state"].encode()
    assert ClaimState.parse(state).encode() == state
    assert (
        claim_value(place.encode(), state).hex()
        == step["digest"] + oracle.sha(state).hex()
        == case["claim_value"]
    )
