"""Connections: whatever a client does not send, or does not take in, is waited for so long and no longer.

- A request's head has an end, in bytes and in seconds. uvicorn's parser would keep all of it.
- A body is bounded where it is read (:mod:`api.bodies`). What nobody reads, since the request was answered before, has
  a moment to come, so that a client sees its answer; uvicorn would wait for it without end.
- An answer that nobody takes in ends the connection. uvicorn would hold it, and all that was written of it.

A proxy in front does this too. Whoever runs without one must not be brought down by a thousand connections that say
nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Request line and headers together: tokens, signatures and a forwarded certificate are some 8 KiB.
HEAD_BYTES: Final = 64 * 1024
#: A client that is there sends its head at once.
HEAD_SECONDS: Final = 10.0
#: For the rest of a body whose request was answered already.
REST_SECONDS: Final = 10.0
#: In which a client must take in some 50 KiB of its answer: slower than 1 KiB a second is not slow but gone.
READ_SECONDS: Final = 60.0


class Connection(HttpToolsProtocol):
    """One connection of a client, for ``uvicorn.Config(http=…)``."""

    _awaited: asyncio.TimerHandle | None = None
    _head = 0
    #: the body of the newest request is not there to its end
    _open = False
    _rest: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A client is there: its first request has its time from now on."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._stop_waiting()
        self._stop_rest()
        self._stop_stalled()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes came; more of a head than it may have end the connection."""
        awaited = self._awaited
        super().data_received(data)
        # Another head that began within these bytes is counted from the next ones on.
        if awaited is not None and awaited is self._awaited:
            self._head += len(data)
            if self._head > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response(f"The head of a request has at most {HEAD_BYTES} bytes.")

    def on_message_begin(self) -> None:
        """Another request begins on this connection."""
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._stop_waiting()
        self._open = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is there, too."""
        self._open = False
        self._stop_rest()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """A request was answered; what is left of its body is read and thrown away."""
        super().on_response_complete()
        if self._open and self._rest is None and not self.transport.is_closing():
            self._rest = self.loop.call_later(REST_SECONDS, self._give_up)
        self._await_reader()

    def pause_writing(self) -> None:
        """The client is slower than its answer."""
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        """It has taken in most of what there was."""
        self._stop_stalled()
        super().resume_writing()

    def _await_head(self) -> None:
        if self._awaited is None:
            self._head = 0
            self._awaited = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._awaited is not None:
            self._awaited.cancel()
            self._awaited = None

    def _stop_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _stop_stalled(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _give_up(self) -> None:
        self._awaited = self._rest = None
        if not self.transport.is_closing():
            self.transport.close()

    def _await_reader(self) -> None:
        """A transport that is closed waits for its last bytes to be taken in: that, too, has an end."""
        if self._stalled is None and self.transport.get_write_buffer_size():
            self._stalled = self.loop.call_later(READ_SECONDS, self._abandon)

    def _abandon(self) -> None:
        self._stalled = None
        if self.transport.get_write_buffer_size():
            self.transport.abort()
