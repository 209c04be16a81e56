"""Bulk append on both databases, and publishing after it, beside what it costs at least."""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.bench_sets import Json, child, database, make_ledger, say, timed

#: Lines appended in one transaction, as `poolproof append` does.
BATCH = 10_000
#: Loans that are written round by round: originated, disbursed, three repayments; their events lie far apart.
BLOCK = 2_000
EVENTS_OF_A_LOAN = 5


def appends(options: argparse.Namespace) -> list[Json]:
    """Bulk append on both databases at each size."""
    results = []
    for backend in ("sqlite", "postgresql"):
        for size in options.sizes:
            say(f"  {size:,} events on {backend}")
            results.append(child("--child", backend, str(size)))
    return results


def append(backend: str, events: int) -> Json:
    """Append, publish, change 10,000 claims, publish again."""
    with tempfile.TemporaryDirectory() as folder, database(backend, Path(folder)) as url:
        ledger = make_ledger(Path(folder), url)
        seconds, cpu, batch = 0.0, 0.0, []
        first_rate = 0.0
        for number, line in enumerate(lines(events), start=1):
            batch.append(line)
            if len(batch) == BATCH or number == events:
                started, before = time.perf_counter(), time.process_time()
                ledger.append(batch, party="platform")
                seconds += time.perf_counter() - started
                cpu += time.process_time() - before
                batch = []
                first_rate = first_rate or number / seconds
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        first = timed(ledger.publish)
        claims = events // EVENTS_OF_A_LOAN
        changed = [repayment(n, 9) for n in range(min(10_000, claims))]
        for start in range(0, len(changed), BATCH):
            ledger.append(changed[start : start + BATCH], party="platform")
        again = timed(ledger.publish)
        ledger.store.close()
        raw_seconds = raw(url, events)
        return {
            "backend": backend,
            "events": events,
            "loans": claims,
            "events_per_second": round(events / seconds),
            "events_per_cpu_second": round(events / cpu),
            "first_batch_events_per_second": round(first_rate),
            "peak_memory_mib": peak,
            "raw_events_per_second": round(events / raw_seconds),
            "times_raw": round(seconds / raw_seconds, 1),
            "publish_all_seconds": round(first, 2),
            "publish_after_changed_claims": {
                "changed": len(changed),
                "register": claims,
                "seconds": round(again, 2),
            },
        }


def raw(url: str, events: int) -> float:
    """Seconds to decode each line, hash it and put it into a bare table."""
    import msgspec
    from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, Table

    from ledger.store import Store, bulk

    store = Store(url)
    table = Table("raw", MetaData(), Column("n", BigInteger, primary_key=True), Column("record", LargeBinary))
    table.create(store.engine)
    decode, sha256 = msgspec.json.decode, hashlib.sha256
    seconds, rows = 0.0, []
    for number, line in enumerate(lines(events), start=1):
        rows.append((number, line))
        if len(rows) == BATCH or number == events:
            started = time.perf_counter()
            for _, one in rows:
                decode(one)
                sha256(sha256(one).digest()).digest()
            with store.write() as connection:
                bulk.insert(connection, table, ("n", "record"), rows)
            seconds += time.perf_counter() - started
            rows = []
    store.close()
    return seconds


def lines(events: int, *, first_loan: int = 0) -> Iterator[bytes]:
    """NDJSON lines over many loans, block by block, each block round by round."""
    last = first_loan + events // EVENTS_OF_A_LOAN
    for start in range(first_loan, last, BLOCK):
        block = range(start, min(last, start + BLOCK))
        for n in block:
            claims = [{"claim": "c1", "creditor": "bank", "share": 1_000_000}]
            terms = {
                "principal": "1200.00", "currency": "CNY", "annual_rate": "0.12", "amortisation": "annuity",
                "instalments": 12, "claims": claims,
            }  # fmt: skip
            yield line(f"o{n}", "loan.originated", n, terms)
        for n in block:
            keys = [{"claim": "c1", "asset_key": hashlib.sha256(b"%d" % n).hexdigest()}]
            yield line(
                f"d{n}", "loan.disbursed", n, {"currency": "CNY", "amount": "1200.00", "asset_keys": keys}
            )
        for number in range(1, EVENTS_OF_A_LOAN - 1):
            for n in block:
                yield repayment(n, number)


def repayment(loan: int, number: int) -> bytes:
    """An instalment."""
    applied = {"principal": "94.62", "interest": "12.00"}
    data = {
        "currency": "CNY",
        "amount": "106.62",
        "applied": applied,
        "payer": "obligor",
        "instalment": number,
    }
    return line(f"r{loan}.{number}", "repayment.received", loan, data)


def line(name: str, kind: str, loan: int, data: Json) -> bytes:
    """One event as a platform sends it."""
    event = {"id": name, "type": kind, "subject": f"loan:L{loan}", "effective": "2026-11-01", "data": data}
    return json.dumps(event, separators=(",", ":")).encode()
