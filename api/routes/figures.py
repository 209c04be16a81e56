"""What is known of a pool beyond its composition: figures, findings, breaks, and the files that they came from.

Figures are worked out by a worker for published sizes, since they take long; what is served here is the newest.
"""

from datetime import date
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import Response

from api import openapi, paging, reads, schemas
from api.answers import as_json
from api.auth import Reader
from api.routes.paths import Day, PoolName
from api.services import Here
from ledger import audits, snapshots
from ledger.audit import pool as pools
from ledger.audit.findings import Finding
from ledger.audit.reconcile import breaks
from ledger.audit.reconcile.breaks import StandingBreak
from ledger.domain import calendar
from ledger.domain.events.files import TapeReceived
from ledger.domain.fold import Indexed
from ledger.errors import NotFoundError
from ledger.reading import Reader as Shown
from ledger.reading import past_day

router = APIRouter(tags=["pools"])

_FAILURES = ("unauthenticated", "unauthorised", "not_found", "invalid_request", "unavailable")


@router.get(
    "/v1/pools/{pool}/analytics",
    operation_id="pool_analytics",
    summary="A pool's figures by month",
    responses=openapi.responses(
        {200: openapi.answer(schemas.Analytics, "The newest figures, and the size that they are of.")},
        *_FAILURES,
    ),
)
def analytics(here: Here, caller: Reader, pool: PoolName) -> Response:
    """Principal and what moved it, cash, delinquency and roll rates, prepayment, default and compensation, vintages, as
    of the newest size for which a worker has worked them out: `basis` names it. 404 before the first.
    """
    with reads.reading(here, caller) as reader:
        reader.view.pool(pool)
    found = snapshots.newest(here.ledger, pool)
    if found is None:
        raise NotFoundError(f"no figures of pool {pool!r} yet: a worker works them out once it is published")
    return as_json(found.figures["analytics"])


@router.get(
    "/v1/pools/{pool}/findings",
    operation_id="pool_findings",
    summary="What the newest audit of a pool found",
    responses=openapi.responses(
        {200: openapi.answer(schemas.FindingPage, "Findings, the gravest first.")}, *_FAILURES
    ),
)
def findings(here: Here, caller: Reader, pool: PoolName, asked: paging.Asked) -> Response:
    """The findings of the newest run that has ended; `/v1/audits` has all runs, and asks for new ones."""
    with reads.reading(here, caller) as reader:
        reader.view.pool(pool)
        run = audits.latest(reader.connection, reader.log, pool)
        of = f"findings:{None if run is None else run.id}"
        first = asked.after(of, int) or 0
        every = (
            [] if run is None else audits.findings(reader.connection, reader.log, run.id, view=reader.view)
        )
    reads.note(here, reader, subject=f"pool:{pool}", what="findings")
    numbered = list(enumerate(every, 1))[first : first + asked.limit + 1]
    return asked.page(
        of,
        numbered,
        position=_number,
        shown=_finding,
        beside={"audit": None if run is None else run.id},
    )


@router.get(
    "/v1/pools/{pool}/breaks",
    operation_id="pool_breaks",
    summary="What files and records of a pool disagree on",
    responses=openapi.responses(
        {200: openapi.answer(schemas.BreakPage, "Breaks by name.")}, *_FAILURES, "refused"
    ),
)
def pool_breaks(
    here: Here,
    caller: Reader,
    pool: PoolName,
    asked: paging.Asked,
    *,
    as_of: Day = None,
    closed: Annotated[bool, Query(description="Closed ones too.")] = False,
) -> Response:
    """Open: nobody has agreed. Agreed: somebody has, and `waits_for` whose words are missing. Closed: both sides have.
    Breaks are opened and closed by events.
    """
    of = f"breaks:{pool}"
    first = asked.after(of, str) or ""
    with reads.reading(here, caller) as reader:
        day = past_day(reader.log, as_of, "as_of", now=here.ledger.clock())
        own = _records(reader, pool, day)
        if day is None:
            day = calendar.business_date(here.ledger.clock(), reader.log.zone, reader.log.day_cut)
    standing = breaks.standing(own, pool=pool, day=day)
    shown = [
        one for name, one in sorted(standing.items()) if name > first and (closed or one.status != "closed")
    ]
    reads.note(here, reader, subject=f"pool:{pool}", what="breaks")
    return asked.page(of, shown, position=_name, shown=lambda one: one.to_json(day))


@router.get(
    "/v1/pools/{pool}/tapes",
    operation_id="pool_tapes",
    summary="The files that a pool's records commit to",
    responses=openapi.responses(
        {200: openapi.answer(schemas.TapePage, "Files in the order of the log.")}, *_FAILURES
    ),
)
def tapes(here: Here, caller: Reader, pool: PoolName, asked: paging.Asked) -> Response:
    """What was stated of each file that was reconciled with the pool's records: digest, cut-off, sender."""
    of = f"tapes:{pool}"
    first = asked.after(of, int)
    with reads.reading(here, caller) as reader:
        received = breaks.tapes_received(_records(reader, pool, None))
    rest = [one for one in received if first is None or one[0][0] > first]
    return asked.page(of, rest, position=_index, shown=_tape)


def _records(reader: Shown, pool: str, day: date | None) -> tuple[Indexed, ...]:
    reader.view.pool(pool)
    before = reader.log.size
    return pools.load(reader.connection, reader.log, pool, before=before, as_of=day or date.max).records


def _number(numbered: tuple[int, Finding]) -> int:
    return numbered[0]


def _finding(numbered: tuple[int, Finding]) -> dict[str, Any]:
    return numbered[1].to_json()


def _name(one: StandingBreak) -> str:
    return one.name


def _index(received: tuple[Indexed, TapeReceived]) -> int:
    return received[0][0]


def _tape(received: tuple[Indexed, TapeReceived]) -> dict[str, Any]:
    (index, one), event = received
    return {
        "index": index,
        "digest": one.digest.hex(),
        "id": one.id,
        "party": one.party,
        "effective": one.effective,
        "posted": one.posted,
        "data": msgspec.to_builtins(event),
    }
