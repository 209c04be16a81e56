"""Claims: one creditor's share of a loan, and who holds it."""

from dataclasses import asdict

from fastapi import APIRouter
from fastapi.responses import Response

from api import openapi, reads, schemas
from api.answers import as_json
from api.auth import Reader
from api.routes.paths import ClaimName
from api.services import Here

router = APIRouter(tags=["loans"])


@router.get(
    "/v1/claims/{claim:path}",
    operation_id="claim",
    summary="Where a claim stands",
    responses=openapi.responses(
        {200: openapi.answer(schemas.Claim, "Its part of the loan, and who holds how much of it.")},
        "unauthenticated",
        "unauthorised",
        "not_found",
        "invalid_request",
        "unavailable",
    ),
)
def claim_place(here: Here, caller: Reader, claim: ClaimName) -> Response:
    """A claim of a loan that the caller sees, by its asset key or as `LOAN/CLAIM`, as it stands now. A share that
    somebody else holds in a pool that the caller does not see is told without the names of both. What the register
    of a published size says of it is under `/v1/proofs`.
    """
    with reads.reading(here, caller) as reader:
        place = reader.place(claim)
    reads.note(here, reader, subject=f"loan:{place.loan}", what="claim")
    return as_json(asdict(place))
