"""The register at 1e5 and 1e6 claims, and seals over as many."""

from __future__ import annotations

import argparse
import hashlib
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.bench_sets import ORIGIN, Json, child, database, make_ledger, rate, say, timed


def registers(_: argparse.Namespace) -> list[Json]:
    """Update and proof in registers of 1e5 and 1e6 claims, in a SQLite database."""
    from ledger import register
    from ledger.proofs import mpt
    from ledger.store import Store, logs, trees
    from ledger.store.tables import metadata

    results = []
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/register.db")
        metadata.create_all(store.engine)
        with store.write() as connection:
            log = logs.create(connection, origin=ORIGIN, zone="UTC", day_cut="00:00")

        def apply(page: int, next_page: int, keys: range, salt: bytes) -> tuple[register.Update, float]:
            changes = {key_of(n): hashlib.sha512(salt + b"%d" % n).digest() for n in keys}
            started = time.perf_counter()
            with store.write() as connection:
                result = register.update(
                    lambda ids: trees.pages(connection, log, ids), page, next_page, changes
                )
                trees.add_pages(connection, log, result.written)
            return result, time.perf_counter() - started

        page, next_page, step = 0, 1, 50_000
        for start in range(0, 1_000_000, step):
            result, _seconds = apply(page, next_page, range(start, start + step), b"first")
            page, next_page = result.page, next_page + len(result.written)
            if start + step not in (100_000, 1_000_000):
                continue
            size = start + step
            spread = range(0, size, size // 10_000)
            changed, seconds = apply(page, next_page, spread, b"second")
            page, next_page = changed.page, next_page + len(changed.written)
            root, proofs_made = changed.root, []
            with store.read() as reading:
                started = time.perf_counter()
                for n in range(0, size, size // 1_000):
                    key = key_of(n)
                    proofs_made.append(
                        (key, register.lookup(lambda ids: trees.pages(reading, log, ids), page, key))
                    )
                making = time.perf_counter() - started
            started = time.perf_counter()
            for key, found in proofs_made:
                assert found.value is not None
                mpt.verify_presence(root, key, found.value, found.proof)
            verifying = time.perf_counter() - started
            results.append(
                {
                    "claims": size,
                    "changed": len(spread),
                    "update_seconds": round(seconds, 2),
                    "pages_written": len(changed.written),
                    "bytes_written": sum(len(data) for _, data in changed.written),
                    "proofs_made_per_second": round(len(proofs_made) / making),
                    "proofs_verified_per_second": round(len(proofs_made) / verifying),
                    "proof_steps": max(len(found.proof.steps) for _, found in proofs_made),
                }
            )
        store.close()
    return results


def key_of(n: int) -> bytes:
    """A key as evenly spread as real ones."""
    return hashlib.sha256(b"%d" % n).digest()


#: Claims in one record of a pledge, the most that there may be.
PLEDGED_TOGETHER = 500


def seals(options: argparse.Namespace) -> list[Json]:
    """A pool sealed and one place proved, each size in a process of its own."""
    results = []
    for claims in options.claims:
        say(f"  {claims:,} claims")
        results.append(child("--seal-child", str(claims)))
    return results


def seal(claims: int) -> Json:
    """Seal a pool of so many loans of two records, from their stored states and from their records; prove one place.

    ``raw`` is two SHA-256 for each claim, over as many bytes as its leaf and its node have.
    """
    from ledger.proofs.verify import verify_file

    earlier = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 2 * 86_400))
    with tempfile.TemporaryDirectory() as folder, database("sqlite", Path(folder)) as url:
        ledger = make_ledger(Path(folder), url)
        ledger.add_party("fund", ["funding_partner"])
        created = {"id": "p", "type": "pool.created", "subject": "pool:P", "effective": earlier}
        ledger.append([created | {"data": {"rules": {"version": 1}}}], party="platform")
        step = 5_000
        for start in range(0, claims, step):
            loans = range(start, min(claims, start + step))
            batch = [one for n in loans for one in two_records(n, earlier)]
            for first in range(loans.start, loans.stop, PLEDGED_TOGETHER):
                named = range(first, min(loans.stop, first + PLEDGED_TOGETHER))
                data = {"holder": "fund", "claims": [{"loan": f"L{n}", "claim": "c1"} for n in named]}
                pledge = {"id": f"t{first}", "type": "claim.pledged", "subject": "pool:P"}
                batch.append(pledge | {"effective": earlier, "data": data})
            ledger.append(batch, party="platform")
        ledger.publish()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        # All was posted today: the stored states are those of today, and of an earlier day each loan is folded.
        today = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3_600))
        stored = timed(lambda: ledger.seal_pool("P", party="platform", as_of=today, dry_run=True))
        folded = timed(lambda: ledger.seal_pool("P", party="platform", as_of=earlier, dry_run=True))
        ledger.seal_pool("P", party="platform", as_of=today)
        ledger.publish()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        proof = b""

        def prove() -> None:
            nonlocal proof
            proof = ledger.prove_seal("P", f"L{claims // 2}/c1")

        proving = timed(prove)
        trust = ledger.trust_root()
        verifying = 1 / rate(200, lambda: verify_file(trust, proof))
        ledger.store.close()
    leaf, node = bytes(101), bytes(145)
    raw_seconds = timed(
        lambda: [hashlib.sha256(data).digest() for _ in range(claims) for data in (leaf, node)]
    )
    return {
        "claims": claims,
        "seconds": round(stored, 2),
        "claims_per_second": round(claims / stored),
        "seconds_when_folded_from_records": round(folded, 2),
        "raw_hashing_seconds": round(raw_seconds, 2),
        "times_raw": round(stored / raw_seconds, 1),
        "prove_one_place_seconds": round(proving, 2),
        "verify_one_place_seconds": round(verifying, 5),
        "proof_bytes": len(proof),
        "peak_memory_mib_before": before,
        "peak_memory_mib": peak,
    }


def two_records(n: int, day: str) -> Iterator[Json]:
    """A loan and its payout."""
    claims = [{"claim": "c1", "creditor": "bank", "share": 1_000_000}]
    terms = {
        "principal": "1200.00", "currency": "CNY", "annual_rate": "0.12", "amortisation": "annuity",
        "instalments": 12, "claims": claims,
    }  # fmt: skip
    keys = [{"claim": "c1", "asset_key": hashlib.sha256(b"%d" % n).hexdigest()}]
    payout = {"currency": "CNY", "amount": "1200.00", "asset_keys": keys}
    for name, kind, data in ((f"o{n}", "loan.originated", terms), (f"d{n}", "loan.disbursed", payout)):
        yield {"id": name, "type": kind, "subject": f"loan:L{n}", "effective": day, "data": data}
