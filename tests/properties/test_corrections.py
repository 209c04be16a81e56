"""Corrections fold to the state that the corrected events would have given, known from their own index on."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain import loans
from ledger.domain.events import EVENTS, Submission, read_submission
from ledger.domain.fold import fold, unsuperseded
from ledger.domain.loans import LoanState
from tests.domain.examples import World, raw, signed
from tests.properties.test_loan_fold import CENTS, DAYS

#: What the platform posts itself and may take back.
KINDS = [
    name
    for name, kind in EVENTS.items()
    if kind.subject == "loan" and kind.correctable and not kind.signed and not kind.begins
]


@st.composite
def data_of(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """Valid data of this type with amounts drawn anew."""
    data: dict[str, Any] = raw(kind)["data"]
    if "amount" in data:
        data["amount"] = draw(CENTS)
    for name in ("applied", "waived"):
        if name in data:
            data[name] = {"principal": draw(CENTS), "interest": "0.01"}
    if kind == "claim.bought_back":
        data["buyer"] = draw(st.sampled_from(["fenqile", "surety"]))
    return data


class Life:
    """A loan that is told and corrected; ``versions`` is what each event says at the moment, None once void."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.world = World()
        self.versions: list[tuple[Submission, Submission | None, int]] = []
        self.at: list[list[tuple[Submission, Submission | None, int]]] = [[]]
        opening = draw(st.booleans())
        self.tell("loan.opened" if opening else "loan.originated", None if opening else draw(DAYS), {})
        for _ in range(draw(st.integers(0, 14))):
            if draw(st.booleans()):
                kind = draw(st.sampled_from(KINDS))
                if not (EVENTS[kind].live and self.state.ended):
                    self.tell(kind, draw(DAYS), draw(data_of(kind)))
            else:
                self.correct(draw)

    @property
    def state(self) -> LoanState:
        return self.world.book.loans["loan:L1"]

    def tell(self, kind: str, day: str | None, data: dict[str, Any]) -> None:
        more = {} if day is None else {"effective": day}
        one = signed(kind, id=f"e{self.world.index}", data=data, **more)
        self.world.admit(one)
        self.versions.append((one, one, self.world.index - 1))
        self.at.append(list(self.versions))

    def correct(self, draw: st.DrawFn) -> None:
        which = draw(st.integers(0, len(self.versions) - 1))
        original, _, index = self.versions[which]
        void = not original.kind.begins and draw(st.booleans())
        data = None
        if not void:
            data = original.data if original.kind.begins else draw(data_of(original.type))
            if original.type == "loan.opened":
                data = {**data, "as_of": draw(st.sampled_from(["2026-05", "2026-06-10", "2026-06-30"]))}
        self.world.correct(original.id, data, effective=draw(DAYS))
        value = raw(original.type, id=original.id, effective=original.effective)
        after = None if data is None else read_submission({**value, "data": data})
        self.versions[which] = (original, after, index)
        self.at.append(list(self.versions))


@st.composite
def lives(draw: st.DrawFn) -> Life:
    return Life(draw)


def without_places(state: LoanState) -> list[Any]:
    """What a state says, without asset keys (places, not state) and counts of records (moments name their seq)."""
    fields = msgspec.structs.asdict(state)
    del fields["events"], fields["status_seq"]
    fields["claims"] = [
        (part.name, part.creditor, part.share, part.principal, part.bought[:2]) for part in state.claims
    ]
    return [fields]


def told(versions: list[tuple[Submission, Submission | None, int]], until: date | None = None) -> list[Any]:
    """The state of a loan of which only these versions were ever told."""
    said = [
        (one, seq)
        for seq, (original, one, _) in enumerate(versions)
        if one is not None and (until is None or original.when.last_day <= until)
    ]
    state: LoanState = said[0][0].event.begin()  # type: ignore[attr-defined]  # the first begins the loan
    for one, seq in said:
        state.gross += one.event.volume(one.amounts)
        one.event.apply(state, one.amounts, (one.when.ordinal, one.kind.rank, seq))
    return without_places(state)


@settings(max_examples=120)
@given(lives())
def test_the_state_is_the_one_of_the_corrected_events(life: Life) -> None:
    assert without_places(life.state) == told(life.versions)
    assert life.state.events == life.world.index


@settings(max_examples=120)
@given(lives(), st.data())
def test_records_in_any_order_fold_to_the_state_at_each_size_and_day(life: Life, data: st.DataObject) -> None:
    records = data.draw(st.permutations(life.world.records["loan:L1"]))
    size = data.draw(st.integers(1, life.world.index))
    day = data.draw(st.sampled_from([date(2026, 6, 1), date(2026, 6, 15), date(2026, 6, 30)]))
    assert without_places(fold(records, before=size)) == told(life.at[size])
    held = unsuperseded(records, before=size, until=day)
    assert [one.index for one in held[1:]] == [
        index for index, _ in sorted(((one.index, one.moment) for one in held[1:]), key=lambda pair: pair[1])
    ]
    if held and held[0].record.kind.begins:
        assert without_places(fold(records, before=size, until=day)) == told(life.at[size], day)
    expected = {
        index for original, one, index in life.at[size] if one is not None and original.when.last_day <= day
    }
    assert {one.index for one in held} == expected


@settings(max_examples=60)
@given(lives())
def test_the_admitted_state_is_the_fold_of_the_records(life: Life) -> None:
    folded = fold(life.world.records["loan:L1"])
    kept = loans.decode(loans.encode(life.state))
    for part in kept.claims:  # asset keys are places, not state
        part.asset_key, part.weak = b"", False
    assert folded == kept
