"""Simulated books: how fast they are made, and how fast they are audited."""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.bench_sets import ORIGIN, Json, child, make_ledger, rate, say


def simulate(_: argparse.Namespace) -> Json:
    """A million events of a simulated platform in one process, beside encoding as many lines as JSON."""
    from ledger.simulate import Options, Simulation

    simulation = Simulation(Options(loans=105_000, months=24))
    events = size = 0
    seconds = encoding = 0.0
    days = simulation.days()
    while True:
        started = time.perf_counter()
        day = next(days, None)
        written = day.ndjson() if day else b""
        seconds += time.perf_counter() - started
        if day is None:
            break
        events, size = events + len(day.lines), size + len(written)
        # Every tenth line, so that the values do not have to be kept or decoded within the time.
        values = [json.loads(one) for one in day.lines[::10]]
        started = time.perf_counter()
        for value in values:
            json.dumps(value, separators=(",", ":"))
        encoding += (time.perf_counter() - started) * len(day.lines) / max(1, len(values))
    return {
        "events": events,
        "megabytes": round(size / 1e6),
        "seconds": round(seconds, 1),
        "events_per_second": round(events / seconds),
        "json_encoding_seconds": round(encoding, 1),
        "ratio_to_json_encoding": round(seconds / encoding, 2),
        "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def audits(options: argparse.Namespace) -> list[Json]:
    """Audits of simulated books of so many loans, each in a process of its own."""
    results = []
    for loans in options.loans:
        say(f"  {loans:,} loans")
        results.append(child("--audit-child", str(loans)))
    return results


def audit(loans: int) -> Json:
    """One year's book, appended in bulk, one pool of it sealed; then integrity alone, and the whole audit.

    Integrity is from record bytes to the root; the full replay reads the pool's loans again from their records and puts
    every question to each. Rates are per CPU second of one process. The whole audit also scans the log for settlements,
    duplicates and day closes, and follows each claim through every register.
    """
    from ledger.audit import integrity
    from ledger.audit.perform import CHECKS, collectors
    from ledger.audit.perform import audit as perform
    from ledger.audit.run import Request, over_cases
    from ledger.simulate import Options, SimulatedClock, Simulation, drive, parties
    from ledger.store import logs

    asked = Options(loans=loans, months=12, seed=1, origin=ORIGIN)
    with tempfile.TemporaryDirectory() as folder:
        ledger = make_ledger(Path(folder), f"sqlite:///{folder}/ledger.db")
        ledger.clock = clock = SimulatedClock(asked.start, zone="Asia/Shanghai")
        for one in parties(asked.seed):
            ledger.add_party(one.name, one.roles, [one.key] if one.key else [])

        def post(day: Any, lines: Any) -> Any:
            clock.set(day)
            return ledger.append(lines).accepted if lines else []

        for day in drive(Simulation(asked), post):
            if day.last or day.date.day == 1:
                ledger.publish()
        pool = max(ledger.pools(), key=lambda one: one.holdings).pool
        ledger.seal_pool(pool, as_of=day.date.isoformat(), currency="CNY", party="platform")
        ledger.publish()
        size = ledger.status().size
        with ledger.store.read() as connection:
            log = logs.get(connection, ORIGIN)
        request, given = (
            Request(pool=pool, processes=1),
            {"trust": ledger.trust_root(), "kek": Path(folder) / "kek"},
        )

        def seconds(what: Callable[[], Any]) -> float:
            before = time.process_time()
            what()
            return time.process_time() - before

        perform(ledger.store, ORIGIN, request, **given)  # imports and first reads are no part of a rate
        integral = seconds(
            lambda: [integrity.hash_range(ledger.store, log, *bounds) for bounds in integrity.ranges(size)]
        )
        examined = seconds(
            lambda: over_cases(ledger.store, ORIGIN, request, collect=collectors, checks=CHECKS, **given)
        )
        started = time.perf_counter()
        report = perform(ledger.store, ORIGIN, request, **given)
        alone = time.perf_counter() - started
        started = time.perf_counter()
        perform(ledger.store, ORIGIN, Request(pool=pool), **given)
        together = time.perf_counter() - started
        records = int(report.numbers["records"])
        hashing = size / rate(200_000, lambda: hashlib.sha256(bytes(700)).digest())
        ledger.store.close()
        return {
            "loans": loans,
            "entries": size,
            "pool_records": records,
            "integrity_events_per_cpu_second": round(size / integral),
            "integrity_times_raw_hashing": round(integral / hashing, 1),
            "full_replay_events_per_cpu_second": round(records / max(examined - integral, 0.001)),
            "whole_audit_seconds_on_one_core": round(alone, 1),
            "whole_audit_seconds_on_all_cores": round(together, 1),
            "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
