"""Asset keys: when they come, and that each is one claim's for ever."""

from __future__ import annotations

from ledger.errors import TakenError
from ledger.proofs.encumbrance import weak_asset_key
from tests.domain.admission.conftest import KEY_A, KEY_B, refused
from tests.domain.examples import CLAIMS, ORIGIN, World


def test_asset_keys_arrive_with_the_payout() -> None:
    world = World()
    assert world.admit("loan.originated") is None
    assert all(not part.asset_key for part in world.book.loans["loan:L1"].claims)
    admitted = world.admit("loan.disbursed", data={"asset_keys": [{"claim": "a", "asset_key": KEY_A}]})
    assert admitted is not None
    weak = weak_asset_key(ORIGIN, "L1", "b")
    assert [(key.asset_key, key.claim, key.weak) for key in admitted.new_keys] == [
        (bytes.fromhex(KEY_A), "a", False), (weak, "b", True),
    ]  # fmt: skip
    assert [(part.asset_key, part.weak) for part in world.book.loans["loan:L1"].claims] == [
        (bytes.fromhex(KEY_A), False), (weak, True),
    ]  # fmt: skip
    place = world.book.places[weak]
    assert (place.loan, place.claim, place.index, place.taken) == ("L1", "b", 1, 0)


def test_a_seasoned_loan_brings_its_keys_at_once() -> None:
    world = World()
    admitted = world.admit("loan.opened")
    assert admitted is not None
    assert [key.weak for key in admitted.new_keys] == [True]


def test_a_taken_asset_key(world: World) -> None:
    world.admit("loan.originated", subject="loan:L2")
    error = refused(
        world, "loan.disbursed", subject="loan:L2", data={"asset_keys": [{"claim": "a", "asset_key": KEY_B}]}
    )
    assert isinstance(error, TakenError)
    assert error.rule == "taken_asset_key"
    assert error.details == {"index": 1, "asset_key": KEY_B, "loan": "L1", "claim": "b"}
    claim = {"claim": "a", "creditor": "bank", "share": 1_000_000, "asset_key": KEY_A}
    assert isinstance(refused(world, "loan.opened", subject="loan:L3", data={"claims": [claim]}), TakenError)


def test_a_position_is_not_asserted_for_a_later_day() -> None:
    world = World()
    for as_of in ("2026-07", "2026-07-01", "2999-12"):
        assert (
            refused(world, "loan.opened", effective="2026-06-30", data={"as_of": as_of}).field == "data.as_of"
        )
    world.admit("loan.opened", effective="2026-06-30", data={"as_of": "2026-06"})


def test_a_key_that_squats_a_weak_one(world: World) -> None:
    weak = weak_asset_key(ORIGIN, "L2", "a").hex()
    claim = {"claim": "a", "creditor": "bank", "share": 1_000_000, "asset_key": weak}
    world.admit("loan.opened", subject="loan:L3", data={"claims": [claim]})
    world.admit("loan.originated", subject="loan:L2")
    assert refused(world, "loan.disbursed", subject="loan:L2").rule == "taken_asset_key"


def test_one_key_for_two_claims_of_a_loan() -> None:
    world = World()
    claims = [{**claim, "asset_key": KEY_A} for claim in CLAIMS]
    error = refused(world, "loan.opened", data={"claims": claims, "remainder": "a"})
    assert error.rule == "taken_asset_key"


def test_an_asset_key_is_never_corrected(world: World) -> None:
    again = [{"claim": "a", "asset_key": KEY_A}]
    assert world.admit("loan.disbursed", data={"asset_keys": again}) is None  # the same one says nothing new
    error = refused(world, "loan.disbursed", data={"asset_keys": [{"claim": "a", "asset_key": "cc" * 32}]})
    assert error.rule == "asset_key_set"


def test_a_key_for_a_claim_that_is_not_there(world: World) -> None:
    world.admit("loan.originated", subject="loan:L2")
    error = refused(
        world,
        "loan.disbursed",
        subject="loan:L2",
        data={"asset_keys": [{"claim": "z", "asset_key": "cc" * 32}]},
    )
    assert error.rule == "unknown_claim"
