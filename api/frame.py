"""What stands around every request: its id, its security headers, its numbers, and the last net under faults.

Pure ASGI, because it runs for each of some thousand requests a second.
"""

from __future__ import annotations

import random
import re
import time
from typing import TYPE_CHECKING, Final

import structlog
from starlette.requests import Request

from api import problems
from api.portal import problem_page

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from api.metrics import Metrics

#: An id that the caller gives is kept if it can go into logs and headers as it is.
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}", re.ASCII)
_random = random.Random()  # noqa: S311 - seeded by the kernel; ids tell requests apart and protect nothing
_logger = structlog.get_logger(__name__)

#: Nothing that this service answers is a page that runs or loads something. TLS, and with it HSTS, belongs to
#: the proxy in front.
SECURITY_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-site",
}
#: What is added to answers that say nothing else of it.
_ADDED: Final = [
    (name.encode(), value.encode())
    for name, value in {"cache-control": "no-store", **SECURITY_HEADERS}.items()
]


class Frame:
    """The outermost layer of the service."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (or hand on what is none)."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _id_of(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0
        start = time.perf_counter()

        async def send_framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = message["headers"]
                names = {name for name, _ in given}
                added = [one for one in _ADDED if one[0] not in names]
                message["headers"] = [*given, (b"x-request-id", request_id.encode()), *added]
            await send(message)

        try:
            await self.app(scope, receive, send_framed)
        except Exception:
            # The last net: what no handler knows is our fault, and the answer has the one shape all the same.
            _logger.exception("request.failed", request_id=request_id, path=scope["path"])
            if status:
                raise
            answer = await problem_page.last_answer(Request(scope, receive), problems.internal(request_id))
            await answer(scope, receive, send_framed)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self.metrics.answered(scope["method"], route, status, time.perf_counter() - start)


def _id_of(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return bytes(value).decode("ascii")
    # An id is no secret: drawing it from the kernel would cost a system call for each request.
    return f"{_random.getrandbits(96):024x}"
