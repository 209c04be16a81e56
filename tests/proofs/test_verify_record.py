"""The verifier on a receipt itself: the record, who stated it, and its place in the tree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.errors import (
    VerificationError,
)
from ledger.proofs import merkle
from ledger.proofs.entries import RegisterEntry
from ledger.proofs.receipt import RegisterLeaf
from ledger.proofs.verify import (
    verify_published_tree_end,
    verify_receipt,
)
from tests.samples import (
    BANK,
    DISCLOSURE,
    ORIGINATOR,
    STRANGER,
    TRUST,
    SampleLog,
    pledge_record,
    record,
    signed_record,
    simple_log,
)
from tests.verifying import refused


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

    def test_nor_is_a_correction_of_such_a_record(self) -> None:
        told = {"type": "guarantor.compensated", "record": "00" * 32, "reason": "r", "approved_by": "a"}
        refused("statement_signature", TRUST, self.one(record(0, type="correction.made", data=told)))
        verify_receipt(TRUST, self.one(signed_record(0, type="correction.made", data=told)))

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
