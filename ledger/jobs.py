"""Work that outlasts the request that asked for it: queued in the database, taken by any worker, under a lease.

A job's life: **queued → running → done | failed**. A worker takes the oldest one that nobody works on; while it works
it renews its lease. Whatever it writes is compared with the token that it took the job with, so a job whose worker was
killed, or hung for longer than the lease, is taken by another one, and the first can no longer say anything about it.
Leases go by the database's clock, not by those of the workers' machines.
The end of a job and what came of it are stored in one transaction.

A job may be begun more than once, so what it does before its end MUST be safe to do again.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog

from ledger.domain.calendar import format_instant
from ledger.errors import PoolproofError, TooManyError, UnavailableError
from ledger.quotes import without_values
from ledger.store import jobs, logs, shared_time
from ledger.store.jobs import JobRow

if TYPE_CHECKING:
    from ledger.store import Store, WriteConnection

#: How long a job is a worker's without a word from it: a busy database may keep it waiting for some seconds, and what
#: was lost with a worker should not wait for much longer than that.
LEASE: Final = timedelta(seconds=60)
#: Four renewals may fail before a lease runs out.
RENEW_SECONDS: Final = 12.0
#: Progress is for people: a write for each step would cost more than the work.
PROGRESS_SECONDS: Final = 0.5
#: A job that took its worker down so often will do so again.
MAX_ATTEMPTS: Final = 3
#: Jobs of one party that have not ended; more are refused, so that nobody fills the queue for all.
MAX_UNFINISHED: Final = 20
#: How long a finished job can be looked up. Runs of the audit stay.
KEPT: Final = timedelta(days=7)
#: By then a body that began to arrive has come or never will.
RECEIVED_WITHIN: Final = timedelta(hours=1)
_FORGET_EVERY: Final = timedelta(minutes=10)

_logger = structlog.get_logger(__name__)

#: Tells how far a job has come (stage, done, of); raises what ends the work where it must not go on.
Progress = Callable[[str, int, int], None]
#: Stores what came of a job, in the transaction that ends it, and returns its result.
Finish = Callable[["WriteConnection"], Mapping[str, Any]]
#: Does one kind of work. A :class:`PoolproofError` that it raises is why the job failed.
Handler = Callable[[JobRow, Progress], Finish]


class _LostError(Exception):
    """The job is another worker's by now."""


class _GivenUpError(Exception):
    """The worker is asked to stop."""


def new_id(kind: str) -> str:
    """An id that nobody can guess."""
    return f"{kind}_{secrets.token_hex(12)}"


def check_room(connection: WriteConnection, log_id: int, party: str) -> None:
    """Raise :class:`TooManyError` where a party has as many unfinished jobs as it may."""
    if jobs.unfinished(connection, log_id, party) >= MAX_UNFINISHED:
        raise TooManyError(f"{MAX_UNFINISHED} jobs of {party} have not ended; wait for one of them")


class Runner:
    """Works on jobs of some kinds, one at a time."""

    def __init__(
        self, store: Store, origin: str, handlers: Mapping[str, Handler], *, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._origin = origin
        self._handlers = dict(handlers)
        self._clock = clock
        self._stop = threading.Event()
        self._forgot: datetime | None = None

    def step(self) -> bool:
        """Take a job, if there is one, and work on it to its end; whether there was one."""
        if self._stop.is_set():
            return False
        with self._store.read() as connection:
            log = logs.get(connection, self._origin)
        if log.closed:
            return False  # a log that goes on in another database has its jobs there
        self._forget(log.id)
        with self._store.write() as connection:
            now = shared_time(connection, self._clock())
            job = jobs.take(
                connection, log.id, list(self._handlers), now=format_instant(now), lease=format_instant(now + LEASE)
            )  # fmt: skip
            if job is None:
                return False
            if job.attempts > MAX_ATTEMPTS:
                self._fail(connection, job, "internal", f"given up: its worker died {MAX_ATTEMPTS} times")
                return True
        self._work(job)
        return True

    def give_up(self) -> None:
        """Let the job under way go, soon, and take no other; it goes back into the queue. For signal handlers."""
        self._stop.set()

    # -- one job -------------------------------------------------------------------------------------------

    def _work(self, job: JobRow) -> None:
        told = {"job": job.id, "kind": job.kind, "party": job.party}
        _logger.info("job.started", **told, attempt=job.attempts)
        try:
            with self._leased(job) as lost:
                finish = self._handlers[job.kind](
                    job, _Teller(partial(self._note, job), stop=self._stop, lost=lost)
                )
                self._end(job, finish)
        except _LostError:
            _logger.warning("job.lost", **told)
        except _GivenUpError:
            with self._store.write() as connection:
                jobs.give_back(connection, job, counted=False)
            _logger.info("job.given_back", **told)
        except UnavailableError as error:
            with self._store.write() as connection:
                problem = {"code": error.code, "detail": "it waits and is tried again"}
                jobs.give_back(connection, job, counted=False, problem=problem)
            raise  # the loop waits before it tries again
        except PoolproofError as error:
            _logger.warning("job.failed", **told, code=error.code, reason=str(error))
            with self._store.write() as connection:
                jobs.end(connection, job, now=self._now(), problem=problem_of(error))
        except Exception:
            # A fault of ours in one job shall not end the worker: publishing and anchoring go on beside it.
            _logger.exception("job.crashed", **told)
            with self._store.write() as connection:
                self._fail(
                    connection, job, "internal", "a fault of this service; its log tells of it by the id"
                )
        else:
            _logger.info("job.done", **told)

    def _end(self, job: JobRow, finish: Finish) -> None:
        with self._store.write() as connection:
            result = finish(connection)
            if not jobs.end(connection, job, now=self._now(), result=result):
                raise _LostError

    def _fail(self, connection: WriteConnection, job: JobRow, code: str, detail: str) -> None:
        jobs.end(connection, job, now=self._now(), problem={"code": code, "detail": detail})

    @contextmanager
    def _leased(self, job: JobRow) -> Iterator[threading.Event]:
        """Renew the lease while the block runs; the event is set when the job was lost."""
        lost, ended = threading.Event(), threading.Event()

        def renew() -> None:
            while not ended.wait(RENEW_SECONDS):
                try:
                    with self._store.write() as connection:
                        until = shared_time(connection, self._clock()) + LEASE
                        if not jobs.renew(connection, job, lease=format_instant(until)):
                            lost.set()
                            return
                except UnavailableError as error:
                    _logger.warning("job.lease_waits", job=job.id, reason=str(error))

        thread = threading.Thread(target=renew, name=f"poolproof-lease-{job.id}", daemon=True)
        thread.start()
        try:
            yield lost
        finally:
            ended.set()
            thread.join()

    def _note(self, job: JobRow, stage: str, done: int, of: int) -> None:
        with self._store.write() as connection:
            if not jobs.note_progress(connection, job, stage, done, of):
                raise _LostError

    def _forget(self, log_id: int) -> None:
        now = self._clock()
        if self._forgot is not None and now - self._forgot < _FORGET_EVERY:
            return
        self._forgot = now
        unsent, ended = format_instant(now - RECEIVED_WITHIN), format_instant(now - KEPT)
        with self._store.write() as connection:
            jobs.forget(connection, log_id, unsent=unsent, ended=ended)

    def _now(self) -> str:
        return format_instant(self._clock())


class _Teller:
    """The progress of one job: written now and then, and at once where a new stage begins."""

    def __init__(self, note: Progress, *, stop: threading.Event, lost: threading.Event) -> None:
        self._note = note
        self._stop = stop
        self._lost = lost
        self._stage = ""
        self._told = 0.0

    def __call__(self, stage: str, done: int, of: int) -> None:
        if self._lost.is_set():
            raise _LostError
        if self._stop.is_set():
            raise _GivenUpError
        now = time.monotonic()
        if stage == self._stage and now - self._told < PROGRESS_SECONDS:
            return
        self._stage, self._told = stage, now
        self._note(stage, done, of)


def problem_of(error: PoolproofError) -> dict[str, Any]:
    """Why a job failed, as it is stored: the members of a problem of the API, with the shapes of quoted values."""
    told: dict[str, Any] = {"code": error.code, "detail": without_values(str(error))}
    for name in ("field", "rule", "line"):
        if getattr(error, name, None):
            told[name] = getattr(error, name)
    if details := getattr(error, "details", None):
        told["details"] = details
    return told
