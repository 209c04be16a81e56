"""What is refused, with the book unchanged; what is accepted though it looks wrong."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime
from typing import Any

import pytest

from ledger.domain import admission, calendar, loans, statements
from ledger.domain.admission import Admitted, Party
from ledger.domain.events import EVENTS, Submission, read_submission
from ledger.errors import RefusedError, TakenError
from ledger.proofs.encumbrance import weak_asset_key
from tests.domain.examples import BANK, CLAIMS, ORIGIN, TODAY, World, raw, signed, submission

KEY_A, KEY_B = "aa" * 32, "bb" * 32


def refused(world: World, item: Submission | str, **changes: Any) -> RefusedError:
    before = copy.deepcopy(world.book)
    index = world.index
    with pytest.raises(RefusedError) as error:
        world.admit(item, **changes)
    assert world.book == before, "a refused event changed the book"
    world.index = index
    return error.value


def release(**changes: Any) -> Submission:
    return signed("claim.released", **changes)


@pytest.fixture
def world() -> World:
    return World().with_loan(keys={"a": KEY_A, "b": KEY_B}).with_pool()


# -- parties and dates ----------------------------------------------------------------------------------------


def test_an_unknown_party(world: World) -> None:
    error = refused(world, "repayment.received", party="stranger")
    assert (error.field, error.rule) == ("party", "unknown_party")


@pytest.mark.parametrize("kind", [name for name, kind in EVENTS.items() if "auditor" not in kind.posted_by])
def test_a_party_that_may_not_post_the_type(world: World, kind: str) -> None:
    error = refused(world, kind, party="auditor")
    assert (error.field, error.rule) == ("party", "not_allowed")


@pytest.mark.parametrize("kind", ["claim.pledged", "claim.sold"])
def test_a_funding_partner_does_not_pledge_for_others(world: World, kind: str) -> None:
    assert refused(world, kind, party="bank").rule == "not_allowed"


def test_effective_tomorrow_in_the_logs_zone(world: World) -> None:
    # 16:30 UTC on the 22nd is the 23rd in Shanghai: the 23rd is today there and is accepted, though it is
    # tomorrow in UTC; the 24th is refused.
    today = calendar.business_date(datetime(2026, 11, 22, 16, 30, tzinfo=UTC), "Asia/Shanghai")
    world.admit("repayment.received", effective="2026-11-23", today=today)
    error = refused(world, "repayment.received", effective="2026-11-24", today=today)
    assert (error.field, error.rule) == ("effective", "future")
    assert "2026-11-23" in error.reason


def test_a_month_counts_as_its_last_day(world: World) -> None:
    assert (
        refused(world, "repayment.received", effective="2026-11", today=date(2026, 11, 29)).rule == "future"
    )
    world.admit("repayment.received", effective="2026-11", today=date(2026, 11, 30))


# -- loans ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", [name for name, kind in EVENTS.items() if kind.subject == "loan" and not kind.begins]
)
def test_an_unknown_loan(world: World, kind: str) -> None:
    error = refused(world, signed(kind, subject="loan:L9"))
    assert (error.field, error.rule) == ("subject", "unknown_subject")
    assert "loan:L9" in error.reason


@pytest.mark.parametrize("kind", ["loan.opened", "loan.originated"])
def test_a_loan_begins_once(world: World, kind: str) -> None:
    assert refused(world, kind).rule == "already_exists"


@pytest.mark.parametrize(
    "kind",
    [
        "loan.disbursed",
        "repayment.received",
        "repayment.reversed",
        "loan.charged_off",
        "recovery.received",
        "balance.reported",
    ],
)
def test_another_currency_than_the_loans(world: World, kind: str) -> None:
    error = refused(world, kind, data={"currency": "USD"})
    assert (error.field, error.rule) == ("data.currency", "wrong_currency")
    assert "CNY" in error.reason


@pytest.mark.parametrize("end", ["loan.settled", "loan.charged_off"])
def test_after_the_end(world: World, end: str) -> None:
    world.admit(end)
    for kind in ("loan.originated", "loan.opened", "loan.disbursed"):
        assert refused(world, kind).rule == "ended"
    assert refused(world, "claim.pledged").rule == "ended"
    assert refused(world, "claim.sold").rule == "ended"
    for kind in (
        "repayment.received",
        "repayment.reversed",
        "recovery.received",
        "balance.reported",
        "loan.charged_off",
        "loan.settled",
    ):
        world.admit(kind, id=f"late-{kind}")


def test_late_and_out_of_order_events_are_accepted() -> None:
    world = World()
    world.admit("loan.originated", effective="2026-06-30")
    world.admit("repayment.received", effective="2026-06-01")  # before the contract, before any payout
    world.admit("loan.disbursed", effective="2026-07-01")
    state = world.book.loans["loan:L1"]
    assert state.events == 3
    assert state.principal == 110_500_000_000


def test_arithmetic_that_does_not_add_up_is_accepted(world: World) -> None:
    world.admit("repayment.received", data={"amount": "1.00", "applied": {"principal": "9999.00"}})
    assert world.book.loans["loan:L1"].principal < 0


def test_totals_that_no_longer_fit_are_refused(world: World) -> None:
    big = {"amount": "9999999999.00"}
    for _ in range(9):
        world.admit("loan.disbursed", data=big)
    assert refused(world, "loan.disbursed", data=big).rule == "too_large"
    loans.decode(loans.encode(world.book.loans["loan:L1"]))


# -- asset keys -----------------------------------------------------------------------------------------------


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


# -- pools ----------------------------------------------------------------------------------------------------


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
    assert world.book.pools["pool:P"].holdings == 2
    admitted = world.admit(release())
    assert admitted is not None
    assert [(change.change, change.holder, change.pool) for change in admitted.changes] == [
        (-1_000_000, "bank", "P")
    ]
    assert world.book.pools["pool:P"].holdings == 1
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


# -- what must be loaded --------------------------------------------------------------------------------------


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
