"""What a correction may name, what must stay, and what it leaves."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest

from ledger.domain.admission import Book, admit
from ledger.domain.events import read_submission
from ledger.domain.fold import fold, unsuperseded
from ledger.domain.money import format as money
from ledger.errors import IntegrityError, RefusedError
from tests.domain.examples import DATA, ORIGIN, PARTIES, TAPE, TODAY, World, raw, signed, submission

KEY_A = "aa" * 32
PAID = DATA["repayment.received"]


@pytest.fixture
def world() -> World:
    world = World()
    world.admit("loan.originated", id="o", effective="2026-06-01")
    keys = [{"claim": "a", "asset_key": KEY_A}]
    world.admit("loan.disbursed", id="d", effective="2026-06-02", data={"asset_keys": keys})
    world.admit("repayment.received", id="r")
    return world


def refused(world: World, id: str, data: dict[str, Any] | None, **changes: Any) -> RefusedError:
    before = copy.deepcopy(world.book)
    with pytest.raises(RefusedError) as error:
        world.correct(id, data, **changes)
    assert world.book == before, "a refused correction changed the book"
    return error.value


def principal(world: World) -> str:
    return money(world.book.loans["loan:L1"].principal, "CNY")


def test_a_replacement_folds_in_the_originals_place(world: World) -> None:
    world.correct("r", {**PAID, "amount": "112.10", "applied": {"principal": "100.00", "interest": "12.10"}})
    state = world.book.loans["loan:L1"]
    assert (principal(world), money(state.collected, "CNY"), state.events) == ("1100.00", "112.10", 4)
    assert [money(part.principal, "CNY") for part in state.claims] == ["770.00", "330.00"]
    assert state.claims[0].asset_key.hex() == KEY_A
    assert not state.claims[0].weak
    assert state.claims[1].weak


def test_the_newest_correction_holds_and_a_void_can_be_taken_back(world: World) -> None:
    world.correct("r", None)
    assert principal(world) == "1200.00"
    world.correct("r", {**PAID, "applied": {"principal": "1.00"}})
    assert principal(world) == "1199.00"
    world.correct("r", PAID)
    assert principal(world) == "1105.00"


def test_a_void_end_lets_the_loan_go_on(world: World) -> None:
    world.admit("loan.settled", id="s", effective="2026-07-01")
    with pytest.raises(RefusedError, match="has ended"):
        world.admit("loan.disbursed", effective="2026-07-02")
    world.correct("s", None)
    assert world.book.loans["loan:L1"].status == "active"
    world.admit("loan.disbursed", effective="2026-07-02")


def test_a_void_payout_leaves_the_asset_keys(world: World) -> None:
    world.correct("d", None)
    state = world.book.loans["loan:L1"]
    assert (state.status, state.claims[0].asset_key.hex()) == ("originated", KEY_A)
    world.admit("loan.disbursed", id="again", effective="2026-06-03")
    assert (state.claims[0].asset_key.hex(), principal(world)) == (KEY_A, "1105.00")


def test_an_opening_position_is_corrected_with_what_follows_from_it() -> None:
    world = World()
    world.admit("loan.opened", id="o")
    world.admit("repayment.received", id="r", effective="2026-06-10")
    assert principal(world) == "805.00"
    world.correct("o", {**DATA["loan.opened"], "as_of": "2026-06-15"})
    assert (principal(world), world.book.loans["loan:L1"].before) == ("900.00", 1)
    error = refused(world, "o", {**DATA["loan.opened"], "as_of": "2026-07-01"})
    assert error.field == "data.replacement.as_of"
    assert "2026-06-30" in error.reason


def test_a_buyer_is_corrected(world: World) -> None:
    world.admit("claim.bought_back", id="b", data={"buyer": "surety"})
    world.correct("b", DATA["claim.bought_back"])
    assert world.book.loans["loan:L1"].claims[0].creditor == "fenqile"
    world.correct("b", None)
    assert world.book.loans["loan:L1"].claims[0].creditor == "bank"


# -- what it may name ---------------------------------------------------------------------------------------


def test_a_record_of_another_loan_or_none(world: World) -> None:
    world.admit("loan.originated", id="o2", subject="loan:L2")
    for digest in (world.digest("o2", "loan:L2"), TAPE):
        with pytest.raises(RefusedError) as raised:
            world.admit("correction.made", data={"record": digest, "type": "loan.originated",
                                                 "replacement": DATA["loan.originated"]})  # fmt: skip
        error = raised.value
        assert (error.field, error.rule) == ("data.record", "unknown_record")
        assert digest in error.reason
        assert "loan:L1" in error.reason


def test_a_correction_of_a_correction(world: World) -> None:
    world.correct("r", None)
    digest = next(one.digest.hex() for _, one in world.records["loan:L1"] if one.type == "correction.made")
    with pytest.raises(RefusedError) as raised:
        world.admit("correction.made", data={"record": digest, "type": "repayment.received",
                                             "replacement": PAID})  # fmt: skip
    assert raised.value.rule == "not_correctable"
    assert world.digest("r") in raised.value.reason
    with pytest.raises(RefusedError) as raised:
        submission("correction.made", data={"type": "correction.made"})
    assert (raised.value.field, raised.value.rule) == ("data.type", "not_correctable")
    assert "correct the original again" in raised.value.reason


def test_another_party_than_the_original_one(world: World) -> None:
    for party in ("bank", "clearing"):
        error = refused(world, "r", None, party=party)
        assert (error.field, error.rule) == ("party", "not_allowed")
        assert "fenqile" in error.reason


def test_another_type_than_the_original_one(world: World) -> None:
    with pytest.raises(RefusedError) as raised:
        world.admit("correction.made", data={"record": world.digest("r")})
    assert (raised.value.field, raised.value.rule) == ("data.type", "not_correctable")
    assert "repayment.received" in raised.value.reason


def test_a_type_that_cannot_be_corrected() -> None:
    for kind in ("claim.pledged", "pool.sealed", "day.closed", "no.such"):
        with pytest.raises(RefusedError) as raised:
            submission("correction.made", data={"type": kind})
        assert (raised.value.field, raised.value.rule) == ("data.type", "not_correctable")


@pytest.mark.parametrize("kind", ["loan.opened", "loan.originated"])
def test_what_begins_the_loan_cannot_be_void(kind: str) -> None:
    value = raw("correction.made", data={"type": kind})
    value["data"]["replacement"] = None
    with pytest.raises(RefusedError) as raised:
        read_submission(value)
    assert (raised.value.field, raised.value.rule) == ("data.replacement", "not_correctable")


def test_a_correction_of_what_must_be_signed_is_signed(world: World) -> None:
    world.admit(signed("guarantor.compensated", id="g"))
    assert money(world.book.loans["loan:L1"].compensated, "CNY") == "70.00"
    data = {**DATA["guarantor.compensated"], "amount": "60.00"}
    error = refused(world, "g", data)
    assert (error.field, error.rule) == ("sig", "signature")
    members = {"record": world.digest("g"), "type": "guarantor.compensated", "replacement": data}
    world.admit(signed("correction.made", id="c", party="surety", data=members))
    assert money(world.book.loans["loan:L1"].compensated, "CNY") == "60.00"


# -- what stays ---------------------------------------------------------------------------------------------


def shared(*claims: tuple[str, str, int]) -> dict[str, Any]:
    return {"claims": [{"claim": name, "creditor": of, "share": share} for name, of, share in claims]}


@pytest.mark.parametrize(
    ("id", "change", "member"),
    [
        ("r", {"currency": "USD"}, "currency"),
        ("o", {"currency": "USD"}, "currency"),
        ("o", {"remainder": "a"}, "remainder"),
        ("o", shared(("a", "fund", 700_000), ("b", "fenqile", 300_000)), "claims"),
        ("o", shared(("z", "bank", 700_000), ("b", "fenqile", 300_000)), "claims"),
        ("o", shared(("a", "bank", 500_000), ("b", "fenqile", 500_000)), "claims"),
        ("d", {"asset_keys": [{"claim": "a", "asset_key": "bb" * 32}]}, "asset_keys"),
        ("d", {}, "asset_keys"),
        ("b", {"claim": "b"}, "claim"),
    ],
)
def test_what_never_changes(world: World, id: str, change: dict[str, Any], member: str) -> None:
    world.admit("claim.bought_back", id="b")
    kind = {
        "o": "loan.originated",
        "d": "loan.disbursed",
        "r": "repayment.received",
        "b": "claim.bought_back",
    }[id]
    error = refused(world, id, {**DATA[kind], **change})
    assert (error.field, error.rule) == (f"data.replacement.{member}", "not_correctable")


def test_a_contract_number_may_change(world: World) -> None:
    first, second = DATA["loan.originated"]["claims"]
    world.correct("o", {**DATA["loan.originated"], "claims": [{**first, "contract": "J-1"}, second]})


# -- form ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("replacement", "field", "rule"),
    [
        ({**PAID, "amount": 107.1}, "data.replacement.amount", "float"),
        ({**PAID, "amount": "107.1"}, "data.replacement.amount", "wrong_money"),
        ({**PAID, "extra": 1}, "data.replacement.extra", "unknown_member"),
        ({"currency": "CNY"}, "data.replacement.amount", "missing_member"),
        ({**PAID, "applied": {"principal": 1}}, "data.replacement.applied.principal", "wrong_type"),
        ({**PAID, "applied": {"principal": "-1.00"}}, "data.replacement.applied.principal", "wrong_money"),
    ],
)
def test_a_replacement_has_the_form_of_its_type(replacement: dict[str, Any], field: str, rule: str) -> None:
    value = raw("correction.made", data={"type": "repayment.received"})
    value["data"]["replacement"] = replacement
    with pytest.raises(RefusedError) as raised:
        read_submission(value)
    assert (raised.value.field, raised.value.rule) == (field, rule)


@pytest.mark.parametrize("member", ["record", "reason", "approved_by", "replacement"])
def test_a_correction_is_whole(member: str) -> None:
    with pytest.raises(RefusedError) as raised:
        submission("correction.made", data={member: None})
    assert raised.value.field == f"data.{member}"
    with pytest.raises(RefusedError):
        submission("correction.made", data={"record": "AB" * 32})


def test_totals_stay_countable(world: World) -> None:
    for n in range(9):
        world.admit("repayment.received", id=f"big{n}", data={"amount": "9999999999.00", "applied": {}})
    error = refused(world, "r", {**PAID, "amount": "9999999999.00", "applied": {}})
    assert (error.field, error.rule) == ("data.replacement", "too_large")


# -- the door ----------------------------------------------------------------------------------------------


def test_a_correction_counts_from_its_own_index_on_and_at_the_originals_day(world: World) -> None:
    world.correct("r", {**PAID, "applied": {"principal": "100.00"}}, effective="2026-11-01")
    records = world.records["loan:L1"]
    for size, paid in ((3, "95.00"), (4, "100.00")):
        held = unsuperseded(records, before=size, until=date(2026, 6, 30))
        assert [one.record.id for one in held] == ["o", "d", "r"]
        assert held[2].event.applied.principal == paid  # type: ignore[attr-defined]
        assert held[2].index == 2
        assert (held[2].correction is None) == (size == 3)
        assert held[2].record.event.applied.principal == "95.00"  # type: ignore[attr-defined]
    assert [one.record.id for one in unsuperseded(records, until=date(2026, 6, 29))] == ["o", "d"]
    assert money(fold(records, before=4, until=date(2026, 6, 30)).principal, "CNY") == "1100.00"
    assert fold(records, before=4, until=date(2026, 6, 1)).status == "originated"


def test_nothing_before_the_loan_began(world: World) -> None:
    records = world.records["loan:L1"]
    assert unsuperseded(records, until=date(2026, 5, 31)) == []
    with pytest.raises(IntegrityError, match="begins"):
        fold(records, until=date(2026, 5, 31))


def test_the_beginning_stands_first_whatever_its_day() -> None:
    world = World()
    world.admit("loan.opened", id="o", effective="2026-06-30")
    world.admit("repayment.received", id="r", effective="2026-06-10")
    assert [one.record.id for one in unsuperseded(world.records["loan:L1"])] == ["o", "r"]


def test_a_book_without_records_corrects_nothing(world: World) -> None:
    book = Book(ORIGIN, dict(PARTIES), loans=world.book.loans)
    one = submission("correction.made", data={"record": world.digest("r"), "type": "repayment.received",
                                              "replacement": PAID})  # fmt: skip
    with pytest.raises(IntegrityError, match="loan:L1"):
        admit(one, book, today=TODAY, index=9)
