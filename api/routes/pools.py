"""Pools."""

from dataclasses import asdict

from fastapi import APIRouter
from fastapi.responses import Response

from api import openapi, schemas
from api.answers import as_json
from api.auth import Reader
from api.routes.paths import PoolName
from api.services import Here
from ledger.access import View
from ledger.store import logs

router = APIRouter(tags=["pools"])


@router.get(
    "/v1/pools/{pool}",
    operation_id="pool_summary",
    summary="A pool as it stands now",
    responses=openapi.responses(
        {200: openapi.answer(schemas.PoolSummary, "Claims, holders, principal, rules.")},
        "unauthenticated",
        "not_found",
        "invalid_request",
        "unavailable",
    ),
)
def pool_summary(here: Here, caller: Reader, pool: PoolName) -> Response:
    """Claims, holders and principal of a pool, for those who hold or held a claim in it, were granted it, or oversee
    the log.
    """
    with here.ledger.store.read() as connection:
        View(connection, logs.get(connection, here.ledger.origin), caller).pool(pool)
    return as_json(asdict(here.ledger.pool(pool)))
