"""What the account bank and the servicer say about records: true of an honest book, telling of the others."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.domain import money, record
from ledger.domain.calendar import business_date
from ledger.domain.record import Record
from ledger.proofs import merkle
from ledger.simulate import Options, SimulatedClock, Simulation
from ledger.simulate.clerk import COVERED
from ledger.store import records
from tests.simulate.running import log_of, post


def run(folder: Path, options: Options) -> tuple[list[tuple[int, Record]], dict[str, Any]]:
    """All records of a simulation in a log that is published each day, and the summary."""
    simulation = Simulation(options)
    with log_of(folder, options) as ledger:
        for _ in post(ledger, simulation, publish=True):
            pass
        with ledger.store.read() as connection:
            rows = list(records.between(connection, ledger.row().id, 0, ledger.row().size))
    return [(row.index, record.parse(row.record)) for row in rows if row.record], simulation.summary()


def till(known: list[tuple[int, Record]], settled: Record) -> tuple[int, int, str]:
    """(count, sum, root) of the payments that a settlement is about, from the records before it."""
    account, event = settled.subject.removeprefix("account:"), settled.event
    found = [
        one
        for index, one in known
        if index < event.covered.before
        and one.type in COVERED
        and getattr(one.event, "account", None) == account
        and one.event.value_date == event.value_date
    ]
    total = sum(COVERED[one.type] * one.amounts[0] for one in found)
    root = merkle.root([merkle.leaf_hash(one.digest) for one in found]).hex()
    return len(found), total, root


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, Record]]:
    return run(tmp_path_factory.mktemp("honest"), Options(loans=200, months=5, scenario="servicer_outage"))[0]


def test_settlements_are_of_exactly_the_payments_recorded(honest: list[tuple[int, Record]]) -> None:
    settlements = [one for _, one in honest if one.type == "cash.settled"]
    covered = 0
    for one in settlements:
        stated = one.event.covered
        count, total, root = till(honest, one)
        assert (stated.count, money.parse(stated.sum, "CNY"), stated.root) == (count, total, root)
        net, charges, items, gross = one.amounts
        assert net + charges + items == gross
        covered += count
    assert covered == sum(one.type in COVERED for _, one in honest)


def test_a_day_close_counts_what_took_effect_on_it(honest: list[tuple[int, Record]]) -> None:
    closes = [one for _, one in honest if one.type == "day.closed"]
    assert len(closes) == (date(2025, 5, 31) - date(2025, 1, 1)).days + 1
    for one in closes:
        for line in one.event.lines:
            same = [
                other for index, other in honest
                if other.type == line.type and other.effective == one.event.date and index < one.event.before
            ]  # fmt: skip
            assert len(same) == line.count
            assert sum(money.parse(other.event.amount, "CNY") for other in same) == money.parse(
                line.sum, "CNY"
            )


def test_confirmations_and_corrections_name_records_that_stand_there(
    honest: list[tuple[int, Record]],
) -> None:
    digests = {one.digest.hex(): one for _, one in honest}
    confirmed = [one for _, one in honest if one.type == "repayment.confirmed"]
    corrected = [one for _, one in honest if one.type == "correction.made"]
    assert confirmed
    assert corrected
    for one in confirmed:
        assert digests[one.event.repayment].event.amount == one.event.amount
    for one in corrected:
        assert digests[one.event.record].subject == one.subject


def test_frauds_show_in_the_bank_s_statements(tmp_path: Path) -> None:
    frauds = (("dropped_payment", 1), ("invented_loan", 1), ("backdated_batch", 1))
    known, summary = run(tmp_path, Options(loans=200, months=7, frauds=frauds))
    dropped, invented, backdated = summary["frauds"]
    contradicted = {
        (one.subject, one.event.value_date)
        for _, one in known
        if one.type == "cash.settled" and till(known, one)[0] != one.event.covered.count
    }
    assert contradicted == {(dropped["account"], dropped["days"][0])}
    settled = {
        (one.subject.removeprefix("account:"), one.event.value_date): one.event.covered.before
        for _, one in known
        if one.type == "cash.settled"
    }
    unconfirmed = {
        one.subject
        for index, one in known
        if one.type == "repayment.received"
        and index >= settled.get((one.event.account, one.event.value_date), 0)
    }
    assert unconfirmed == {f"loan:{loan}" for plot in (invented, backdated) for loan in plot["loans"]}


@pytest.mark.parametrize("cut", ["00:00", "02:00", "23:59"])
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "UTC"])
def test_the_clock_stands_within_the_business_date(zone: str, cut: str) -> None:
    clock = SimulatedClock(date(2025, 1, 1), zone=zone, day_cut=cut)
    for day in (date(2025, 1, 1), date(2025, 3, 9), date(2025, 11, 2), date(2028, 2, 29)):
        clock.set(day)
        assert business_date(clock(), zone, cut) == day
