"""GET as HTTP means it, for every route: HEAD answers what GET would, and 304 what the caller has already.

An answer that is sent as a whole gets an ``ETag`` over its bytes, unless its route gives it one; a request whose
``If-None-Match`` names it is answered with 304 and no body (`RFC 9110 <https://www.rfc-editor.org/rfc/rfc9110>`_, 13).
That saves the transfer, not the work, and it cannot be wrong. Streams pass through as they are.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Of a digest's 64: two answers of one resource never meet in 128 bits.
_ETAG_DIGITS: Final = 32
#: What describes a body that 304 does not send.
_OF_THE_BODY: Final = ("content-length", "content-type", "content-disposition")


class Conditional:
    """The layer of one service. A route sees GET where HEAD was asked; ``state.method`` keeps what was."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (or hand on what is neither GET nor HEAD)."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            await self.app(scope, receive, send)
            return
        method = scope["method"]
        scope.setdefault("state", {})["method"] = method
        scope["method"] = "GET"
        answer = _Answer(send, known=Headers(scope=scope).get("if-none-match"), bodiless=method == "HEAD")
        try:
            await self.app(scope, receive, answer.send)
        finally:
            scope["method"] = method


class _Answer:
    """Sends one answer on, its head held back until its body is there where it is sent as a whole."""

    def __init__(self, send: Send, *, known: str | None, bodiless: bool) -> None:
        self._send = send
        self._known = known
        self._bodiless = bodiless
        self._head: Message | None = None
        self._ended = False

    async def send(self, message: Message) -> None:
        """What the application sends."""
        if message["type"] == "http.response.start":
            if message["status"] == 200 and "content-length" in Headers(raw=message["headers"]):
                self._head = message
            else:
                await self._send(message)
        elif not self._ended:
            await self._send_body(message)

    async def _send_body(self, message: Message) -> None:
        head, self._head = self._head, None
        bodiless = self._bodiless
        if head is not None:
            if not message.get("more_body", False) and self._unchanged(head, message.get("body", b"")):
                head["status"], bodiless = 304, True
            await self._send(head)
        if bodiless:
            self._ended = True
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    def _unchanged(self, head: Message, body: bytes) -> bool:
        headers = MutableHeaders(raw=head["headers"])
        etag = headers.get("etag")
        if etag is None:
            headers["etag"] = etag = f'"{hashlib.sha256(body).hexdigest()[:_ETAG_DIGITS]}"'
        head["headers"] = headers.raw
        if self._known is None or not _names(self._known, etag):
            return False
        for name in _OF_THE_BODY:
            del headers[name]
        head["headers"] = headers.raw
        return True


def _names(known: str, etag: str) -> bool:
    """Whether ``If-None-Match`` names this tag; compared weakly, as the RFC has it for reading."""
    given = [one.strip().removeprefix("W/") for one in known.split(",")]
    return "*" in given or etag.removeprefix("W/") in given
