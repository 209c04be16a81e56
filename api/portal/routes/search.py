"""The search box: straight to what was found, or a page that says what can be looked for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.portal.models import search
from api.portal.pages import render
from api.portal.viewer import SignedIn
from api.services import Here

router = APIRouter(include_in_schema=False)


@router.get("/search")
def find(
    request: Request, here: Here, viewer: SignedIn, q: Annotated[str, Query(max_length=128)] = ""
) -> Response:
    """What is called so: one place is gone to, several are listed; where there is none, names that begin so."""
    found = search.find(here.ledger, viewer.caller, q) if q.strip() else []
    if len(found) == 1:
        return RedirectResponse(found[0].address, 303)
    begin = [] if found else search.beginning(here.ledger, viewer.caller, q)
    return render(request, "search.html", viewer, asked=q, found=found, begin=begin)
