"""The verifier on what others say of a checkpoint: anchors on chain and witnesses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.errors import (
    InconsistencyError,
    UnavailableError,
    UndeterminedError,
    VerificationError,
)
from ledger.proofs import merkle
from ledger.proofs.verify import (
    Level,
    NotChecked,
    verify_receipt,
)
from tests.samples import (
    TRUST,
    WITNESSES,
    record,
    simple_log,
)
from tests.verifying import NO_WITNESS, Known, refused, view


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
