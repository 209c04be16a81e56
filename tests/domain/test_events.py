"""The form that each type asks for beyond its members' types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger.domain.events import EVENTS, ROLES, describe, read_submission
from ledger.domain.events.base import Data
from ledger.errors import RefusedError
from ledger.proofs.recordform import SIGNED_TYPES
from tests.domain.examples import CLAIMS, raw


def refused(kind: str, **data: Any) -> RefusedError:
    with pytest.raises(RefusedError) as error:
        read_submission(raw(kind, data=data))
    return error.value


def accepted(kind: str, **data: Any) -> Data:
    return read_submission(raw(kind, data=data)).event


def test_the_page_is_the_one_that_the_structs_give() -> None:
    page = Path(__file__).parents[2] / "docs" / "events.md"
    assert page.read_text(encoding="utf-8") == describe.page(), (
        "run: python -m ledger.domain.events.describe > docs/events.md"
    )


def test_every_member_of_every_event_is_described() -> None:
    for row in describe.page().splitlines():
        if row.startswith("| `") and row.count("|") == 6:
            assert row.split("|")[4].strip(), row


@pytest.mark.parametrize("name", EVENTS)
def test_declarations_are_whole(name: str) -> None:
    kind = EVENTS[name]
    assert kind.data.kind is kind
    assert kind.title.endswith(".")
    assert kind.posted_by
    assert kind.posted_by <= ROLES
    assert kind.data.__struct_config__.forbid_unknown_fields
    assert kind.data.__struct_config__.frozen


def test_the_types_that_need_a_signature_are_those_that_verifiers_ask_it_of() -> None:
    assert {kind.name for kind in EVENTS.values() if kind.signed} == SIGNED_TYPES


# -- claims of a loan -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shares", [(700_000, 300_001), (700_000, 299_999), (999_999,), (1,)])
def test_shares_sum_to_exactly_the_whole(shares: tuple[int, ...]) -> None:
    claims = [{"claim": f"c{i}", "creditor": "bank", "share": share} for i, share in enumerate(shares)]
    error = refused("loan.originated", claims=claims, remainder="c0")
    assert error.field == "data.claims"
    assert str(sum(shares)) in error.reason


@pytest.mark.parametrize("share", [0, -1, 1_000_001])
def test_a_share_is_a_part_of_the_whole(share: int) -> None:
    assert refused("loan.originated", claims=[{**CLAIMS[0], "share": share}]).field == "data.claims[0].share"


def test_the_remainder_goes_to_a_claim_that_is_named() -> None:
    assert refused("loan.originated", remainder=None).field == "data.remainder"
    assert refused("loan.originated", remainder="z").field == "data.remainder"
    accepted(
        "loan.originated", claims=[{"claim": "a", "creditor": "bank", "share": 1_000_000}], remainder=None
    )


def test_claims_have_names_of_their_own() -> None:
    assert (
        refused("loan.originated", claims=[CLAIMS[0], {**CLAIMS[1], "claim": "a"}]).field
        == "data.claims[1].claim"
    )
    assert refused("loan.originated", claims=[]).field == "data.claims"
    assert (
        refused("loan.originated", claims=[{**CLAIMS[0], "creditor": "the bank"}]).field
        == "data.claims[0].creditor"
    )


def test_asset_keys_stand_in_opened_and_disbursed_only() -> None:
    key = "ab" * 32
    claim = {"claim": "a", "creditor": "bank", "share": 1_000_000, "asset_key": key}
    assert refused("loan.originated", claims=[claim], remainder="a").field == "data.claims[0].asset_key"
    accepted("loan.opened", claims=[claim])
    for bad in (key.upper(), key[:-2], "zz" * 32, ""):
        assert (
            refused("loan.opened", claims=[{**claim, "asset_key": bad}]).field == "data.claims[0].asset_key"
        )
        assert (
            refused("loan.disbursed", asset_keys=[{"claim": "a", "asset_key": bad}]).field
            == "data.asset_keys[0].asset_key"
        )
    twice = [{"claim": "a", "asset_key": key}, {"claim": "a", "asset_key": key}]
    assert refused("loan.disbursed", asset_keys=twice).field == "data.asset_keys[1].claim"


# -- terms ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["0.1066", "0", "12", "-0.005", "0.10660000001"])
def test_a_rate_in_its_one_spelling(text: str) -> None:
    accepted("loan.originated", annual_rate=text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("0.10660", "0.1066"),
        ("0.0", "0"),
        ("-0", "0"),
        ("00.1", "0.1"),
        ("1.", "1"),
        ("10.66%", ""),
        ("1e-2", ""),
        (".1", ""),
    ],
)
def test_other_spellings_of_a_rate(text: str, hint: str) -> None:
    error = refused("loan.originated", annual_rate=text)
    assert error.field == "data.annual_rate"
    assert hint in error.reason


def test_an_explicit_plan_lists_its_instalments() -> None:
    assert refused("loan.originated", amortisation="explicit").field == "data.plan"
    plan = [
        {"due": "2026-07-15", "principal": "600.00"},
        {"due": "2026-08-15", "principal": "600.00", "interest": "1.00"},
    ]
    accepted("loan.originated", amortisation="explicit", plan=plan)
    assert (
        refused("loan.originated", plan=[{"due": "2026-07-32", "principal": "1.00"}]).field
        == "data.plan[0].due"
    )
    assert (
        refused("loan.originated", plan=[{"due": "2026-07", "principal": "1"}]).field
        == "data.plan[0].principal"
    )


def test_the_whole_terms() -> None:
    accepted(
        "loan.originated",
        day_count="actual/365", first_due="2026-07-15", maturity="2027-06-15", due_day=15,
        business_days="following", rounding="half_up", residual="last", grace_days=3, penalty_rate="0.15",
        waterfall=["penalty", "fee", "interest", "principal"],
        prepayment={"allowed": True, "effect": "shorter_term", "fee_rate": "0.01"},
        fees=[{"name": "service", "payee": "fenqile", "rate": "0.01", "when": "instalment"}],
        product="instalment loan", scene="phone", region="440300",
        guarantors=[{"party": "guarantor", "share": 500_000}], contract="ab" * 32,
        decision={"model": "A", "version": "4.2", "band": "B", "digest": "cd" * 32}, consent="c-1",
        attributes={"channel": "app", "repeat": True, "tags": ["x", "y"], "count": 3},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"instalments": 0}, "data.instalments"),
        ({"due_day": 32}, "data.due_day"),
        ({"waterfall": ["fee", "fee"]}, "data.waterfall"),
        ({"prepayment": {"allowed": True, "fee_rate": "1%"}}, "data.prepayment.fee_rate"),
        ({"fees": [{"name": "x", "payee": "a b"}]}, "data.fees[0].payee"),
        ({"fees": [{"name": "x", "payee": "a", "amount": "1"}]}, "data.fees[0].amount"),
        ({"fees": [{"name": "x", "payee": "a", "rate": "1.0"}]}, "data.fees[0].rate"),
        ({"guarantors": [{"party": ""}]}, "data.guarantors[0].party"),
        ({"contract": "AB" * 32}, "data.contract"),
        ({"decision": {"model": "A", "version": "1", "digest": "x"}}, "data.decision.digest"),
        ({"penalty_rate": "0.150"}, "data.penalty_rate"),
        ({"principal": "-1.00"}, "data.principal"),
        ({"maturity": "soon"}, "data.maturity"),
        ({"attributes": {"Key": 1}}, "data.attributes"),
    ],
)
def test_terms_of_a_wrong_form(data: dict[str, Any], field: str) -> None:
    assert refused("loan.originated", **data).field == field


# -- opened ---------------------------------------------------------------------------------------------------


def test_a_seasoned_loan_as_far_as_known() -> None:
    accepted(
        "loan.opened",
        remaining_instalments=7,
        oldest_unpaid="2026-05-15",
        current_rate="0.0596",
        originated="2020-01",
    )
    value = raw("loan.opened")
    value["data"].update(remaining_instalments=None, oldest_unpaid=None)
    read_submission(value)


def test_a_customer_credit_is_a_negative_balance() -> None:
    assert (
        read_submission(raw("loan.opened", data={"balances": {"principal": "-12.00"}})).amounts[0]
        == -1_200_000_000
    )


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"as_of": "06/2026"}, "data.as_of"),
        ({"basis": "guessed"}, "data.basis"),
        ({"balances": {}}, "data.balances.principal"),
        ({"balances": {"principal": "1.00", "interest": "1"}}, "data.balances.interest"),
        ({"oldest_unpaid": "x"}, "data.oldest_unpaid"),
        ({"current_rate": "x"}, "data.current_rate"),
    ],
)
def test_an_opening_of_a_wrong_form(data: dict[str, Any], field: str) -> None:
    assert refused("loan.opened", **data).field == field


# -- money in -------------------------------------------------------------------------------------------------


def test_who_paid_is_said_except_for_a_month() -> None:
    assert refused("repayment.received", payer=None).field == "data.payer"
    assert refused("repayment.received", payer="mother").field == "data.payer"
    accepted("repayment.received", payer=None, aggregate=True)


def test_arithmetic_that_does_not_add_up_is_accepted() -> None:
    # As filed by a real servicer in June 2026: 210.00 against 207.10 + 10.35.
    accepted(
        "repayment.received",
        amount="210.00",
        applied={"principal": "207.10", "interest": "0.00", "other": "10.35"},
    )


def test_a_negative_payment_is_a_reversal_unless_it_is_a_month() -> None:
    assert refused("repayment.received", applied={"other": "-1.00"}).field == "data.applied.other"
    assert refused("repayment.received", amount="-1.00").field == "data.amount"
    accepted("repayment.received", amount="-1.00", applied={"other": "-1.00"}, aggregate=True)
    assert refused("repayment.reversed", amount="-1.00").field == "data.amount"
    assert refused("recovery.received", amount="-1.00").field == "data.amount"
    accepted("recovery.received", amount="-1.00", aggregate=True)
    assert refused("loan.charged_off", amount="-1.00").field == "data.amount"
    assert refused("loan.disbursed", amount="-1.00").field == "data.amount"


def test_a_reversal_names_its_payment() -> None:
    assert refused("repayment.reversed", repayment="a b").field == "data.repayment"
    assert refused("repayment.reversed", reason="because").field == "data.reason"


# -- files ----------------------------------------------------------------------------------------------------


def test_repeated_elements_survive_in_their_order() -> None:
    elements = [["subvented", "0"], ["subvented", "1"], ["obligorCreditScoreType", ""], ["模型", "甲"]]
    assert read_submission(raw("balance.reported", data={"elements": elements})).data["elements"] == elements


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"tape": "x"}, "data.tape"),
        ({"currency": "XXX"}, "data.currency"),
        ({"balance": "1"}, "data.balance"),
        ({"elements": [["a"]]}, "data.elements[0]"),
        ({"elements": [["a", 1]]}, "data.elements[0][1]"),
        ({"days_past_due": -1}, "data.days_past_due"),
        ({"zero_balance_date": "13/2026"}, "data.zero_balance_date"),
        ({"current_rate": "0.10"}, "data.current_rate"),
    ],
)
def test_a_report_of_a_wrong_form(data: dict[str, Any], field: str) -> None:
    assert refused("balance.reported", **data).field == field


# -- pools ----------------------------------------------------------------------------------------------------


def test_the_rules_of_a_pool() -> None:
    rules = {
        "version": 1, "eligibility": {"days_past_due_max": 30, "product_in": ["a", "b"]},
        "concentration": [{"attribute": "region", "share": 200_000}], "advance_rate": "0.85",
        "bucket_bounds": [0, 30, 60, 90], "dpd_rule": "oldest_unpaid", "cost_measure": "irr_monthly_x12",
        "tolerances": {"reported_balance": "0.01"},
    }  # fmt: skip
    accepted("pool.created", rules=rules, title="Warehouse 7", structure="warehouse", currency="CNY")
    for change, field in [
        ({"bucket_bounds": [30, 30]}, "data.rules.bucket_bounds"),
        ({"bucket_bounds": [60, 30]}, "data.rules.bucket_bounds"),
        ({"advance_rate": "85%"}, "data.rules.advance_rate"),
        ({"tolerances": {"tapes": "0.010"}}, "data.rules.tolerances.tapes"),
        ({"tolerances": {"tapes": "-0.01"}}, "data.rules.tolerances.tapes"),
        ({"tolerances": {"cash_idenity": "0.01"}}, "data.rules.tolerances"),
        ({"advance_rate": "-0.8"}, "data.rules.advance_rate"),
        ({"advance_rate": "1.8"}, "data.rules.advance_rate"),
        ({"bucket_bounds": []}, "data.rules.bucket_bounds"),
        ({"eligibility": {"max_dpd": 30}}, "data.rules.eligibility"),
        ({"version": 0}, "data.rules.version"),
    ]:
        assert refused("pool.created", rules={**rules, **change}).field == field


@pytest.mark.parametrize("kind", ["claim.pledged", "claim.sold", "claim.released"])
def test_claims_in_a_record(kind: str) -> None:
    assert refused(kind, claims=[]).field == "data.claims"
    accepted(kind, claims=[{"loan": f"L{i}", "claim": "a"} for i in range(500)])
    assert refused(kind, claims=[{"loan": f"L{i}", "claim": "a"} for i in range(501)]).field == "data.claims"
    assert refused(kind, claims=[{"loan": "loan:L1", "claim": "a"}]).reason == 'write the name alone: "L1"'
    assert refused(kind, claims=[{"loan": "L 1", "claim": "a"}]).field == "data.claims[0].loan"
    assert refused(kind, claims=[{"loan": "L1", "claim": "a", "share": 0}]).field == "data.claims[0].share"
    assert (
        refused(kind, claims=[{"loan": "L1", "claim": "a", "share": 1_000_001}]).field
        == "data.claims[0].share"
    )


def test_a_price_has_a_currency() -> None:
    assert refused("claim.sold", price="1.00").field == "data.currency"
    assert refused("claim.sold", price="1", currency="CNY").field == "data.price"
    accepted("claim.sold", price="1.00", currency="CNY")


@pytest.mark.parametrize(
    ("kind", "member", "value", "allowed"),
    [
        ("loan.originated", "day_count", "A/365", "1/12, 30/360, actual/360, actual/365, actual/actual"),
        ("repayment.received", "payer", "me", "guarantor, insurer, merchant, obligor, platform"),
        ("repayment.reversed", "reason", "why", "chargeback, duplicate, misposted, other, returned"),
    ],
)
def test_a_value_that_is_none_of_those_allowed_is_told_which_are(
    kind: str, member: str, value: str, allowed: str
) -> None:
    error = refused(kind, **{member: value})
    assert (error.field, error.reason) == (
        f"data.{member}",
        f'"{value}" is none of the values allowed: {allowed}',
    )
