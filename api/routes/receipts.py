"""Acceptances and receipts: the signed documents of one event."""

from fastapi import APIRouter
from fastapi.responses import Response

from api import openapi, reads, schemas
from api.auth import Reader
from api.routes.paths import EventId, EventParty
from api.services import Here
from ledger.proofs import acceptance, receipt

router = APIRouter(tags=["events"])

_FAILURES = ("unauthenticated", "unauthorised", "not_found", "invalid_request", "unavailable")


@router.get(
    "/v1/events/{event_id}/acceptance",
    operation_id="acceptance",
    summary="An event's acceptance",
    responses=openapi.responses(
        {200: openapi.answer(schemas.Acceptance, "The acceptance, verbatim.", acceptance.MEDIA_TYPE)},
        *_FAILURES,
    ),
)
def event_acceptance(here: Here, caller: Reader, event_id: EventId, *, party: EventParty = None) -> Response:
    """The signed acceptance of an event that the caller sees; the same bytes whenever it is asked for."""
    if not reads.is_own(caller, party):
        with reads.reading(here, caller) as reader:
            reader.event(event_id, party)
    content = here.ledger.acceptance(event_id, party=party or caller.party)
    return Response(content, media_type=acceptance.MEDIA_TYPE)


@router.get(
    "/v1/events/{event_id}/receipt",
    operation_id="receipt",
    summary="An event's receipt",
    responses=openapi.responses(
        {200: openapi.answer(schemas.Receipt, "The receipt, verbatim.", receipt.MEDIA_TYPE)}, *_FAILURES
    ),
)
def event_receipt(here: Here, caller: Reader, event_id: EventId, *, party: EventParty = None) -> Response:
    """The receipt of an event that the caller sees; 404 until a checkpoint covers the event. It is issued once for
    those who may have the private fields, and once without them for the others: the same bytes from then on.
    """
    if reads.is_own(caller, party):
        content = here.ledger.receipt(event_id, party=caller.party)
    else:
        with reads.reading(here, caller) as reader:
            row = reader.event(event_id, party)
            disclosed, subject = reader.opens(row), reader.subject_of(row)
        content = here.ledger.receipt(event_id, party=row.party, disclosed=disclosed)
        what = "receipt with private fields" if disclosed else "receipt"
        reads.note(here, reader, subject=subject, what=what)
    headers = {"Content-Disposition": f'attachment; filename="{event_id.replace(":", "_")}.receipt.json"'}
    return Response(content, headers=headers, media_type=receipt.MEDIA_TYPE)
