"""The loops that run while nobody asks: publish what was appended, anchor what was published.

Each loop is a thread that does one small, restartable step, then waits. A stop lets the step under way end
and starts no other. What may pass (:class:`UnavailableError`) is logged and tried again, later and later;
what will not (a fork on chain, a store that contradicts itself, a key that may not) ends the worker: going on
would bury the evidence.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

from ledger.errors import PoolproofError, UnavailableError

if TYPE_CHECKING:
    from ledger.anchors import Anchorer
    from ledger.log import Ledger

#: A fault that lasts is asked about at most this seldom.
MAX_BACKOFF_SECONDS: Final = 60.0

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds between two steps of each loop."""

    publish: float
    anchor: float


def publish_step(ledger: Ledger) -> bool:
    """Publish if something is new; whether it was."""
    checkpoint = ledger.publish()
    if checkpoint is None:
        return False
    _logger.info("published", origin=ledger.origin, size=checkpoint.size, root=checkpoint.root.hex())
    return True


def anchor_step(anchorer: Anchorer) -> None:
    """Plan an anchor if one is due, then move on all that are under way."""
    anchorer.plan()
    while anchorer.step():
        pass


class Workers:
    """The loops of one log. ``anchorer`` is None for a log that is on no chain: then it is only published."""

    def __init__(self, ledger: Ledger, anchorer: Anchorer | None, pace: Pace) -> None:
        self._stop = threading.Event()
        self._failure: PoolproofError | None = None
        self._on_failure: Callable[[], None] = lambda: None
        self._threads = [self._thread("publish", lambda: publish_step(ledger), pace.publish)]
        if anchorer is not None:
            self._threads.append(self._thread("anchor", lambda: anchor_step(anchorer), pace.anchor))

    def start(self, *, on_failure: Callable[[], None] = lambda: None) -> None:
        """Start the loops; ``on_failure`` is called, from a loop's thread, when one ends by itself."""
        self._on_failure = on_failure
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask the loops to end; may be called from a signal handler."""
        self._stop.set()

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

    def _thread(self, name: str, step: Callable[[], Any], pause: float) -> threading.Thread:
        return threading.Thread(
            target=self._loop, args=(name, step, pause), name=f"poolproof-{name}", daemon=True
        )

    def _loop(self, name: str, step: Callable[[], Any], pause: float) -> None:
        wait = pause
        while not self._stop.is_set():
            try:
                step()
                wait = pause
            except UnavailableError as error:
                wait = min(max(2 * wait, error.retry_after), MAX_BACKOFF_SECONDS)
                _logger.warning("waiting", loop=name, reason=str(error), again_in=wait)
            except PoolproofError as error:
                _logger.critical("stopped", loop=name, code=error.code, reason=str(error))
                self._fail(error)
            except Exception as error:
                _logger.exception("crashed", loop=name)
                self._fail(UnavailableError(f"{name} loop crashed: {error!r}"))
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
