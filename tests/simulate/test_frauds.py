"""Each planted fraud is in the stream, on the loans that the summary names, and nowhere else."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.audit.catalogue import CATALOGUE
from ledger.simulate import FRAUDS, Options, Simulation
from ledger.simulate.platform import ACCOUNTS, UNKNOWN_ACCOUNT
from tests.simulate.running import events

Event = dict[str, Any]
COUNT = 2
OPTIONS = Options(loans=340, months=9, frauds=tuple((name, COUNT) for name in FRAUDS))


@pytest.fixture(scope="module")
def said() -> list[Event]:
    return events(OPTIONS)


@pytest.fixture(scope="module")
def plots() -> dict[str, list[Any]]:
    simulation = Simulation(OPTIONS)
    for _ in simulation.days():
        pass
    found: dict[str, list[Any]] = {}
    for plot in simulation.summary()["frauds"]:
        found.setdefault(plot["fraud"], []).append(plot)
    return found


def of(said: list[Event], loan: str, kind: str) -> list[Event]:
    return [event for event in said if event["subject"] == f"loan:{loan}" and event["type"] == kind]


def fen(amount: str) -> int:
    return int(amount.replace(".", ""))


def holders(said: list[Event], loan: str) -> list[str]:
    """Pools that take and give the loan's claim, in their order."""
    return [
        ("-" if event["type"] == "claim.released" else "+") + event["subject"]
        for event in said
        if event["type"] in {"claim.pledged", "claim.sold", "claim.released"}
        for claim in event["data"]["claims"]
        if claim["loan"] == loan
    ]


def test_every_fraud_is_planted_and_its_finding_is_in_the_catalogue(plots: dict[str, list[Any]]) -> None:
    assert set(plots) == set(FRAUDS)
    for name, planted in plots.items():
        assert len(planted) == COUNT
        for plot in planted:
            assert plot["finding"] == FRAUDS[name][0]
            assert plot["finding"] in CATALOGUE
            assert plot["days"], plot


def test_double_pledge(said: list[Event], plots: dict[str, list[Any]]) -> None:
    for plot in plots["double_pledge"]:
        first, second = plot["loans"]
        one, other = of(said, first, "loan.disbursed")[0], of(said, second, "loan.disbursed")[0]
        assert one["data"]["asset_keys"] != other["data"].pop("asset_keys")
        assert one["data"] | other["data"] == one["data"]
        terms, again = of(said, first, "loan.originated")[0], of(said, second, "loan.originated")[0]
        assert terms["data"]["obligor"] == again["data"]["obligor"]
        assert holders(said, first)[0] == "+pool:WAREHOUSE-A"
        assert holders(said, second)[0] == "+pool:WAREHOUSE-B"
        references = [event["data"]["bank_ref"] for event in of(said, first, "repayment.received")]
        assert references
        assert references == [event["data"]["bank_ref"] for event in of(said, second, "repayment.received")]


def test_flip_flop(said: list[Event], plots: dict[str, list[Any]]) -> None:
    round_trip = ["-pool:WAREHOUSE-A", "+pool:WAREHOUSE-B", "-pool:WAREHOUSE-B", "+pool:WAREHOUSE-A"]
    for plot in plots["flip_flop"]:
        moves = holders(said, plot["loans"][0])
        assert moves[0] == "+pool:WAREHOUSE-A"
        assert moves[1:5] == round_trip


def test_masked_delinquency(said: list[Event], plots: dict[str, list[Any]]) -> None:
    for plot in plots["masked_delinquency"]:
        payers = [event["data"]["payer"] for event in of(said, plot["loans"][0], "repayment.received")]
        assert payers[0] == "obligor"
        assert set(payers[1:]) == {"platform"}
        reports = of(said, plot["loans"][0], "balance.reported")
        assert reports
        assert {event["data"]["days_past_due"] for event in reports} == {0}


def test_invented_loan(said: list[Event], plots: dict[str, list[Any]]) -> None:
    invented = {plot["loans"][0] for plot in plots["invented_loan"]}
    for event in said:
        if event["type"] == "repayment.received":
            loan = event["subject"].removeprefix("loan:")
            assert (event["data"]["account"] == UNKNOWN_ACCOUNT) == (loan in invented)
    assert UNKNOWN_ACCOUNT not in ACCOUNTS


def test_dropped_payment(said: list[Event], plots: dict[str, list[Any]]) -> None:
    missing = [one for day in Simulation(OPTIONS).days() for one in day.unrecorded]
    assert len(missing) == COUNT
    for plot in plots["dropped_payment"]:
        payments = of(said, plot["loans"][0], "repayment.received")
        assert [event["data"]["instalment"] for event in payments][:3] == [1, 2, 4]
        assert (plot["days"][0], plot["account"]) in [
            (one.value_date, f"account:{one.account}") for one in missing
        ]


def test_inflated_balance(said: list[Event], plots: dict[str, list[Any]]) -> None:
    for plot in plots["inflated_balance"]:
        loan = plot["loans"][0]
        owed = fen(of(said, loan, "loan.disbursed")[0]["data"]["amount"])
        for event in said:
            if event["subject"] != f"loan:{loan}":
                continue
            if event["type"] == "repayment.received":
                owed -= fen(event["data"]["applied"]["principal"])
            elif event["type"] == "balance.reported":
                assert fen(event["data"]["balance"]) == owed + 50_000


def test_backdated_batch(said: list[Event], plots: dict[str, list[Any]]) -> None:
    for plot in plots["backdated_batch"]:
        late = [
            event
            for event in of(said, plot["loans"][0], "repayment.received")
            if event["effective"] != event["posted"]
        ]
        assert len(late) == 1
        posted, effective = (date.fromisoformat(late[0][name]) for name in ("posted", "effective"))
        assert (posted - effective).days >= 10
        assert date.fromordinal(posted.toordinal() + 1).day == 1


def test_as_many_remittances_as_there_are_months_can_be_short() -> None:
    simulation = Simulation(Options(loans=60, months=5, frauds=(("kept_cash", 3),)))
    for _ in simulation.days():
        pass
    planted = [(plot["pool"], *plot["days"]) for plot in simulation.summary()["frauds"]]
    assert len(set(planted)) == 3


def test_kept_cash(said: list[Event], plots: dict[str, list[Any]]) -> None:
    honest = {
        (event["subject"], event["effective"]): event["data"]["collected"]
        for event in events(Options(loans=340, months=9, frauds=OPTIONS.frauds[:-1]))
        if event["type"] == "remittance.made"
    }
    short = {
        (event["subject"], event["effective"])
        for event in said
        if event["type"] == "remittance.made"
        and event["data"]["collected"] != honest[event["subject"], event["effective"]]
    }
    assert OPTIONS.frauds[-1][0] == "kept_cash"
    assert short == {(f"pool:{plot['pool']}", plot["days"][0]) for plot in plots["kept_cash"]}
