"""The verifier: what its verdict shows and says it did not check, and the trust root and keys that it goes by."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from ledger.errors import (
    MalformedError,
    UndeterminedError,
)
from ledger.proofs.trust import KeySpan
from ledger.proofs.verify import (
    Level,
    Verdict,
    verify_file,
    verify_receipt,
)
from tests.samples import (
    CHAIN,
    DISCLOSURE,
    LOG,
    SERVICE,
    STRANGER,
    TRUST,
    WITNESSES,
    acceptances,
    record,
    signer,
    simple_log,
)
from tests.verifying import Known, refused, view


class TestVerdict:
    def test_a_good_receipt_is_published(self) -> None:
        log = simple_log()
        verdict = verify_receipt(TRUST, log.receipt(1).encode())
        assert verdict.level is Level.PUBLISHED
        assert [step.name for step in verdict.steps] == [
            "form",
            "trust_root",
            "checkpoint",
            "service_signature",
            "record",
            "disclosures",
            "statement_signature",
            "inclusion",
            "register",
        ]
        assert verdict.record is not None
        assert verdict.record.id == "e-1"
        assert verdict.disclosures == {"borrower": DISCLOSURE[2]}
        assert verdict.fingerprint == TRUST.fingerprint
        assert (verdict.grade, verdict.size, verdict.index) == ("devnet", 6, 1)
        assert verdict.root == log.checkpoint(6).root

    def test_it_says_what_was_not_checked(self) -> None:
        names = [item.name for item in verify_receipt(TRUST, simple_log().receipt(0).encode()).not_checked]
        assert sorted(names) == [
            "anchor",
            "chain_grade",
            "completeness",
            "independence",
            "off_log",
            "statement",
            "trust_root",
            "truth",
            "witnesses",
        ]

    def test_only_the_verifier_makes_one(self) -> None:
        verdict = verify_receipt(TRUST, simple_log().receipt(1).encode())
        facts = {name: getattr(verdict, name) for name in Verdict.__slots__ if name != "made_by"}
        with pytest.raises(TypeError, match="verify only"):
            Verdict(**facts, made_by=object())

    def test_it_prints_as_json(self) -> None:
        printed = verify_receipt(TRUST, simple_log().receipt(1).encode()).to_json()
        assert printed["level"] == "published"
        assert printed["trust_root"] == TRUST.fingerprint
        assert printed["record"]["signed"] is True
        assert {"name", "proves", "detail"} == set(printed["steps"][0])

    def test_levels_have_names(self) -> None:
        assert [str(level) for level in Level] == ["published", "cosigned", "anchored", "final"]
        assert [Level.parse(str(level)) for level in Level] == list(Level)
        for word in ("PUBLISHED", "Final", "recorded", ""):
            with pytest.raises(KeyError):
                Level.parse(word)

    def test_the_kind_is_told_by_the_media_type(self) -> None:
        log = simple_log()
        assert verify_file(TRUST, log.receipt(1).encode()).kind == "receipt"
        assert verify_file(TRUST, log.claim_proof(b"k" * 32).encode()).kind == "claim_proof"
        promise = acceptances(0, [record(0)])[0].encode()
        assert verify_file(TRUST, promise).kind == "acceptance"
        with pytest.raises(UndeterminedError, match="promise"):
            verify_file(TRUST, promise, require=Level.PUBLISHED)
        for data in (TRUST.encode(), b"{}\n", b"[]\n", b"3\n", b"", b"x"):
            with pytest.raises(MalformedError):
                verify_file(TRUST, data)


class TestTrustRoot:
    def test_another_log(self) -> None:
        error = refused(
            "trust_root", replace(TRUST, origin="other.example/log"), simple_log().receipt(1).encode()
        )
        assert error.evidence["expected"] == "other.example/log"

    @pytest.mark.parametrize(
        ("change", "word"),
        [
            ({"chain_id": 1}, "chain id"),
            ({"contract": b"\x09" * 20}, "contract"),
            ({"log_id": b"\x09" * 32}, "log id"),
        ],
    )
    def test_another_chain(self, change: dict[str, Any], word: str) -> None:
        receipt = simple_log().receipt(1, chain=replace(CHAIN.binding, **change))
        assert f"the {word} is another" in refused("trust_root", TRUST, receipt.encode()).reason

    def test_a_trust_root_from_before_the_chain(self) -> None:
        error = refused("trust_root", replace(TRUST, chain=None), simple_log().receipt(1).encode())
        assert "older" in error.reason

    def test_a_receipt_from_before_the_chain_is_good(self) -> None:
        assert verify_receipt(TRUST, simple_log().receipt(1, chain=None).encode()).level is Level.PUBLISHED

    def test_a_stale_trust_root(self) -> None:
        log = simple_log()
        anchors = Known(view(log, trust_fingerprint="ab" * 32))
        error = refused("trust_root", TRUST, log.receipt(1).encode(), anchors=anchors)
        assert error.evidence == {"contract": "ab" * 32, "given": TRUST.fingerprint}
        current = Known(view(log, trust_fingerprint=TRUST.fingerprint))
        assert verify_receipt(TRUST, log.receipt(1).encode(), anchors=current).warnings == ()
        unset = Known(view(log, trust_fingerprint="00" * 32))
        assert "no fingerprint" in verify_receipt(TRUST, log.receipt(1).encode(), anchors=unset).warnings[0]


class TestKeys:
    def test_a_service_key_that_nobody_named(self) -> None:
        error = refused("service_signature", TRUST, simple_log().receipt(1, by=STRANGER).encode())
        assert "does not name" in error.reason

    def test_the_log_key_does_not_sign_receipts(self) -> None:
        refused("service_signature", TRUST, simple_log().receipt(1, by=LOG).encode())

    def test_a_service_key_outside_its_sizes(self) -> None:
        data = simple_log().receipt(1).encode()
        for first, last, good in ((0, 5, False), (7, None, False), (6, 6, True), (0, 6, True)):
            spans = (KeySpan(verifier=SERVICE.verifier, first=first, last=last),)
            trust = replace(TRUST, service_keys=spans)
            if good:
                verify_receipt(trust, data)
            else:
                assert "not valid at size 6" in refused("service_signature", trust, data).reason

    def test_a_log_key_outside_its_sizes(self) -> None:
        data = simple_log().receipt(1).encode()
        old = KeySpan(verifier=LOG.verifier, first=0, last=5)
        new = KeySpan(verifier=signer("new-key.example").verifier, first=6)
        error = refused("checkpoint", replace(TRUST, log_keys=(old, new)), data)
        assert "no log key signed that is valid at size 6" in error.reason
        verify_receipt(replace(TRUST, log_keys=(replace(old, last=6), replace(new, first=7))), data)

    def test_a_checkpoint_by_another_key(self) -> None:
        log = simple_log()
        refused("checkpoint", TRUST, log.receipt(1, note=log.note(6, by=STRANGER)).encode())

    def test_a_checkpoint_by_a_witness_only(self) -> None:
        log = simple_log()
        body = log.checkpoint(6).body()
        note = body + "\n" + WITNESSES[0].sign(body, time=1)
        assert (
            "no signature by a key of the log"
            in refused("checkpoint", TRUST, log.receipt(1, note=note).encode()).reason
        )

    def test_a_checkpoint_of_another_log(self) -> None:
        log = simple_log()
        note = replace(log.checkpoint(6), origin="other.example/log").sign([LOG]).decode()
        refused("checkpoint", TRUST, log.receipt(1, note=note).encode())

    def test_a_checkpoint_that_is_none(self) -> None:
        refused("checkpoint", TRUST, simple_log().receipt(1, checkpoint="hello\n").encode())


def test_it_starts_without_what_it_does_not_need() -> None:
    heavy = ("sqlalchemy", "web3", "fastapi", "pydantic", "msgspec", "typer", "rlp", "trie")
    code = f"import sys, ledger.proofs.verify; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
