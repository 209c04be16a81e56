"""Pages of a loan and of a single record. Every look at a loan is written into the access log."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from api import reads
from api.portal import drawings
from api.portal.models import loan as loans
from api.portal.models import records as models
from api.portal.pages import Crumb, render
from api.portal.viewer import SignedIn
from api.portal.words import Words
from api.services import Here
from ledger.errors import NotFoundError
from ledger.reading import Reader
from ledger.store import records, subjects
from ledger.store.records import RecordRow

router = APIRouter(include_in_schema=False)

LoanName = Annotated[str, Path(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
Index = Annotated[int, Path(ge=0, le=2**53 - 1)]


@router.get("/loans/{loan}")
def loan_page(request: Request, here: Here, viewer: SignedIn, loan: LoanName) -> Response:
    """One loan: timeline, schedule against payments, claims, where it stands."""
    with reads.reading(here, viewer.caller) as reader:
        row = reader.view.loan(loan)
    reads.note(here, reader, subject=row.name, what="page")
    words = Words(viewer.language)
    crumbs = (Crumb(words.t("nav.pools"), "/pools"), Crumb(loan))
    return render(
        request, "loan.html", viewer, loan=loans.page(here.ledger, row, caller=viewer.caller), crumbs=crumbs
    )


@router.get("/records/{index}")
def record_page(request: Request, here: Here, viewer: SignedIn, index: Index) -> Response:
    """One record: what it says, how far it has come, and its proof drawn."""
    row, subject, reader = _record(here, viewer, index)
    reads.note(here, reader, subject=subject, what=f"record {index}")
    words = Words(viewer.language)
    model = models.page(here.ledger, row)
    drawing = None
    if model.path is not None:
        drawing = drawings.tree_path(
            model.path, title=words.t("record.drawing", index=index, size=f"{model.path.size:,}"),
            entries=words.t("record.entries_covered"), leaf=words.t("record.leaf"), root=words.t("record.root"),
        )  # fmt: skip
    kind, _, name = subject.partition(":")
    place = {"loan": f"/loans/{quote(name, safe='')}", "pool": f"/pools/{quote(name, safe='')}"}.get(kind)
    crumbs = (Crumb(name or subject, place), Crumb(words.t("record.crumb", index=f"{index:,}")))
    return render(request, "record.html", viewer, page=model, subject=subject, crumbs=crumbs, drawing=drawing)


def _record(here: Here, viewer: SignedIn, index: int) -> tuple[RecordRow, str, Reader]:
    """A record that the reader sees, its subject, and what else is seen. Raises :class:`NotFoundError`."""
    with reads.reading(here, viewer.caller) as reader:
        row = records.at(reader.connection, reader.log.id, index)
        subject = None if row is None else subjects.by_id(reader.connection, [row.subject_id])[row.subject_id]
        if row is None or subject is None or not reader.view.sees(subject):
            raise NotFoundError(f"no record at index {index}")
    return row, subject.name, reader
