"""What is around the pages: the files they load, and the reader's choice of language and theme."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.portal import assets
from api.portal.forms import local, read_form
from api.portal.viewer import LANGUAGE_COOKIE, THEME_COOKIE, THEMES
from api.portal.words import LANGUAGES
from api.sessions import check_origin
from ledger.errors import NotFoundError

router = APIRouter(include_in_schema=False)

_KEPT: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
#: A choice is kept for a year.
_REMEMBERED_SECONDS: Final = 365 * 86_400


@router.get(f"{assets.PREFIX}{{name}}")
def asset(name: str) -> Response:
    """A file under the name that holds its digest."""
    found = assets.served(name)
    if found is None:
        raise NotFoundError("no such file: pages that are loaded anew name the one there is")
    return Response(found.content, headers=_KEPT, media_type=found.media_type)


@router.post("/preferences")
async def choose(request: Request) -> Response:
    """Keep a choice, and go back to where it was made. It changes nothing but two cookies of the reader's own, so the
    form needs no token; that another site does not choose is seen to all the same.
    """
    check_origin(request)
    form = await read_form(request)
    answer = RedirectResponse(local(form.get("back", "/")), 303)
    for cookie, value, known in (
        (LANGUAGE_COOKIE, form.get("language"), LANGUAGES),
        (THEME_COOKIE, form.get("theme"), THEMES),
    ):
        if value in known:
            answer.set_cookie(cookie, value or "", max_age=_REMEMBERED_SECONDS, samesite="lax", httponly=True)
    return answer
