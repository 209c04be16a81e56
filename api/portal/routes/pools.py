"""Pages of pools: the list of those that the reader sees, and a pool with its figures.

Who is shown loans of a pool, or what was found about them, stands in the access log, as over the API.
"""

from __future__ import annotations

from itertools import chain
from typing import Annotated, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field

from api import reads
from api.answers import as_json
from api.attestations import Background, relay
from api.portal.models import loans, pools
from api.portal.pages import Crumb, render
from api.portal.viewer import SignedIn
from api.portal.words import Words
from api.routes.paths import PoolName
from api.routes.receipts import bundled
from api.services import Here
from ledger import audits, bundle, loanlist, snapshots
from ledger.audit.report import MEDIA_TYPE
from ledger.errors import ConfigurationError, NotFoundError, UnavailableError, VerificationError
from ledger.reading import Reader
from ledger.store import logs, relays

router = APIRouter(include_in_schema=False)

#: Of the attestations that the reader's party handed in, those that have not come to their end.
_MOST_RELAYS: Final = 5


class LoanFilter(BaseModel):
    """What the form above the list of loans sends; empty where nothing is chosen."""

    name: str = Field("", pattern=r"^[A-Za-z0-9._:-]{0,64}$")
    status: Literal["", "originated", "active", "settled", "charged_off", "cancelled"] = ""
    bucket: str = Field("", pattern=r"^(current|undetermined|M[1-9][0-9]?\+?)?$")
    days: str = Field("", pattern=r"^[0-9]{0,5}$")
    holder: str = Field("", pattern=r"^[A-Za-z0-9._:-]{0,64}$")
    after: str = Field("", pattern=r"^[A-Za-z0-9._:-]{0,64}$")


Currency = Annotated[str | None, Query(pattern="^[A-Z]{3}$")]


@router.get("/pools")
def pool_list(request: Request, here: Here, viewer: SignedIn) -> Response:
    """Every pool that the reader sees."""
    return render(request, "pools.html", viewer, rows=pools.listed(here.ledger, viewer.caller))


@router.get("/pools/{pool}")
def pool_page(
    request: Request, here: Here, viewer: SignedIn, pool: PoolName, currency: Currency = None
) -> Response:
    """One pool: verdict, figures, composition, limits, seals, what there is to work on."""
    reader = see_pool(here, viewer, pool)
    words = Words(viewer.language)
    model = pools.page(here.ledger, pool, caller=viewer.caller, currency=currency, words=words)
    reads.note(here, reader, subject=f"pool:{pool}", what="page")
    crumbs = (Crumb(words.t("nav.pools"), "/pools"), Crumb(pool))
    return render(request, "pool.html", viewer, pool=model, crumbs=crumbs)


@router.get("/pools/{pool}/loans")
def pool_loans(
    request: Request, here: Here, viewer: SignedIn, pool: PoolName, asked: Annotated[LoanFilter, Query()]
) -> Response:
    """The loans of a pool, a page at a time."""
    reader = see_pool(here, viewer, pool)
    wanted = loanlist.Filter(
        name=asked.name, status=asked.status, bucket=asked.bucket, holder=asked.holder,
        min_days=int(asked.days) if asked.days else None,
    )  # fmt: skip
    model = loanlist.page(here.ledger, pool, wanted, after=asked.after)
    reads.note(here, reader, subject=f"pool:{pool}", what="loans")
    words = Words(viewer.language)
    crumbs = (
        Crumb(words.t("nav.pools"), "/pools"),
        Crumb(pool, f"/pools/{quote(pool, safe='')}"),
        Crumb(words.t("loans.title")),
    )
    query = asked.model_dump(exclude={"after"})
    return render(
        request, "loans.html", viewer, pool=pool, page=model, wanted=wanted, query=query, crumbs=crumbs,
        statuses=loanlist.STATUSES, choices=loanlist.choices(here.ledger, pool),
    )  # fmt: skip


@router.get("/pools/{pool}/attestations")
def attestations(request: Request, here: Here, viewer: SignedIn, pool: PoolName) -> Response:
    """What partners and auditors have said of the pool on chain. Asking a node takes a while, so the pool's page loads
    this part by itself; alone it is a page.
    """
    see_pool(here, viewer, pool)
    with here.ledger.store.read() as connection:
        log = logs.get(connection, here.ledger.origin)
        background = Background.of(connection, log, pool, viewer.caller)
        own = relays.of_pool(connection, log.id, pool, viewer.caller.party, most=_MOST_RELAYS)
    try:
        told, problem = here.attestations.newest(log, f"pool:{pool}", since=background.since), False
    except (UnavailableError, ConfigurationError, VerificationError):
        told, problem = None, True
    now = here.ledger.clock()
    found = None if told is None else [background.shown(one, now=now) for one in told]
    pending = [relay(row) for row in own if row.state not in relays.ON_CHAIN]
    words = Words(viewer.language)
    crumbs = (
        Crumb(words.t("nav.pools"), "/pools"),
        Crumb(pool, f"/pools/{quote(pool, safe='')}"),
        Crumb(words.t("attestations.title")),
    )
    part = "attestations_part.html" if "hx-request" in request.headers else "attestations.html"
    return render(
        request, part, viewer, pool=pool, found=found, problem=problem, pending=pending, crumbs=crumbs
    )


@router.get("/pools/{pool}/tape.csv")
def tape(here: Here, viewer: SignedIn, pool: PoolName) -> Response:
    """Where each loan of the pool stands, to keep."""
    reads.note(here, see_pool(here, viewer, pool), subject=f"pool:{pool}", what="tape")
    return StreamingResponse(
        loans.tape(here.ledger, pool), headers=_saved(f"{pool}.tape.csv"), media_type="text/csv"
    )


@router.get("/pools/{pool}/receipts.ndjson")
def receipts(request: Request, here: Here, viewer: SignedIn, pool: PoolName) -> Response:
    """All receipts of the pool, to keep and to verify."""
    pieces = bundle.receipts(here.ledger, viewer.caller, pool)
    first = next(pieces, b"")
    reads.note(here, see_pool(here, viewer, pool), subject=f"pool:{pool}", what="receipts")
    return bundled(request, pool, chain([first], pieces))


@router.get("/pools/{pool}/figures.json")
def figures(here: Here, viewer: SignedIn, pool: PoolName) -> Response:
    """The analytics document that the page's figures are of."""
    see_pool(here, viewer, pool)
    found = snapshots.newest(here.ledger, pool)
    if found is None:
        raise NotFoundError("the figures of this pool are not worked out yet")
    return as_json(found.figures["analytics"], headers=_saved(f"{pool}.figures.json"))


@router.get("/pools/{pool}/audit.report.json")
def report(here: Here, viewer: SignedIn, pool: PoolName) -> Response:
    """The report of the newest audit, as its reader may see it."""
    with reads.reading(here, viewer.caller) as reader:
        reader.view.pool(pool)
        row = audits.latest(reader.connection, reader.log, pool)
        if row is None:
            raise NotFoundError("this pool is not audited yet")
        content = audits.report_file(reader.connection, reader.log, row.id, view=reader.view)
    reads.note(here, reader, subject=f"pool:{pool}", what="audit report")
    return Response(content, headers=_saved(f"{pool}.report.json"), media_type=MEDIA_TYPE)


def _saved(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name.replace(":", "_")}"'}


def see_pool(here: Here, viewer: SignedIn, pool: str) -> Reader:
    """What the reader sees. Raise :class:`~ledger.errors.NotFoundError` unless this pool is among it."""
    with reads.reading(here, viewer.caller) as reader:
        reader.view.pool(pool)
    return reader
