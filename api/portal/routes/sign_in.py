"""Signing in and out: with an API key, or through the identity provider of the settings."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from api import auth, oidc, sessions
from api.oidc import Visit
from api.portal.forms import local, read_form
from api.portal.pages import render
from api.portal.problem_page import SIGN_IN
from api.portal.viewer import Anyone, SignedIn, Viewer
from api.routes.log import prefix
from api.services import Here, Services
from ledger import access
from ledger.access import Caller
from ledger.errors import NotFoundError, UnauthorisedError
from ledger.store import access as stored

router = APIRouter(include_in_schema=False)

_VISIT_COOKIE: Final = "poolproof_visit"


@router.get(SIGN_IN)
def page(request: Request, viewer: Anyone, here: Here, back: str = "/") -> Response:
    """The page on which one says who one is."""
    return _page(request, viewer, here, back=back)


@router.post(SIGN_IN)
async def with_key(request: Request, viewer: Anyone, here: Here) -> Response:
    """Begin a session with an API key."""
    sessions.check_origin(request)
    form = await read_form(request)
    back = local(form.get("back", "/"))
    try:
        caller = await auth.sign_in(request, form.get("key", "").strip())
    except UnauthorisedError as error:
        return _page(request, viewer, here, back=back, problem=str(error), status=403)
    except HTTPException as error:
        if error.status_code != 401:
            raise
        return _page(request, viewer, here, back=back, problem="", status=401)
    return await _begun(request, here, caller, back)


@router.get(f"{SIGN_IN}/provider")
async def to_provider(request: Request, here: Here, back: str = "/") -> Response:
    """Go to the identity provider."""
    provider = _provider(here)
    visit = Visit.begin(local(back))
    answer = RedirectResponse(await run_in_threadpool(provider.address, visit), 303)
    answer.set_cookie(
        _VISIT_COOKIE, visit.encode(), max_age=oidc.VISIT_SECONDS, path=SIGN_IN, httponly=True, samesite="lax",
        secure=here.peers.secure(request),
    )  # fmt: skip
    return answer


@router.get(oidc.CALLBACK)
async def from_provider(request: Request, here: Here) -> Response:
    """Come back from the identity provider, and begin a session for the party that the person acts for."""
    provider = _provider(here)
    visit = Visit.decode(request.cookies.get(_VISIT_COOKIE, ""))
    query, returned = dict(request.query_params), f"{oidc.CALLBACK}?{request.url.query}"
    now = here.ledger.clock()
    subject = await run_in_threadpool(lambda: provider.subject(visit, returned, query, now=now))
    caller = await run_in_threadpool(_person, here, subject)
    answer = await _begun(request, here, caller, local(visit.after))
    answer.delete_cookie(_VISIT_COOKIE, path=SIGN_IN)
    return answer


@router.post("/sign-out")
async def out(request: Request, viewer: SignedIn, here: Here) -> Response:
    """End the session."""
    form = await read_form(request)
    assert viewer.visitor is not None
    sessions.check_form(request, viewer.visitor, form.get(sessions.FORM_FIELD))
    await run_in_threadpool(here.sessions.end, viewer.visitor)
    answer = RedirectResponse(SIGN_IN, 303)
    here.sessions.clear_cookie(request, answer)
    return answer


def _page(
    request: Request,
    viewer: Viewer,
    here: Services,
    *,
    back: str,
    problem: str | None = None,
    status: int = 200,
) -> Response:
    """The page; ``problem`` is why a key was refused, empty where only that it was."""
    through = None if here.provider is None else f"{SIGN_IN}/provider?{urlencode({'back': local(back)})}"
    ended = viewer.caller is None and sessions.COOKIE in request.cookies
    return render(
        request, "sign_in.html", viewer, status=status, back=local(back), problem=problem, provider=through,
        ended=ended, tlog=f"{prefix(here.ledger.origin)}checkpoint" if here.log_public else None,
    )  # fmt: skip


def _provider(here: Services) -> oidc.Provider:
    if here.provider is None:
        raise NotFoundError("this service has no identity provider; sign in with an API key")
    return here.provider


def _person(here: Services, subject: str) -> Caller:
    """The caller that a person is. Raises :class:`UnauthorisedError` for one whom nobody let in."""
    log_id = here.ledger.row().id
    with here.ledger.store.read() as connection:
        person = stored.person(connection, log_id, subject)
        if person is None:
            raise UnauthorisedError(
                f"you are {subject} to the identity provider, and nobody has let you in here: ask the operator to,"
                " with `poolproof party person`"
            )
        return access.caller(connection, log_id, person.party, person.scopes, person=subject)


async def _begun(request: Request, here: Services, caller: Caller, back: str) -> Response:
    token = await run_in_threadpool(here.sessions.begin, caller)
    answer = RedirectResponse(back, 303)
    here.sessions.set_cookie(request, answer, token)
    return answer
