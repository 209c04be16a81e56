"""A pool's tapes and breaks to work on: lay a file beside the records, record it, say one's side of a break.

Plain forms of this session: they work without a script, and whatever changes something carries the form's token.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response

from api import reads, sessions, tapes
from api.multipart import Form
from api.portal.forms import read_form
from api.portal.models import tapes as models
from api.portal.pages import Crumb, render
from api.portal.viewer import Reader, SignedIn
from api.portal.words import Words
from api.routes.paths import PoolName
from api.services import Here, Services
from ledger import reconciling
from ledger.errors import (
    MalformedError,
    NotFoundError,
    RefusedError,
    UnauthorisedError,
    UndeterminedError,
)
from ledger.store import jobs
from ledger.store.jobs import JobRow

router = APIRouter(include_in_schema=False)

#: What a sender can mend, and reads on the page.
_MENDABLE = (MalformedError, RefusedError, RequestValidationError)
#: Fields of the form that are not of the order.
_OURS = frozenset({sessions.FORM_FIELD, "do"})
BreakName = Annotated[str, Path(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
Job = Annotated[str, Query(pattern=r"^(tape_[0-9a-f]{24})?$")]


@router.get("/pools/{pool}/tapes")
def tape_page(request: Request, here: Here, viewer: SignedIn, pool: PoolName, job: Job = "") -> Response:
    """Breaks to work on, the form for a file, the files that came before; and how far a job is."""
    if not job:
        return _page(request, here, viewer, pool)
    with reads.reading(here, viewer.caller) as reader:
        reader.view.pool(pool)
        row = jobs.get(reader.connection, reader.log.id, job)
        if row is None or row.party != viewer.caller.party or row.state == "receiving":
            raise NotFoundError(f"no job {job!r} in this log")
        try:
            found = reconciling.outcome(reader.connection, reader.log, job, party=viewer.caller.party)
        except UndeterminedError:
            found = None
    return _page(request, here, viewer, pool, result=found, job=row)


@router.post("/pools/{pool}/tapes")
async def send(request: Request, here: Here, viewer: SignedIn, pool: PoolName) -> Response:
    """Compare a file and, where that was asked for, record it; a large one is worked on by a job."""
    sessions.check_origin(request)
    await run_in_threadpool(_see, here, viewer, pool)
    job = tapes.is_job(request, here)
    async with tapes.arrived(request, here, job=job) as form:
        assert viewer.visitor is not None
        sessions.check_form(request, viewer.visitor, form.fields.get(sessions.FORM_FIELD))
        work = partial(_sent, request, here, viewer, pool, form=form, job=job)
        return await run_in_threadpool(work)


def _sent(request: Request, here: Services, viewer: Reader, pool: str, *, form: Form, job: bool) -> Response:
    private = form.fields.get("do") != "record"
    fields = {name: value for name, value in form.fields.items() if name not in _OURS}
    try:
        if not private:
            tapes.check_recorder(here, viewer.caller)
        order, sent = tapes.order_of(fields, pool, private=private), tapes.handed(form.files)
        if not job:
            found = tapes.compare(here, viewer.caller, sent, order)
            return _page(request, here, viewer, pool, result=found)
        if private:
            raise RefusedError(
                "file",
                f"to compare without recording, at most {here.max_batch_bytes} bytes; `poolproof audit --from URL "
                "--tape FILE` compares on your own machine, without a limit",
                rule="too_large",
            )
        job_id = reconciling.hand_in(here.ledger, sent, order, party=viewer.caller.party)
    except _MENDABLE as error:
        return _page(request, here, viewer, pool, problem=_said(error), status=422)
    return RedirectResponse(f"/pools/{quote(pool, safe='')}/tapes?job={job_id}", 303)


@router.post("/pools/{pool}/breaks/{name}/close")
async def close(request: Request, here: Here, viewer: SignedIn, pool: PoolName, name: BreakName) -> Response:
    """Say for one's own side that a break is settled, and how."""
    form = await read_form(request)
    assert viewer.visitor is not None
    sessions.check_form(request, viewer.visitor, form.get(sessions.FORM_FIELD))
    work = partial(_close, request, here, viewer, pool, name=name, form=form)
    return await run_in_threadpool(work)


def _close(
    request: Request, here: Services, viewer: Reader, pool: str, *, name: str, form: dict[str, str]
) -> Response:
    resolution, note = form.get("resolution", ""), form.get("note", "").strip()
    with reads.reading(here, viewer.caller) as reader:
        reader.view.pool(pool)
        if not models.may_close(viewer.caller):
            raise UnauthorisedError("this session may not speak for its party of breaks")
        event = models.closing(here.ledger, reader, pool, name, resolution=resolution, note=note)
    if not note:
        problem = "note: say in words how it ends"
        return _page(request, here, viewer, pool, problem=problem, status=422)
    try:
        here.ledger.append([event], party=viewer.caller.party)
    except RefusedError as error:
        return _page(request, here, viewer, pool, problem=_said(error), status=422)
    return RedirectResponse(f"/pools/{quote(pool, safe='')}/tapes", 303)


# -- the page ------------------------------------------------------------------------------------------------


def _page(
    request: Request, here: Services, viewer: Reader, pool: str, *, result: dict[str, Any] | None = None,
    job: JobRow | None = None, problem: str | None = None, status: int = 200,
) -> Response:  # fmt: skip
    with reads.reading(here, viewer.caller) as reader:
        reader.view.pool(pool)
        shown = models.page(here.ledger, reader, pool)
    reads.note(here, reader, subject=f"pool:{pool}", what="breaks")
    words = Words(viewer.language)
    crumbs = (
        Crumb(words.t("nav.pools"), "/pools"),
        Crumb(pool, f"/pools/{quote(pool, safe='')}"),
        Crumb(words.t("tapes.title")),
    )
    return render(
        request, "tapes.html", viewer, status=status, page=shown, result=result, job=job, problem=problem,
        may_record=tapes.may_record(here, viewer.caller), resolutions=models.RESOLUTIONS,
        most=models.MOST_BREAKS, crumbs=crumbs,
    )  # fmt: skip


def _see(here: Services, viewer: Reader, pool: str) -> None:
    with reads.reading(here, viewer.caller) as reader:
        reader.view.pool(pool)


def _said(error: Exception) -> str:
    """Why it cannot be, as the ledger says it: field and reason."""
    if isinstance(error, RequestValidationError):
        return "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors())
    return str(error)
