"""Acceptances: one signature for a batch, one file for each event of it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from ledger.errors import MalformedError, VerificationError
from ledger.proofs import canonical, merkle
from ledger.proofs.acceptance import MEDIA_TYPE, Acceptance, BatchPrinter, BatchTree, leaf
from ledger.proofs.verify import verify_acceptance, verify_file
from tests.oracles import rfc9162
from tests.samples import SERVICE, STRANGER, TRUST, acceptances, record, signer

TEXTS = [record(index) for index in range(7)]


def test_leaves_are_canonical_json() -> None:
    assert leaf("ab" * 32, "a.b_c:d-1", 12, "bank-1") == canonical.encode(
        ["ab" * 32, "a.b_c:d-1", 12, "bank-1"]
    )


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 31, 33])
def test_the_batch_tree_is_that_of_rfc_9162(count: int) -> None:
    leaves = [leaf("00" * 32, f"e{at}", at, "p") for at in range(count)]
    tree = BatchTree(leaves)
    hashes = [rfc9162.leaf(item) for item in leaves]
    assert tree.root == rfc9162.mth(hashes)
    for at in range(count):
        assert list(tree.proof(at)) == merkle.inclusion_proof(hashes, at)


def test_the_batch_tree_has_bounds() -> None:
    with pytest.raises(ValueError, match="at least one"):
        BatchTree([])
    with pytest.raises(ValueError, match="not in a batch of 1"):
        BatchTree([b"x"]).proof(1)


def test_every_event_of_a_batch_has_its_acceptance_under_one_signature() -> None:
    files = acceptances(10, TEXTS)
    assert len({file.signature for file in files}) == 1
    for at, file in enumerate(files):
        data = file.encode()
        assert Acceptance.parse(data) == file
        verdict = verify_acceptance(TRUST, data)
        assert verdict.index == 10 + at
        assert verdict.level is None
        assert [step.name for step in verdict.steps] == [
            "form",
            "trust_root",
            "service_signature",
            "inclusion",
        ]
        assert "inclusion" in {item.name for item in verdict.not_checked}
    assert verify_file(TRUST, files[0].encode()).kind == "acceptance"


def test_the_printer_prints_the_same_bytes() -> None:
    files = acceptances(10, TEXTS)
    origins = [files[0].batch.origin, 'quote".example/back\\slash']
    for origin in origins:
        batch = replace(files[0].batch, origin=origin)
        tree = BatchTree([leaf(file.digest.hex(), file.id, file.index, file.party) for file in files])
        printer = BatchPrinter(batch, files[0].signature, tree)
        for file in files:
            printed = printer.encode(index=file.index, event_id=file.id, party=file.party, digest=file.digest)
            assert printed == replace(file, batch=batch).encode()


def test_what_is_signed() -> None:
    file = acceptances(10, TEXTS)[0]
    rest = canonical.decode(file.encode())
    signed = {name: rest[name] for name in ("media_type", "origin", "posted", "anchor_by", "batch")}
    message = MEDIA_TYPE.encode() + b"\n" + canonical.encode(signed)
    SERVICE.verifier.verify_raw(message, file.signature.value)


def test_refuses_an_event_that_is_not_in_the_batch() -> None:
    file = acceptances(10, TEXTS)[3]
    for changed in (
        replace(file, digest=hashlib.sha256(b"other").digest()),
        replace(file, id="other"),
        replace(file, party="other"),
        replace(file, index=file.index + 1),
        replace(file, proof=file.proof[:-1]),
        replace(file, proof=()),
    ):
        with pytest.raises(VerificationError) as caught:
            verify_acceptance(TRUST, changed.encode())
        assert caught.value.step == "inclusion"


def test_refuses_another_batch_than_the_signed_one() -> None:
    file = acceptances(10, TEXTS)[3]
    for change in ({"anchor_by": "2027-03-01T09:00:00.000000Z"}, {"count": 8}, {"root": bytes(32)}):
        changed = replace(file, batch=replace(file.batch, **change))
        with pytest.raises(VerificationError) as caught:
            verify_acceptance(TRUST, changed.encode())
        assert caught.value.step == "service_signature"


def test_refuses_other_keys_and_logs() -> None:
    with pytest.raises(VerificationError, match="does not name here"):
        verify_acceptance(TRUST, acceptances(0, TEXTS, by=STRANGER)[0].encode())
    with pytest.raises(VerificationError, match="does not name here"):
        # The key of the same name, but another key.
        verify_acceptance(TRUST, acceptances(0, TEXTS, by=signer(SERVICE.verifier.name + "x"))[0].encode())
    with pytest.raises(VerificationError) as caught:
        verify_acceptance(replace(TRUST, origin="other.example/log"), acceptances(0, TEXTS)[0].encode())
    assert caught.value.step == "trust_root"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("index", 9),
        ("index", 17),
        ("batch", {"first": 10, "count": 0, "root": "A" * 43 + "="}),
        ("batch", {"first": 10, "count": 7}),
        ("posted", "2026-03-01T08:00:00Z"),
        ("posted", "2026-13-01T08:00:00.000000Z"),
        ("anchor_by", "2026-03-01T08:00:00.000000+00:00"),
        ("id", "a b"),
        ("party", ""),
        ("digest", "AB" * 32),
        ("proof", ["A" * 44]),
        ("proof", ["A" * 43 + "="] * 65),
        ("media_type", "application/json"),
        ("origin", "with space"),
        ("signature", {"key": "x", "value": "AA=="}),
    ],
)
def test_refuses_forms(member: str, value: object) -> None:
    members = canonical.decode(acceptances(10, TEXTS)[0].encode())
    with pytest.raises(MalformedError):
        Acceptance.parse(canonical.encode_file(members | {member: value}))
