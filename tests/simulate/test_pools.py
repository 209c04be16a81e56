"""Pools in the stream: who holds what, what is passed on, what a transfer says of its batches."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest

from ledger.domain import money
from ledger.proofs import merkle
from ledger.simulate import FRAUDS, Options
from ledger.simulate.platform import POOLS
from tests.simulate.running import events

Event = dict[str, Any]
HOLDERS = {f"pool:{pool.name}": pool.holder for pool in POOLS}
#: Frauds whose recorded payments were all passed on.
PAID_ON = tuple((name, 1) for name in FRAUDS if name not in {"kept_cash", "backdated_batch"})


@pytest.fixture(scope="module", params=[(), PAID_ON], ids=["honest", "frauds"])
def said(request: pytest.FixtureRequest) -> list[Event]:
    return events(Options(loans=600, months=10, scenario="unemployment_shock", frauds=request.param))


def moves(said: list[Event]) -> dict[str, list[tuple[str, str, bool]]]:
    """Loan → (day, pool, whether the claim comes in), in the order of the stream."""
    found: dict[str, list[tuple[str, str, bool]]] = defaultdict(list)
    for event in said:
        if event["type"] in {"claim.pledged", "claim.sold", "claim.released"}:
            for claim in event["data"]["claims"]:
                found[claim["loan"]].append(
                    (event["effective"], event["subject"], event["type"] != "claim.released")
                )
    return found


def held_on(path: list[tuple[str, str, bool]], day: str) -> set[str]:
    """Pools that held the claim when the day began."""
    pools: set[str] = set()
    for when, pool, into in path:
        if when < day:
            (pools.add if into else pools.discard)(pool)
    return pools


def test_remittances_are_what_the_records_say_was_collected(said: list[Event]) -> None:
    paths = moves(said)
    terms = {event["subject"]: event["data"] for event in said if event["type"] == "loan.originated"}
    collected: Counter[tuple[str, str]] = Counter()
    for event in said:
        data = event["data"]
        if "applied" not in data:
            continue
        loan = terms[event["subject"]]
        shares = [claim["share"] for claim in loan["claims"]]
        names = [claim["claim"] for claim in loan["claims"]]
        remainder = names.index(loan["remainder"]) if len(names) > 1 else 0
        sign = -1 if event["type"] == "repayment.reversed" else 1
        for pool in held_on(paths[event["subject"].removeprefix("loan:")], data["value_date"]):
            for part in ("principal", "interest", "penalty"):
                units = money.parse(data["applied"].get(part, "0.00"), "CNY")
                first = money.split(units, shares, remainder, "CNY")[names.index("c1")]
                collected[pool, data["value_date"][:7]] += sign * first
    stated: Counter[tuple[str, str]] = Counter()
    for event in said:
        if event["type"] == "remittance.made":
            data = event["data"]
            amounts = [data["amount"], *(item["amount"] for item in data["items"])]
            units = money.parse_total(data["collected"], "CNY")
            assert units == sum(money.parse(text, "CNY") for text in amounts)
            assert data["holder"] == HOLDERS[event["subject"]]
            assert (data["first"], data["last"]) == (f"{event['effective'][:7]}-01", event["effective"])
            stated[event["subject"], event["effective"][:7]] += units
    assert stated == +collected
    assert len(stated) > 20


def test_what_has_ended_is_given_back_by_the_end_of_the_month(said: list[Event]) -> None:
    ended: dict[str, str] = {}
    for event in said:
        if event["type"] in {"loan.settled", "loan.cancelled", "loan.charged_off"}:
            ended.setdefault(event["subject"].removeprefix("loan:"), event["effective"][:7])
    paths = moves(said)
    for loan, month in ended.items():
        assert not held_on(paths[loan], f"{month}-99")
    assert any(paths[loan] for loan in ended)


def test_a_transfer_is_the_sum_of_its_batches(said: list[Event]) -> None:
    keys = {
        event["subject"].removeprefix("loan:"): bytes.fromhex(event["data"]["asset_keys"][0]["asset_key"])
        for event in said
        if event["type"] == "loan.disbursed"
    }
    batches: dict[str, list[str]] = defaultdict(list)
    for event in said:
        if event["type"] == "claim.sold":
            batches[event["data"]["agreement"]] += [claim["loan"] for claim in event["data"]["claims"]]
    settled = [event["data"] for event in said if event["type"] == "transfer.settled"]
    for data in settled:
        loans = batches.pop(data["agreement"])
        leaves = [merkle.leaf_hash(key) for key in sorted(keys[loan] for loan in loans)]
        assert (data["count"], data["root"]) == (len(loans), merkle.root(leaves).hex())
    assert settled
    assert not batches


def test_batches_hold_five_hundred_claims_at_most() -> None:
    """A week of a book of this size brings more than that to the trust at once."""
    said = events(Options(loans=14_000, months=1, report_every=0))
    sizes = [len(event["data"]["claims"]) for event in said if event["type"] == "claim.sold"]
    assert max(sizes) == 500
