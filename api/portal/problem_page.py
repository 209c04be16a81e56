"""Errors as pages, for those who look with a browser; programs get the problem (:mod:`api.problems`) as before.

Whoever asks for ``text/html`` outside the programs' paths is taken for a reader. Who has not signed in is led to the
sign-in page, and from there back.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlencode, urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from api import problems
from api.portal import pages
from api.portal.viewer import Preferences, Viewer, anyone
from ledger.errors import PoolproofError

Handler = Callable[[Request, Exception], Awaitable[Response]]
SIGN_IN: Final = "/sign-in"
#: Where programs ask, whatever they say that they accept.
_FOR_PROGRAMS: Final = ("/v1/", "/log/", "/openapi.json", "/metrics", "/healthz", "/readyz", "/verify")
#: Kinds of problems that have words of their own; the others share some.
_TOLD: Final = frozenset({"not_found", "unauthorised", "too_many_requests", "unavailable", "internal"})
#: Those that pass by themselves.
_PASSING: Final = frozenset({"too_many_requests", "unavailable"})
#: What the headers of a problem say to whoever reads the page, too.
_KEPT: Final = ("allow", "retry-after")


def or_page(handler: Handler) -> Handler:
    """A handler of errors that answers readers with a page."""

    async def handle(request: Request, error: Exception) -> Response:
        answer = await handler(request, error)
        return await shown(request, answer) if wanted(request) else answer

    return handle


def wanted(request: Request) -> bool:
    """Whether a reader asks, and not a program."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(_FOR_PROGRAMS)


async def last_answer(request: Request, answer: Response) -> Response:
    """What a reader gets when nothing else could answer: the page, and where even that fails the problem itself."""
    if not wanted(request):
        return answer
    try:
        return await shown(request, answer)
    except Exception:  # noqa: BLE001 - the fault that led here is logged; this may be the same one
        return answer


async def shown(request: Request, answer: Response) -> Response:
    """A problem as a page."""
    problem = json.loads(bytes(answer.body))
    part = "hx-request" in request.headers
    if problem["code"] == "unauthenticated":
        return _to_sign_in(request, part=part)
    viewer = await whoever(request)
    kind = problem["code"] if problem["code"] in _TOLD else "other"
    # What is said of every problem of a kind stands on the page already, in the reader's language.
    general = kind != "other" and problem["detail"] == problems.KINDS[kind].meaning
    page = pages.render(
        request,
        "problem.html",
        viewer,
        status=answer.status_code,
        problem=problem,
        kind=kind,
        general=general,
        passing=kind in _PASSING and request.method == "GET",
        wait=answer.headers.get("retry-after"),
    )
    for name in _KEPT:
        if name in answer.headers:
            page.headers[name] = answer.headers[name]
    if part:  # what the reader sees stays; what asks by itself asks again
        page.headers["HX-Reswap"] = "none"
    return page


async def whoever(request: Request) -> Viewer:
    """Who looks at a page that must be there whatever happens: nobody known where the store does not answer."""
    try:
        return await anyone(request)
    except PoolproofError:
        return Viewer(preferences=Preferences.of(request))


def _to_sign_in(request: Request, *, part: bool) -> Response:
    """Lead to the sign-in page, and from there back; where a ``part`` of a page asked, the whole page goes."""
    asked = request.headers.get("hx-current-url", "/") if part else str(request.url)
    page = urlsplit(asked)
    back = page.path + (f"?{page.query}" if page.query else "")
    query = f"?{urlencode({'back': back})}" if request.method == "GET" and back != "/" else ""
    if part:
        return Response(
            status_code=204, headers={"HX-Redirect": SIGN_IN + query, "Cache-Control": "no-store"}
        )
    return RedirectResponse(SIGN_IN + query, 303, headers={"Cache-Control": "no-store"})
