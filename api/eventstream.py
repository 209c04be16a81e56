"""Server-sent events about one thing that goes on, by looking at it again and again.

https://html.spec.whatwg.org/multipage/server-sent-events.html

::

    retry: 1000

    id: 3
    event: progress
    data: {"state":"running",…}

    : alive

    id: 9
    event: result
    data: {"state":"done",…}

The stream ends after ``result``. It ends without one after :data:`STREAM_SECONDS`: no proxy keeps a connection for
ever, and a server that stops waits for those that are open. Clients come again with ``Last-Event-ID``, browsers by
themselves, and are sent what is newer than that; one that has the result already is answered with 204, which tells it
to come no more. A watcher costs a small query twice a second, and no thread while it waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, NamedTuple

import msgspec
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse

from ledger.errors import UnavailableError

MEDIA_TYPE: Final = "text/event-stream"
POLL_SECONDS: Final = 0.5
#: Proxies give up connections on which nothing comes after half a minute or later.
HEARTBEAT_SECONDS: Final = 10.0
#: Below the time that requests have at a stop of the service.
STREAM_SECONDS: Final = 30.0
#: Watchers of one process; each holds a connection and costs two queries a second.
MAX_STREAMS: Final = 200


class Seen(NamedTuple):
    """How a thing stands: ``number`` grows with each change, ``ended`` says that none will come."""

    number: int
    document: Any
    ended: bool


class Streams:
    """The streams of one process."""

    def __init__(self) -> None:
        self._open = 0

    def answer(self, first: Seen, look: Callable[[], Seen], *, last_id: str | None) -> Response:
        """The answer to one watcher, who has seen everything up to ``last_id``.

        Raises :class:`UnavailableError` where too many watch.
        """
        known = int(last_id) if last_id is not None and last_id.isdecimal() and len(last_id) < 16 else -1
        if first.ended and first.number <= known:
            return Response(status_code=204)
        if self._open >= MAX_STREAMS:
            raise UnavailableError(f"{MAX_STREAMS} streams are open", retry_after=5)
        # Buffers on the way would hold back what is meant to be seen at once.
        headers = {"X-Accel-Buffering": "no"}
        return StreamingResponse(self._counted(first, look, known), media_type=MEDIA_TYPE, headers=headers)

    async def _counted(self, first: Seen, look: Callable[[], Seen], known: int) -> AsyncIterator[bytes]:
        self._open += 1
        try:
            async for part in _follow(first, look, known):
                yield part
        finally:
            self._open -= 1


async def _follow(seen: Seen, look: Callable[[], Seen], known: int) -> AsyncIterator[bytes]:
    yield b"retry: 1000\n\n"
    end = time.monotonic() + STREAM_SECONDS
    spoken = time.monotonic()
    while True:
        now = time.monotonic()
        if seen.number > known:
            known, spoken = seen.number, now
            name = b"result" if seen.ended else b"progress"
            yield b"id: %d\nevent: %b\ndata: %b\n\n" % (seen.number, name, msgspec.json.encode(seen.document))
        elif now - spoken >= HEARTBEAT_SECONDS:
            spoken = now
            yield b": alive\n\n"
        if seen.ended or now >= end:
            return
        await asyncio.sleep(POLL_SECONDS)
        try:
            seen = await run_in_threadpool(look)
        except UnavailableError:
            return  # the client comes again
