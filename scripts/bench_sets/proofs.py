"""Making and verifying proofs, the start of `verify`, gas by tree size."""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scripts.bench_sets import Json, database, make_ledger, rate, timed
from scripts.bench_sets.append import BATCH, lines


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
