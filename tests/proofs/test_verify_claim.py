"""Claim proofs verified: presence, absence, and a history of pledges that must not go back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger.errors import InconsistencyError, UndeterminedError, VerificationError
from ledger.proofs.claimproof import Link
from ledger.proofs.encumbrance import claim_key, weak_asset_key
from ledger.proofs.verify import Level, Verdict, verify_claim_proof
from tests.samples import (
    ORIGIN,
    STRANGER,
    TRUST,
    SampleLog,
    claim_state,
    encumbrance,
    links,
    put_claim,
    record,
)

KEY = b"\x0a" * 32
OTHER = b"\x0b" * 32
PLEDGED = links((3, {"bank": 1_000_000}))
RELEASED = (*PLEDGED, *links((5, {})))
SOLD = (*RELEASED, *links((7, {"trust": 250_000})))


class ClaimLog(SampleLog):
    """A log that publishes a claim's place as its history says; each ``at`` is one register."""

    def at(self, history: tuple[Link, ...] | None, key: bytes = KEY, **state: Any) -> bytes:
        self.append(*[record(len(self.entries) + more) for more in range(10)])
        if history is None:
            self.register.pop(claim_key(key), None)
        else:
            self.place, self.state = encumbrance(history), claim_state(**state)
            put_claim(self, key, self.place, self.state)
        self.register[b"\x55" * 32] = bytes(64)
        self.publish()
        return self.proof(history, key)

    def proof(self, history: tuple[Link, ...] | None, key: bytes = KEY, /, **changes: Any) -> bytes:
        if history is None:
            return self.claim_proof(key, **changes).encode()
        facts: dict[str, Any] = {"encumbrance": self.place, "state": self.state, "history": history}
        return self.claim_proof(key, **(facts | changes)).encode()


def names(verdict: Verdict) -> list[str]:
    return [step.name for step in verdict.steps]


def refused(step: str, data: bytes, **options: Any) -> VerificationError:
    with pytest.raises(VerificationError) as caught:
        verify_claim_proof(TRUST, data, **options)
    assert caught.value.step == step, caught.value
    return caught.value


def test_a_pledged_claim() -> None:
    verdict = verify_claim_proof(TRUST, ClaimLog().at(PLEDGED))
    assert verdict.level is Level.PUBLISHED
    assert names(verdict) == [
        "form", "trust_root", "checkpoint", "service_signature", "register", "presence", "claim", "history",
    ]  # fmt: skip
    presence, claim = verdict.step("presence"), verdict.step("claim")
    assert presence is not None
    assert presence.detail == "held by bank 1000000 ppm"
    assert claim is not None
    assert claim.detail == "claim c1 of L1: current, 1207.10 CNY, 3 events, 1000000 of 1000000 ppm taken"
    assert verdict.claim is not None
    assert verdict.claim.asset_key == KEY
    assert {"earlier_registers", "history_records"} <= {item.name for item in verdict.not_checked}


@pytest.mark.parametrize("history", [(), RELEASED])
def test_not_pledged_is_presence_with_no_holder(history: tuple[Link, ...]) -> None:
    verdict = verify_claim_proof(TRUST, ClaimLog().at(history))
    presence = verdict.step("presence")
    assert presence is not None
    assert presence.detail == "held by nobody: not pledged, not sold"


def test_absence() -> None:
    log = ClaimLog()
    log.at(PLEDGED)
    for data in (log.proof(None, OTHER), ClaimLog().at(None)):
        verdict = verify_claim_proof(TRUST, data)
        assert verdict.step("absence") is not None
        assert "other_registers" in {item.name for item in verdict.not_checked}


def test_absence_is_not_shown_of_what_is_there() -> None:
    log = ClaimLog()
    log.at(PLEDGED)
    other = log.claim_proof(OTHER)
    refused("absence", log.proof(None, KEY, proof=other.proof))


def test_presence_is_not_shown_with_other_values() -> None:
    log = ClaimLog()
    log.at(PLEDGED)
    for change in (
        {"encumbrance": encumbrance(RELEASED), "history": RELEASED},
        {"encumbrance": encumbrance(PLEDGED, b"\x01" * 16)},
        {"state": claim_state(principal="1.00")},
        {"asset_key": OTHER},
    ):
        refused("presence", log.proof(PLEDGED, **change))


def test_the_history_must_be_whole() -> None:
    log = ClaimLog()
    log.at(SOLD)
    assert "3 changes lie between" in refused("history", log.proof(SOLD[1:])).reason
    assert "3 changes lie between" in refused("history", log.proof(())).reason
    named = replace(SOLD[0], holdings=links((3, {"trust": 1_000_000}))[0].holdings)
    refused("history", log.proof((named, *SOLD[1:])))
    refused("history", log.proof((replace(SOLD[0], digest=bytes(32)), *SOLD[1:])))


def test_changes_stand_in_the_order_of_the_log_before_the_register() -> None:
    log = ClaimLog()
    log.at(SOLD)
    refused("claim", log.proof((replace(SOLD[0], index=6), *SOLD[1:])))
    refused("claim", log.proof((*SOLD[:2], replace(SOLD[2], index=10))))
    refused("claim", ClaimLog().at(PLEDGED, last_index=10))


def test_the_weak_key_is_called_weak() -> None:
    weak = weak_asset_key(ORIGIN, "L1", "c1")
    verdict = verify_claim_proof(TRUST, ClaimLog().at(PLEDGED, weak))
    assert "weak_asset_key" in {item.name for item in verdict.not_checked}
    verdict = verify_claim_proof(TRUST, ClaimLog().at(PLEDGED))
    assert "weak_asset_key" not in {item.name for item in verdict.not_checked}


def test_the_same_steps_as_a_receipt() -> None:
    log = ClaimLog()
    data = log.at(PLEDGED)
    refused("service_signature", log.proof(PLEDGED, by=STRANGER))
    refused("checkpoint", log.proof(PLEDGED, checkpoint=log.note(11, by=STRANGER)))
    refused("register", log.proof(PLEDGED, register=log.leaf(11, 9)))
    with pytest.raises(VerificationError) as caught:
        verify_claim_proof(replace(TRUST, origin="other.example/log"), data)
    assert caught.value.step == "trust_root"
    with pytest.raises(UndeterminedError):
        verify_claim_proof(TRUST, data, require=Level.ANCHORED)


class TestEarlier:
    @pytest.mark.parametrize("before", [None, (), PLEDGED, RELEASED])
    def test_a_history_that_grew(self, before: tuple[Link, ...] | None) -> None:
        log = ClaimLog()
        earlier = log.at(before)
        verdict = verify_claim_proof(TRUST, log.at(SOLD), earlier=earlier)
        assert verdict.steps[-1].proves == "since the earlier register the claim's history only grew"
        assert "earlier_registers" not in {item.name for item in verdict.not_checked}

    @pytest.mark.parametrize("after", [None, (), PLEDGED, links((3, {"trust": 1_000_000}), (5, {}))])
    def test_a_history_that_went_back(self, after: tuple[Link, ...] | None) -> None:
        log = ClaimLog()
        earlier = log.at(RELEASED)
        with pytest.raises(InconsistencyError) as caught:
            verify_claim_proof(TRUST, log.at(after), earlier=earlier)
        assert caught.value.step == "history"
        # Whoever gets the error can show both signed checkpoints to anyone.
        assert caught.value.evidence["older"].startswith(f"{ORIGIN}\n11\n")
        assert caught.value.evidence["newer"].startswith(f"{ORIGIN}\n22\n")

    def test_a_pledge_taken_back_and_forth(self) -> None:
        """The place is the same as before, but the history says what happened in between."""
        log = ClaimLog()
        earlier = log.at(PLEDGED)
        again = (*RELEASED, *links((8, {"bank": 1_000_000})))
        assert verify_claim_proof(TRUST, log.at(again), earlier=earlier).step("history") is not None
        hidden = ClaimLog()
        earlier = hidden.at(again)
        with pytest.raises(InconsistencyError, match="went back"):
            verify_claim_proof(TRUST, hidden.at(PLEDGED), earlier=earlier)

    def test_fewer_events_than_before(self) -> None:
        log = ClaimLog()
        earlier = log.at(PLEDGED)
        with pytest.raises(InconsistencyError, match="fewer events"):
            verify_claim_proof(TRUST, log.at(PLEDGED, count=2), earlier=earlier)

    def test_two_trees_of_one_size(self) -> None:
        with pytest.raises(InconsistencyError, match="two roots of size 11"):
            verify_claim_proof(TRUST, ClaimLog().at(PLEDGED), earlier=ClaimLog().at(RELEASED))

    def test_of_another_claim_or_a_later_register(self) -> None:
        log = ClaimLog()
        earlier = log.at(PLEDGED)
        with pytest.raises(UndeterminedError, match="another claim"):
            verify_claim_proof(TRUST, log.at(PLEDGED, OTHER), earlier=earlier)
        with pytest.raises(UndeterminedError, match="later register"):
            verify_claim_proof(TRUST, earlier, earlier=log.at(SOLD))

    def test_an_earlier_proof_that_does_not_verify(self) -> None:
        log = ClaimLog()
        log.at(PLEDGED)
        forged = log.proof(PLEDGED, by=STRANGER)
        assert refused("service_signature", log.at(SOLD), earlier=forged).reason
