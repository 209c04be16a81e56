"""Acceptances and receipts: the signed documents of one event."""

from fastapi import APIRouter
from fastapi.responses import Response

from api import openapi, schemas
from api.auth import Reader
from api.routes.paths import EventId
from api.services import Here
from ledger.proofs import acceptance, receipt

router = APIRouter(tags=["events"])

_FAILURES = ("unauthenticated", "not_found", "invalid_request", "unavailable")


@router.get(
    "/v1/events/{event_id}/acceptance",
    operation_id="acceptance",
    summary="An event's acceptance",
    responses=openapi.responses(
        {200: openapi.answer(schemas.Acceptance, "The acceptance, verbatim.", acceptance.MEDIA_TYPE)},
        *_FAILURES,
    ),
)
def event_acceptance(here: Here, caller: Reader, event_id: EventId) -> Response:
    """The signed acceptance of an event of the caller's; the same bytes whenever it is asked for."""
    return Response(here.ledger.acceptance(event_id, party=caller.party), media_type=acceptance.MEDIA_TYPE)


@router.get(
    "/v1/events/{event_id}/receipt",
    operation_id="receipt",
    summary="An event's receipt",
    responses=openapi.responses(
        {200: openapi.answer(schemas.Receipt, "The receipt, verbatim.", receipt.MEDIA_TYPE)}, *_FAILURES
    ),
)
def event_receipt(here: Here, caller: Reader, event_id: EventId) -> Response:
    """The receipt of an event of the caller's, with its disclosures; 404 until a checkpoint covers the event.
    It is issued once: the same bytes from then on.
    """
    headers = {"Content-Disposition": f'attachment; filename="{event_id.replace(":", "_")}.receipt.json"'}
    content = here.ledger.receipt(event_id, party=caller.party)
    return Response(content, headers=headers, media_type=receipt.MEDIA_TYPE)
