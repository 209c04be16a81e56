"""The verifier: what it shows, what it refuses and by which step, and what it says it did not check."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ledger.errors import (
    InconsistencyError,
    MalformedError,
    UnavailableError,
    UndeterminedError,
    VerificationError,
)
from ledger.proofs import merkle
from ledger.proofs.entries import RegisterEntry
from ledger.proofs.receipt import RegisterLeaf
from ledger.proofs.trust import KeySpan, TrustRoot, WitnessPolicy
from ledger.proofs.verify import (
    AnchorView,
    Level,
    NotChecked,
    Verdict,
    verify_file,
    verify_published_tree_end,
    verify_receipt,
)
from tests.samples import (
    BANK,
    CHAIN,
    DISCLOSURE,
    LOG,
    ORIGINATOR,
    SERVICE,
    STRANGER,
    TRUST,
    WITNESSES,
    SampleLog,
    acceptances,
    pledge_record,
    record,
    signed_record,
    signer,
    simple_log,
)

NO_WITNESS = replace(TRUST, witnesses=WitnessPolicy())


@dataclass
class Known:
    """An anchor source that knows one thing: a view, or why it has none."""

    answer: AnchorView | Exception

    def root_at(self, size: int) -> AnchorView:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def view(log: SampleLog, size: int = 6, **changes: Any) -> AnchorView:
    seen = AnchorView(size=size, root=log.checkpoint(size).root, level=Level.FINAL, describes=f"block {size}")
    return replace(seen, **changes)


def refused(step: str, trust: TrustRoot, data: bytes, **options: Any) -> VerificationError:
    with pytest.raises(VerificationError) as caught:
        verify_receipt(trust, data, **options)
    assert caught.value.step == step, caught.value
    return caught.value


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


class TestRecord:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{}",
            record(0) + " ",
            record(0, v=2),
            record(0, extra=1),
            record(0, seq=0),
            record(0, prev=None),
            record(0, effective="2026-02-30"),
            record(0, effective="2026"),
            record(0, posted="2026-03-01T08:00:00Z"),
            record(0, subject="house:1"),
            record(0, type="Repayment"),
            record(0, party="a b"),
            record(0, id=""),
            record(0, nonce="00"),
            record(0, private=["11" * 32, "00" * 32]),
            record(0, private=["00" * 32, "00" * 32]),
            record(0, private=["0G" * 32]),
            record(0, data=[]),
            record(0, sig={"key": "x", "value": ""}),
            record(0, origin="other.example/log"),
        ],
    )
    def test_refuses(self, text: str) -> None:
        log = SampleLog()
        log.append(text)
        log.publish()
        refused("record", TRUST, log.receipt(0, disclosures=()).encode())

    def test_a_record_of_another_leaf(self) -> None:
        log = simple_log()
        refused("inclusion", TRUST, log.receipt(1, record=record(2)).encode())

    def test_disclosures_must_be_committed_to(self) -> None:
        log = simple_log()
        salt, name, value = DISCLOSURE
        for changed in (
            ("00" * 16, name, value),
            (salt, "lender", value),
            (salt, name, {**value, "age": 32}),
        ):
            assert (
                "commits to no such"
                in refused("disclosures", TRUST, log.receipt(1, disclosures=(changed,)).encode()).reason
            )
        assert (
            "repeats"
            in refused(
                "disclosures", TRUST, log.receipt(1, disclosures=(DISCLOSURE, DISCLOSURE)).encode()
            ).reason
        )

    def test_disclosures_do_not_shadow(self) -> None:
        log = SampleLog()
        log.append(record(0, data={"borrower": "clear"}))
        log.publish()
        assert "shadows" in refused("disclosures", TRUST, log.receipt(0).encode()).reason

    def test_hiding_all_private_fields_is_good(self) -> None:
        assert verify_receipt(TRUST, simple_log().receipt(1, disclosures=()).encode()).disclosures == {}


class TestStatements:
    def one(self, text: str) -> bytes:
        log = SampleLog()
        log.append(text)
        log.publish()
        return log.receipt(0, disclosures=()).encode()

    def test_signed(self) -> None:
        verdict = verify_receipt(TRUST, self.one(signed_record(0)))
        assert "fenqile made this statement" in {step.proves for step in verdict.steps}
        assert "statement" not in {item.name for item in verdict.not_checked}

    def test_unsigned_is_claimed_by_the_platform(self) -> None:
        verdict = verify_receipt(TRUST, self.one(record(0)))
        step = verdict.step("statement_signature")
        assert step is not None
        assert "claimed by the platform" in step.proves

    @pytest.mark.parametrize(
        "kind", ["claim.released", "cash.settled", "repayment.confirmed", "guarantor.compensated"]
    )
    def test_some_are_nothing_without_a_signature(self, kind: str) -> None:
        refused("statement_signature", TRUST, self.one(record(0, type=kind)))
        verify_receipt(TRUST, self.one(signed_record(0, type=kind)))

    def test_by_another_party(self) -> None:
        assert (
            "does not name" in refused("statement_signature", TRUST, self.one(signed_record(0, BANK))).reason
        )

    def test_by_an_unknown_party(self) -> None:
        data = self.one(signed_record(0, STRANGER, party="stranger"))
        assert "knows no party stranger" in refused("statement_signature", TRUST, data).reason

    def test_over_another_statement(self) -> None:
        signed = signed_record(0)
        assert (
            "does not verify"
            in refused("statement_signature", TRUST, self.one(signed.replace("207.10", "207.11"))).reason
        )

    def test_a_pledge_and_its_acceptance(self) -> None:
        verdict = verify_receipt(TRUST, self.one(pledge_record(0)))
        step = verdict.step("pledge_acceptance")
        assert step is not None
        assert step.proves == "bank accepted these claims"
        unsigned = verify_receipt(TRUST, self.one(pledge_record(0, None))).step("pledge_acceptance")
        assert unsigned is not None
        assert "claimed by the platform" in unsigned.proves
        assert verify_receipt(TRUST, self.one(record(0))).step("pledge_acceptance") is None

    def test_a_forged_acceptance(self) -> None:
        refused("pledge_acceptance", TRUST, self.one(pledge_record(0, ORIGINATOR)))
        refused("pledge_acceptance", TRUST, self.one(pledge_record(0).replace("500000", "500001")))
        refused(
            "pledge_acceptance",
            TRUST,
            self.one(pledge_record(0).replace('"holder":"bank"', '"holder":"nobody"')),
        )
        refused(
            "pledge_acceptance", TRUST, self.one(pledge_record(0).replace('"holder":"bank"', '"holder":3'))
        )

    def test_a_seasoned_loan(self) -> None:
        verdict = verify_receipt(TRUST, self.one(record(0, type="loan.opened")))
        assert "opening_position" in {item.name for item in verdict.not_checked}


class TestTree:
    def test_another_index(self) -> None:
        log = simple_log()
        refused("inclusion", TRUST, log.receipt(1, index=2).encode())
        refused("inclusion", TRUST, log.receipt(1, index=6).encode())

    def test_the_register_entry_is_no_record(self) -> None:
        log = simple_log()
        assert (
            "not below that of the register"
            in refused("inclusion", TRUST, log.receipt(1, index=5).encode()).reason
        )

    def test_proofs_of_other_lengths(self) -> None:
        log = simple_log()
        proof = log.receipt(1).proof
        for changed in ((), proof[:-1], (*proof, b"\0" * 32), proof[::-1], (b"\0" * 32, *proof[1:])):
            refused("inclusion", TRUST, log.receipt(1, proof=changed).encode())

    def test_another_register_proof(self) -> None:
        log = simple_log()
        leaf = log.leaf(6, 5)
        for changed in ((), (*leaf.proof, b"\0" * 32), tuple(bytes(32) for _ in leaf.proof)):
            refused("register", TRUST, log.receipt(1, register=replace(leaf, proof=changed)).encode())

    def test_a_tree_that_ends_in_a_record(self) -> None:
        log = simple_log()
        log.append(record(9))
        receipt = log.receipt(1, 7)
        assert "is a record" in refused("register", TRUST, receipt.encode()).reason

    def test_a_register_entry_of_another_place(self) -> None:
        log = simple_log()
        log.append(record(9))
        receipt = log.receipt(1, 7, register=log.leaf(7, 5))
        assert "that of index 5, not of 6" in refused("register", TRUST, receipt.encode()).reason

    def test_a_register_entry_that_lies_about_its_index(self) -> None:
        log = simple_log()
        log.entries.append(RegisterEntry(3, 0, bytes(32)).encode())
        refused("register", TRUST, log.receipt(1).encode())

    def test_a_register_entry_that_is_not_the_one_in_the_tree(self) -> None:
        log = simple_log()
        forged = RegisterLeaf(entry=RegisterEntry(5, 1, b"\x01" * 32).encode(), proof=log.leaf(6, 5).proof)
        assert "another root" in refused("register", TRUST, log.receipt(1, register=forged).encode()).reason

    def test_no_entry_at_all(self) -> None:
        log = simple_log()
        for entry in (b"", b"PPR1", b"\0" * 53, log.entries[5] + b"\0"):
            forged = RegisterLeaf(entry=entry, proof=log.leaf(6, 5).proof)
            refused("register", TRUST, log.receipt(1, register=forged).encode())

    def test_the_end_of_a_published_tree(self) -> None:
        log = simple_log()
        leaf = log.leaf(6, 5)
        found = verify_published_tree_end(log.checkpoint(6), leaf.entry, list(leaf.proof))
        assert found == RegisterEntry(5, 0, merkle.EMPTY_ROOT)
        with pytest.raises(VerificationError) as caught:
            verify_published_tree_end(log.checkpoint(5), leaf.entry, leaf.proof)
        assert caught.value.step == "register"
        with pytest.raises(VerificationError, match="empty tree"):
            verify_published_tree_end(log.checkpoint(0), leaf.entry, [])


class TestAnchors:
    def test_final(self) -> None:
        log = simple_log()
        verdict = verify_receipt(
            TRUST, log.receipt(1).encode(), anchors=Known(view(log)), require=Level.FINAL
        )
        assert verdict.level is Level.FINAL
        assert verdict.levels == {Level.PUBLISHED, Level.ANCHORED, Level.FINAL}
        assert [step.name for step in verdict.steps][-2:] == ["anchor", "finality"]
        assert "anchor" not in {item.name for item in verdict.not_checked}

    def test_anchored_is_not_final(self) -> None:
        log = simple_log()
        anchors = Known(view(log, level=Level.ANCHORED))
        assert verify_receipt(TRUST, log.receipt(1).encode(), anchors=anchors).level is Level.ANCHORED
        with pytest.raises(
            UndeterminedError, match="final was not shown: the anchor is not final yet: block 6"
        ):
            verify_receipt(TRUST, log.receipt(1).encode(), anchors=anchors, require=Level.FINAL)

    def test_another_root_in_the_contract(self) -> None:
        log = simple_log()
        anchors = Known(view(log, root=b"\x0f" * 32))
        with pytest.raises(InconsistencyError) as caught:
            verify_receipt(TRUST, log.receipt(1).encode(), anchors=anchors)
        assert caught.value.step == "anchor"
        assert caught.value.evidence["contract"]["root"] == "0f" * 32
        assert caught.value.evidence["checkpoint"]["root"] == log.checkpoint(6).root.hex()

    def test_a_later_anchor_that_extends_the_tree(self) -> None:
        log = simple_log()
        data = log.receipt(1).encode()
        log.append(record(9))
        log.publish()
        proof = tuple(merkle.consistency_proof(log.hashes(8), 6))
        verdict = verify_receipt(
            TRUST, data, anchors=Known(view(log, 8, consistency=proof)), require=Level.FINAL
        )
        assert "a root of size 8 on top of it" in str(verdict.step("anchor"))
        refused("anchor", TRUST, data, anchors=Known(view(log, 8)))
        refused("anchor", TRUST, data, anchors=Known(view(log, 8, consistency=proof[:-1])))

    def test_an_earlier_anchor_shows_nothing(self) -> None:
        log = simple_log()
        log.append(record(9))
        log.publish()
        refused("anchor", TRUST, log.receipt(1).encode(), anchors=Known(view(log, 6)))

    @pytest.mark.parametrize(
        "reason", [UndeterminedError("not anchored yet"), UnavailableError("node is down")]
    )
    def test_a_source_that_cannot_tell(self, reason: Exception) -> None:
        data = simple_log().receipt(1).encode()
        verdict = verify_receipt(TRUST, data, anchors=Known(reason))
        assert verdict.level is Level.PUBLISHED
        assert str(reason) in {item.says.rpartition(": ")[2] for item in verdict.not_checked}
        with pytest.raises(UndeterminedError, match=str(reason)):
            verify_receipt(TRUST, data, anchors=Known(reason), require=Level.ANCHORED)

    def test_a_source_that_refutes(self) -> None:
        error = VerificationError("the contract has other code", step="anchor")
        with pytest.raises(VerificationError) as caught:
            verify_receipt(TRUST, simple_log().receipt(1).encode(), anchors=Known(error))
        assert caught.value is error

    def test_no_chain_in_the_trust_root(self) -> None:
        log = simple_log()
        data = log.receipt(1, chain=None).encode()
        with pytest.raises(UndeterminedError, match="names no chain"):
            verify_receipt(replace(TRUST, chain=None), data, anchors=Known(view(log)), require=Level.ANCHORED)

    def test_nothing_given(self) -> None:
        with pytest.raises(UndeterminedError, match="neither a node nor an evidence file") as caught:
            verify_receipt(TRUST, simple_log().receipt(1).encode(), require=Level.ANCHORED)
        assert caught.value.exit_code == 3

    def test_a_log_that_stopped_anchoring(self) -> None:
        log = simple_log()
        old = verify_receipt(TRUST, log.receipt(1).encode(), anchors=Known(view(log, anchor_age=86_401)))
        assert "may have stopped" in old.warnings[0]
        young = verify_receipt(TRUST, log.receipt(1).encode(), anchors=Known(view(log, anchor_age=86_400)))
        assert young.warnings == ()

    def test_what_the_source_leaves_open_is_said(self) -> None:
        log = simple_log()
        left = NotChecked("block", "that the block stays")
        anchors = Known(view(log, not_checked=(left,)))
        assert left in verify_receipt(TRUST, log.receipt(1).encode(), anchors=anchors).not_checked


class TestWitnesses:
    def test_enough_of_them(self) -> None:
        log = simple_log()
        data = log.receipt(1, note=log.note(6, witnesses=2)).encode()
        verdict = verify_receipt(TRUST, data, require=Level.COSIGNED)
        assert verdict.level is Level.COSIGNED
        step = verdict.step("cosignatures")
        assert step is not None
        assert step.detail.startswith("2 of 2 asked for: witness1.example")

    def test_too_few(self) -> None:
        log = simple_log()
        data = log.receipt(1, note=log.note(6, witnesses=1)).encode()
        assert verify_receipt(TRUST, data).level is Level.PUBLISHED
        with pytest.raises(UndeterminedError, match="1 of the 2 witnesses"):
            verify_receipt(TRUST, data, require=Level.COSIGNED)

    def test_the_same_one_twice(self) -> None:
        log = simple_log()
        body = log.checkpoint(6).body()
        twice = log.note(6) + WITNESSES[0].sign(body, time=1) + WITNESSES[0].sign(body, time=2)
        with pytest.raises(UndeterminedError, match="1 of the 2"):
            verify_receipt(TRUST, log.receipt(1, note=twice).encode(), require=Level.COSIGNED)

    def test_no_policy(self) -> None:
        log = simple_log()
        data = log.receipt(1, note=log.note(6, witnesses=2)).encode()
        with pytest.raises(UndeterminedError, match="asks for no witness"):
            verify_receipt(NO_WITNESS, data, require=Level.COSIGNED)

    def test_a_bad_cosignature(self) -> None:
        log = simple_log()
        other = WITNESSES[0].sign(log.checkpoint(5).body(), time=1)
        refused("checkpoint", TRUST, log.receipt(1, note=log.note(6) + other).encode())

    def test_from_the_evidence(self) -> None:
        log = simple_log()
        lines = tuple(witness.sign(log.checkpoint(6).body(), time=1) for witness in WITNESSES[:2])
        data = log.receipt(1).encode()
        verdict = verify_receipt(
            TRUST, data, anchors=Known(view(log, cosignatures=lines)), require=Level.COSIGNED
        )
        assert Level.FINAL in verdict.levels
        bad = (WITNESSES[0].sign(log.checkpoint(5).body(), time=1),)
        refused("cosignatures", TRUST, data, anchors=Known(view(log, cosignatures=bad)))

    def test_final_is_not_cosigned(self) -> None:
        log = simple_log()
        with pytest.raises(UndeterminedError, match="level cosigned was not shown"):
            verify_receipt(TRUST, log.receipt(1).encode(), anchors=Known(view(log)), require=Level.COSIGNED)


def test_it_starts_without_what_it_does_not_need() -> None:
    heavy = ("sqlalchemy", "web3", "fastapi", "pydantic", "msgspec", "typer", "rlp", "trie")
    code = f"import sys, ledger.proofs.verify; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
