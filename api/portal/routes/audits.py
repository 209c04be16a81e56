"""Pages of audits: ask for one, watch it, read what it found, compare two."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from api import problems, reads, sessions
from api.portal.forms import read_form
from api.portal.pages import Crumb, render
from api.portal.viewer import SignedIn
from api.portal.words import Words
from api.routes.audits import AuditId, Run, find
from api.services import Here, Services
from ledger import audits
from ledger.access import Scope
from ledger.audit.findings import Finding
from ledger.domain.calendar import parse_day
from ledger.errors import UnauthorisedError
from ledger.store import logs

router = APIRouter(include_in_schema=False)

#: Runs on a page, and findings on one: the report has them all.
PAGE, MOST = 25, 200
_POOL = r"^[A-Za-z0-9._:-]{0,64}$"


@router.get("/audits")
def audit_list(
    request: Request,
    here: Here,
    viewer: SignedIn,
    pool: Annotated[str, Query(pattern=_POOL)] = "",
    before: Annotated[str, Query(pattern=r"^([0-9T:.Z-]{27} audit_[0-9a-f]{24})?$")] = "",
) -> Response:
    """Runs of the pools that the reader sees, of one where it is chosen."""
    with reads.reading(here, viewer.caller) as reader:
        pools = reader.view.pools()
        if pool:
            reader.view.pool(pool)
        created, _, last = before.partition(" ")
        rows = audits.listed(
            reader.connection, reader.log, [pool] if pool else pools,
            after=(created, last) if before else None, limit=PAGE + 1,
        )  # fmt: skip
    following = f"{rows[PAGE - 1].created} {rows[PAGE - 1].id}" if len(rows) > PAGE else None
    return render(
        request, "audits.html", viewer, rows=rows[:PAGE], pools=pools, pool=pool, following=following,
        may_ask=Scope.AUDIT in viewer.caller.scopes,
    )  # fmt: skip


@router.post("/audits")
async def ask(request: Request, here: Here, viewer: SignedIn) -> Response:
    """Have a pool audited."""
    form = await read_form(request)
    assert viewer.visitor is not None
    sessions.check_form(request, viewer.visitor, form.get(sessions.FORM_FIELD))
    if Scope.AUDIT not in viewer.caller.scopes:
        raise UnauthorisedError("this session may not ask for audits")
    audit_id = await run_in_threadpool(_start, here, viewer, form.get("pool", ""), form.get("as_of", ""))
    return RedirectResponse(f"/audits/{audit_id}", 303)


def _start(here: Services, viewer: SignedIn, pool: str, as_of: str) -> str:
    with reads.reading(here, viewer.caller) as reader:
        reader.view.pool(pool)
    day = parse_day(as_of, "as_of") if as_of else None
    with here.ledger.store.write() as connection:
        log = logs.get(connection, here.ledger.origin)
        row = audits.start(
            connection, log, pool, party=viewer.caller.party, now=here.ledger.clock(), as_of=day
        )
    return row.id


@router.get("/audits/compare")
def comparison(request: Request, here: Here, viewer: SignedIn, first: Run, second: Run) -> Response:
    """What is new, gone and still there between two runs of one pool."""
    with reads.reading(here, viewer.caller) as reader:
        rows = [find(reader, one) for one in (first, second)]
        if rows[0].pool != rows[1].pool:
            raise problems.invalid("second", f"of another pool than {first}")
        rows.sort(key=lambda row: (row.created, row.id))
        found = [audits.findings(reader.connection, reader.log, row.id, view=reader.view) for row in rows]
    compared = audits.compare(*found)
    reads.note(here, reader, subject=f"pool:{rows[0].pool}", what="audit comparison")
    parts = {name: _shown(getattr(compared, name), viewer) for name in ("new", "gone", "standing")}
    counts = {name: len(getattr(compared, name)) for name in parts}
    words = Words(viewer.language)
    crumbs = (Crumb(words.t("audits.title"), "/audits"), Crumb(words.t("audits.compare_title")))
    return render(
        request, "audit_comparison.html", viewer, first=rows[0], second=rows[1], parts_of=parts, counts=counts,
        crumbs=crumbs,
    )  # fmt: skip


@router.get("/audits/{audit_id}")
def audit(request: Request, here: Here, viewer: SignedIn, audit_id: AuditId) -> Response:
    """One run: how far it has come, and what it found."""
    with reads.reading(here, viewer.caller) as reader:
        row = find(reader, audit_id)
        found = (
            audits.findings(reader.connection, reader.log, audit_id, view=reader.view) if row.summary else ()
        )
    if row.summary:
        reads.note(here, reader, subject=f"pool:{row.pool}", what="audit findings")
    words = Words(viewer.language)
    crumbs = (Crumb(words.t("audits.title"), "/audits"), Crumb(row.pool, f"/audits?pool={row.pool}"))
    return render(
        request, "audit.html", viewer, run=row, findings=_shown(found, viewer), more=max(0, len(found) - MOST),
        crumbs=crumbs,
    )  # fmt: skip


def _shown(found: tuple[Finding, ...], viewer: SignedIn) -> list[dict[str, object]]:
    """Findings as the table of the page has them, gravest first."""
    return [
        {
            "severity": str(one.severity), "code": one.code, "says": one.text(viewer.language), "subject": one.subject,
            "loan": one.subject.removeprefix("loan:") if one.subject.startswith("loan:") else None,
            "evidence": [mark.index for mark in one.evidence],
        }
        for one in found[:MOST]
    ]  # fmt: skip
