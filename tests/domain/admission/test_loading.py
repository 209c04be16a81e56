"""What must be loaded before a chunk of events is admitted, and what admitting them gives."""

from __future__ import annotations

import pytest

from ledger.domain import admission
from ledger.domain.admission import Admitted
from ledger.domain.events import read_submission
from ledger.errors import RefusedError
from ledger.proofs.encumbrance import weak_asset_key
from tests.domain.admission.conftest import KEY_A
from tests.domain.examples import BANK, ORIGIN, TODAY, World, raw, submission


def test_what_an_event_needs() -> None:
    assert admission.needs(submission("repayment.received")).subjects == {"loan:L1"}
    pledge = submission(
        "claim.pledged", data={"claims": [{"loan": "L1", "claim": "a"}, {"loan": "L2", "claim": "a"}]}
    )
    assert admission.needs(pledge).subjects == {"pool:P", "loan:L1", "loan:L2"}
    paid = submission("loan.disbursed", data={"asset_keys": [{"claim": "a", "asset_key": KEY_A}]})
    assert admission.needs(paid).asset_keys == {bytes.fromhex(KEY_A)}


def test_places_of_loans_that_the_same_chunk_begins() -> None:
    world = World()
    chunk = [
        submission("loan.originated", subject="loan:L2"),
        submission(
            "loan.disbursed", subject="loan:L2", data={"asset_keys": [{"claim": "a", "asset_key": KEY_A}]}
        ),
        submission("loan.opened", subject="loan:L3"),
    ]
    assert admission.place_keys(chunk, world.book) == {
        bytes.fromhex(KEY_A), weak_asset_key(ORIGIN, "L2", "b"), weak_asset_key(ORIGIN, "L3", "a"),
    }  # fmt: skip


def test_places_of_pledged_claims() -> None:
    world = World().with_loan(keys={"a": KEY_A}).with_pool()
    assert admission.place_keys([submission("claim.pledged")], world.book) == {bytes.fromhex(KEY_A)}
    assert admission.place_keys([submission("repayment.received")], world.book) == set()


def test_nothing_but_the_subject_changes_for_most_events(world: World) -> None:
    assert world.admit("repayment.received") is None
    assert isinstance(world.admit("claim.pledged"), Admitted)


def test_signed_events_are_checked_wherever_they_come(world: World) -> None:
    value = raw("repayment.received", sig={"key": BANK.verifier.reference, "value": "AA=="})
    with pytest.raises(RefusedError) as error:
        admission.admit(read_submission(value), world.book, today=TODAY, index=9)
    assert error.value.rule == "signature"
