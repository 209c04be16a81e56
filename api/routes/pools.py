"""Pools: their list, composition, loans and seals. Findings and figures are modules of their own."""

from dataclasses import asdict

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api import openapi, paging, reads, schemas
from api.answers import as_json
from api.auth import Reader
from api.routes.paths import PoolName
from api.services import Here
from ledger import pools
from ledger.pools import PoolBrief
from ledger.reading import LoanBrief
from ledger.seals import PoolSeals, Recorded

router = APIRouter(tags=["pools"])

_FAILURES = ("unauthenticated", "unauthorised", "not_found", "invalid_request", "unavailable")


@router.get(
    "/v1/pools",
    operation_id="pools",
    summary="The pools that the caller sees",
    responses=openapi.responses(
        {200: openapi.answer(schemas.PoolPage, "Pools by name.")},
        "unauthenticated",
        "unauthorised",
        "invalid_request",
        "unavailable",
    ),
)
def pool_list(
    request: Request,
    here: Here,
    caller: Reader,
    *,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Each pool in a line: rules version, holdings, the size sealed last."""
    first = paging.after(cursor, "pools", str)
    with reads.reading(here, caller) as reader:
        names = [name for name in reader.view.pools() if name > (first or "")][: limit + 1]
        briefs = pools.briefs(reader.connection, reader.log, names)
    return paging.page(request, "pools", briefs, limit=limit, position=_pool, shown=asdict)


@router.get(
    "/v1/pools/{pool}",
    operation_id="pool_summary",
    summary="A pool as it stands now",
    responses=openapi.responses(
        {200: openapi.answer(schemas.PoolSummary, "Claims, holders, principal, rules.")}, *_FAILURES
    ),
)
def pool_summary(here: Here, caller: Reader, pool: PoolName) -> Response:
    """Claims, holders and principal of a pool, for those who hold or held a claim in it, were granted it, or oversee
    the log.
    """
    with reads.reading(here, caller) as reader:
        reader.view.pool(pool)
        summary = pools.summary(reader.connection, reader.log, pool)
    return as_json(asdict(summary))


@router.get(
    "/v1/pools/{pool}/loans",
    operation_id="pool_loans",
    summary="The loans of a pool",
    responses=openapi.responses({200: openapi.answer(schemas.LoanPage, "Loans by name.")}, *_FAILURES),
)
def pool_loans(
    request: Request,
    here: Here,
    caller: Reader,
    pool: PoolName,
    *,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """The loans of which the pool holds a share now. What depends on the day (days past due, buckets) is told by
    `/v1/loans/{loan}` for each and by `/v1/pools/{pool}/analytics` for all.
    """
    of = f"pool.loans:{pool}"
    first = paging.after(cursor, of, str)
    with reads.reading(here, caller) as reader:
        briefs = reader.loans_of(pool, after=first or "", limit=limit + 1)
    reads.note(here, reader, subject=f"pool:{pool}", what="loans")
    return paging.page(request, of, briefs, limit=limit, position=_loan, shown=asdict)


@router.get(
    "/v1/pools/{pool}/seals",
    operation_id="pool_seals",
    summary="The last seals of a pool",
    responses=openapi.responses(
        {200: openapi.answer(schemas.SealPage, "The last seal in each currency.")}, *_FAILURES
    ),
)
def pool_seals(here: Here, caller: Reader, pool: PoolName) -> Response:
    """What was committed of the pool's composition: every claim in it, count and sums, at a size and as of a day."""
    with reads.reading(here, caller) as reader:
        reader.view.pool(pool)
        sealed = PoolSeals(reader.connection, reader.log, pool).recorded()
    return as_json({"items": [Recorded.to_json(one) for one in sealed], "next": None})


def _pool(brief: PoolBrief) -> str:
    return brief.pool


def _loan(brief: LoanBrief) -> str:
    return brief.loan
