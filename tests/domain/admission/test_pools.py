"""Pledges, sales and releases: no claim is taken beyond its whole, and only its holder lets it go."""

from __future__ import annotations

import pytest

from ledger.domain import statements
from ledger.domain.admission import Party
from ledger.errors import TakenError
from tests.domain.admission.conftest import KEY_A, refused, release
from tests.domain.examples import BANK, ORIGIN, World, submission


@pytest.mark.parametrize("kind", ["claim.pledged", "claim.sold"])
def test_an_unknown_pool(world: World, kind: str) -> None:
    assert refused(world, kind, subject="pool:Q").rule == "unknown_subject"
    assert refused(world, release(subject="pool:Q")).rule == "unknown_subject"


def test_rules_change_one_version_at_a_time(world: World) -> None:
    assert refused(world, "pool.created").rule == "already_exists"
    assert refused(world, "pool.created", data={"rules": {"version": 3}}).field == "data.rules.version"
    world.admit("pool.created", data={"rules": {"version": 2, "advance_rate": "0.8"}, "title": "Seven"})
    state = world.book.pools["pool:P"]
    assert (state.rules_version, state.events, state.title) == (2, 2, "Seven")
    assert state.rules_data == {"version": 2, "advance_rate": "0.8"}


def test_claims_that_are_not_there(world: World) -> None:
    for claims, field, rule in [
        ([{"loan": "L9", "claim": "a"}], "data.claims[0].loan", "unknown_subject"),
        (
            [{"loan": "L1", "claim": "a"}, {"loan": "L1", "claim": "z"}],
            "data.claims[1].claim",
            "unknown_claim",
        ),
    ]:
        error = refused(world, "claim.pledged", data={"claims": claims})
        assert (error.field, error.rule) == (field, rule)
    world.admit("loan.originated", subject="loan:L2")
    error = refused(world, "claim.pledged", data={"claims": [{"loan": "L2", "claim": "a"}]})
    assert "not disbursed" in error.reason


def test_a_pledge_of_a_taken_claim(world: World) -> None:
    world.admit("claim.pledged")
    error = refused(world, "claim.sold")
    assert isinstance(error, TakenError)
    assert error.field == "data.claims[0]"
    assert error.details == {"loan": "L1", "claim": "a", "free": 0, "asked": 400_000, "index": 3}
    assert refused(world, "claim.pledged").details["index"] == 3


def test_two_shares_above_the_whole(world: World) -> None:
    world.admit("claim.pledged", data={"claims": [{"loan": "L1", "claim": "a", "share": 600_000}]})
    error = refused(world, "claim.sold", data={"claims": [{"loan": "L1", "claim": "a", "share": 400_001}]})
    assert isinstance(error, TakenError)
    assert (error.details["free"], error.details["asked"], error.details["index"]) == (400_000, 400_001, 3)
    world.admit("claim.sold")  # 400,000 fit exactly
    assert world.book.places[bytes.fromhex(KEY_A)].taken == 1_000_000


def test_the_same_claim_twice_in_one_record(world: World) -> None:
    half = {"loan": "L1", "claim": "a", "share": 500_000}
    error = refused(
        world, "claim.pledged", data={"claims": [half, half, {"loan": "L1", "claim": "a", "share": 1}]}
    )
    assert isinstance(error, TakenError)
    assert error.field == "data.claims[2]"
    assert "this very record" in error.reason
    admitted = world.admit("claim.pledged", data={"claims": [half, half]})
    assert admitted is not None
    assert [change.change for change in admitted.changes] == [1_000_000]


def test_a_batch_is_taken_whole_or_not_at_all(world: World) -> None:
    world.with_loan("L2", keys={"a": "cc" * 32})
    world.admit("claim.pledged", data={"claims": [{"loan": "L2", "claim": "a"}]})
    error = refused(
        world, "claim.pledged", data={"claims": [{"loan": "L1", "claim": "a"}, {"loan": "L2", "claim": "a"}]}
    )
    assert error.field == "data.claims[1]"
    assert world.book.places[bytes.fromhex(KEY_A)].taken == 0


def test_the_holder_is_a_registered_party(world: World) -> None:
    error = refused(world, "claim.pledged", data={"holder": "stranger"})
    assert (error.field, error.rule) == ("data.holder", "unknown_party")


def test_a_forged_acceptance(world: World) -> None:
    message = statements.acceptance_bytes(ORIGIN, "Q", "bank", [{"loan": "L1", "claim": "a"}])
    error = refused(world, "claim.pledged", data={"acceptance": statements.sign(BANK, message)})
    assert (error.field, error.rule) == ("data.acceptance", "signature")


def test_pledged_released_and_sold(world: World) -> None:
    world.admit(
        "claim.pledged", data={"claims": [{"loan": "L1", "claim": "a"}, {"loan": "L1", "claim": "b"}]}
    )
    assert world.book.pools["pool:P"].claims == 2
    admitted = world.admit(release())
    assert admitted is not None
    assert [(change.change, change.holder, change.pool) for change in admitted.changes] == [
        (-1_000_000, "bank", "P")
    ]
    assert world.book.pools["pool:P"].claims == 1
    world.admit("claim.sold")
    assert world.book.places[bytes.fromhex(KEY_A)].taken == 400_000


def test_a_release_gives_back_a_part(world: World) -> None:
    world.admit("claim.pledged")
    world.admit(release(data={"claims": [{"loan": "L1", "claim": "a", "share": 300_000}]}))
    assert world.book.places[bytes.fromhex(KEY_A)].taken == 700_000
    error = refused(world, release(data={"claims": [{"loan": "L1", "claim": "a", "share": 700_001}]}))
    assert error.rule == "not_held"
    assert error.details == {"loan": "L1", "claim": "a", "held": 700_000, "asked": 700_001}
    world.admit(release())  # the default: all that is left
    assert world.book.places[bytes.fromhex(KEY_A)].holdings == {}


def test_only_the_holder_releases_and_signs(world: World) -> None:
    world.admit("claim.pledged")
    assert refused(world, "claim.released").rule == "signature"  # unsigned
    assert refused(world, "claim.released", party="fenqile").rule == "signature"
    forged = statements.sign_submission(BANK, ORIGIN, submission("claim.released", party="fund"))
    assert refused(world, forged).rule == "signature"
    world.with_pool("Q")
    assert refused(world, release(subject="pool:Q")).rule == "not_held"  # held, but in the other pool


def test_a_loan_that_has_ended_is_still_released(world: World) -> None:
    world.admit("claim.pledged")
    world.admit("loan.settled")
    world.admit(release())


def test_a_holder_with_shares_through_two_pools(world: World) -> None:
    world.with_pool("Q")
    half = [{"loan": "L1", "claim": "a", "share": 500_000}]
    world.admit("claim.pledged", data={"claims": half})
    world.admit("claim.pledged", subject="pool:Q", data={"claims": half})
    place = world.book.places[bytes.fromhex(KEY_A)]
    assert [share for _, share in place.holders] == [1_000_000]  # one holder in the encumbrance
    world.admit(release(subject="pool:Q"))
    assert list(place.holdings) == [("P", "bank")]


def test_more_holders_than_the_register_can_list(world: World) -> None:
    for i in range(256):
        world.book.parties[f"h{i}"] = Party(f"h{i}", frozenset({"investor"}))
    one = [{"loan": "L1", "claim": "a", "share": 1}]
    for i in range(255):
        world.admit("claim.sold", data={"holder": f"h{i}", "claims": one})
    assert refused(world, "claim.sold", data={"holder": "h255", "claims": one}).rule == "too_large"
