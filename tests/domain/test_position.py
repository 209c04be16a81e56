"""Where a loan stands: from what was agreed and who paid, never from what was reported."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import money
from ledger.domain.delinquency import Measure
from ledger.domain.fold import unsuperseded
from ledger.domain.position import Life, Position, Walk
from ledger.errors import UndeterminedError
from tests.audit.casework import TERMS, Event, disbursed, originated, records, repaid

LOAN = (originated(), disbursed())
#: The first instalments of the plan: 106.62 each.
FIRST = ("94.62", "12.00")
SECOND = ("95.57", "11.05")


def life(*events: Event) -> Life:
    pairs = records(*events)
    return Life(unsuperseded(pairs), count=len(pairs))


def on(day: str, *events: Event) -> Position:
    return life(*events).at(date.fromisoformat(day))


def test_the_plan_is_that_of_the_terms() -> None:
    plan = life(*LOAN).plan(date(2026, 1, 5))
    assert [money.format(part, "CNY") for part in (plan[0].principal, plan[0].interest)] == list(FIRST)
    assert sum(due.principal for due in plan) == 1200 * money.UNIT


@pytest.mark.parametrize(
    ("day", "days", "unpaid"), [("2026-02-05", 0, 1), ("2026-02-06", 1, 1), ("2026-03-06", 29, 2)]
)
def test_an_unpaid_instalment_ages_from_its_due_date(day: str, days: int, unpaid: int) -> None:
    position = on(day, *LOAN)
    assert (position.days_past_due, position.unpaid, position.oldest_unpaid) == (
        days,
        unpaid,
        date(2026, 2, 5),
    )


def test_a_paid_instalment_does_not() -> None:
    position = on("2026-02-20", *LOAN, repaid("2026-02-05", 1, *FIRST))
    assert (position.days_past_due, position.arrears, position.oldest_unpaid) == (0, 0, None)


def test_a_cent_short_is_unpaid() -> None:
    position = on("2026-02-20", *LOAN, repaid("2026-02-05", 1, "94.61", "12.00"))
    assert (position.days_past_due, position.arrears) == (15, money.UNIT // 100)


@pytest.mark.parametrize("payer", ["guarantor", "platform", "merchant", "insurer"])
def test_an_advance_by_another_does_not_cure_the_borrower(payer: str) -> None:
    position = on(
        "2026-03-20", *LOAN, repaid("2026-02-05", 1, *FIRST, payer=payer), repaid("2026-03-05", 2, *SECOND)
    )
    assert position.days_past_due == 43
    assert position.paid_by_others == (payer,)
    assert position.state.principal == (120_000 - 9_462 - 9_557) * money.UNIT // 100


def test_money_without_an_instalment_goes_to_the_oldest() -> None:
    position = on("2026-03-20", *LOAN, repaid("2026-03-05", None, *FIRST))
    assert (position.oldest_unpaid, position.days_past_due) == (date(2026, 3, 5), 15)


def test_what_is_over_goes_on_to_the_next() -> None:
    position = on("2026-03-20", *LOAN, repaid("2026-02-05", 1, "190.19", "23.05"))
    assert position.days_past_due == 0


def test_a_reversal_opens_its_instalment_again() -> None:
    back = (
        "repayment.reversed", "2026-02-09",
        {"currency": "CNY", "repayment": "p1", "amount": "106.62", "reason": "returned",
         "applied": {"principal": "94.62", "interest": "12.00"}},
    )  # fmt: skip
    paid = repaid("2026-02-05", 1, *FIRST)
    paid[2]["id"] = "p1"
    assert on("2026-02-08", *LOAN, paid, back).days_past_due == 0
    assert on("2026-02-10", *LOAN, paid, back).days_past_due == 5


def test_a_waiver_is_as_good_as_payment() -> None:
    waived = ("amount.waived", "2026-02-06", {"currency": "CNY", "waived": {"interest": "12.00"}, "instalment": 1,
                                             "reason": "goodwill"})  # fmt: skip
    assert on("2026-02-20", *LOAN, repaid("2026-02-05", 1, "94.62", "0.00"), waived).days_past_due == 0


def test_penalties_do_not_pay_an_instalment() -> None:
    paid = repaid("2026-02-20", 1, "84.62", "12.00", applied={"penalty": "10.00"}, amount="106.62")
    assert on("2026-02-21", *LOAN, paid).arrears == 10 * money.UNIT


def test_days_of_grace_count_from_the_due_date_once_they_are_over() -> None:
    loan = (originated(grace_days=3), disbursed())
    assert on("2026-02-08", *loan).days_past_due == 0
    assert on("2026-02-09", *loan).days_past_due == 4


def test_a_changed_schedule_replaces_what_is_to_come() -> None:
    lines = [{"due": "2026-06-05", "principal": "1200.00", "interest": "60.00"}]
    change = (
        "schedule.changed",
        "2026-01-20",
        {"currency": "CNY", "first": 1, "instalments": lines, "reason": "extension"},
    )
    assert on("2026-03-20", *LOAN, change).days_past_due == 0
    assert on("2026-06-07", *LOAN, change).days_past_due == 2


def test_an_instalment_put_off_for_ever_hides_none_that_is_due_before_it() -> None:
    """One that stays falls due long after the new ones, which have higher numbers."""

    def changed(first: int, due: str, principal: str) -> Event:
        lines = [{"due": due, "principal": principal}]
        data = {"currency": "CNY", "first": first, "instalments": lines, "reason": "extension"}
        return "schedule.changed", "2026-01-20", data

    events = (*LOAN, changed(1, "2099-01-01", "0.01"), changed(2, "2026-02-05", "1199.99"))
    position = on("2026-04-01", *events)
    assert (position.days_past_due, position.unpaid) == (55, 1)
    assert position.arrears == 1200 * money.UNIT - money.UNIT // 100
    assert [due.number for due in life(*events).plan(date(2026, 4, 1))] == [2, 1]


def test_an_ended_loan_is_not_past_due() -> None:
    position = on("2026-12-01", *LOAN, ("loan.settled", "2026-02-10", {"reason": "prepaid"}))
    assert (position.days_past_due, position.arrears) == (0, 0)


MONTH: Event = (
    "repayment.received", "2026-02", {"currency": "CNY", "amount": "1.00", "applied": {}, "aggregate": True},
)  # fmt: skip
OPENED: Event = ("loan.opened", "2026-06-01", {
    "currency": "CNY", "claims": TERMS["claims"], "as_of": "2026-05-31", "balances": {"principal": "900.00"},
    "basis": "asserted",
})  # fmt: skip


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ((OPENED,), "remaining_instalments: not known"),
        ((originated(first_due=None), disbursed()), "first_due"),
        ((originated(), disbursed("2026-01")), "names a month and no day"),
        ((*LOAN, disbursed("2026-01-20")), "in parts on several days"),
        ((*LOAN, MONTH), "a month's total"),
        ((originated(),), "nothing is paid out"),
    ],
)  # fmt: skip
def test_what_the_records_do_not_determine_is_undetermined(events: tuple[Event, ...], reason: str) -> None:
    position = on("2026-08-01", *events)
    assert (position.days_past_due, position.arrears, position.unpaid) == (None, None, None)
    assert reason in position.undetermined
    with pytest.raises(UndeterminedError):
        one = life(*events)
        one.plan(date(2026, 8, 1))
        one.credits()


def test_a_seasoned_loan_with_its_whole_plan_is_determined() -> None:
    plan = [
        {"due": "2026-05-05", "principal": "100.00", "interest": "9.00"},
        {"due": "2026-06-05", "principal": "900.00", "interest": "8.00"},
    ]
    opened = ("loan.opened", "2026-06-01", {**OPENED[2], "amortisation": "explicit", "plan": plan})
    assert on("2026-07-05", opened).days_past_due == 30, (
        "what was due before the opening is paid, or it could not add up"
    )


@given(st.lists(st.integers(1, 12_000), max_size=14), st.integers(0, 400))
def test_arrears_are_what_is_due_less_what_the_obligor_paid(cents: list[int], later: int) -> None:
    payments = [repaid("2026-02-05", None, f"{one // 100}.{one % 100:02d}", "0.00") for one in cents]
    day = date.fromordinal(date(2026, 2, 5).toordinal() + later)
    one = life(*LOAN, *payments)
    position = one.at(day)
    due = sum(line.total for line in one.plan(day) if line.date <= day)
    assert position.arrears == max(0, due - sum(cents) * money.UNIT // 100)
    assert (position.days_past_due == 0) == (position.oldest_unpaid is None or position.oldest_unpaid == day)


def slowly(life: Life, day: date) -> tuple[int, int, int, date | None]:
    """(days past due, arrears, unpaid, oldest unpaid) by pouring every payment into the instalments, one by one."""
    plan = life.plan(day)
    owed = {due.number: due.total for due in plan}
    over = 0
    for number in sorted({one.instalment for one in life.credits() if one.instalment is not None}):
        named = sum(
            one.units for one in life.credits()
            if one.instalment == number and one.payer == "obligor" and one.day <= day.toordinal()
        )  # fmt: skip
        taken = min(named, owed.get(number, 0))
        owed[number] = owed.get(number, 0) - taken
        over += named - taken
    over += sum(
        one.units for one in life.credits()
        if one.instalment is None and one.payer == "obligor" and one.day <= day.toordinal()
    )  # fmt: skip
    open_ones = []
    for due in plan:
        if due.date > day:
            break
        poured = max(0, min(over, owed[due.number]))
        over -= poured
        if owed[due.number] > poured:
            open_ones.append((due.date, owed[due.number] - poured))
    if not open_ones:
        return 0, 0, 0, None
    days = (day - open_ones[0][0]).days
    return (
        days if days > life.grace else 0,
        sum(left for _, left in open_ones),
        len(open_ones),
        open_ones[0][0],
    )


@given(
    st.lists(
        st.tuples(
            st.integers(0, 420), st.sampled_from([None, 1, 2, 3, 7, 12, 13]), st.integers(1, 30_000),
            st.sampled_from(["obligor", "obligor", "obligor", "platform"]), st.booleans(),
        ),
        max_size=12,
    ),
    st.sampled_from([0, 3]),
    st.none() | st.integers(30, 300),
)  # fmt: skip
def test_walking_from_day_to_day_is_asking_for_each_day(
    paid: list[tuple[int, int | None, int, str, bool]], grace: int, changed: int | None
) -> None:
    first = date(2026, 1, 5).toordinal()
    events: list[Event] = [originated(grace_days=grace), disbursed()]
    for n, (after, number, cents, payer, reversed_) in enumerate(paid):
        day = date.fromordinal(first + after).isoformat()
        payment = repaid(day, number, f"{cents // 100}.{cents % 100:02d}", "0.00", payer=payer)
        events.append((payment[0], day, {**payment[2], "id": f"p{n}"}))
        if reversed_:
            again = {name: payment[2][name] for name in ("currency", "amount", "applied")}
            later = date.fromordinal(first + after + 11).isoformat()
            events.append(
                ("repayment.reversed", later, {**again, "repayment": f"p{n}", "reason": "returned"})
            )
    if changed is not None:
        lines = [{"due": "2026-09-05", "principal": "700.00"}, {"due": "2027-01-05", "principal": "400.00"}]
        data = {"currency": "CNY", "first": 3, "instalments": lines, "reason": "extension"}
        events.append(("schedule.changed", date.fromordinal(first + changed).isoformat(), data))
    one = life(*events)
    walk = Walk(one)
    for ordinal in range(first, first + 430, 17):
        day_ = date.fromordinal(ordinal)
        position = one.at(day_)
        found = (position.days_past_due, position.arrears, position.unpaid, position.oldest_unpaid)
        assert found == slowly(one, day_)
        assert walk.at(day_, position.state) == position


@pytest.mark.parametrize(
    ("days", "bucket"),
    [(0, "current"), (1, "M1"), (30, "M1"), (31, "M2"), (90, "M3"), (91, "M3+"), (None, "undetermined")],
)
def test_the_usual_buckets(days: int | None, bucket: str) -> None:
    assert Measure().bucket(days) == bucket


def test_a_pool_names_its_own_bounds_and_rule() -> None:
    measure = Measure.of({"bucket_bounds": [0, 15, 45], "dpd_rule": "missed_payment_count"})
    assert measure.buckets == ("current", "M1", "M2", "M2+")
    position = on("2026-04-20", *LOAN)
    assert (position.unpaid, measure.days(position)) == (3, 90)
    cycle = Measure(rule="bill_cycle")
    assert cycle.days(on("2026-02-20", *LOAN)) == 0
    assert cycle.days(on("2026-03-06", *LOAN)) == 29
