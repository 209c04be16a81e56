from __future__ import annotations

import json
import os
import signal
import threading
from datetime import datetime, timedelta

import pytest
import structlog

from ledger.errors import ConfigurationError, UnavailableError
from ledger.log import Ledger
from ledger.workers import Loop, Workers, publishing, stopped_by_signals
from tests.cli.running import opened
from tests.conftest import TestClock

#: Seconds between two steps.
EVERY = 0.01


def loan(name: str) -> bytes:
    return json.dumps({**opened(name), "party": "fenqile"}).encode()


def test_a_step_publishes_what_is_new(sqlite_ledger: Ledger) -> None:
    loop = publishing(sqlite_ledger, every=EVERY)
    with structlog.testing.capture_logs() as lines:
        loop.step()
        assert lines == []
        sqlite_ledger.append([loan("L1")])
        loop.step()
        loop.step()
    assert [(line["event"], line["size"]) for line in lines] == [("published", 2)]


def test_two_workers_publish_no_oftener_than_one(sqlite_ledger: Ledger, clock: TestClock) -> None:
    one, other = (publishing(sqlite_ledger, every=2) for _ in range(2))
    published = []
    for second in range(6):
        sqlite_ledger.append([loan(f"L{second}")])
        for loop in (one, other):
            loop.step()
            clock.now += timedelta(seconds=0.5)
        published.append(sqlite_ledger.status().pending == 0)
    assert published == [True, False] * 3


def test_a_checkpoint_of_a_clock_that_was_ahead_holds_nothing_up(
    sqlite_ledger: Ledger, clock: TestClock
) -> None:
    clock.now += timedelta(days=1)
    sqlite_ledger.append([loan("L1")])
    assert sqlite_ledger.publish()
    clock.now -= timedelta(days=1)
    sqlite_ledger.append([loan("L2")])
    publishing(sqlite_ledger, every=2).step()
    assert sqlite_ledger.status().pending == 0


class Reached(threading.Event):
    """Set by the ledger's own clock, which publishing reads and so moves on: the loop came by."""

    def __init__(self, clock: TestClock, faults: list[Exception]) -> None:
        super().__init__()
        self.clock = clock
        self.faults = faults

    def __call__(self) -> datetime:
        if self.faults:
            raise self.faults.pop(0)
        self.set()
        self.clock.now += timedelta(seconds=1)
        return self.clock()


def test_the_loop_publishes_until_it_is_stopped(sqlite_ledger: Ledger, clock: TestClock) -> None:
    reached = sqlite_ledger.clock = Reached(clock, [])
    workers = Workers([publishing(sqlite_ledger, every=EVERY)])
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


def test_what_passes_is_tried_again(sqlite_ledger: Ledger, clock: TestClock) -> None:
    sqlite_ledger.append([loan("L1")])
    reached = sqlite_ledger.clock = Reached(
        sqlite_ledger.clock, [UnavailableError("locked", retry_after=0)] * 3
    )
    workers = Workers([publishing(sqlite_ledger, every=EVERY)])
    with structlog.testing.capture_logs() as lines:
        workers.start()
        assert reached.wait(20)
        workers.stop()
        workers.join()
    waits = [line["again_in"] for line in lines if line["event"] == "waiting"]
    assert waits == [0.02, 0.04, 0.08]
    assert sqlite_ledger.status().published == 2


def test_a_fault_that_stays_is_asked_about_seldom(sqlite_ledger: Ledger, clock: TestClock) -> None:
    sqlite_ledger.append([loan("L1")])
    sqlite_ledger.clock = Reached(clock, [UnavailableError("down", retry_after=3600)])
    logged = threading.Event()

    def note(_logger: object, _name: str, line: dict[str, object]) -> dict[str, object]:
        lines.append(line)
        logged.set()
        raise structlog.DropEvent

    lines: list[dict[str, object]] = []
    before = structlog.get_config()
    structlog.configure(processors=[note])
    try:
        workers = Workers([publishing(sqlite_ledger, every=EVERY)])
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
def test_what_stays_ends_the_worker(
    sqlite_ledger: Ledger, clock: TestClock, fault: Exception, raised: type[Exception]
) -> None:
    sqlite_ledger.append([loan("L1")])
    sqlite_ledger.clock = Reached(clock, [fault])
    workers = Workers([publishing(sqlite_ledger, every=EVERY)])
    failed = threading.Event()
    with structlog.testing.capture_logs():
        workers.start(on_failure=failed.set)
        assert failed.wait(20)
        with pytest.raises(raised):
            workers.join()


def test_a_step_that_has_more_to_do_is_called_again_at_once() -> None:
    left = [True, True, False]
    ended = threading.Event()

    def step() -> bool:
        more = left.pop(0)
        if not more:
            ended.set()
        return more

    workers = Workers([Loop(name="jobs", step=step, pause=3600)])
    workers.start()
    assert ended.wait(20)
    workers.stop()
    workers.join()


def test_a_stop_lets_the_step_under_way_end_and_starts_no_other() -> None:
    begun, release = threading.Event(), threading.Event()
    steps: list[str] = []

    def step() -> bool:
        begun.set()
        assert release.wait(20)
        steps.append("ended")
        return True

    workers = Workers([Loop(name="jobs", step=step, pause=0)])
    workers.start()
    assert begun.wait(20)
    workers.stop()
    release.set()
    workers.join()
    assert steps == ["ended"]


def test_a_process_without_the_checkpoint_key_says_so(sqlite_ledger: Ledger) -> None:
    sqlite_ledger.append([loan("L1")])
    sqlite_ledger.signer = None
    with structlog.testing.capture_logs(), pytest.raises(ConfigurationError, match="checkpoint key"):
        Workers([publishing(sqlite_ledger, every=EVERY)]).run()


def test_a_signal_stops_and_the_old_handler_returns() -> None:
    stopped = threading.Event()
    before = signal.getsignal(signal.SIGTERM)
    with structlog.testing.capture_logs() as lines, stopped_by_signals(stopped.set):
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped.wait(20)
    assert signal.getsignal(signal.SIGTERM) is before
    assert lines[0]["signal"] == "SIGTERM"
