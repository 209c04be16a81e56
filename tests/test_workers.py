from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from datetime import datetime

import pytest
import structlog

from ledger.errors import ConfigurationError, UnavailableError
from ledger.log import Ledger
from ledger.workers import Pace, Workers, publish_step, stopped_by_signals
from tests.cli.running import opened

PACE = Pace(publish=0.01, anchor=0.01)


def loan(name: str) -> bytes:
    return json.dumps({**opened(name), "party": "fenqile"}).encode()


def test_a_step_publishes_what_is_new(sqlite_ledger: Ledger) -> None:
    assert not publish_step(sqlite_ledger)
    sqlite_ledger.append([loan("L1")])
    with structlog.testing.capture_logs() as lines:
        assert publish_step(sqlite_ledger)
    assert not publish_step(sqlite_ledger)
    assert [(line["event"], line["size"]) for line in lines] == [("published", 2)]


class Reached(threading.Event):
    """Set by the ledger's own clock, which publishing reads: the loop came by."""

    def __init__(self, clock: Callable[[], datetime], faults: list[Exception]) -> None:
        super().__init__()
        self.clock = clock
        self.faults = faults

    def __call__(self) -> datetime:
        if self.faults:
            raise self.faults.pop(0)
        self.set()
        return self.clock()


def test_the_loop_publishes_until_it_is_stopped(sqlite_ledger: Ledger) -> None:
    reached = sqlite_ledger.clock = Reached(sqlite_ledger.clock, [])
    workers = Workers(sqlite_ledger, None, PACE)
    workers.start()
    for name in ("L1", "L2"):
        sqlite_ledger.append([loan(name)])
        reached.clear()
        assert reached.wait(20)
    workers.stop()
    workers.join()
    published = sqlite_ledger.status().published
    sqlite_ledger.append([loan("L3")])
    assert sqlite_ledger.status().published == published


def test_what_passes_is_tried_again(sqlite_ledger: Ledger) -> None:
    sqlite_ledger.append([loan("L1")])
    reached = sqlite_ledger.clock = Reached(
        sqlite_ledger.clock, [UnavailableError("locked", retry_after=0)] * 3
    )
    workers = Workers(sqlite_ledger, None, PACE)
    with structlog.testing.capture_logs() as lines:
        workers.start()
        assert reached.wait(20)
        workers.stop()
        workers.join()
    waits = [line["again_in"] for line in lines if line["event"] == "waiting"]
    assert waits == [0.02, 0.04, 0.08]
    assert sqlite_ledger.status().published == 2


def test_a_fault_that_stays_is_asked_about_seldom(sqlite_ledger: Ledger) -> None:
    sqlite_ledger.append([loan("L1")])
    sqlite_ledger.clock = Reached(sqlite_ledger.clock, [UnavailableError("down", retry_after=3600)])
    logged = threading.Event()

    def note(_logger: object, _name: str, line: dict[str, object]) -> dict[str, object]:
        lines.append(line)
        logged.set()
        raise structlog.DropEvent

    lines: list[dict[str, object]] = []
    before = structlog.get_config()
    structlog.configure(processors=[note])
    try:
        workers = Workers(sqlite_ledger, None, PACE)
        workers.start()
        assert logged.wait(20)
        workers.stop()
        workers.join()  # at once: a stop does not wait for the pause
    finally:
        structlog.configure(**before)
    assert lines[0]["again_in"] == 60.0


@pytest.mark.parametrize(
    ("fault", "raised"),
    [(ConfigurationError("no key"), ConfigurationError), (ZeroDivisionError("a defect"), UnavailableError)],
)
def test_what_stays_ends_the_worker(sqlite_ledger: Ledger, fault: Exception, raised: type[Exception]) -> None:
    sqlite_ledger.append([loan("L1")])
    sqlite_ledger.clock = Reached(sqlite_ledger.clock, [fault])
    workers = Workers(sqlite_ledger, None, PACE)
    failed = threading.Event()
    with structlog.testing.capture_logs():
        workers.start(on_failure=failed.set)
        assert failed.wait(20)
        with pytest.raises(raised):
            workers.join()


def test_a_process_without_the_checkpoint_key_says_so(sqlite_ledger: Ledger) -> None:
    sqlite_ledger.append([loan("L1")])
    sqlite_ledger.signer = None
    with structlog.testing.capture_logs(), pytest.raises(ConfigurationError, match="checkpoint key"):
        Workers(sqlite_ledger, None, PACE).run()


def test_a_signal_stops_and_the_old_handler_returns() -> None:
    stopped = threading.Event()
    before = signal.getsignal(signal.SIGTERM)
    with structlog.testing.capture_logs() as lines, stopped_by_signals(stopped.set):
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped.wait(20)
    assert signal.getsignal(signal.SIGTERM) is before
    assert lines[0]["signal"] == "SIGTERM"
