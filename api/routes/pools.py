"""Pools: their list, composition, loans and seals. Findings and figures are modules of their own."""

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api import openapi, paging, reads, schemas
from api.answers import as_json
from api.auth import Reader
from api.routes.paths import PoolName
from api.services import Here
from ledger import loanlist, pools
from ledger.loanlist import Row
from ledger.pools import PoolBrief
from ledger.seals import PoolSeals, Recorded

router = APIRouter(tags=["pools"])

Status = Literal["originated", "active", "settled", "charged_off", "cancelled"]
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
def pool_list(here: Here, caller: Reader, asked: paging.Asked) -> Response:
    """Each pool in a line: rules version, claims, the size sealed last."""
    first = asked.after("pools", str)
    with reads.reading(here, caller) as reader:
        names = [name for name in reader.view.pools() if name > (first or "")][: asked.limit + 1]
        briefs = pools.briefs(reader.connection, reader.log, names)
    return asked.page("pools", briefs, position=_pool, shown=asdict)


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
    responses=openapi.responses(
        {200: openapi.answer(schemas.LoanPage, "Loans by name.")}, *_FAILURES, "refused"
    ),
)
def pool_loans(
    here: Here,
    caller: Reader,
    pool: PoolName,
    asked: paging.Asked,
    *,
    status: Annotated[Status | None, Query(description="As the loan is told from its records.")] = None,
    bucket: Annotated[
        str | None,
        Query(
            pattern=r"^(current|undetermined|M[1-9][0-9]?\+?)$",
            description="By the pool's rules: `current`, `M1` and so on to the worst, `undetermined`.",
        ),
    ] = None,
    min_days_past_due: Annotated[
        int | None,
        Query(ge=0, le=100_000, description="At least so many days past due; 0 tells all of them."),
    ] = None,
    holder: Annotated[
        str | None, Query(pattern=r"^[A-Za-z0-9._:-]{1,64}$", description="Of whose share in the pool.")
    ] = None,
) -> Response:
    """The loans of which the pool holds a share now. Days past due and buckets are worked out, as of `as_of`, where the
    request filters by them; else they are null. A filter looks at a thousand loans at most for a page: one with fewer
    items than `limit`, even without any, goes on with `next` as long as that is not null.
    """
    wanted = loanlist.Filter(
        status=status or "", bucket=bucket or "", min_days=min_days_past_due, holder=holder or ""
    )
    of = f"pool.loans:{pool}:{wanted.status}:{wanted.bucket}:{wanted.min_days}:{wanted.holder}"
    first = asked.after(of, str)
    with reads.reading(here, caller) as reader:
        reader.view.pool(pool)
    found = loanlist.page(here.ledger, pool, wanted, after=first or "", limit=asked.limit, aged=False)
    reads.note(here, reader, subject=f"pool:{pool}", what="loans")
    day = found.as_of if wanted.ages else None
    return asked.cut(
        of,
        found.rows,
        end=found.after,
        shown=partial(_loan, aged=wanted.ages),
        beside={"as_of": day},
    )


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


def _loan(row: Row, *, aged: bool) -> dict[str, Any]:
    return {
        "loan": row.name,
        "status": row.status,
        "erased": row.erased,
        "currency": row.currency,
        "principal": row.principal,
        "held": row.held,
        "records": row.records,
        "shares": dict(row.shares),
        "bucket": row.bucket if aged else None,
        "days_past_due": row.days_past_due,
    }
