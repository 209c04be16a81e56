"""The first screen, by what the reader is here for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.portal.models import home
from api.portal.pages import render
from api.portal.viewer import SignedIn
from api.portal.words import Words
from api.services import Here

router = APIRouter(include_in_schema=False)

#: Keeps how far the log was at the reader's last two looks: ``size.seconds`` of this one and of the one before.
SEEN_COOKIE: Final = "poolproof_seen"
#: Looks nearer than this are one: who reloads a page has not come back.
_ONE_LOOK: Final = timedelta(minutes=30)
_REMEMBERED_SECONDS: Final = 365 * 86_400


@router.get("/")
def first_page(request: Request, here: Here, viewer: SignedIn) -> Response:
    """Where a reader begins."""
    caller, words = viewer.caller, Words(viewer.language)
    if caller.oversees and not caller.roles & {"funding_partner", "investor"}:
        model = home.operator(here.ledger, caller, words, account=here.account.seen())
        return render(request, "home_operator.html", viewer, home=model)
    both = looks(request.cookies.get(SEEN_COOKIE, ""), datetime.now(UTC), here.ledger.row().published)
    seen = None if both[1] is None else (both[1][0], datetime.fromtimestamp(both[1][1], UTC).isoformat())
    page = "home_partner.html" if "funding_partner" in caller.roles else "home_investor.html"
    answer = render(request, page, viewer, home=home.holder(here.ledger, caller, words, seen=seen))
    value = ".".join(f"{size}-{seconds}" for size, seconds in (one for one in both if one is not None))
    answer.set_cookie(SEEN_COOKIE, value, max_age=_REMEMBERED_SECONDS, samesite="lax", httponly=True)
    return answer


#: The log's published size, and seconds since 1970.
_Look = tuple[int, int]


def looks(cookie: str, now: datetime, size: int) -> tuple[_Look, _Look | None]:
    """The look that is made now and the one before, by what the cookie has kept."""
    kept: list[_Look] = []
    for part in cookie.split(".")[:2]:
        known, dash, seconds = part.partition("-")
        if dash and all(one.isascii() and one.isdecimal() and len(one) < 16 for one in (known, seconds)):
            kept.append((min(int(known), size), min(int(seconds), int(now.timestamp()))))
    this = (size, int(now.timestamp()))
    if not kept:
        return this, None
    if this[1] - kept[0][1] < _ONE_LOOK.total_seconds():
        return kept[0], kept[1] if len(kept) > 1 else None
    return this, kept[0]
