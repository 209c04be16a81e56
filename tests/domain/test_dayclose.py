"""What a business date brought, and to whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import dayclose, money, record
from ledger.domain.dayclose import Flow, Owned
from ledger.domain.events import EVENTS
from ledger.domain.events.files import DayClosed
from ledger.domain.record import Record
from tests.domain.examples import ORIGIN, raw, submission

#: 70 % of the loan, of which a quarter and half are held through pools; 30 % of it, held by nobody.
CLAIMS = (
    Owned("a", 700_000, "bank", (("P1", "fund-1", 250_000), ("P2", "fund-2", 500_000))),
    Owned("b", 300_000, "fenqile"),
)


def recorded(kind: str, **changes: object) -> Record:
    """A record of an example."""
    one = submission(kind, **changes)
    made = record.build(ORIGIN, one, seq=0, prev=None, posted="2026-11-22T16:00:00.000000Z", secret=bytes(32))
    return record.parse(made.record)


def parts(kind: str, **data: object) -> dict[tuple[str, str], tuple[str, ...]]:
    """(party, pool) → its components, as money."""
    found = dayclose.flows(7, recorded(kind, data=data), CLAIMS, 1)
    return {
        (one.party, one.pool): tuple(money.format(units, one.currency) for units in one.parts)
        for one in found
    }


def test_each_component_goes_to_holders_by_their_shares_and_the_rest_to_the_creditor() -> None:
    applied = {"principal": "95.03", "interest": "12.10", "fee": "3.00", "penalty": "0.05", "other": "1.00"}
    zero = "0.00"
    # The bank's claim: 66.52 of principal, 8.47 of interest, 0.03 of penalties; fees are of their payees.
    assert parts("repayment.received", amount="111.18", applied=applied) == {
        ("fund-1", "P1"): ("16.63", "2.11", zero, zero, zero),
        ("fund-2", "P2"): ("33.26", "4.23", zero, "0.01", zero),
        ("bank", ""): ("16.63", "2.13", zero, "0.02", zero),
        ("fenqile", ""): ("28.51", "3.63", zero, "0.02", zero),
    }


def test_what_concerns_one_claim_is_of_its_parties_only() -> None:
    zero = "0.00"
    assert parts("guarantor.compensated") == {
        ("fund-1", "P1"): ("17.50", zero, zero, zero, zero),
        ("fund-2", "P2"): ("35.00", zero, zero, zero, zero),
        ("bank", ""): ("17.50", zero, zero, zero, zero),
    }
    assert parts("claim.bought_back")["fund-2", "P2"] == (zero, zero, zero, zero, "420.00")
    assert parts("amount.waived")["fenqile", ""] == (zero, "0.63", zero, zero, zero)
    assert parts("remittance.made") == {("bank", "P"): (zero, zero, zero, zero, "74.00")}


@pytest.mark.parametrize("kind", dayclose.TYPES)
def test_every_type_has_parts_and_makes_lines_that_a_close_takes(kind: str) -> None:
    one = recorded(kind)
    found = list(dayclose.flows(7, one, CLAIMS, 1))
    assert found
    assert all(flow.parts and flow.amount for flow in found)
    lines = dayclose.lines([dayclose.counted(7, one)], found)
    closed = submission("day.closed", data={"lines": lines}).event
    assert isinstance(closed, DayClosed)
    assert closed.lines[0].holder is None
    assert [line.count for line in closed.lines] == [1] * len(lines)


def test_types_are_those_with_money_of_claims() -> None:
    assert list(dayclose.TYPES) == sorted(dayclose.TYPES)
    assert set(dayclose.TYPES) < EVENTS.keys()


def test_a_party_with_two_parts_of_a_record_has_one_event() -> None:
    claims = (Owned("a", 700_000, "bank"), Owned("b", 300_000, "bank"))
    one = recorded("loan.disbursed")
    lines = dayclose.lines([dayclose.counted(7, one)], dayclose.flows(7, one, claims, 1))
    assert [(line["holder"], line["count"], line["sum"]) for line in lines] == [
        (None, 1, "1200.00"), ("bank", 1, "1200.00"),
    ]  # fmt: skip


UNITS = st.integers(0, 10**15)


@given(UNITS, UNITS, st.integers(1, 999_999), st.lists(st.integers(1, 1_000_000), max_size=4), st.booleans())
def test_the_parts_of_all_parties_are_the_whole(
    principal: int, interest: int, share: int, weights: list[int], last: bool
) -> None:
    total = sum(weights) or 1
    held = tuple(
        (f"P{n}", f"fund-{n}", part)
        for n, weight in enumerate(weights)
        if (part := weight * 900_000 // total)
    )
    claims = (Owned("a", share, "bank", held), Owned("b", 1_000_000 - share, "fenqile", held[:1]))
    applied = {"principal": money.format(principal, "CNY"), "interest": money.format(interest, "CNY")}
    amount = money.format(principal + interest, "CNY")
    one = recorded("repayment.received", data={"amount": amount, "applied": applied})
    found: list[Flow] = list(dayclose.flows(0, one, claims, int(last)))
    assert [sum(flow.parts[place] for flow in found) for place in (0, 1)] == [principal, interest]
    assert all(min(flow.parts) >= 0 for flow in found)
    assert sum(flow.amount for flow in found) == dayclose.amount_of(one)


def test_type_and_day_are_read_from_the_bytes() -> None:
    made = submission("loan.originated", data={"attributes": {"x": 'a"effective":"2001-01-01","type":"b'}})
    built = record.build(
        ORIGIN, made, seq=0, prev=None, posted="2026-11-22T16:00:00.000000Z", secret=bytes(32)
    )
    assert record.type_of(built.record) == "loan.originated"
    assert record.effective_of(built.record) == raw("loan.originated")["effective"]
    assert record.type_of(b'{"data":{"type":"a"},"type":"loan.disbursed","v":1}') == "loan.disbursed"
    assert record.type_of(b"") == ""
