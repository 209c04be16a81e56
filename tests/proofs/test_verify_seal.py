"""What a seal proof shows, and the step at which each other one is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger.errors import MalformedError, UndeterminedError, VerificationError
from ledger.proofs import mpt
from ledger.proofs.seal import SealHeader, last_seal
from ledger.proofs.sealproof import SealProof
from ledger.proofs.verify import Level, verify_file, verify_receipt, verify_seal_proof
from tests import samples as s

CLAIMS = s.sealed_claims(7)
KEYS = sorted(CLAIMS, key=lambda asset_key: CLAIMS[asset_key].key)
FIRST, SECOND = KEYS[:2]
STATES = {key: s.claim_state(loan=f"L{n}") for n, key in enumerate(CLAIMS, 1)}
HEADER = s.seal_header(CLAIMS)


def log(*headers: SealHeader) -> s.SampleLog:
    """A published log whose register holds these seals of the pool."""
    result = s.SampleLog()
    result.append(*[s.record(index) for index in range(6)])
    s.put_seal(result, *(headers or (HEADER,)))
    result.register[bytes(32)] = bytes(64)
    result.publish()
    return result


LOG = log()
GOOD = LOG.seal_proof(HEADER, CLAIMS, FIRST, state=STATES[FIRST])


def step_of(proof: SealProof) -> str:
    with pytest.raises(VerificationError) as caught:
        verify_seal_proof(s.TRUST, proof.encode())
    return caught.value.step


def test_what_it_shows() -> None:
    verdict = verify_file(s.TRUST, GOOD.encode())
    assert (verdict.kind, verdict.level, verdict.size) == ("seal_proof", Level.PUBLISHED, 7)
    assert verdict.seal == GOOD
    steps = {step.name: step.detail for step in verdict.steps}
    assert list(steps)[-4:] == ["register", "seal", "place", "claim"]
    assert steps["seal"] == (
        "P1 at size 4 as of 2026-02-28: 7 claims, 23.00 CNY receivable, 5.00 credit, rules version 1"
    )
    assert steps["place"] == "claim 1 of 7: 1000000 ppm, 4.00 receivable, 0.00 credit"
    names = {item.name for item in verdict.not_checked}
    assert {"seal_completeness", "seal_amounts", "seal_state", "truth", "off_log"} <= names
    assert "weak_asset_key" not in names


def test_a_seal_that_restates_says_so() -> None:
    header = replace(HEADER, restates=b"\x11" * 32)
    verdict = verify_file(s.TRUST, log(header).seal_proof(header, CLAIMS, FIRST).encode())
    seal = verdict.step("seal")
    assert seal is not None
    assert seal.detail.endswith(f"restates {'11' * 32}")


@pytest.mark.parametrize("asset_key", KEYS)
def test_each_claim_has_its_place(asset_key: bytes) -> None:
    proof = LOG.seal_proof(HEADER, CLAIMS, asset_key, state=STATES[asset_key])
    assert SealProof.parse(proof.encode()) == proof
    verify_seal_proof(s.TRUST, proof.encode())


def changed_header(**changes: Any) -> SealHeader:
    return replace(HEADER, **changes)


@pytest.mark.parametrize(
    "header",
    [
        changed_header(pool="P2"),
        changed_header(size=3),
        changed_header(as_of="2026-02-27"),
        changed_header(rules_version=2),
        changed_header(restates=bytes(32)),
        changed_header(total=HEADER.total._replace(hash=bytes(32))),
        changed_header(total=HEADER.total._replace(count=8)),
        changed_header(total=HEADER.total._replace(receivable=1)),
        changed_header(total=HEADER.total._replace(credit=1)),
    ],
    ids=["pool", "size", "as_of", "rules", "restates", "root", "count", "receivable", "credit"],
)
def test_a_header_that_the_register_does_not_hold(header: SealHeader) -> None:
    """Two seals for one size are two seals, and the register has one."""
    assert step_of(LOG.seal_proof(header, CLAIMS, FIRST)) == "seal"


@pytest.mark.parametrize(
    "wrong",
    [
        {"index": 1},
        {"index": 7},
        {"path": GOOD.path[1:]},
        {"path": GOOD.path[::-1]},
        {"path": (*GOOD.path, GOOD.path[-1])},
        {"leaf": replace(GOOD.leaf, receivable=GOOD.leaf.receivable + 1)},
        {"leaf": replace(GOOD.leaf, share=1)},
        {"leaf": replace(GOOD.leaf, state=bytes(32)), "state": None},
        {"asset_key": SECOND, "leaf": CLAIMS[SECOND], "state": None},
    ],
    ids=[
        "index",
        "beyond",
        "fewer steps",
        "order",
        "more steps",
        "amount",
        "share",
        "state",
        "another claim",
    ],
)
def test_another_place(wrong: dict[str, Any]) -> None:
    assert step_of(LOG.seal_proof(HEADER, CLAIMS, FIRST, **wrong)) == "place"


def test_a_claim_of_another_pool_has_no_place() -> None:
    """Its leaf and path are good ones, of the other pool's seal."""
    others = s.sealed_claims(8)
    other = log(s.seal_header(others, pool="P2")).seal_proof(s.seal_header(others, pool="P2"), others, FIRST)
    moved = LOG.seal_proof(HEADER, CLAIMS, FIRST, leaf=other.leaf, index=other.index, path=other.path)
    assert step_of(moved) == "place"


@pytest.mark.parametrize("kind", ["sums", "dropped", "overflow"])
def test_a_seal_whose_sums_are_not_those_of_its_tree(kind: str) -> None:
    """The register holds it, since whoever seals can hash any header; no claim has a place in it."""
    total = {
        "sums": HEADER.total._replace(receivable=HEADER.total.receivable - 1),
        "dropped": HEADER.total._replace(count=6),
        "overflow": HEADER.total._replace(receivable=2**128 - 1),
    }[kind]
    header = changed_header(total=total)
    assert step_of(log(header).seal_proof(header, CLAIMS, FIRST)) == "place"


def test_a_size_that_was_not_sealed_before_the_register() -> None:
    for size in (6, 7, 100):
        header = changed_header(size=size)
        assert step_of(log(header).seal_proof(header, CLAIMS, FIRST)) == "seal"


@pytest.mark.parametrize(
    "state",
    [
        STATES[SECOND],
        replace(STATES[FIRST], principal="1.00"),
        replace(STATES[FIRST], count=4),
    ],
)
def test_another_state(state: Any) -> None:
    assert step_of(LOG.seal_proof(HEADER, CLAIMS, FIRST, state=state)) == "claim"


@pytest.mark.parametrize("change", [{"last_index": 3}, {"currency": "USD"}])
def test_a_state_that_cannot_have_been_sealed(change: dict[str, Any]) -> None:
    import hashlib

    state = replace(STATES[FIRST], **change)
    leaf = replace(CLAIMS[FIRST], state=hashlib.sha256(state.encode()).digest())
    claims = CLAIMS | {FIRST: leaf}
    header = s.seal_header(claims)
    sealed = log(header)
    verify_seal_proof(s.TRUST, sealed.seal_proof(header, claims, FIRST).encode())
    assert step_of(sealed.seal_proof(header, claims, FIRST, state=state)) == "claim"


def test_a_weak_asset_key_is_named() -> None:
    from ledger.proofs.encumbrance import claim_key, weak_asset_key

    weak = weak_asset_key(s.ORIGIN, "L1", "c1")
    claims = {**CLAIMS, weak: replace(CLAIMS[next(iter(CLAIMS))], key=claim_key(weak))}
    header = s.seal_header(claims)
    proof = log(header).seal_proof(header, claims, weak, state=STATES[next(iter(CLAIMS))])
    assert "weak_asset_key" in {item.name for item in verify_seal_proof(s.TRUST, proof.encode()).not_checked}


def test_seals_of_several_currencies() -> None:
    dollars = s.seal_header(s.sealed_claims(2), currency="USD", size=5)
    both = log(HEADER, dollars)
    for header, other in ((HEADER, dollars), (dollars, HEADER)):
        claims = CLAIMS if header is HEADER else s.sealed_claims(2)
        others = ((other.currency, other.seal),)
        verify_seal_proof(
            s.TRUST, both.seal_proof(header, claims, next(iter(claims)), others=others).encode()
        )
        assert step_of(both.seal_proof(header, claims, next(iter(claims)))) == "seal"
    # The digest of several seals is no seal, and one seal is not several.
    digest = last_seal({"CNY": HEADER.seal, "USD": dollars.seal})
    proof = mpt.prove(both.register, s.pool_key("P1"))
    alone = replace(GOOD.pool, seals=(("CNY", digest),), proof=proof)
    assert step_of(both.seal_proof(HEADER, CLAIMS, FIRST, pool=alone)) == "seal"


def test_it_is_not_another_kind_of_file() -> None:
    with pytest.raises(MalformedError):
        verify_receipt(s.TRUST, GOOD.encode())
    with pytest.raises(UndeterminedError):
        verify_seal_proof(s.TRUST, GOOD.encode(), require=Level.FINAL)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"as_of":', "canonical"),
        (HEADER.encode().decode().replace("2026-02-28", "2026-02-29"), "day"),
        (HEADER.encode().decode().replace('"size":4', '"size":0'), "size"),
        (HEADER.encode().decode().replace('"23.00"', '"23.0"'), "spelling"),
        (HEADER.encode().decode().replace('"CNY"', '"XXX"'), "ISO 4217"),
        (HEADER.encode().decode().replace('"pool":"P1"', '"pool":"P 1"'), "pool"),
        (HEADER.encode().decode()[:-1] + ',"v":1}', "unknown"),
    ],
)
def test_what_is_no_header(text: str, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason if reason != "canonical" else "JSON|canonical"):
        SealHeader.parse(text)


def test_a_file_must_be_signed() -> None:
    with pytest.raises(ValueError, match="unsigned"):
        replace(GOOD, signature=None).encode()
    with pytest.raises(MalformedError, match="not of this asset key"):
        replace(GOOD, asset_key=SECOND)
