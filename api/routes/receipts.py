"""Acceptances and receipts: the signed documents of one event, and all receipts of a pool."""

import zlib
from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from api import openapi, reads, schemas
from api.auth import Reader
from api.routes.paths import MAX_SIZE, EventId, EventParty, PoolName
from api.services import Here
from ledger import bundle
from ledger.proofs import acceptance, receipt

router = APIRouter(tags=["events"])

#: Receipts compress to a third; the lowest level costs a fifth of what it takes to make them.
_LEVEL: Final = 1
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


@router.get(
    "/v1/pools/{pool}/receipts",
    operation_id="pool_receipts",
    summary="All receipts of a pool",
    responses=openapi.responses(
        {
            200: openapi.text(
                "Receipts, each a line, in the order of the log.", bundle.MEDIA_TYPE, '{"chain_id":…}\n'
            )
        },
        *_FAILURES,
    ),
)
def pool_receipts(
    request: Request,
    here: Here,
    caller: Reader,
    pool: PoolName,
    *,
    since: Annotated[
        int, Query(ge=0, le=MAX_SIZE, description="Only of records from this index on, to go on from there.")
    ] = 0,
) -> Response:
    """The receipts of the pool's own records and of the loans of which a claim is or was in it, those of erased loans
    left out, in one file that `poolproof verify` and the page `/verify` take. Private fields are opened as in single
    receipts. It is made while it is sent, and compressed for clients that ask for it.
    """
    pieces = bundle.receipts(here.ledger, caller, pool, since=since)
    first = next(pieces, b"")  # what cannot be answered is told before anything is sent
    with reads.reading(here, caller) as reader:
        reads.note(here, reader, subject=f"pool:{pool}", what="receipts")
    return bundled(request, pool, chain([first], pieces))


def bundled(request: Request, pool: str, pieces: Iterator[bytes]) -> Response:
    """A bundle as it is sent, compressed where the client takes that."""
    headers = {
        "Content-Disposition": f'attachment; filename="{pool.replace(":", "_")}.receipts.ndjson"',
        "Vary": "Accept-Encoding",
        "Cache-Control": "no-store",
    }
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"], pieces = "gzip", _compressed(pieces)
    if getattr(request.state, "method", "GET") == "HEAD":
        pieces = iter(())
    return StreamingResponse(pieces, headers=headers, media_type=bundle.MEDIA_TYPE)


def _compressed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    #: 31: the window of zlib with the head of gzip.
    packer = zlib.compressobj(_LEVEL, wbits=31)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()
