"""Who may post each type, in which currency, and what it does to a loan's or pool's state."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ledger.domain.admission import Party
from ledger.domain.events import EVENTS
from ledger.domain.money import format as money
from ledger.errors import RefusedError
from tests.domain.examples import DATA, PARTIES, World, signed, submission

#: In states and parties these ask for more than an example has; they have tests of their own.
APART = {
    "loan.opened",
    "loan.originated",
    "correction.made",
    "subject.erased",
    "pool.sealed",
    "claim.released",
}
ROLE_OF = {
    "fenqile": {"originator", "servicer"}, "bank": {"funding_partner"}, "fund": {"investor"}, "auditor": {"auditor"},
    "clearing": {"account_bank"}, "surety": {"guarantor"}, "trustee": {"trustee"}, "regulator": {"regulator"},
}  # fmt: skip


@pytest.fixture
def world() -> World:
    world = World().with_loan(keys={"a": "aa" * 32, "b": "bb" * 32}).with_pool()
    for name in ("trustee", "regulator"):
        world.book.parties[name] = Party(name, frozenset(ROLE_OF[name]))
    return world


@pytest.mark.parametrize("kind", [name for name in EVENTS if name not in APART])
@pytest.mark.parametrize("party", ROLE_OF)
def test_who_may_post(world: World, kind: str, party: str) -> None:
    allowed = bool(EVENTS[kind].posted_by & ROLE_OF[party])
    data = {"rules": {"version": 2}} if kind == "pool.created" else {}
    one = signed(kind, party=party, data=data)
    if allowed:
        world.admit(one)
        return
    with pytest.raises(RefusedError) as raised:
        world.admit(one)
    assert (raised.value.field, raised.value.rule) == ("party", "not_allowed")


def test_the_roles_here_are_those_of_the_examples() -> None:
    assert {name: set(party.roles) for name, party in PARTIES.items()}.items() <= ROLE_OF.items()


@pytest.mark.parametrize(
    "kind",
    [
        name
        for name, kind in EVENTS.items()
        if kind.subject == "loan" and "currency" in DATA[name] and not kind.begins
    ],
)
def test_a_loan_has_one_currency(world: World, kind: str) -> None:
    before = copy.deepcopy(world.book.loans)
    with pytest.raises(RefusedError) as raised:
        world.admit(signed(kind, data={"currency": "USD"}))
    assert (raised.value.field, raised.value.rule) == ("data.currency", "wrong_currency")
    assert world.book.loans == before


def numbers(world: World) -> dict[str, str]:
    """What is not zero in the loan's state, as money."""
    state = world.book.loans["loan:L1"]
    names = (
        "disbursed",
        "collected",
        "refunded",
        "waived",
        "compensated",
        "fees_charged",
        "charged_off",
        "recovered",
    )
    found = {name: money(getattr(state, name), "CNY") for name in names if getattr(state, name)}
    return {"principal": money(state.principal, "CNY"), **found}


@pytest.mark.parametrize(
    ("kind", "after"),
    [
        ("loan.refunded", {"principal": "1100.00", "refunded": "100.00"}),
        ("amount.waived", {"principal": "1200.00", "waived": "2.10"}),
        ("fee.charged", {"principal": "1200.00", "fees_charged": "5.00"}),
        ("loan.prepaid", {"principal": "1000.00", "collected": "205.00"}),
        ("guarantor.compensated", {"principal": "1130.00", "compensated": "70.00"}),
        ("loan.reinstated", {"principal": "1300.00", "charged_off": "-100.00"}),
        ("loan.cancelled", {"principal": "1200.00"}),
        ("schedule.changed", {"principal": "1200.00"}),
        ("claim.bought_back", {"principal": "1200.00"}),
        ("repayment.confirmed", {"principal": "1200.00"}),
    ],
)
def test_what_an_event_does_to_a_loan(world: World, kind: str, after: dict[str, str]) -> None:
    world.admit(signed(kind))
    assert numbers(world) == {"disbursed": "1200.00", **after}


def test_a_waiver_of_principal_lowers_it(world: World) -> None:
    world.admit("amount.waived", data={"waived": {"principal": "10.00", "interest": "1.00"}})
    assert numbers(world) == {"principal": "1190.00", "disbursed": "1200.00", "waived": "11.00"}


def test_a_guarantor_pays_on_one_claim_alone(world: World) -> None:
    world.admit(signed("guarantor.compensated"))
    assert [money(part.principal, "CNY") for part in world.book.loans["loan:L1"].claims] == [
        "770.00",
        "360.00",
    ]
    other = [{"claim": "z", "applied": {"principal": "70.00"}}]
    world.admit(signed("guarantor.compensated", data={"claims": other}))
    assert numbers(world)["compensated"] == "140.00"
    assert numbers(world)["principal"] == "1130.00", "a claim that the loan does not have is a finding"


def test_the_newest_buyer_is_the_creditor_whatever_the_order(world: World) -> None:
    world.admit("claim.bought_back", effective="2026-08-01", data={"buyer": "surety"})
    world.admit("claim.bought_back", effective="2026-07-01")
    assert [part.creditor for part in world.book.loans["loan:L1"].claims] == ["surety", "fenqile"]


def test_a_cancelled_loan_has_ended_and_a_reinstated_one_goes_on(world: World) -> None:
    world.admit("loan.cancelled", effective="2026-07-01")
    for kind in ("schedule.changed", "loan.disbursed", "claim.pledged"):
        with pytest.raises(RefusedError) as raised:
            world.admit(kind)
        assert (raised.value.rule, raised.value.details) == ("ended", {"status": "cancelled"})
    world.admit("loan.refunded", effective="2026-07-02")
    world.admit("loan.reinstated", effective="2026-07-03")
    assert world.book.loans["loan:L1"].status == "active"
    world.admit("claim.pledged")


@pytest.mark.parametrize(
    "kind", ["cash.settled", "repayment.confirmed", "guarantor.compensated", "claim.released"]
)
def test_what_must_be_signed_is_refused_without(world: World, kind: str) -> None:
    with pytest.raises(RefusedError) as raised:
        world.admit(submission(kind))
    assert (raised.value.field, raised.value.rule) == ("sig", "signature")


def test_nothing_goes_into_a_closed_pool_and_all_else_goes_on(world: World) -> None:
    world.admit("claim.pledged", data={"claims": [{"loan": "L1", "claim": "a", "share": 500_000}]})
    world.admit("pool.closed")
    for kind in ("claim.pledged", "claim.sold"):
        with pytest.raises(RefusedError) as raised:
            world.admit(kind, data={"claims": [{"loan": "L1", "claim": "a", "share": 1}]})
        assert (raised.value.field, raised.value.rule) == ("subject", "ended")
    world.admit(signed("claim.released"))
    for kind in ("remittance.made", "transfer.settled", "claim.repurchased", "tape.received", "break.opened"):
        world.admit(kind)
    assert world.book.pools["pool:P"].claims == 0
    assert world.book.pools["pool:P"].closed


@pytest.mark.parametrize("kind", [name for name, kind in EVENTS.items() if kind.subject == "pool"])
def test_an_unknown_pool(world: World, kind: str) -> None:
    if kind == "pool.created":
        return
    with pytest.raises(RefusedError) as raised:
        world.admit(signed(kind, subject="pool:Q"))
    assert (raised.value.field, raised.value.rule) == ("subject", "unknown_subject")


@pytest.mark.parametrize("kind", ["cash.settled", "day.closed"])
def test_accounts_and_the_log_have_no_state(world: World, kind: str) -> None:
    before: Any = copy.deepcopy((world.book.loans, world.book.pools, world.book.places))
    assert world.admit(signed(kind)) is None
    assert (world.book.loans, world.book.pools, world.book.places) == before
