"""The stream: reproducible, admitted whole, flat in memory, and in the proportions that were asked for."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
import tracemalloc
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.audit.fsck import fsck
from ledger.errors import ConfigurationError
from ledger.simulate import FRAUDS, NEEDS_A_LOG, SCENARIOS, Day, Options, Simulation
from ledger.store import records
from tests.simulate.running import events, log_of, post

SMALL = Options(loans=150, months=6)
#: SHA-256 of SMALL's lines. It changes when the simulator says anything else than before.
GOLDEN = "66caaed447ee6458c6c181f9ad0ece108be3764b68500aeebc8d8eeea013fb43"


def digest(options: Options) -> str:
    state = hashlib.sha256()
    for day in Simulation(options).days():
        state.update(day.ndjson)
    return state.hexdigest()


def test_the_same_options_give_the_same_bytes() -> None:
    assert digest(SMALL) == GOLDEN


def test_neither_the_process_nor_its_hashes_matter() -> None:
    script = (
        "import hashlib, sys; from ledger.simulate import Options, Simulation\n"
        "lines = b''.join(day.ndjson for day in Simulation(Options(loans=150, months=6)).days())\n"
        "print(hashlib.sha256(lines).hexdigest())"
    )
    environment = os.environ | {"PYTHONHASHSEED": "123"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True)
    assert done.stdout.decode().strip() == GOLDEN


@pytest.mark.parametrize("processes", [2, 3])
def test_the_number_of_processes_does_not_matter(processes: int) -> None:
    """With what shares might disturb: late files, tapes, double purchases, all that is planted."""
    frauds = tuple((name, 1) for name in FRAUDS)
    options = Options(loans=300, months=7, seed=3, scenario="servicer_outage", frauds=frauds, report_every=3)

    def whole(count: int) -> tuple[list[Day], dict[str, Any]]:
        simulation = Simulation(options, processes=count)
        return list(simulation.days()), simulation.summary()

    assert whole(processes) == whole(1)


def test_whoever_stops_reading_stops_the_other_processes() -> None:
    days = Simulation(Options(loans=5_000, months=6), processes=2).days()
    next(days)
    assert len(multiprocessing.active_children()) == 2
    days.close()
    assert multiprocessing.active_children() == []


def test_another_seed_is_another_book() -> None:
    assert digest(Options(seed=2, loans=150, months=6)) != GOLDEN


def test_a_log_takes_every_event_on_its_day_and_is_sound(tmp_path: Path) -> None:
    """Every fraud and weak keys too: what is wrong with them is for the audit to say, not for admission."""
    frauds = tuple((name, 2) for name in FRAUDS)
    options = Options(loans=340, months=6, scenario="unemployment_shock", weak=50_000, frauds=frauds)
    simulation = Simulation(options)
    with log_of(tmp_path, options) as ledger:
        days = list(post(ledger, simulation))
        ledger.publish()
        report = fsck(ledger)
        with ledger.store.read() as connection:
            stored = list(records.between(connection, ledger.row().id, 0, ledger.row().size))
    assert report.problems == []
    summary = simulation.summary()
    assert report.records == summary["events"] == len(stored)
    assert summary["left_out"] == []
    assert [day.date for day in days] == [
        date.fromordinal(n) for n in range(options.start.toordinal(), options.last.toordinal() + 1)
    ]


def test_every_kind_of_event_comes_up() -> None:
    simulation = Simulation(Options(loans=2_500, months=14, scenario="unemployment_shock"))
    for _ in simulation.days():
        pass
    summary = simulation.summary()
    assert set(summary["by_type"]) == {
        "amount.waived", "balance.reported", "claim.bought_back", "claim.pledged", "claim.released",
        "claim.repurchased", "claim.sold", "fee.charged", "guarantor.compensated", "loan.cancelled",
        "loan.charged_off", "loan.disbursed", "loan.originated", "loan.prepaid", "loan.refunded", "loan.settled",
        "pool.created", "recovery.received", "remittance.made", "repayment.received", "repayment.reversed",
        "schedule.changed", "tape.received", "transfer.settled",
    }  # fmt: skip
    assert summary["by_type"]["loan.originated"]["count"] == 2_500
    assert summary["left_out"] == list(NEEDS_A_LOG)
    assert summary["double_purchases"] > 0


def test_the_summary_counts_what_was_said() -> None:
    simulation = Simulation(SMALL)
    said: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    for day in simulation.days():
        for event in map(json.loads, day.lines):
            said[event["type"]] += 1
            sums[event["type"]] += int(event["data"].get("amount", "0").replace(".", ""))
    by_type = simulation.summary()["by_type"]
    assert {kind: row["count"] for kind, row in by_type.items()} == said
    assert by_type["repayment.received"]["sum"].replace(".", "") == str(sums["repayment.received"])


def test_ids_never_repeat_and_nothing_lies_after_its_day() -> None:
    said = events(Options(loans=400, months=8, scenario="servicer_outage"))
    assert len({(event["party"], event["id"]) for event in said}) == len(said)
    assert all(event["effective"] <= event["posted"] for event in said)


def test_late_files_come_within_five_days_and_are_more_in_an_outage() -> None:
    def late(scenario: str) -> int:
        said = events(Options(loans=400, months=8, scenario=scenario))
        lags = [
            (date.fromisoformat(event["posted"]) - date.fromisoformat(event["effective"])).days
            for event in said
            if event["type"] == "repayment.received"
        ]
        assert max(lags) <= 5
        return sum(lag > 0 for lag in lags)

    assert 0 < late("baseline") < late("servicer_outage")


def test_a_fraud_or_a_shock_changes_nothing_for_other_loans() -> None:
    def by_loan(options: Options) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for day in Simulation(options).days():
            for line in day.lines:
                subject = json.loads(line)["subject"]
                if subject.startswith("loan:"):
                    found.setdefault(subject, []).append(line)
        return found

    honest = by_loan(SMALL)
    simulation = Simulation(
        Options(loans=150, months=6, frauds=(("double_pledge", 2), ("dropped_payment", 1)))
    )
    planted = {f"loan:{loan}" for plot in simulation.summary()["frauds"] for loan in plot["loans"]}
    changed = by_loan(Options(loans=150, months=6, frauds=(("double_pledge", 2), ("dropped_payment", 1))))
    assert len(planted) == 5
    # Tapes carry sums over loans: what is said about one on a tape changes with the others on it.
    tape = '"type":"balance.reported"'
    for subject, lines in honest.items():
        if subject not in planted:
            assert [one for one in lines if tape not in one] == [
                one for one in changed[subject] if tape not in one
            ]


def test_a_scenario_has_its_effect() -> None:
    def counts(scenario: str) -> dict[str, int]:
        simulation = Simulation(Options(loans=1_500, months=12, scenario=scenario))
        for _ in simulation.days():
            pass
        return {kind: row["count"] for kind, row in simulation.summary()["by_type"].items()}

    baseline = counts("baseline")
    shock, wave = counts("unemployment_shock"), counts("prepayment_wave")
    assert shock["guarantor.compensated"] > 2 * baseline["guarantor.compensated"]
    assert wave["loan.prepaid"] > 2 * baseline["loan.prepaid"]
    assert set(SCENARIOS) == {"baseline", "unemployment_shock", "prepayment_wave", "servicer_outage"}


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_memory_follows_the_loans_that_live_not_the_events(processes: int) -> None:
    """Twice the months at the same pace: more than twice the events, about the same peak.

    Of several processes that of the one which puts the days together: the others keep loans as one alone does.
    """

    def peak(months: int) -> tuple[int, int]:
        tracemalloc.start()
        try:
            simulation = Simulation(Options(loans=40 * months, months=months), processes=processes)
            said = sum(len(day.lines) for day in simulation.days())
            return said, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)  # what is made once for the process
    few, low = peak(24)
    many, high = peak(48)
    assert many > 2 * few
    assert high < 1.3 * low


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"loans": 0}, "loans"),
        ({"months": 0}, "months"),
        ({"start": date(2025, 1, 2)}, "first of a month"),
        ({"scenario": "sunshine"}, "scenario"),
        ({"frauds": (("arson", 1),)}, "arson"),
        ({"frauds": (("kept_cash", 0),)}, "at least 1"),
        ({"frauds": (("kept_cash", 1),), "months": 3}, "months to show"),
        ({"frauds": (("kept_cash", 5),), "months": 6}, "4 months to keep cash in"),
        ({"frauds": (("flip_flop", 9),), "loans": 100}, "to hide among"),
        ({"weak": 2_000_000}, "weak"),
    ],
)
def test_what_cannot_be_simulated_is_refused(options: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        Options(**options)  # type: ignore[arg-type]
