"""Pages of the log itself: checkpoints, anchors, registers, entries, and the proof between any two sizes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from api.portal.models import explorer
from api.portal.pages import Crumb, render
from api.portal.viewer import SignedIn
from api.portal.words import Words
from api.routes.log import prefix
from api.services import Here

router = APIRouter(include_in_schema=False)

Size = Annotated[int, Path(ge=1, le=2**53 - 1)]
ASize = Annotated[int, Query(ge=1, le=2**53 - 1)]


@router.get("/explorer")
def log_page(
    request: Request,
    here: Here,
    viewer: SignedIn,
    before: Annotated[int | None, Query(ge=1, le=2**53 - 1)] = None,
) -> Response:
    """How far the log has come, and its checkpoints from the newest on."""
    page = explorer.log_page(here.ledger, before=before)
    return render(request, "explorer.html", viewer, page=page, tlog=prefix(here.ledger.origin))


@router.get("/explorer/checkpoints/{size}")
def checkpoint_page(request: Request, here: Here, viewer: SignedIn, size: Size) -> Response:
    """One checkpoint: what was signed, its register, its anchor with every transaction."""
    page = explorer.checkpoint_page(here.ledger, size)
    crumbs = (*_crumbs(viewer), Crumb(_words(viewer).t("explorer.checkpoint_of", size=f"{size:,}")))
    return render(request, "checkpoint.html", viewer, page=page, crumbs=crumbs)


@router.get("/explorer/consistency")
def consistency_page(request: Request, here: Here, viewer: SignedIn, first: ASize, second: ASize) -> Response:
    """The proof that one published tree extends another."""
    found = explorer.consistency(here.ledger, first, second)
    crumbs = (*_crumbs(viewer), Crumb(_words(viewer).t("explorer.consistency")))
    return render(request, "consistency.html", viewer, found=found, crumbs=crumbs)


@router.get("/explorer/entries")
def entries_page(
    request: Request, here: Here, viewer: SignedIn, first: Annotated[int, Query(ge=0, le=2**53 - 1)] = 0
) -> Response:
    """The leaves of the log, one after the other."""
    page = explorer.entries_page(here.ledger, viewer.caller, first=first)
    crumbs = (*_crumbs(viewer), Crumb(_words(viewer).t("explorer.entries")))
    return render(request, "entries.html", viewer, page=page, crumbs=crumbs)


def _words(viewer: SignedIn) -> Words:
    return Words(viewer.language)


def _crumbs(viewer: SignedIn) -> tuple[Crumb, ...]:
    return (Crumb(_words(viewer).t("nav.explorer"), "/explorer"),)
