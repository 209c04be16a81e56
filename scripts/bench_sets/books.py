"""Simulated books: how fast they are made, and how fast they are audited."""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.bench_sets import ORIGIN, ROOT, Json, child, make_ledger, say


def simulate(_: argparse.Namespace) -> list[Json]:
    """A million events of a simulated platform, in one process and shared out to as many as there are cores."""
    return [_simulated(processes) for processes in sorted({1, os.cpu_count() or 1})]


def _simulated(processes: int) -> Json:
    """The command as a user runs it, from its start to the written file, beside encoding as many lines as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "events.ndjson"
        asked = f"--loans 105000 --months 24 --processes {processes} --json --output".split()
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        command = [sys.executable, "scripts/simulate.py", *asked, str(output)]
        summary = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
        seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        size = output.stat().st_size
        with output.open() as lines:
            values = [json.loads(line) for line in itertools.islice(lines, 0, None, 10)]
    begun = time.process_time()
    for value in values:
        json.dumps(value, separators=(",", ":"))
    encoding = (time.process_time() - begun) * 10
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    events = summary["events"]
    return {
        "processes": processes,
        "events": events,
        "megabytes": round(size / 1e6),
        "seconds": round(seconds, 1),
        "events_per_second": round(events / seconds),
        "cpu_seconds_of_all_processes": round(cpu, 1),
        "events_per_cpu_second": round(events / cpu),
        "json_encoding_cpu_seconds": round(encoding, 1),
        "peak_mebibytes_of_the_largest_process": after.ru_maxrss // 1024,
    }


def audits(options: argparse.Namespace) -> list[Json]:
    """Audits of simulated books of so many loans: one process makes the book, another audits it."""
    results = []
    for loans in options.loans:
        with tempfile.TemporaryDirectory() as folder:
            say(f"  a book of {loans:,} loans")
            book = child("--book-child", str(loans), folder)
            say(f"  its audit, {book['entries']:,} entries")
            results.append(book | child("--audit-child", folder, book.pop("pool")))
    return results


def book(loans: int, folder: Path) -> Json:
    """One year's book in an SQLite log, appended day by day, its largest pool sealed."""
    from ledger.simulate import Options, SimulatedClock, Simulation, drive, parties

    asked = Options(loans=loans, months=12, seed=1, origin=ORIGIN)
    ledger = make_ledger(folder, f"sqlite:///{folder}/ledger.db")
    ledger.clock = clock = SimulatedClock(asked.start, zone="Asia/Shanghai")
    for one in parties(asked.seed):
        ledger.add_party(one.name, one.roles, [one.key] if one.key else [])

    def post(day: Any, lines: Any) -> Any:
        clock.set(day)
        return ledger.append(lines).accepted if lines else []

    started = time.process_time()
    for day in drive(Simulation(asked), post):
        if day.last or day.date.day == 1:
            ledger.publish()
            say(
                f"    {day.date}: {ledger.status().size:,} entries, {time.process_time() - started:,.0f} s of CPU"
            )
    pool = max(ledger.pools(), key=lambda one: one.holdings).pool
    ledger.seal_pool(pool, as_of=day.date.isoformat(), currency="CNY", party="platform")
    ledger.publish()
    size = ledger.status().size
    (folder / "trust.json").write_bytes(ledger.trust_root().encode())
    ledger.store.close()
    return {
        "loans": loans,
        "entries": size,
        "pool": pool,
        "database_megabytes": round((folder / "ledger.db").stat().st_size / 1e6),
        "simulated_appended_published_cpu_seconds": round(time.process_time() - started),
    }


def audit(folder: Path, pool: str) -> Json:
    """Integrity alone, the full replay, and the whole audit of one pool.

    Integrity is from record bytes to the root; the full replay reads the pool's loans again from their records and puts
    every question to each. Their rates are per CPU second of one process. The whole audit also scans the log for
    settlements, duplicates and day closes, and follows each claim through every register; it runs on all cores.
    """
    from ledger.audit import integrity
    from ledger.audit.perform import CHECKS, collectors
    from ledger.audit.perform import audit as perform
    from ledger.audit.run import Request, over_cases
    from ledger.audit.sight import Sight
    from ledger.proofs.trust import TrustRoot
    from ledger.store import Store, logs

    store = Store(f"sqlite:///{folder}/ledger.db")
    trust, kek = TrustRoot.parse((folder / "trust.json").read_bytes()), folder / "kek"
    with store.read() as connection:
        log = logs.get(connection, ORIGIN)
    size = log.size

    def cpu(what: Callable[[], Any]) -> float:
        before = time.process_time()
        what()
        return time.process_time() - before

    integral = cpu(lambda: [integrity.hash_range(store, log, *bounds) for bounds in integrity.ranges(size)])
    say(f"    integrity {integral:,.0f} s of CPU")
    alone = Request(pool=pool, processes=1)
    examined = cpu(
        lambda: over_cases(
            store, ORIGIN, alone, trust=trust, collect=collectors, checks=CHECKS, sight=Sight.of_owner(kek)
        )
    )
    say(f"    integrity and replay {examined:,.0f} s of CPU")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    before = os.times()
    report = perform(store, ORIGIN, Request(pool=pool), trust=trust, kek=kek)
    after = os.times()
    records = int(report.numbers["records"])
    record = bytes(700)
    hashing = cpu(lambda: [hashlib.sha256(record).digest() for _ in range(size)])
    store.close()
    return {
        "pool_records": records,
        "integrity_events_per_cpu_second": round(size / integral),
        "integrity_times_raw_hashing": round(integral / hashing, 1),
        "full_replay_records_per_cpu_second": round(records / max(examined - integral, 0.001)),
        "whole_audit_cpu_seconds": round(sum(after[:4]) - sum(before[:4]), 1),
        "whole_audit_seconds_on_all_cores": round(after.elapsed - before.elapsed, 1),
        "errors_found": sum(one.severity == "error" for one in report.findings),
        "peak_mib_on_one_core": peak,
        "peak_mib_of_the_parent": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "peak_mib_of_a_worker": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    }
