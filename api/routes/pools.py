"""Pools."""

from dataclasses import asdict
from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from api import openapi, schemas
from api.answers import as_json
from api.auth import Authenticated
from api.routes.paths import PoolName
from api.services import Here
from ledger.errors import NotFoundError

router = APIRouter(tags=["pools"])

#: Roles that see every pool of the log; others see those in which they hold a claim.
OVERSEEING: Final = frozenset({"originator", "servicer", "trustee", "auditor", "regulator"})


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
def pool_summary(here: Here, caller: Authenticated, pool: PoolName) -> Response:
    """Claims, holders and principal of a pool, for those who hold a claim in it or oversee the log."""
    summary = here.ledger.pool(pool)
    roles = {role for party in here.ledger.parties() if party.name == caller.party for role in party.roles}
    if caller.party not in summary.holders and not roles & OVERSEEING:
        raise NotFoundError(f"no pool {pool!r} in this log")  # word for word what the ledger says
    return as_json(asdict(summary))
