"""What a soak is made of: a log on PostgreSQL and a devnet, services that die, clients that try again.

The clients are those of the guide (``docs/samples/poolproof_client.py``), as they stand there.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from ledger.domain.events import read_submission
from ledger.domain.record import statement_bytes
from ledger.domain.statements import sign
from ledger.proofs.note import Signer
from tests import book

ROOT = Path(__file__).parents[2]
ORIGIN, PLATFORM, BANK = "soak.example/log", "fenqile", "bank-a"
BANK_KEY = Signer.from_seed(BANK, bytes([10]) * 32)
#: Loans whose one claim everybody wants to pledge.
CONTENDED = 3
#: Seconds between two faults, and between two looks at whether a service has ended by itself. Three faults in four wait
#: until both processes answer again, since a machine that is busy takes long to start one; the fourth comes on top.
FAULT_EVERY = (1.0, 6.0)
PATIENT = 0.75
LOOK_EVERY = 0.25
#: What the units of docs/deploy start again: nothing is wrong that a person must look at.
EXIT_UNDECIDED = 3


def _sample() -> Any:
    spec = importlib.util.spec_from_file_location("sample", ROOT / "docs/samples/poolproof_client.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Service:
    """A command that is started again whenever it was killed."""

    def __init__(self, folder: Path, *args: str) -> None:
        self.args = [sys.executable, "-m", "ledger", *args, "--json"]
        self.log = folder / f"{args[0]}-{args[-1]}.log"
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(self.args, cwd=ROOT, stdout=log, stderr=log)

    def revive(self) -> None:
        """Do as a supervisor does with what could not decide, such as without a database at its start: start again."""
        ended = self.process.poll()
        if ended is not None:
            assert ended == EXIT_UNDECIDED, f"ended by itself: {ended}: {self.log.read_text()[-3000:]}"
            self.process = self._start()

    def kill(self) -> None:
        """SIGKILL, and a new start."""
        self.process.kill()
        self.process.wait()
        self.process = self._start()

    def restart(self) -> None:
        """SIGTERM, which must end well, and a new start."""
        self.stop()
        self.process = self._start()

    def stop(self) -> None:
        """SIGTERM, which must end well."""
        # Before it is up, a process has no handler yet and dies of the signal: that is a kill, and kills are counted.
        self.process.send_signal(signal.SIGTERM)
        ended = self.process.wait(120)
        assert ended in (0, EXIT_UNDECIDED, -signal.SIGTERM), self.log.read_text()[-3000:]


@dataclass
class Told:
    """What the clients were told: the acceptance of each event, and what happened to them on the way."""

    acceptances: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused_first: int = 0
    #: somebody failed: the others need not wait for what will not come
    failed: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, acceptance: dict[str, Any]) -> None:
        """Keep an acceptance; another one of the same event would be a doubled event."""
        with self.lock:
            first = self.acceptances.setdefault(acceptance["id"], acceptance)
        assert first == acceptance, f"two acceptances: {first} and {acceptance}"


class Platform(threading.Thread):
    """One client: loans of its own, pledges of claims that others want too, events sent twice, receipts."""

    def __init__(
        self, number: int, urls: list[str], keys: dict[str, str], told: Told, stop: threading.Event
    ) -> None:
        super().__init__(name=f"platform-{number}", daemon=True)
        self.number = number
        self.clients = {party: [_sample().Client(url, key) for url in urls] for party, key in keys.items()}
        self.told = told
        self.stop = stop
        self.random = random.Random(number)
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Loan after loan until the stop; what was begun is brought to its end."""
        try:
            n = 0
            while not self.stop.is_set():
                self.loan(f"P{self.number}-{n}")
                if n % 3 == 0:
                    self.pledge(f"shared-{self.random.randrange(CONTENDED)}", f"P{self.number}-{n}")
                n += 1
        except BaseException as error:  # noqa: BLE001 - a thread's failure is the test's
            self.failure = error
            self.told.failed.set()

    def loan(self, name: str) -> None:
        """A loan with its payout and a repayment, and one of them once more."""
        events = [*book.loans(1, prefix=f"{name}-")]
        for event in events:
            self.post(event)
        self.post(self.random.choice(events))
        if self.random.random() < 0.2:
            self.receipt(events[0]["id"])

    def pledge(self, loan: str, name: str) -> None:
        """Take a claim's whole share, which others may hold just now; the bank gives it back."""
        pledge = book.pledged("pool", BANK, (loan, "c1", 1_000_000), id=f"{name}.pledge")
        while not self.accepted(pledge):
            assert not self.told.failed.is_set(), "another platform failed with a claim in its hands"
            time.sleep(self.random.uniform(0.05, 0.2))
        data = {"claims": [{"loan": loan, "claim": "c1", "share": 1_000_000}]}
        release = book.event("claim.released", "pool:pool", data, id=f"{name}.release", party=BANK)
        statement = statement_bytes(ORIGIN, read_submission(release))
        self.post(release | {"sig": sign(BANK_KEY, statement)}, BANK)

    def accepted(self, event: book.Event) -> bool:
        """Whether it went in; False for 409, while another event holds its place."""
        try:
            self.post(event)
        except RuntimeError as error:
            if ": 409 " not in str(error):
                raise
            with self.told.lock:
                self.told.refused_first += 1
            return False
        return True

    def post(self, event: book.Event, party: str = PLATFORM) -> None:
        """Through whichever process; the client tries again there until it is back."""
        self.told.take(self.ask(party, lambda client: client.post_event(event)))

    def receipt(self, event_id: str) -> None:
        """Fetched twice: the same bytes, whoever answers."""
        first, again = (self.ask(PLATFORM, lambda client: client.receipt(event_id)) for _ in range(2))
        assert first == again

    def ask(self, party: str, what: Callable[[Any], Any]) -> Any:
        """The answer of one of the processes; of another one where all tries of a client met a dead one."""
        while True:
            try:
                return what(self.random.choice(self.clients[party]))
            except (OSError, http.client.HTTPException):
                assert not self.told.failed.is_set(), "nobody answers any more"
            except RuntimeError as error:
                # What may pass (no checkpoint yet, no database) may last longer than a client's patience too.
                if not any(f": {status} " in str(error) for status in (404, 503)):
                    raise
                assert not self.told.failed.is_set(), "nobody answers any more"


class Faults(threading.Thread):
    """Kills services, restarts them gently, cuts their connections to the database; drawn from a seed."""

    def __init__(
        self, services: list[Service], urls: list[str], database: str, stop: threading.Event, seed: int
    ) -> None:
        super().__init__(name="faults")
        self.services = services
        self.urls = urls
        self.database = database
        self.stop = stop
        self.random = random.Random(seed)
        self.done: list[str] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Fault after fault until the stop."""
        try:
            while not self.pause(self.random.uniform(*FAULT_EVERY)):
                kind = self.random.choices(["kill", "restart", "cut"], [6, 2, 1])[0]
                if kind == "cut":
                    self.cut()
                else:
                    getattr(self.random.choice(self.services), kind)()
                self.done.append(kind)
        except BaseException as error:  # noqa: BLE001 - a thread's failure is the test's
            self.failure = error

    def pause(self, seconds: float) -> bool:
        """Wait, with an eye on the services; whether it is time to stop."""
        deadline = time.monotonic() + seconds
        patient = self.random.random() < PATIENT
        while not self.stop.wait(LOOK_EVERY):
            self.look()
            if time.monotonic() > deadline and (not patient or all(map(answers, self.urls))):
                break
        return self.stop.is_set()

    def look(self) -> None:
        """Start again what ended by itself."""
        for service in self.services:
            service.revive()

    def cut(self) -> None:
        """End every connection of the services to the database."""
        engine = create_engine(self.database, isolation_level="AUTOCOMMIT")
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        with engine.connect() as connection:
            connection.execute(text(f"SELECT pg_terminate_backend(pid) {others}"))
        engine.dispose()


def poolproof(*args: str) -> Any:
    """Run a command, and what it says with --json; fsck may say that it found something."""
    done = subprocess.run(
        [sys.executable, "-m", "ledger", *args, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@contextmanager
def services(folder: Path, ports: list[int]) -> Iterator[list[Service]]:
    """Two processes of the API and a worker, all up."""
    started = [Service(folder, "api", "--port", str(port)) for port in ports]
    started.append(Service(folder, "worker"))
    try:
        for port in ports:
            wait_until_ready(f"http://127.0.0.1:{port}")
        yield started
    finally:
        for service in started:
            service.process.kill()
            service.process.wait()


def wait_until_ready(url: str) -> None:
    """Until the service answers."""
    deadline = time.monotonic() + 120
    while not answers(url):
        assert time.monotonic() < deadline, f"{url} does not answer"
        time.sleep(LOOK_EVERY)


def answers(url: str) -> bool:
    """Whether a service is up."""
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=10):
            return True
    except (OSError, http.client.HTTPException):
        return False


def environment(home: Path, database: str, rpc: str) -> dict[str, str]:
    """A busy log: checkpoints twice a second, anchors every other second."""
    settings = {
        "HOME": str(home), "DATABASE_URL": database, "RPC_URL": rpc, "PUBLISH_SECONDS": "0.5",
        "ANCHOR_SECONDS": "2", "CHAIN_POLL_SECONDS": "0.5",
    }  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POOLPROOF_")}
    return kept | {f"POOLPROOF_{name}": value for name, value in settings.items()}
