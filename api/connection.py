"""Connections: a request's head has an end, in bytes and in seconds.

uvicorn's parser waits for the end of a head for as long as a client likes and keeps all of it; bodies are bounded where
they are read (:mod:`api.bodies`). A proxy in front does this too. Whoever runs without one must not be brought down by
a thousand connections that say nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Request line and headers together: tokens, signatures and a forwarded certificate are some 8 KiB.
HEAD_BYTES: Final = 64 * 1024
#: A client that is there sends its head at once.
HEAD_SECONDS: Final = 10.0


class Connection(HttpToolsProtocol):
    """One connection of a client, for ``uvicorn.Config(http=…)``."""

    _awaited: asyncio.TimerHandle | None = None
    _head = 0

    def connection_made(self, transport: Any) -> None:
        """A client is there: its first request has its time from now on."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._stop_waiting()
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
        super().on_headers_complete()

    def _await_head(self) -> None:
        if self._awaited is None:
            self._head = 0
            self._awaited = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._awaited is not None:
            self._awaited.cancel()
            self._awaited = None

    def _give_up(self) -> None:
        self._awaited = None
        if not self.transport.is_closing():
            self.transport.close()
