"""The page on which the visitor's own browser verifies: for those who do not trust this server.

Pages are no part of the HTTP interface, so they are not in its description.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api.portal import verify_page
from ledger.errors import NotFoundError

router = APIRouter(include_in_schema=False)

_HTML: Final = "text/html; charset=utf-8"
#: A new version of the service may bring another page: ask each time.
_FRESH: Final = {"Cache-Control": "no-cache"}


@router.get("/verify")
def page(node: Annotated[str | None, Query(pattern=f"^(?:{verify_page.NODE.pattern})$")] = None) -> Response:
    """The page; it loads its modules and its style from here and nothing from elsewhere. ``node`` is the one other
    host that it may ask, which the visitor named.
    """
    headers = _FRESH | {"Content-Security-Policy": verify_page.policy(node)}
    return Response(verify_page.page(), headers=headers, media_type=_HTML)


@router.get("/verify/{name}")
def part(name: str) -> Response:
    """What the page loads, and the page as one file to keep."""
    if name == verify_page.SINGLE_FILE:
        saved = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(verify_page.single_file(), headers=_FRESH | saved, media_type=_HTML)
    found = verify_page.assets().get(name)
    if found is None:
        raise NotFoundError("no such page")
    body, media_type = found
    return Response(body, headers=_FRESH, media_type=media_type)
