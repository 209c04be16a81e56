"""The form that the types of changes, creditors, cash, pools' ends and files ask for beyond their members' types."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.domain.events import EVENTS, read_submission
from ledger.errors import RefusedError
from tests.domain.examples import DATA, TAPE, raw

BAD_DAY = "2026-02-30"
CLAIM = {"loan": "L1", "claim": "a"}
COMPENSATED = {"claim": "a", "applied": {"principal": "70.00"}}
COVERED = DATA["cash.settled"]["covered"]
LINE = DATA["day.closed"]["lines"][0]


@pytest.mark.parametrize("kind", EVENTS)
def test_every_type_has_an_example_that_is_read_and_printed_as_it_was(kind: str) -> None:
    value = raw(kind)
    assert read_submission(value).data == value["data"]


@pytest.mark.parametrize(
    ("kind", "data", "field"),
    [
        ("loan.cancelled", {"reason": "because"}, "data.reason"),
        ("loan.refunded", {"amount": "-1.00"}, "data.amount"),
        ("loan.refunded", {"applied": {"interest": "-1.00"}}, "data.applied.interest"),
        ("loan.refunded", {"value_date": BAD_DAY}, "data.value_date"),
        ("loan.refunded", {"source": "obligor"}, "data.source"),
        ("schedule.changed", {"first": 0}, "data.first"),
        ("schedule.changed", {"instalments": []}, "data.instalments"),
        ("schedule.changed", {"instalments": [{"due": BAD_DAY, "principal": "1.00"}]}, "data.instalments[0].due"),
        ("schedule.changed", {"instalments": [{"due": "2026-09", "principal": "1"}]}, "data.instalments[0].principal"),
        ("schedule.changed", {"annual_rate": "0.10"}, "data.annual_rate"),
        ("amount.waived", {"waived": {}}, "data.waived"),
        ("amount.waived", {"waived": {"interest": "0.00"}}, "data.waived"),
        ("amount.waived", {"waived": {"fee": "-1.00"}}, "data.waived.fee"),
        ("amount.waived", {"instalment": 0}, "data.instalment"),
        ("fee.charged", {"amount": "-5.00"}, "data.amount"),
        ("fee.charged", {"component": "principal"}, "data.component"),
        ("fee.charged", {"payee": "the bank"}, "data.payee"),
        ("fee.charged", {"due": BAD_DAY}, "data.due"),
        ("loan.reinstated", {"amount": "-1.00"}, "data.amount"),
        ("loan.reinstated", {"reason": ""}, "data.reason"),
        ("loan.prepaid", {"amount": "-1.00"}, "data.amount"),
        ("loan.prepaid", {"payer": None}, "data.payer"),
        ("loan.prepaid", {"effect": "none"}, "data.effect"),
        ("loan.prepaid", {"value_date": BAD_DAY}, "data.value_date"),
        ("guarantor.compensated", {"claims": []}, "data.claims"),
        ("guarantor.compensated", {"claims": [COMPENSATED, COMPENSATED]}, "data.claims[1].claim"),
        ("guarantor.compensated", {"claims": [{**COMPENSATED, "claim": "a b"}]}, "data.claims[0].claim"),
        (
            "guarantor.compensated",
            {"claims": [{"claim": "a", "applied": {"principal": "-1.00"}}]},
            "data.claims[0].applied.principal",
        ),
        ("guarantor.compensated", {"instalments": None}, "data.instalments"),
        ("guarantor.compensated", {"covers": "whole"}, "data.instalments"),
        ("guarantor.compensated", {"amount": "-1.00"}, "data.amount"),
        ("claim.bought_back", {"claim": "a b"}, "data.claim"),
        ("claim.bought_back", {"buyer": ""}, "data.buyer"),
        ("claim.bought_back", {"price": "-1.00"}, "data.price"),
        ("cash.settled", {"value_date": "2026-06"}, "data.value_date"),
        ("cash.settled", {"charges": "-0.60"}, "data.charges"),
        ("cash.settled", {"items": [{"name": "x", "amount": "1"}]}, "data.items[0].amount"),
        ("cash.settled", {"covered": {**COVERED, "root": "x"}}, "data.covered.root"),
        ("cash.settled", {"covered": {**COVERED, "sum": "1"}}, "data.covered.sum"),
        ("cash.settled", {"covered": {**COVERED, "before": 0}}, "data.covered.before"),
        ("repayment.confirmed", {"repayment": "r1"}, "data.repayment"),
        ("repayment.confirmed", {"value_date": "2026-06"}, "data.value_date"),
        ("repayment.confirmed", {"amount": "-1.00"}, "data.amount"),
        ("remittance.made", {"holder": "a b"}, "data.holder"),
        ("remittance.made", {"last": "2026-05-31"}, "data.last"),
        ("remittance.made", {"first": "2026-06"}, "data.first"),
        ("remittance.made", {"items": [{"name": "", "amount": "1.00"}]}, "data.items[0].name"),
        ("remittance.made", {"amount": "74"}, "data.amount"),
        ("pool.sealed", {"root": "x"}, "data.root"),
        ("pool.sealed", {"as_of": "2026-06"}, "data.as_of"),
        ("pool.sealed", {"credit": "-1.00"}, "data.credit"),
        ("pool.closed", {"reason": "over"}, "data.reason"),
        ("servicing.transferred", {"new": "fenqile"}, "data.new"),
        ("servicing.transferred", {"old": "a b"}, "data.old"),
        ("transfer.settled", {"root": "x"}, "data.root"),
        ("transfer.settled", {"price": "840"}, "data.price"),
        ("transfer.settled", {"value_date": BAD_DAY}, "data.value_date"),
        ("claim.repurchased", {"claims": [{**CLAIM, "loan": "loan:L1"}]}, "data.claims[0].loan"),
        ("claim.repurchased", {"price": "1.00"}, "data.currency"),
        ("claim.repurchased", {"value_date": BAD_DAY}, "data.value_date"),
        ("claim.substituted", {"replacements": []}, "data.replacements"),
        ("claim.substituted", {"replacements": [{**CLAIM, "claim": "a b"}]}, "data.replacements[0].claim"),
        ("tape.received", {"tape": "x"}, "data.tape"),
        ("tape.received", {"form": "xlsx"}, "data.form"),
        ("tape.received", {"cut_off": "June"}, "data.cut_off"),
        ("tape.received", {"records": -1}, "data.records"),
        ("tape.received", {"mapping": "x"}, "data.mapping"),
        ("tape.received", {"sender": "a b"}, "data.sender"),
        (
            "tape.received",
            {"totals": [{"name": "balance", "currency": "CNY", "amount": "1"}]},
            "data.totals[0].amount",
        ),
        ("break.opened", {"name": "a b"}, "data.name"),
        ("break.opened", {"owner": "a b"}, "data.owner"),
        ("break.opened", {"loan": "a b"}, "data.loan"),
        ("break.opened", {"tape": "x"}, "data.tape"),
        ("break.opened", {"currency": None}, "data.currency"),
        ("break.opened", {"difference": "5"}, "data.difference"),
        ("break.closed", {"name": "a b"}, "data.name"),
        ("break.closed", {"resolution": "forgotten"}, "data.resolution"),
        ("day.closed", {"date": "2026-06"}, "data.date"),
        ("day.closed", {"before": -1}, "data.before"),
        ("day.closed", {"lines": [{**LINE, "holder": "a b"}]}, "data.lines[0].holder"),
        ("day.closed", {"lines": [{**LINE, "sum": "1"}]}, "data.lines[0].sum"),
    ],
)  # fmt: skip
def test_a_wrong_form_is_named(kind: str, data: dict[str, Any], field: str) -> None:
    with pytest.raises(RefusedError) as raised:
        read_submission(raw(kind, data=data))
    assert raised.value.field == field


def test_negative_totals_of_files_are_files_matter() -> None:
    totals = [{"name": "balance", "currency": "CNY", "amount": "-1.00"}]
    read_submission(raw("tape.received", data={"totals": totals}))
    read_submission(raw("break.opened", data={"difference": "-5.00"}))
    items = [{"name": "refund", "amount": "-1.00"}]
    assert read_submission(raw("remittance.made", data={"items": items})).amounts[1] == -(10**8)


def test_a_break_may_be_of_a_total_and_of_words() -> None:
    changes = {"loan": None, "currency": None, "difference": None, "item": "status", "reported": "current"}
    read_submission(raw("break.opened", data=changes))
    value = raw("break.opened")
    value["data"]["reported"] = None
    assert read_submission(value).data["reported"] is None
    assert value["data"]["tape"] == TAPE
