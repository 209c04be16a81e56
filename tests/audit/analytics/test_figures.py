"""Small books whose figures are worked out by hand: 1,200.00 over twelve months at 12 %, 106.62 due on the fifth."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.audit.analytics import Analytics, months
from ledger.audit.analytics.document import Document
from ledger.audit.analytics.ratios import annual, ratio
from ledger.audit.analytics.sums import FLOWS
from ledger.audit.checks.case import Case, Move
from ledger.domain import loans, record
from ledger.domain.delinquency import Measure
from ledger.domain.events import EVENTS
from ledger.domain.events.terms import Terms
from ledger.errors import RefusedError
from tests.audit.casework import ORIGIN, POSTED, SECRET, Event, case, disbursed, originated, repaid
from tests.domain.examples import submission

LOAN = (originated(), disbursed())


def prepaid(effective: str, principal: str, interest: str, fee: str, amount: str) -> Event:
    applied = {"principal": principal, "interest": interest, "fee": fee}
    data = {"currency": "CNY", "amount": amount, "applied": applied, "effect": "settle", "payer": "obligor"}
    return "loan.prepaid", effective, data


def charged_off(effective: str) -> Event:
    return "loan.charged_off", effective, {"currency": "CNY", "amount": "1200.00"}


def figures(*cases: Case, as_of: str, first: str = "2026-01") -> dict[str, Any]:
    found = Analytics()
    for one in cases:
        found.take(one)
    day = date.fromisoformat(as_of)
    span = months.parse(first, "from"), months.of(day.toordinal())
    return Document("CNY", found.currencies["CNY"], Measure(), *span, day).to_json()


def test_a_loan_that_is_paid_and_then_paid_off() -> None:
    # Instalment 1 is 94.62 + 12.00, instalment 2 is 95.57 + 11.05; what is left after the first is 1,105.38.
    shown = figures(
        case(
            *LOAN, repaid("2026-02-05", 1, "94.62", "12.00"),
            prepaid("2026-03-20", "1105.38", "16.58", "5.00", "1126.96"),
            ("loan.settled", "2026-03-20", {"reason": "prepaid"}), as_of="2026-04-30",
        ),
        as_of="2026-04-30",
    )  # fmt: skip
    january, february, march, april = shown["months"]
    assert [one["outstanding"] for one in shown["months"]] == ["1200.00", "1105.38", "0.00", "0.00"]
    assert january["change"]["disbursed"] == january["amounts"]["disbursed"] == "1200.00"
    assert february["change"]["repaid"] == "-94.62"
    assert february["cash"]["by_component"] == {
        "principal": "94.62", "interest": "12.00", "fee": "0.00", "penalty": "0.00", "other": "0.00",
        "unapplied": "0.00",
    }  # fmt: skip
    assert (march["cash"]["total"], march["amounts"]["prepaid"]) == ("1126.96", "1126.96")
    assert january["rolls"]["new"]["to"]["current"]["claims"] == 1
    assert february["rolls"]["current"]["to"] == {
        "current": {
            "claims": 1,
            "principal": "1200.00",
            "claims_share": "1.00000000",
            "principal_share": "1.00000000",
        }
    }
    assert list(march["rolls"]["current"]["to"]) == ["settled"]
    # February: nothing was prepaid of 1,200.00 − 94.62. March: all of 1,105.38 − 95.57 was, and no more than that.
    assert february["prepayment"] == {
        "prepaid": "0.00", "scheduled_balance": "1105.38", "smm": "0.00000000", "cpr": "0.00000000",
        "determined": "1.00000000",
    }  # fmt: skip
    assert march["prepayment"] == {
        "prepaid": "1009.81", "scheduled_balance": "1009.81", "smm": "1.00000000", "cpr": "1.00000000",
        "determined": "1.00000000",
    }  # fmt: skip
    assert april["prepayment"]["smm"] is april["default"]["mdr"] is april["compensation"]["rate"] is None
    assert [one["averages"]["annual_rate"]["value"] for one in shown["months"]] == ["0.12000000"] * 2 + [
        None
    ] * 2
    assert january["averages"]["remaining_instalments"] == {"value": "12.00000000", "share": "1.00000000"}
    assert [one["averages"]["months_on_book"]["value"] for one in (january, february)] == [
        "0.00000000",
        "1.00000000",
    ]
    # Level instalments at a twelfth of 12 % a month: a cost of 12 % but for the rounding of the instalments.
    assert abs(float(january["averages"]["annual_cost"]["value"]) - 0.12) < 0.0001
    [vintage] = shown["vintages"]
    assert (vintage["month"], vintage["claims"], vintage["original"]) == ("2026-01", 1, "1200.00")
    assert [(one["months_on_book"], one["prepaid"], one["prepaid_rate"]) for one in vintage["curve"]] == [
        (0, "0.00", "0.00000000"), (1, "0.00", "0.00000000"), (2, "1105.38", "0.92115000"),
        (3, "1105.38", "0.92115000"),
    ]  # fmt: skip


def test_arrears_roll_to_a_charge_off_and_are_recovered_in_part() -> None:
    recovery = (
        "recovery.received",
        "2026-06-10",
        {"currency": "CNY", "amount": "300.00", "source": "obligor"},
    )
    shown = figures(
        case(*LOAN, as_of="2026-06-30"),
        case(*LOAN, charged_off("2026-04-10"), recovery, as_of="2026-06-30", loan="L2"),
        as_of="2026-06-30",
    )
    # Due on 5 February and not paid: 23 days at the end of February, 54 of March, 84 of April, 115 of May.
    assert [
        {name: tally["claims"] for name, tally in one["buckets"].items() if tally["claims"]}
        for one in shown["months"]
    ] == [{"current": 2}, {"M1": 2}, {"M2": 2}, {"M3": 1}, {"M3+": 1}, {"M3+": 1}]
    april, june = shown["months"][3], shown["months"][5]
    assert {target: cell["principal_share"] for target, cell in april["rolls"]["M2"]["to"].items()} == {
        "M3": "0.50000000", "charged_off": "0.50000000",
    }  # fmt: skip
    # 1 − (1 − 1/2)^12 = 4095/4096 = 0.999755859375
    assert april["default"] == {
        "charged_off": "1200.00", "balance": "2400.00", "mdr": "0.50000000", "cdr": "0.99975586",
    }  # fmt: skip
    assert (june["amounts"]["recovered"], june["outstanding"]) == ("300.00", "1200.00")
    curve = shown["vintages"][0]["curve"]
    assert [(one["gross_loss"], one["net_loss"], one["net_loss_rate"]) for one in curve[2:6]] == [
        ("0.00", "0.00", "0.00000000"), ("1200.00", "1200.00", "0.50000000"), ("1200.00", "1200.00", "0.50000000"),
        ("1200.00", "900.00", "0.37500000"),
    ]  # fmt: skip


def test_a_guarantor_that_pays_takes_the_claim_out_and_cures_nothing() -> None:
    paid = [{"claim": "1", "applied": {"principal": "1200.00", "interest": "24.00"}}]
    data = {"currency": "CNY", "amount": "1224.00", "claims": paid, "covers": "whole"}
    shown = figures(
        case(*LOAN, as_of="2026-04-30"),
        case(*LOAN, ("guarantor.compensated", "2026-04-10", data), as_of="2026-04-30", loan="L2"),
        as_of="2026-04-30",
    )
    april = shown["months"][-1]
    assert april["rolls"]["M2"]["to"]["compensated"]["principal"] == "1200.00"
    assert april["amounts"]["compensated"] == "1224.00"
    assert april["cash"]["total"] == "0.00", "compensation is no payment by a borrower"
    assert april["compensation"] == {
        "compensated": "1200.00", "balance": "2400.00", "rate": "0.50000000", "cumulative_compensated": "1200.00",
        "cumulative_balance": "2400.00", "cumulative_rate": "0.50000000",
    }  # fmt: skip
    assert shown["vintages"][0]["curve"][-1]["compensated_rate"] == "0.50000000"
    # From February on, what stood at the end of January is the base of what is cumulated.
    later = figures(case(*LOAN, as_of="2026-03-31"), as_of="2026-03-31", first="2026-02")
    assert [one["compensation"]["cumulative_balance"] for one in later["months"]] == ["1200.00", "1200.00"]


@pytest.mark.parametrize(("released", "exit_"), [("2026-03-25", "settled"), ("2026-03-10", "left")])
def test_a_claim_that_is_given_back_once_it_is_paid_was_settled(released: str, exit_: str) -> None:
    one = case(
        *LOAN, prepaid("2026-03-20", "1200.00", "16.58", "5.00", "1221.58"),
        ("loan.settled", "2026-03-20", {"reason": "prepaid"}), as_of="2026-03-31",
    )  # fmt: skip
    [claim] = one.claims
    back = Move(date.fromisoformat(released).toordinal(), 99, "fund", -1_000_000)
    one.claims = [claim._replace(moves=(*claim.moves, back))]
    march = figures(one, as_of="2026-03-31")["months"][-1]
    assert list(march["rolls"]["M1"]["to"]) == [exit_]
    assert march["change"]["left"] == ("-1200.00" if exit_ == "left" else "0.00")


OPENED: Event = ("loan.opened", "2026-02-01", {
    "currency": "CNY", "as_of": "2026-01-31", "balances": {"principal": "1000.00"}, "basis": "asserted",
    "principal": "1200.00", "annual_rate": "0.12", "current_rate": "0.1",
    "claims": [{"claim": "1", "creditor": "bank", "share": 1_000_000}],
})  # fmt: skip


def test_a_seasoned_loan_is_in_no_vintage_and_its_past_in_no_cash() -> None:
    found = figures(
        case(OPENED, repaid("2026-01-20", None, "50.00", "5.00"), repaid("2026-02-20", None, "100.00", "8.00"),
             as_of="2026-02-28"),
        as_of="2026-02-28",
    )  # fmt: skip
    assert found["vintages"] == []
    assert found["left_out"] == {"seasoned_claims": 1, "records_before_opening": 1}
    january, february = found["months"]
    assert january["outstanding"] == "0.00", (
        "state(N, D) knows the loan from the effective day of its opening on"
    )
    assert february["change"]["opened"] == "1000.00"
    assert (february["outstanding"], february["cash"]["total"]) == ("900.00", "108.00")
    assert february["seasoned"] == {"claims": 1, "principal": "900.00", "share": "1.00000000"}
    assert february["averages"]["annual_rate"]["value"] == "0.10000000", (
        "the rate in force, not the original one"
    )
    assert february["averages"]["months_on_book"] == {"value": None, "share": "0.00000000"}


def test_a_months_total_leaves_the_bucket_undetermined_and_the_balance_known() -> None:
    total = ("repayment.received", "2026-02", {
        "currency": "CNY", "amount": "100.00", "applied": {"principal": "94.62", "interest": "12.00"},
        "aggregate": True,
    })  # fmt: skip
    found = figures(case(*LOAN, total, as_of="2026-02-28"), as_of="2026-02-28")["months"][1]
    assert {name: one["principal"] for name, one in found["buckets"].items() if one["claims"]} == {
        "undetermined": "1105.38"
    }
    assert found["cash"]["by_payer"]["untold"] == "100.00"
    assert found["cash"]["by_component"]["unapplied"] == "-6.62"


def test_a_month_that_is_not_over_has_no_rates() -> None:
    shown = figures(case(*LOAN, charged_off("2026-04-10"), as_of="2026-04-20"), as_of="2026-04-20")
    april = shown["months"][-1]
    assert (april["end"], april["complete"]) == ("2026-04-20", False)
    assert april["default"] == {"charged_off": "1200.00", "balance": "1200.00", "mdr": None, "cdr": None}
    assert [one["complete"] for one in shown["vintages"][0]["curve"]] == [True, True, True, False]


def test_a_changed_rate_counts_from_its_month_on() -> None:
    lines = [{"due": "2026-12-05", "principal": "1200.00"}]
    change = ("schedule.changed", "2026-02-10", {
        "currency": "CNY", "first": 1, "instalments": lines, "reason": "rate_change", "annual_rate": "0.06",
    })  # fmt: skip
    january, february = figures(case(*LOAN, change, as_of="2026-02-28"), as_of="2026-02-28")["months"]
    assert january["averages"]["annual_rate"]["value"] == "0.12000000"
    assert february["averages"]["annual_rate"]["value"] == "0.06000000"
    assert february["averages"]["remaining_instalments"]["value"] == "1.00000000"


def test_two_currencies_are_two_books() -> None:
    found = Analytics()
    found.take(case(*LOAN, as_of="2026-01-31"))
    yen = (originated(currency="JPY", principal="120000"), disbursed(amount="120000", currency="JPY"))
    found.take(case(*yen, as_of="2026-01-31", loan="L2"))
    january = months.parse("2026-01", "from")
    assert {
        currency: Document(currency, sums, Measure(), january, january, date(2026, 1, 31)).to_json()[
            "months"
        ][0]["outstanding"]
        for currency, sums in found.currencies.items()
    } == {"CNY": "1200.00", "JPY": "120000"}


def test_a_loan_of_a_leap_day_is_a_month_old_a_month_later() -> None:
    terms = originated("2028-02-29", first_due="2028-03-29", due_day=29)
    shown = figures(
        case(terms, disbursed("2028-02-29"), as_of="2028-03-31"), as_of="2028-03-31", first="2028-02"
    )
    assert [one["averages"]["months_on_book"]["value"] for one in shown["months"]] == [
        "0.00000000",
        "1.00000000",
    ]
    assert shown["months"][1]["buckets"]["M1"]["claims"] == 1


@pytest.mark.parametrize(
    ("numerator", "denominator", "shown"),
    [(1, 3, "0.33333333"), (2, 3, "0.66666667"), (1, 0, None), (0, 5, "0.00000000"), (-1, 8, "-0.12500000"),
     (5, 10**9, "0.00000000"), (15, 10**9, "0.00000002"), (25, 10**9, "0.00000002")],
)  # fmt: skip
def test_ratios_are_rounded_half_to_even(numerator: int, denominator: int, shown: str | None) -> None:
    assert ratio(numerator, denominator) == shown


@pytest.mark.parametrize(
    ("numerator", "denominator", "shown"),
    # 1 − 0.99^12 = 0.113615128…, a textbook's example; a rate outside 0 to 1 is none.
    [(1, 100, "0.11361513"), (0, 100, "0.00000000"), (100, 100, "1.00000000"), (101, 100, None), (-1, 100, None),
     (0, 0, None)],
)  # fmt: skip
def test_monthly_rates_are_compounded_to_annual_ones(
    numerator: int, denominator: int, shown: str | None
) -> None:
    assert annual(numerator, denominator) == shown


def test_a_month_is_no_day() -> None:
    assert months.text(months.parse("2026-12", "from")) == "2026-12"
    with pytest.raises(RefusedError, match="a month is wanted"):
        months.parse("2026-12-01", "from")


def test_whatever_moves_principal_has_a_name() -> None:
    moving = set()
    for kind, declared in EVENTS.items():
        if declared.subject != "loan" or kind == "correction.made":
            continue
        waived = {"waived": {"principal": "1.00"}} if kind == "amount.waived" else {}
        draft = record.build(
            ORIGIN, submission(kind, data=waived), seq=0, prev=None, posted=POSTED, secret=SECRET
        )
        entry = record.parse(draft.record)
        terms = entry.event if isinstance(entry.event, Terms) else record.parse(_originated()).event
        assert isinstance(terms, Terms)
        state = terms.begin()
        loans.apply(state, entry)
        if state.principal:
            moving.add(kind)
    assert moving == set(FLOWS)


def _originated() -> bytes:
    one = submission("loan.originated")
    return record.build(ORIGIN, one, seq=0, prev=None, posted=POSTED, secret=SECRET).record


def test_the_page_names_every_figure() -> None:
    page = (Path(__file__).parents[3] / "docs" / "analytics.md").read_text(encoding="utf-8")
    shown = figures(case(*LOAN, charged_off("2026-02-10"), as_of="2026-03-31"), as_of="2026-03-31")
    names = set(_members(shown)) - set(Measure().buckets)
    assert {"smm", "cdr", "scheduled_balance", "unapplied", "gross_loss_rate", "left_out"} <= names
    assert sorted(name for name in names if not re.search(rf"\b{name}\b", page, re.IGNORECASE)) == []


def _members(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _members(inner)
