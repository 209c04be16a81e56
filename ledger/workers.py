"""The loops that run while nobody asks: publish what was appended, anchor what was published, work figures out.

Each loop is a thread that does one small, restartable step, then waits. A stop lets the step under way end
and starts no other. What may pass (:class:`UnavailableError`) is logged and tried again, later and later;
what will not (a fork on chain, a store that contradicts itself, a key that may not) ends the worker: going on
would bury the evidence.

Any number of workers may run on one database, so a step MUST be safe beside the same step of another: it takes
its work under a lock or by comparing and setting, and does nothing where there is nothing left to do. A new loop
is a function here that makes its :class:`Loop`, and a line in ``Home.loops``.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from ledger.errors import PoolproofError, UnavailableError

if TYPE_CHECKING:
    from ledger.anchors import Anchorer
    from ledger.audits import Auditor
    from ledger.jobs import Runner
    from ledger.log import Ledger
    from ledger.relay import Relayer
    from ledger.webhooks.courier import Courier

#: A fault that lasts is asked about at most this seldom.
MAX_BACKOFF_SECONDS: Final = 60.0
#: How soon a job that was asked for is begun; a query each time.
JOB_POLL_SECONDS: Final = 1.0
#: How often a worker looks whether the figures of a pool are due; looking costs a few small queries.
SNAPSHOT_SECONDS: Final = 10.0

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """One kind of work. ``step`` says whether there is more to do at once; if not it rests for ``pause`` seconds.

    A step that may last is let go by ``give_up``, which is called at a stop, maybe from a signal handler.
    """

    name: str
    step: Callable[[], bool]
    pause: float
    give_up: Callable[[], None] = lambda: None


def publishing(ledger: Ledger, *, every: float) -> Loop:
    """Publish a checkpoint when something is new, at most every so many seconds however many workers do it."""

    def step() -> bool:
        checkpoint = ledger.publish(every=timedelta(seconds=every))
        if checkpoint is not None:
            size, root = checkpoint.size, checkpoint.root.hex()
            _logger.info("published", origin=ledger.origin, size=size, root=root)
        return False

    return Loop(name="publish", step=step, pause=every)


def anchoring(anchorer: Anchorer, *, every: float) -> Loop:
    """Plan an anchor if one is due, and move on all that are under way."""

    def step() -> bool:
        anchorer.plan()
        return anchorer.step()

    return Loop(name="anchor", step=step, pause=every)


def relaying(relayer: Relayer, *, every: float) -> Loop:
    """Put attestations on chain that parties handed in."""
    return Loop(name="relay", step=relayer.step, pause=every)


def telling(courier: Courier, *, every: float) -> Loop:
    """Find what is to be told by webhooks, and send what is due."""
    return Loop(name="webhooks", step=courier.step, pause=every)


def snapshotting(ledger: Ledger, *, every: float = SNAPSHOT_SECONDS) -> Loop:
    """Work the figures of pools out anew, one at a time, where something was published since."""

    def step() -> bool:
        from ledger import snapshots  # the parts of the audit, which no other loop needs

        return snapshots.refresh(ledger)

    return Loop(name="snapshot", step=step, pause=every)


def auditing(runner: Runner, auditor: Auditor, *, every: float) -> Loop:
    """Perform the audits that were asked for; with ``every``, ask for one of each pool so often (in seconds). Reports
    whose time is over are taken out.
    """

    def step() -> bool:
        auditor.forget()
        if every:
            auditor.plan(every=every)
        return runner.step()

    return Loop(name="audit", step=step, pause=JOB_POLL_SECONDS, give_up=runner.give_up)


def taking_in(runner: Runner) -> Loop:
    """Work on what was handed in: append large batches, reconcile large files."""
    return Loop(name="events", step=runner.step, pause=JOB_POLL_SECONDS, give_up=runner.give_up)


class Workers:
    """Loops, each in a thread of its own."""

    def __init__(self, loops: Iterable[Loop]) -> None:
        self._stop = threading.Event()
        self._failure: PoolproofError | None = None
        self._on_failure: Callable[[], None] = lambda: None
        loops = list(loops)
        self._give_up = [loop.give_up for loop in loops]
        self._threads = [
            threading.Thread(target=self._run, args=(loop,), name=f"poolproof-{loop.name}", daemon=True)
            for loop in loops
        ]

    def start(self, *, on_failure: Callable[[], None] = lambda: None) -> None:
        """Start the loops; ``on_failure`` is called, from a loop's thread, when one ends by itself."""
        self._on_failure = on_failure
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask the loops to end; may be called from a signal handler."""
        self._stop.set()
        for give_up in self._give_up:
            give_up()

    def join(self) -> None:
        """Wait until they have ended; raises what ended them, if it was not :meth:`stop`."""
        for thread in self._threads:
            thread.join()
        if self._failure is not None:
            raise self._failure

    def run(self) -> None:
        """Start, wait for a stop or a failure, join."""
        self.start()
        self._stop.wait()
        self.join()

    def _run(self, loop: Loop) -> None:
        wait = loop.pause
        while not self._stop.is_set():
            try:
                more = loop.step()
                wait = 0.0 if more else loop.pause
            except UnavailableError as error:
                wait = min(max(2 * wait, loop.pause, error.retry_after), MAX_BACKOFF_SECONDS)
                _logger.warning("waiting", loop=loop.name, reason=str(error), again_in=wait)
            except PoolproofError as error:
                _logger.critical("stopped", loop=loop.name, code=error.code, reason=str(error))
                self._fail(error)
            except Exception as error:
                _logger.exception("crashed", loop=loop.name)
                self._fail(UnavailableError(f"{loop.name} loop crashed: {error!r}"))
            self._stop.wait(wait)

    def _fail(self, error: PoolproofError) -> None:
        self._failure = self._failure or error
        self._stop.set()
        self._on_failure()


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` at SIGTERM and SIGINT while the block runs; for the main thread."""

    def handle(number: int, _frame: object) -> None:
        _logger.info("stopping", signal=signal.Signals(number).name)
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
