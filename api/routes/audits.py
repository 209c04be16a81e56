"""Audits as runs: asked for, watched, read, compared. Who sees a pool sees its runs."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from api import bodies, idempotency, openapi, paging, problems, reads, schemas
from api.answers import as_json
from api.auth import Auditor, Reader
from api.eventstream import Seen
from api.services import Here
from ledger import audits
from ledger.access import Caller
from ledger.audit import reportfile
from ledger.audit.report import MEDIA_TYPE, AuditReport
from ledger.domain.calendar import parse_day
from ledger.errors import NotFoundError
from ledger.reading import Reader as Shown
from ledger.store import logs
from ledger.store.audits import AuditRow

router = APIRouter(tags=["audits"])

_JSON, _HTML, _PDF = "application/json", "text/html", "application/pdf"
_FAILURES = ("unauthenticated", "unauthorised", "not_found", "invalid_request", "unavailable")
_ID = r"^audit_[0-9a-f]{24}$"
AuditId = Annotated[
    str, Path(pattern=_ID, description="The run's id.", examples=["audit_9f86d081884c7d659a2feaa0"])
]
Run = Annotated[str, Query(pattern=_ID, description="A run's id.")]


@router.post(
    "/v1/audits",
    operation_id="start_audit",
    summary="Ask for an audit",
    status_code=202,
    responses=openapi.responses(
        {202: openapi.answer(schemas.Audit, "It waits for a worker; `Location` tells how far it has come.")},
        *_FAILURES,
        "timeout",
        "malformed",
        "too_large",
        "unsupported_media_type",
        "refused",
        "idempotency_conflict",
        "idempotency_mismatch",
    ),
    openapi_extra=openapi.body(
        {_JSON: (schemas.AuditOrder, openapi.examples()["AuditOrder"])}, "What is to be audited."
    ),
)
async def start_audit(request: Request, here: Here, caller: Auditor, key: idempotency.Key) -> Response:
    """Have a worker audit a pool that the caller sees, with this server's trust root and its view of the chain."""
    order = await bodies.read_document(request, schemas.AuditOrder)

    async def start() -> Response:
        return await run_in_threadpool(_start, here, caller, order)

    return await key.once(caller, lambda: idempotency.digest_of(order), start)


def _start(here: Here, caller: Caller, order: schemas.AuditOrder) -> Response:
    as_of = None if order.as_of is None else parse_day(order.as_of, "as_of")
    with reads.reading(here, caller) as reader:
        reader.view.pool(order.pool)
    with here.ledger.store.write() as connection:
        row = audits.start(
            connection, logs.get(connection, here.ledger.origin), order.pool, party=caller.party,
            now=here.ledger.clock(), as_of=as_of, size=order.size, since=order.since,
        )  # fmt: skip
    return as_json(shown(row), status=202, headers={"Location": f"/v1/audits/{row.id}"})


@router.get(
    "/v1/audits",
    operation_id="audits",
    summary="Runs of the audit",
    responses=openapi.responses(
        {200: openapi.answer(schemas.AuditPage, "Runs, the newest first.")}, *_FAILURES
    ),
)
def audit_list(
    here: Here,
    caller: Reader,
    asked: paging.Asked,
    *,
    pool: Annotated[
        str | None, Query(pattern=r"^[A-Za-z0-9._:-]{1,64}$", description="Of this pool alone.")
    ] = None,
) -> Response:
    """Runs of the pools that the caller sees, whoever asked for them."""
    after = asked.after("audits", str)
    with reads.reading(here, caller) as reader:
        if pool is not None:
            reader.view.pool(pool)
        pools = reader.view.pools() if pool is None else [pool]
        before = None if after is None else _position(after)
        rows = audits.listed(reader.connection, reader.log, pools, after=before, limit=asked.limit + 1)
    return asked.page("audits", rows, position=lambda row: f"{row.created} {row.id}", shown=shown)


def _position(cursor: str) -> tuple[str, str]:
    created, _, audit_id = cursor.partition(" ")
    return created, audit_id


@router.get(
    "/v1/audits/compare",
    operation_id="compare_audits",
    summary="What is new, gone and still there",
    responses=openapi.responses(
        {200: openapi.answer(schemas.AuditComparison, "Findings, gravest first.")}, *_FAILURES, "undetermined"
    ),
)
def audit_comparison(here: Here, caller: Reader, first: Run, second: Run) -> Response:
    """Compare the findings of two runs of one pool. Findings are the same where code, subject and claim are."""
    with reads.reading(here, caller) as reader:
        rows = [find(reader, one) for one in (first, second)]
        if rows[0].pool != rows[1].pool:
            raise problems.invalid("second", f"of another pool than {first}")
        found = [audits.findings(reader.connection, reader.log, row.id, view=reader.view) for row in rows]
    compared = audits.compare(*found)
    reads.note(here, reader, subject=f"pool:{rows[0].pool}", what="audit comparison")
    return as_json(
        {
            "pool": rows[0].pool,
            "first": first,
            "second": second,
            **{
                name: [one.to_json() for one in getattr(compared, name)]
                for name in ("new", "gone", "standing")
            },
        }
    )


@router.get(
    "/v1/audits/{audit_id}",
    operation_id="audit",
    summary="One run",
    responses=openapi.responses({200: openapi.answer(schemas.Audit, "How far it has come.")}, *_FAILURES),
)
def audit(here: Here, caller: Reader, audit_id: AuditId) -> Response:
    """The state of a run, its progress, and at its end what it found."""
    with reads.reading(here, caller) as reader:
        return as_json(shown(find(reader, audit_id)))


@router.get(
    "/v1/audits/{audit_id}/events",
    operation_id="audit_events",
    summary="Watch a run",
    responses=openapi.responses(
        {
            200: openapi.event_stream(
                "Server-sent events: `progress` as it goes on, then `result`.",
                schemas.Audit,
                "progress",
                "result",
            ),
            204: {"description": "The watcher has seen the result, and need not come again."},
        },
        *_FAILURES,
    ),
)
async def audit_events(
    here: Here,
    caller: Reader,
    audit_id: AuditId,
    last_event_id: Annotated[str | None, Header(description="The `id` of the event seen last.")] = None,
) -> Response:
    """Server-sent events, each with the document that `GET /v1/audits/{id}` answers with. A stream lasts for half a
    minute; come again with `Last-Event-ID`, as browsers do by themselves.
    """

    def look() -> Seen:
        with reads.reading(here, caller) as reader:
            row = find(reader, audit_id)
        return Seen(row.changes, shown(row), row.ended is not None)

    return here.streams.answer(await run_in_threadpool(look), look, last_id=last_event_id)


@router.get(
    "/v1/audits/{audit_id}/report",
    operation_id="audit_report",
    summary="The report of a run",
    responses=openapi.responses(
        {
            200: {
                "description": "The report; as JSON the file that `poolproof report` reads.",
                "content": {
                    **openapi.answer(schemas.AuditReport, "", MEDIA_TYPE)["content"],
                    **openapi.text("", _HTML, "<!doctype html>…")["content"],
                    _PDF: {"schema": {"type": "string", "format": "binary"}, "example": "%PDF-1.7…"},
                },
            }
        },
        *_FAILURES,
        "undetermined",
    ),
)
def audit_report(
    request: Request,
    here: Here,
    caller: Reader,
    audit_id: AuditId,
    *,
    form: Annotated[
        Literal["json", "html", "pdf"] | None,
        Query(alias="format", description="Goes before `Accept`; JSON where neither says."),
    ] = None,
    language: Annotated[Literal["en", "zh"], Query(description="Of HTML and PDF.")] = "en",
) -> Response:
    """The report as JSON (`poolproof report` tells its digest), as one printable HTML file, or as PDF/A."""
    with reads.reading(here, caller) as reader:
        row = find(reader, audit_id)
        file = audits.report_file(reader.connection, reader.log, audit_id, view=reader.view)
        wanted = form or _accepted(request.headers.get("accept", ""))
        report = None if wanted == "json" else reportfile.decode(file)
    answer = _file(audit_id, file) if report is None else _paper(audit_id, report, wanted, language)
    reads.note(here, reader, subject=f"pool:{row.pool}", what="audit report")
    return answer


def _accepted(header: str) -> Literal["json", "html", "pdf"]:
    """The first form that ``Accept`` names; browsers name HTML first."""
    named = [part.partition(";")[0].strip().lower() for part in header.split(",")]
    forms: dict[str, Literal["json", "html", "pdf"]] = {
        MEDIA_TYPE: "json", _JSON: "json", _HTML: "html", _PDF: "pdf",
    }  # fmt: skip
    return next((forms[one] for one in named if one in forms), "json")


def _file(audit_id: str, file: bytes) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{audit_id}.report.json"', "Vary": "Accept"}
    return Response(file, headers=headers, media_type=MEDIA_TYPE)


def _paper(audit_id: str, report: AuditReport, form: str, language: Literal["en", "zh"]) -> Response:
    from ledger.audit.render import html, pdf

    if form == "pdf":
        headers = {"Content-Disposition": f'inline; filename="{audit_id}.pdf"', "Vary": "Accept"}
        return Response(pdf.render(report, language=language), headers=headers, media_type=_PDF)
    page = html.render(report, language=language)
    # The page carries a policy of its own, which allows its one style sheet by digest and nothing else.
    headers = {"Content-Security-Policy": "frame-ancestors 'none'", "Vary": "Accept"}
    return Response(page, headers=headers, media_type=_HTML)


def find(reader: Shown, audit_id: str) -> AuditRow:
    """A run of a pool that the caller sees; any other one is not there. Raises :class:`NotFoundError`."""
    row = audits.get(reader.connection, reader.log, audit_id)
    try:
        reader.view.pool(row.pool)
    except NotFoundError:
        raise NotFoundError(f"no audit {audit_id!r} in this log") from None
    return row


def shown(row: AuditRow) -> dict[str, Any]:
    """A run as it is answered with."""
    return {
        "id": row.id, "pool": row.pool, "party": row.party, "state": row.state,
        "progress": {"stage": row.stage, "done": row.done, "of": row.of}, "request": row.request,
        "created": row.created, "started": row.started, "ended": row.ended, "result": row.summary,
        "problem": row.problem,
    }  # fmt: skip
