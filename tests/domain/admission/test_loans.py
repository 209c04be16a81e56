"""Who may say what, and when; what a loan refuses, and what it accepts though it looks wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ledger.domain import calendar, loans
from ledger.domain.events import EVENTS
from tests.domain.admission.conftest import refused
from tests.domain.examples import World, signed


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
