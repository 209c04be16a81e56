"""Attestations as bytes: digests by four implementations, signatures, and files in one spelling only."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.chain.attestation import MAX_SCOPE, Attestation, SignedAttestation, Verdict
from ledger.errors import ConfigurationError, MalformedError
from scripts.vectors import FOLDER
from tests.oracles import eip712

VECTORS = json.loads((FOLDER / "attestations.json").read_bytes())
FILES = {one["case"]: one["file"].encode() for one in VECTORS["files"]}
CASES = [SignedAttestation.parse(file) for file in FILES.values()]
#: Members of a case that are not members of the attestation.
AROUND = {"case", "chain_id", "contract", "digest", "signature"}
WORDS = st.binary(min_size=32, max_size=32)
NUMBERS = st.integers(0, 2**53 - 1)


@pytest.mark.parametrize("case", VECTORS["signed"], ids=lambda case: case["case"])
def test_the_oracle_agrees_with_the_vectors(case: dict[str, Any]) -> None:
    members = {name: value for name, value in case.items() if name not in AROUND}
    digest = eip712.attestation_digest(case["chain_id"], case["contract"], members)
    assert "0x" + digest.hex() == case["digest"]
    assert eip712.recover(digest, bytes.fromhex(case["signature"][2:])) == case["signer"]


@pytest.mark.parametrize("case", VECTORS["signed"], ids=lambda case: case["case"])
def test_the_ledger_agrees_with_the_vectors(case: dict[str, Any]) -> None:
    signed = SignedAttestation.parse(FILES[case["case"]])
    digest = signed.attestation.digest(chain_id=signed.chain_id, contract=signed.contract)
    assert "0x" + digest.hex() == case["digest"]
    assert signed.attestation.to_json() == {name: value for name, value in case.items() if name not in AROUND}
    assert signed.encode() == FILES[case["case"]]


@pytest.mark.parametrize("case", VECTORS["bad_files"], ids=lambda case: case["case"])
def test_other_files_are_refused(case: dict[str, str]) -> None:
    with pytest.raises(MalformedError):
        SignedAttestation.parse(case["file"].encode())


@pytest.mark.parametrize("signed", CASES, ids=list(FILES))
def test_wallets_show_what_is_signed(signed: SignedAttestation) -> None:
    """eth-account, as wallets do, makes the digest from the typed data alone, and reads the signer back."""
    from eth_account import Account
    from eth_account.messages import encode_typed_data

    typed = signed.attestation.typed_data(chain_id=signed.chain_id, contract=signed.contract)
    assert typed["message"]["verdict"] == str(signed.attestation.verdict)
    message = encode_typed_data(full_message=typed)
    signer = Account.recover_message(message, signature=signed.signature)
    assert signer.lower() == "0x" + signed.attestation.signer.hex()


@settings(max_examples=60)
@given(
    log=WORDS, root=WORDS, evidence=WORDS, size=NUMBERS.filter(bool), rules_version=NUMBERS, nonce=NUMBERS,
    deadline=NUMBERS, chain_id=NUMBERS.filter(bool), verdict=st.sampled_from(Verdict),
    subject=st.from_regex(r"(?:pool|loan|account):[A-Za-z0-9._:-]{1,64}", fullmatch=True) | st.just("log"),
    scope=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=MAX_SCOPE),
    signer=st.binary(min_size=20, max_size=20), contract=st.binary(min_size=20, max_size=20),
    signature=st.binary(min_size=1, max_size=200),
)  # fmt: skip
def test_any_attestation(chain_id: int, contract: bytes, signature: bytes, **members: Any) -> None:
    one = Attestation(**members)
    signed = SignedAttestation(chain_id=chain_id, contract=contract, attestation=one, signature=signature)
    assert SignedAttestation.parse(signed.encode()) == signed
    digest = one.digest(chain_id=chain_id, contract=contract)
    assert digest == eip712.attestation_digest(chain_id, "0x" + contract.hex(), one.to_json())


def test_every_member_changes_the_digest() -> None:
    signed = CASES[0]
    one, place = signed.attestation, {"chain_id": signed.chain_id, "contract": signed.contract}
    changed: list[dict[str, Any]] = [
        {"log": bytes(32)}, {"size": 31}, {"root": bytes(32)}, {"subject": "pool:other"}, {"scope": ""},
        {"rules_version": 2}, {"evidence": bytes(32)}, {"verdict": Verdict.DISPUTED}, {"signer": bytes(20)},
        {"nonce": 1}, {"deadline": 0},
    ]  # fmt: skip
    assert {name for change in changed for name in change} == set(Attestation.__dataclass_fields__)
    digests = {replace(one, **change).digest(**place) for change in changed}
    digests |= {
        one.digest(**place),
        one.digest(chain_id=1, contract=signed.contract),
        one.digest(chain_id=signed.chain_id, contract=bytes(20)),
    }
    assert len(digests) == len(changed) + 3


@pytest.mark.parametrize("scope", ["two\nlines", "审计", "x" * (MAX_SCOPE + 1), "\x1b[2J"])
def test_a_scope_that_the_contract_would_refuse(scope: str) -> None:
    with pytest.raises(ConfigurationError, match="scope"):
        replace(CASES[0].attestation, scope=scope)


def test_a_subject_that_no_record_has() -> None:
    with pytest.raises(ConfigurationError, match="subject"):
        replace(CASES[0].attestation, subject="pool:W 1")
