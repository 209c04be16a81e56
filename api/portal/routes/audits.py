"""Pages of audits: ask for one, watch it, read what it found, compare two."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from api import problems, reads, sessions
from api.portal.forms import read_form
from api.portal.models import findings
from api.portal.pages import Crumb, render, with_query
from api.portal.viewer import SignedIn
from api.portal.words import Words
from api.routes.audits import AuditId, Run, find
from api.services import Here, Services
from ledger import audits
from ledger.access import Scope
from ledger.domain.calendar import parse_day
from ledger.errors import UnauthorisedError
from ledger.store import logs

router = APIRouter(include_in_schema=False)

#: Runs on a page, and findings on one.
PAGE, MOST = 25, 50
#: Beyond every list of findings: a number that somebody makes up.
MOST_FINDINGS = 10**7
_POOL = r"^[A-Za-z0-9._:-]{0,64}$"
#: The code of a finding, as the catalogue has them.
_CODE = r"^[a-z0-9_.]{0,64}$"


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
        words = Words(viewer.language)
        parts = {
            name: findings.shown(reader, getattr(compared, name)[:MOST], words)
            for name in ("new", "gone", "standing")
        }
    reads.note(here, reader, subject=f"pool:{rows[0].pool}", what="audit comparison")
    counts = {name: len(getattr(compared, name)) for name in parts}
    crumbs = (Crumb(words.t("audits.title"), "/audits"), Crumb(words.t("audits.compare_title")))
    return render(
        request, "audit_comparison.html", viewer, first=rows[0], second=rows[1], parts_of=parts, counts=counts,
        crumbs=crumbs,
    )  # fmt: skip


@router.get("/audits/{audit_id}")
def audit(
    request: Request,
    here: Here,
    viewer: SignedIn,
    audit_id: AuditId,
    *,
    code: Annotated[str, Query(pattern=_CODE)] = "",
    first: Annotated[int, Query(ge=0, le=MOST_FINDINGS)] = 0,
) -> Response:
    """One run: how far it has come, and what it found: all of it by its kinds, and a page of the findings of one
    ``code``, or of all, from the one with the number ``first`` on.
    """
    words = Words(viewer.language)
    with reads.reading(here, viewer.caller) as reader:
        row = find(reader, audit_id)
        found = (
            audits.findings(reader.connection, reader.log, audit_id, view=reader.view) if row.summary else ()
        )
        wanted = [one for one in found if code in ("", one.code)]
        shown = findings.shown(reader, wanted[first : first + MOST], words)
    if row.summary:
        reads.note(here, reader, subject=f"pool:{row.pool}", what="audit findings")
    crumbs = (Crumb(words.t("audits.title"), "/audits"), Crumb(row.pool, f"/audits?pool={row.pool}"))
    return render(
        request, "audit.html", viewer, run=row, kinds=findings.kinds(found, words), code=code, findings=shown,
        pages=_pages(f"/audits/{audit_id}", code, first, len(shown), len(wanted)), crumbs=crumbs,
    )  # fmt: skip


def _pages(address: str, code: str, first: int, shown: int, total: int) -> dict[str, object]:
    """What the pager below the findings says."""

    def at(number: int) -> str:
        return with_query(address, {"code": code, "first": str(number) if number else ""}) + "#findings"

    return {
        "first": first + 1,
        "last": first + shown,
        "total": total,
        "previous": at(max(0, first - MOST)) if first else None,
        "next": at(first + MOST) if first + shown < total else None,
    }
