"""The door for single events: what has gathered while one transaction ran goes into the next one together.

A transaction costs an fsync and a lock on the log, whatever its size; one for each of a thousand events a
second is more than SQLite can do. So a caller's event waits for the transaction under way to end, and all
that wait are appended by one ``Ledger.append`` (group commit). A lone event is appended at once.

The answer of each caller is its own: an event that is refused refuses nobody else's. A fault of the database
is everybody's, and since nobody can know whether the transaction went through before it, each may send the
same event again and gets the first acceptance if it did. An unexpected error might be one event's doing, so
the group is then appended one by one and only the culprit's caller sees it.

One event loop owns an intake: its state needs no lock.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool

from api.outcomes import Answer
from ledger.errors import PoolproofError, UnavailableError

if TYPE_CHECKING:
    from ledger.domain.events import Submission

    #: Appends all in one transaction and says what became of each, in their order.
    Append = Callable[[Sequence[Submission]], Sequence[Answer | Exception]]

#: Events that may wait. At the promised 1,000 a second it is the wait of two seconds, after which a client
#: does better to come again than to hold a connection.
CAPACITY: Final = 2_000
#: Events in one transaction: it takes some 30 ms then, within the promised 150 ms of a single post.
MAX_GROUP: Final = 500
RETRY_AFTER_SECONDS: Final = 1
#: NDJSON batches that one process holds at a time. They take turns at the log anyway, so more would only hold
#: memory: eight of the largest are some 400 MiB while they are worked on.
MAX_BATCHES: Final = 8


class Intake:
    """Group commit in front of ``append``, which MUST report refusals and raise only what concerns all."""

    def __init__(self, append: Append, *, capacity: int = CAPACITY, max_group: int = MAX_GROUP) -> None:
        self._append = append
        self._capacity = capacity
        self._max_group = max_group
        self._queue: deque[tuple[Submission, asyncio.Future[Answer]]] = deque()
        self._worker: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Events that no transaction has taken yet."""
        return len(self._queue)

    async def submit(self, submission: Submission) -> Answer:
        """Append one event; returns when it is durable.

        Raises :class:`ledger.errors.RefusedError` for this event, and :class:`ledger.errors.UnavailableError`
        when too many wait or the database does not answer.
        """
        if len(self._queue) >= self._capacity:
            raise UnavailableError(f"{self._capacity} events wait", retry_after=RETRY_AFTER_SECONDS)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._queue.append((submission, future))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        """Append group after group until nobody waits."""
        try:
            while self._queue:
                size = min(len(self._queue), self._max_group)
                group = [self._queue.popleft() for _ in range(size)]
                # Who has gone away before the transaction began has not submitted anything.
                group = [one for one in group if not one[1].cancelled()]
                outcomes = await run_in_threadpool(self._commit, [submission for submission, _ in group])
                for (_, future), outcome in zip(group, outcomes, strict=True):
                    if future.cancelled():
                        continue
                    if isinstance(outcome, Exception):
                        future.set_exception(outcome)
                    else:
                        future.set_result(outcome)
        finally:
            self._worker = None

    def _commit(self, group: list[Submission]) -> Sequence[Answer | Exception]:
        """What became of each event of a group; never raises."""
        if not group:
            return []
        try:
            return self._append(group)
        except PoolproofError as error:
            return [error] * len(group)
        except Exception as error:  # noqa: BLE001 - it goes to the callers, each of whom waits for an answer
            if len(group) == 1:
                return [error]
            return [outcome for submission in group for outcome in self._commit([submission])]


class Gate:
    """Lets at most ``limit`` in at a time and turns others away, from before their bodies are read.

    A party has at most half of the places: its slow bodies must not shut out the others.
    """

    def __init__(self, limit: int = MAX_BATCHES) -> None:
        self._limit = limit
        self._inside: Counter[str] = Counter()

    @contextmanager
    def entered(self, party: str) -> Iterator[None]:
        """Be inside; raises :class:`ledger.errors.UnavailableError` when it is full."""
        if self._inside.total() >= self._limit or self._inside[party] >= max(1, self._limit // 2):
            raise UnavailableError(
                f"{self._inside.total()} batches are being read, {self._inside[party]} of this party",
                retry_after=RETRY_AFTER_SECONDS,
            )
        self._inside[party] += 1
        try:
            yield
        finally:
            self._inside[party] -= 1
