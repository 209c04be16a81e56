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
from pathlib import Path
from typing import Any, Final

from scripts.bench_sets import ORIGIN, ROOT, Json, Peaks, child, make_ledger, say

#: Of a simulated file so many events are encoded again, to compare with.
_ENCODED: Final = 100_000


def simulate(_: argparse.Namespace) -> list[Json]:
    """A simulated platform over two years, a million events, and over ten, in one process and on all cores."""
    return [
        _simulated(processes, loans=105_000 * times, months=24 * times)
        for times in (1, 5)
        for processes in sorted({1, os.cpu_count() or 1})
    ]


def _simulated(processes: int, *, loans: int, months: int) -> Json:
    """The command as a user runs it, from its start to the written file, beside encoding as many lines as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "events.ndjson"
        asked = f"--loans {loans} --months {months} --start 2017-01-01 --processes {processes} --json --output".split()
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        command = [sys.executable, "scripts/simulate.py", *asked, str(output)]
        with Peaks() as peaks:
            summary = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
        seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        size, events = output.stat().st_size, summary["events"]
        one_in = events // _ENCODED
        with output.open() as lines:
            values = [json.loads(line) for line in itertools.islice(lines, 0, None, one_in)]
    begun = time.process_time()
    for value in values:
        json.dumps(value, separators=(",", ":"))
    encoding = (time.process_time() - begun) * one_in
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "processes": processes,
        "loans": loans,
        "months": months,
        "events": events,
        "megabytes": round(size / 1e6),
        "seconds": round(seconds, 1),
        "events_per_second": round(events / seconds),
        "cpu_seconds_of_all_processes": round(cpu, 1),
        "events_per_cpu_second": round(events / cpu),
        "json_encoding_cpu_seconds": round(encoding, 1),
        "peak_mebibytes_of_the_largest_process": peaks.of_children,
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
    pool = max(ledger.pools(), key=lambda one: one.claims).pool
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
    """Integrity alone, then the whole audit of one pool on all cores, and what its replay of the records took.

    Integrity is from record bytes to the root, in this process. In the whole audit the log is hashed and scanned for
    settlements, duplicates and day closes; then the pool's loans are read again from their records and every question
    is put to each, which is the replay; then each claim is followed through every register. CPU seconds are of all its
    processes together.
    """
    from ledger.audit import integrity
    from ledger.audit.perform import audit as perform
    from ledger.audit.run import Request
    from ledger.proofs.trust import TrustRoot
    from ledger.store import Store, logs

    store = Store(f"sqlite:///{folder}/ledger.db")
    trust = TrustRoot.parse((folder / "trust.json").read_bytes())
    with store.read() as connection:
        log = logs.get(connection, ORIGIN)
    size = log.size

    def cpu() -> float:
        return sum(os.times()[:4])

    before = cpu()
    for bounds in integrity.ranges(size):
        integrity.hash_range(store, log, *bounds)
    integral = cpu() - before
    alone = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    say(f"    integrity {integral:,.0f} s of CPU")

    begun: dict[str, float] = {}

    def progress(what: str, _done: int, _of: int) -> None:
        if what not in begun:
            begun[what] = cpu()
            say(f"    {what}")

    before, started = cpu(), time.perf_counter()
    with Peaks() as peaks:
        report = perform(
            store, ORIGIN, Request(pool=pool), trust=trust, kek=folder / "kek", progress=progress
        )
    elapsed, whole = time.perf_counter() - started, cpu() - before
    records = int(report.numbers["records"])
    record = bytes(700)
    before = cpu()
    for _ in range(size):
        hashlib.sha256(record).digest()
    hashing = cpu() - before
    store.close()
    return {
        "pool_records": records,
        "integrity_events_per_cpu_second": round(size / integral),
        "integrity_times_raw_hashing": round(integral / hashing, 1),
        "full_replay_records_per_cpu_second": round(records / (begun["encumbrances"] - begun["loans"])),
        "whole_audit_cpu_seconds": round(whole, 1),
        "whole_audit_seconds_on_all_cores": round(elapsed, 1),
        "errors_found": sum(one.severity == "error" for one in report.findings),
        "peak_mib_of_integrity": alone,
        "peak_mib_of_the_audit": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "peak_mib_of_each_worker": peaks.of_children,
    }
