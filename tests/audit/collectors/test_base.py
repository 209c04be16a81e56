"""Do eligible claims cover what was lent, and are the pool's limits kept?"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.audit.collectors.base import Base, Covers, check_base, check_limits, excess
from ledger.audit.collectors.totals import Totals
from ledger.audit.findings import Notes, Outcome
from ledger.audit.rules import Limit, PoolRules
from ledger.domain import money
from ledger.proofs.encumbrance import WHOLE
from tests.audit.logwork import AS_OF, Records, claim

RATE = {"advance_rate": "0.85"}


class Pool(Records):
    """Loans of 1,200.00 that a pool holds, and what was lent on them."""

    def pledge(self, *loans: str, price: str | None, **more: Any) -> None:
        claims = [{"loan": loan, "claim": "c0"} for loan in loans]
        told = {} if price is None else {"currency": "CNY", "price": price}
        self.post(
            "claim.pledged",
            "pool:P",
            {"holder": "fund", "claims": claims} | told | more,
            effective="2026-03-02",
        )

    def audit(
        self, rules: dict[str, Any], *, held: Any = None, as_of: date = AS_OF
    ) -> tuple[Notes, dict[str, Base]]:
        parsed = PoolRules.of(rules)
        covers = Covers.of(parsed)
        totals = Totals(covers.limits)
        for subject in [name for name in self._of if name.startswith("loan:")]:
            case = self.case(subject, *([held] if held else []), rules=parsed, as_of=as_of)
            covers.take(case)
            totals.take(case)
        notes = Notes()
        check_limits(notes, "pool:P", totals, rules=parsed)
        found = check_base(notes, "pool:P", self.of("pool:P"), covers, rules=parsed, as_of=as_of)
        return notes, found


@pytest.fixture
def pool() -> Pool:
    pool = Pool()
    pool.loan("L1", product="cash")
    return pool


def codes(notes: Notes) -> list[str]:
    return [one.code for one in notes.findings]


def test_the_base_covers_what_was_lent(pool: Pool) -> None:
    pool.pledge("L1", price="1020.00")
    notes, found = pool.audit(RATE)
    assert codes(notes) == []
    assert notes.procedure("borrowing_base").outcome is Outcome.PASSED
    assert found["CNY"].to_json() == {
        "eligible_alive": "1200.00", "above_limits": "0.00", "borrowing_base": "1020.00", "lent": "1020.00",
    }  # fmt: skip


def test_a_settlement_of_a_lower_price_than_its_batches_tell(pool: Pool) -> None:
    """What was lent would be the lower one, and no shortfall show."""
    pool.loan("L2", product="cash")
    for loan in ("L1", "L2"):
        pool.pledge(loan, price="1500.00", agreement="A7")
    settled = {
        "agreement": "A7", "currency": "CNY", "count": 2, "principal": "2400.00", "price": "3000.00", "root": "ab" * 32,
    }  # fmt: skip
    pool.post("transfer.settled", "pool:P", settled, effective="2026-03-03")
    assert codes(pool.audit(RATE)[0]) == ["base.shortfall"]
    pool.post("transfer.settled", "pool:P", settled | {"price": "1.00"}, effective="2026-03-04")
    notes, found = pool.audit(RATE)
    (finding,) = notes.findings
    assert (finding.code, finding.facts["batches"], finding.facts["settled"]) == (
        "base.price_differs", "3000.00", "1.00",
    )  # fmt: skip
    assert found["CNY"].to_json()["lent"] == "1.00"


def test_a_fen_too_much(pool: Pool) -> None:
    pool.pledge("L1", price="1020.01")
    notes, _ = pool.audit(RATE)
    assert codes(notes) == ["base.shortfall"]
    assert notes.findings[0].text() == "Lent 1020.01 CNY, the base is 1020.00: 0.01 short."
    assert codes(pool.audit(RATE | {"tolerances": {"borrowing_base": "0.01"}})[0]) == []


def test_collected_principal_pays_back(pool: Pool) -> None:
    pool.pledge("L1", price="1020.00")
    pool.pay("loan:L1", "2026-04-01")
    notes, found = pool.audit(RATE)
    assert codes(notes) == []
    assert (found["CNY"].lent, found["CNY"].base) == (
        money.parse("920.00", "CNY"),
        money.parse("935.00", "CNY"),
    )


def test_principal_that_was_collected_before_the_pledge_does_not(pool: Pool) -> None:
    pool.pay("loan:L1", "2026-03-02")
    pool.pledge("L1", price="1020.00")
    assert codes(pool.audit(RATE)[0]) == ["base.shortfall"]


def test_a_reversal_takes_the_repayment_back(pool: Pool) -> None:
    pool.pledge("L1", price="1020.00")
    pool.pay("loan:L1", "2026-04-01")
    pool.pay("loan:L1", "2026-04-02", kind="repayment.reversed")
    assert pool.audit(RATE)[1]["CNY"].lent == money.parse("1020.00", "CNY")


def test_a_write_off_pays_nothing_back(pool: Pool) -> None:
    pool.pledge("L1", price="1020.00")
    pool.post("loan.charged_off", "loan:L1", {"currency": "CNY", "amount": "1200.00"}, effective="2026-09-01")
    pool.post("recovery.received", "loan:L1", {"currency": "CNY", "amount": "50.00"}, effective="2026-10-01")
    notes, _ = pool.audit(RATE)
    assert notes.findings[0].facts["shortfall"] == "1020.00"


def test_a_guarantor_and_a_repurchase_pay_back(pool: Pool) -> None:
    pool.loan("L2")
    pool.pledge("L1", "L2", price="2040.00")
    paid = {
        "currency": "CNY", "amount": "210.00", "covers": "instalments", "instalments": [1],
        "claims": [{"claim": "c0", "applied": {"principal": "200.00", "interest": "10.00"}}],
    }  # fmt: skip
    pool.post("guarantor.compensated", "loan:L1", paid, effective="2026-05-01", party="surety")
    bought = {
        "claims": [{"loan": "L2", "claim": "c0"}],
        "reason": "breach",
        "currency": "CNY",
        "price": "40.00",
    }
    pool.post("claim.repurchased", "pool:P", bought, effective="2026-05-02")
    assert pool.audit(RATE)[1]["CNY"].lent == money.parse("1800.00", "CNY")


def test_only_the_shares_held_count(pool: Pool) -> None:
    pool.pledge("L1", price="510.00")
    pool.pay("loan:L1", "2026-04-01")
    _, found = pool.audit(RATE, held=claim("c0", ("2026-03-02", 500_000)))
    assert (found["CNY"].eligible, found["CNY"].lent) == (
        money.parse("550.00", "CNY"), money.parse("460.00", "CNY"),
    )  # fmt: skip


def test_a_claim_that_is_not_eligible_or_has_ended_covers_nothing(pool: Pool) -> None:
    pool.pledge("L1", price="100.00")
    notes, found = pool.audit(RATE | {"eligibility": {"product_in": ["phone"]}})
    assert (codes(notes), found["CNY"].eligible) == (["base.shortfall"], 0)
    pool.post("loan.settled", "loan:L1", {"reason": "other"}, effective="2026-05-01")
    assert codes(pool.audit(RATE)[0]) == ["base.shortfall"]


def test_a_shortfall_that_undetermined_claims_could_fill_is_undetermined(pool: Pool) -> None:
    pool.pledge("L1", price="1020.00")
    asked = RATE | {"eligibility": {"region_in": ["CN-11"]}}
    notes, _ = pool.audit(asked)
    assert notes.procedure("borrowing_base").reasons == {
        "claims of undetermined eligibility could fill the shortfall": 1
    }
    pool.pledge("L1", price="0.01")
    assert codes(pool.audit(asked)[0]) == ["base.shortfall"]


def test_without_rate_or_pledge_nothing_is_asked(pool: Pool) -> None:
    notes, found = pool.audit(RATE)
    assert (notes.procedure("borrowing_base").outcome, found) == (Outcome.NOT_APPLICABLE, {})
    pool.pledge("L1", price="5000.00")
    assert pool.audit({})[0].procedure("borrowing_base").outcome is Outcome.NOT_APPLICABLE


def test_a_pledge_without_a_price_leaves_it_undetermined(pool: Pool) -> None:
    pool.pledge("L1", price="5000.00")
    pool.pledge("L1", price=None)
    notes, found = pool.audit(RATE)
    assert codes(notes) == []
    assert notes.procedure("borrowing_base").reasons == {"a pledge tells no price": 1}
    assert "lent" not in found["CNY"].to_json()


def test_a_transfers_price_is_that_of_all_its_batches(pool: Pool) -> None:
    pool.pledge("L1", price=None, agreement="A-1")
    pool.pledge("L1", price="700.00", agreement="A-1")
    settled = {
        "agreement": "A-1", "currency": "CNY", "count": 2, "principal": "1200.00", "price": "1020.00",
        "root": "ab" * 32,
    }  # fmt: skip
    pool.post("transfer.settled", "pool:P", settled, effective="2026-03-03")
    pool.post("transfer.settled", "pool:P", settled | {"agreement": "sold"}, effective="2026-03-03")
    assert pool.audit(RATE)[1]["CNY"].lent == money.parse("1020.00", "CNY")


def test_what_happened_after_the_audits_day_is_left_out(pool: Pool) -> None:
    pool.pledge("L1", price="1020.00")
    assert pool.audit(RATE, as_of=date(2026, 3, 1))[1] == {}


def test_a_limit_that_is_exceeded(pool: Pool) -> None:
    pool.loan("L2", product="phone", amount="400.00")
    limits = {"concentration": [{"attribute": "product", "share": 700_000}]}
    notes, found = pool.audit(RATE | limits)
    assert codes(notes) == ["concentration.breach"]
    assert (
        notes.findings[0].text() == "product cash has 750000 ppm of the principal in CNY, above 700000 ppm."
    )
    pool.pledge("L1", "L2", price="1000.00")
    notes, found = pool.audit(RATE | limits)
    # 1,200.00 of cash against 70 % of 1,600.00: 80.00 too much.
    assert found["CNY"].excess == money.parse("80.00", "CNY")
    assert found["CNY"].base == money.parse("1292.00", "CNY")


def test_a_limit_may_be_of_one_value(pool: Pool) -> None:
    only = {"concentration": [{"attribute": "product", "share": 100_000, "value": "phone"}]}
    notes, _ = pool.audit(only)
    assert codes(notes) == []
    assert notes.procedure("concentration").outcome is Outcome.PASSED


def test_what_loans_do_not_tell_leaves_a_limit_undetermined(pool: Pool) -> None:
    notes, _ = pool.audit({"concentration": [{"attribute": "region", "share": 100_000}]})
    assert notes.procedure("concentration").reasons == {"some loans do not tell their region": 1}
    assert codes(notes) == []


VALUES = st.dictionaries(st.sampled_from("abc"), st.integers(1, 10**12), min_size=1)


@given(VALUES, VALUES, st.integers(1, WHOLE), st.integers(1, WHOLE))
def test_what_is_above_the_limits_is_never_more_than_there_is(
    regions: dict[str, int], products: dict[str, int], share: int, one: int
) -> None:
    total = max(sum(regions.values()), sum(products.values()))
    values = {"region": Counter(regions), "product": Counter(products)}
    limits = [Limit("region", share, None), Limit("region", one, "a"), Limit("product", share, "b")]
    above = excess(limits, values, total)
    assert 0 <= above <= total
    for limit in limits:
        assert above >= excess([limit], values, total)


def test_ranges_add_up(pool: Pool) -> None:
    pool.loan("L2", product="phone")
    pool.pay("loan:L1", "2026-04-01")
    rules = PoolRules.of({"concentration": [{"attribute": "product", "share": 100_000}]})
    whole, first, second = Covers.of(rules), Covers.of(rules), Covers.of(rules)
    for subject, part in (("loan:L1", first), ("loan:L2", second)):
        case = pool.case(subject, rules=rules)
        whole.take(case)
        part.take(case)
    first.add(second)
    assert first == whole
