"""Vectors of attestations: what is signed, its EIP-712 digest and a signature, whole files, and files to be refused.

The members of ``signed`` stand flat and with ``0x``, because Solidity reads them too.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from ledger.chain.attestation import MAX_SCOPE, Attestation, SignedAttestation, Verdict
from ledger.proofs import canonical
from scripts.vector_sets import Case, vectors


def _account(seed: int) -> Any:
    from eth_account import Account

    from ledger.chain.keystore import ChainAccount

    return ChainAccount(Account.from_key(bytes([seed]) * 32))


_PLAIN = Attestation(
    log=canonical.sha256(b"log"),
    size=30,
    root=canonical.sha256(b"root"),
    subject="pool:SDART-2026-1",
    scope="audit as of 2026-07-31",
    rules_version=1,
    evidence=canonical.sha256(b"report"),
    verdict=Verdict.CHECKED,
    signer=bytes(20),
    nonce=0,
    deadline=1_800_000_000,
)
_LARGEST = 2**53 - 1
_CASES: dict[str, tuple[int, int, Attestation]] = {
    "checked": (31337, 1, _PLAIN),
    "acknowledged, without a scope": (1, 2, replace(_PLAIN, verdict=Verdict.ACKNOWLEDGED, scope="")),
    "disputed, the longest texts": (
        100, 3, replace(
            _PLAIN, verdict=Verdict.DISPUTED, subject="account:" + "a" * 64,
            scope='~ "all" \\ of it'.ljust(MAX_SCOPE, "."),
        ),
    ),
    "the greatest numbers": (
        _LARGEST, 4, replace(
            _PLAIN, size=_LARGEST, rules_version=_LARGEST, nonce=_LARGEST, deadline=_LARGEST, subject="log",
        ),
    ),
}  # fmt: skip


@vectors("attestations")
def attestation_vectors() -> Any:
    """Signed ones, their files, and other spellings."""
    made = {name: _signed(*case) for name, case in _CASES.items()}
    return {
        "signed": [_flat(name, one) for name, one in made.items()],
        "files": [{"case": name, "file": one.encode().decode()} for name, one in made.items()],
        "bad_files": _bad(made["checked"]),
    }


def _signed(chain_id: int, seed: int, one: Attestation) -> SignedAttestation:
    account = _account(seed)
    contract = canonical.sha256(b"contract")[:20]
    one = replace(one, signer=account.address)
    signature = account.sign_typed(one.typed_data(chain_id=chain_id, contract=contract))
    return SignedAttestation(chain_id=chain_id, contract=contract, attestation=one, signature=signature)


def _flat(name: str, signed: SignedAttestation) -> Case:
    digest = signed.attestation.digest(chain_id=signed.chain_id, contract=signed.contract)
    return {
        "case": name,
        "chain_id": signed.chain_id,
        "contract": f"0x{signed.contract.hex()}",
        "digest": f"0x{digest.hex()}",
        "signature": f"0x{signed.signature.hex()}",
        **signed.attestation.to_json(),
    }


def _bad(good: SignedAttestation) -> list[Case]:
    text = good.encode().decode()
    document = json.loads(text)

    def inside(**changes: Any) -> str:
        changed = document | {"attestation": document["attestation"] | changes}
        return canonical.encode_file(changed).decode()

    return [
        {"case": "without its newline", "file": text[:-1]},
        {"case": "with a space", "file": text.replace(":", ": ", 1)},
        {"case": "another media type", "file": text.replace("attestation.v1", "attestation.v2")},
        {"case": "a member too many", "file": canonical.encode_file(document | {"note": ""}).decode()},
        {"case": "no verdict of ours", "file": inside(verdict="approved")},
        {"case": "a scope of two lines", "file": inside(scope="a\nb")},
        {"case": "a scope in Chinese", "file": inside(scope="审计")},
        {"case": "a scope too long", "file": inside(scope="." * (MAX_SCOPE + 1))},
        {"case": "no subject of a log", "file": inside(subject="claim:L1/1")},
        {"case": "size zero", "file": inside(size=0)},
        {"case": "a negative nonce", "file": inside(nonce=-1)},
        {"case": "a deadline as text", "file": inside(deadline="1800000000")},
        {"case": "hexadecimal in capitals", "file": inside(root=good.attestation.root.hex().upper())},
        {"case": "a root too short", "file": inside(root="0x00")},
        {"case": "no signature", "file": canonical.encode_file(document | {"signature": "0x"}).decode()},
    ]
