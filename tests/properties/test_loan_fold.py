"""A loan's state is the same in whatever order its events arrive, and the one that the ordered fold gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain import loans
from ledger.domain.events import EVENTS, Data, Submission
from ledger.domain.loans import Moment
from tests.domain.examples import submission

DAYS = st.integers(1, 28).map(lambda day: f"2026-06-{day:02d}") | st.sampled_from(
    ["2026-05", "2026-06", "2026-05-31"]
)
CENTS = st.integers(0, 10_000_000).map(lambda n: f"{n // 100}.{n % 100:02d}")
LATER = [name for name, kind in EVENTS.items() if kind.subject == "loan" and not kind.begins]


@dataclass(frozen=True)
class Entry:
    event: Data
    amounts: Any
    moment: Moment

    @classmethod
    def of(cls, one: Submission, seq: int) -> Entry:
        return cls(one.event, one.amounts, (one.when.ordinal, one.kind.rank, seq))


@st.composite
def later(draw: st.DrawFn) -> Submission:
    kind = draw(st.sampled_from(LATER))
    data: dict[str, Any] = {}
    if "amount" in EVENTS[kind].data.__struct_fields__:
        data["amount"] = draw(CENTS)
    parts = {
        name: draw(CENTS)
        for name in draw(st.sets(st.sampled_from(["principal", "interest", "fee", "other"])))
    }
    if "applied" in EVENTS[kind].data.__struct_fields__:
        data["applied"] = parts
    if kind == "amount.waived":
        data["waived"] = {"penalty": "0.01", **parts}
    if kind == "guarantor.compensated":
        data["claims"] = [{"claim": draw(st.sampled_from(["c0", "elsewhere"])), "applied": parts}]
    return submission(kind, effective=draw(DAYS), data=data)


@st.composite
def lives(draw: st.DrawFn) -> list[Entry]:
    shares = draw(st.sampled_from([[1_000_000], [333_333, 333_333, 333_334], [1, 999_999]]))
    claims = [{"claim": f"c{i}", "creditor": "bank", "share": share} for i, share in enumerate(shares)]
    remainder = f"c{draw(st.integers(0, len(shares) - 1))}"
    if draw(st.booleans()):
        first = submission(
            "loan.opened", data={"claims": claims, "remainder": remainder, "as_of": draw(DAYS)}
        )
    else:
        first = submission(
            "loan.originated", effective=draw(DAYS), data={"claims": claims, "remainder": remainder}
        )
    events = [first, *draw(st.lists(later(), max_size=12))]
    return [Entry.of(one, seq) for seq, one in enumerate(events)]


def fold(entries: list[Entry]) -> loans.LoanState:
    state = loans.begin(entries[0])
    for entry in entries[1:]:
        loans.apply(state, entry)
    return state


@settings(max_examples=150)
@given(lives(), st.data())
def test_arrival_order_does_not_matter(entries: list[Entry], data: st.DataObject) -> None:
    in_order = [entries[0], *sorted(entries[1:], key=lambda entry: entry.moment)]
    arrived = [entries[0], *data.draw(st.permutations(entries[1:]))]
    assert fold(arrived) == fold(in_order)


@settings(max_examples=150)
@given(lives())
def test_the_state_is_the_one_of_a_plain_replay(entries: list[Entry]) -> None:
    """An independent fold in the design's order: one pass, the newest status wins, flows before as_of left out."""
    state = fold(entries)
    first = entries[0]
    opening = isinstance(first.amounts, tuple)
    as_of = first.amounts[1] if opening else 0
    principal = first.amounts[0] if opening else 0
    status, collected = ("active" if opening else "originated"), 0
    begin = (as_of, 0, 0) if opening else first.moment
    ordered = sorted(
        [(begin, None), *((entry.moment, entry) for entry in entries[1:])], key=lambda pair: pair[0]
    )
    for moment, entry in ordered:
        if entry is None:
            status = "active" if opening else "originated"
            continue
        name = entry.event.kind.name
        status = {
            "loan.disbursed": "active",
            "loan.settled": "settled",
            "loan.charged_off": "charged_off",
            "loan.cancelled": "cancelled",
            "loan.reinstated": "active",
        }.get(name, status)
        if opening and moment[0] <= as_of:
            continue
        amounts = entry.amounts
        if name in {"loan.disbursed", "loan.reinstated"}:
            principal += amounts
        elif name == "loan.charged_off":
            principal -= amounts
        elif name in {"repayment.received", "loan.prepaid"}:
            principal, collected = principal - amounts[1], collected + amounts[0]
        elif name == "repayment.reversed":
            principal, collected = principal + amounts[1], collected - amounts[0]
        elif name in {"loan.refunded", "amount.waived"}:
            principal -= amounts[1]
        elif name == "guarantor.compensated":
            principal -= sum(units for claim, units in amounts[1] if claim == "c0")
    assert (state.principal, state.collected, state.status) == (principal, collected, status)
    assert sum(part.principal for part in state.claims) == principal
    assert state.events == len(entries)
    assert loans.decode(loans.encode(state)) == state


@settings(max_examples=50)
@given(lives())
def test_a_payment_and_its_reversal_leave_every_claim_as_it_was(entries: list[Entry]) -> None:
    state = fold(entries)
    before = [part.principal for part in state.claims]
    amounts = {"amount": "33.37", "applied": {"principal": "33.37"}}
    for i, kind in enumerate(["repayment.received", "repayment.reversed"]):
        loans.apply(state, Entry.of(submission(kind, effective="2026-06-30", data=amounts), len(entries) + i))
    assert [part.principal for part in state.claims] == before
