"""What a soak is made of: a log on PostgreSQL and a devnet, services that die, and who makes them.

Who asks them meanwhile stands in :mod:`tests.e2e.soak_clients`.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

ROOT = Path(__file__).parents[2]
#: Seconds between two faults, and between two looks at whether a service has ended by itself. Three faults in four wait
#: until both processes answer again, since a machine that is busy takes long to start one; the fourth comes on top.
FAULT_EVERY = (2.0, 8.0)
PATIENT = 0.75
#: The faults, drawn as cards are: each kind comes before one comes again.
DECK = ("kill", "kill", "kill", "restart", "cut", "hold")
#: Seconds for which a fault keeps the log's lock, and those that a service waits for it.
HOLD, LOCK_SECONDS = (3.0, 5.0), 2
LOOK_EVERY = 0.25
#: A machine that is busy with other things takes minutes to start three processes.
READY_SECONDS = 600.0
#: Requests of one key in a minute, in each process: one client can make so many within some seconds.
RATE = 240
#: Events of a batch that is answered at once; longer ones become jobs.
BATCH_EVENTS = 500
#: What the units of docs/deploy start again: nothing is wrong that a person must look at.
EXIT_UNDECIDED = 3


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


class Faults(threading.Thread):
    """Kills services, restarts them gently, cuts their connections to the database or locks it; drawn from a seed."""

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
            deck: list[str] = []
            while not self.pause(self.random.uniform(*FAULT_EVERY)):
                deck = deck or self.random.sample(DECK, len(DECK))
                kind = deck.pop()
                if kind in ("cut", "hold"):
                    getattr(self, kind)()
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

    def hold(self) -> None:
        """Keep what every append needs for longer than anybody waits for it."""
        engine = create_engine(self.database)
        with engine.connect() as connection:
            connection.execute(text("SELECT id FROM logs FOR UPDATE"))
            time.sleep(self.random.uniform(*HOLD))
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
    deadline = time.monotonic() + READY_SECONDS
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
    """A busy log: a checkpoint every other second, anchors behind it; limits that its load meets."""
    options = f"options=-c%20lock_timeout%3D{LOCK_SECONDS}s"
    settings = {
        "HOME": str(home), "DATABASE_URL": f"{database}{'&' if '?' in database else '?'}{options}", "RPC_URL": rpc,
        "PUBLISH_SECONDS": "2", "ANCHOR_SECONDS": "5", "CHAIN_POLL_SECONDS": "0.5",
        "RATE_PER_KEY": str(RATE), "MAX_REQUEST_EVENTS": str(BATCH_EVENTS),
    }  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POOLPROOF_")}
    return kept | {f"POOLPROOF_{name}": value for name, value in settings.items()}
