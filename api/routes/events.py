"""Events in, one or many, and where each is on its way."""

import hashlib
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import BaseModel

from api import batches, bodies, idempotency, openapi, reads, schemas
from api.answers import as_json
from api.auth import Reader, Writer
from api.routes.paths import EventId, EventParty
from api.services import Here
from ledger.access import Caller
from ledger.domain.events import MAX_BYTES, read_submission
from ledger.errors import RefusedError
from ledger.proofs import acceptance, canonical
from ledger.uploads import OnError

router = APIRouter(tags=["events"])

_JSON, _NDJSON = "application/json", "application/x-ndjson"
_EXAMPLE: dict[str, Any] = openapi.examples()["Event"]
_BODIES: dict[str, tuple[type[BaseModel] | None, Any]] = {
    _JSON: (schemas.Event, _EXAMPLE),
    _NDJSON: (None, canonical.encode(_EXAMPLE).decode() + "\n"),
}


def _accepted(description: str) -> dict[str, Any]:
    single = openapi.answer(schemas.Acceptance, description, acceptance.MEDIA_TYPE)
    batch = openapi.answer(schemas.BatchReport, description)
    return {"description": description, "content": single["content"] | batch["content"]}


@router.post(
    "/v1/events",
    operation_id="post_events",
    summary="Submit events",
    status_code=201,
    responses=openapi.responses(
        {
            201: _accepted("Accepted and durable: the acceptance of one event, or the report of a batch."),
            202: openapi.answer(
                schemas.Job, "A large batch, or `Prefer: respond-async`: a job works it off."
            ),
            200: _accepted(
                "Nothing new: every event was accepted before (or refused, with `on_error=report`)."
            ),
        },
        "unauthenticated",
        "unauthorised",
        "malformed",
        "idempotency_conflict",
        "idempotency_mismatch",
        "timeout",
        "taken",
        "too_large",
        "unsupported_media_type",
        "refused",
        "invalid_request",
        "unavailable",
    ),
    openapi_extra=openapi.body(_BODIES, "One event, or NDJSON with one event a line."),
)
async def post_events(
    request: Request,
    here: Here,
    caller: Writer,
    on_error: Annotated[
        Literal["abort", "report"],
        Query(description="NDJSON only. `abort`: one refused event refuses all. `report`: the others go in."),
    ] = "abort",
    *,
    key: idempotency.Key,
) -> Response:
    """Submit one event (`application/json`) or many (`application/x-ndjson`, one transaction). A large batch, and any
    with `Prefer: respond-async`, is stored and answered with 202: a worker appends it.

    `party` is the caller's own; an event that names another is refused. An `id` used before for the same
    statement is answered with its first acceptance, so a request without an answer can always be sent again, with
    `Idempotency-Key` or without.
    """
    if bodies.media_type(request, _JSON, _NDJSON) == _NDJSON:
        if batches.is_large(request, here.max_batch_bytes):
            return await batches.hand_in(here, request, key, caller, on_error)
        with here.batches.entered(caller.party):
            batch = await bodies.read(request, here.max_batch_bytes)
            return await key.once(
                caller,
                partial(batches.digest, batch),
                lambda: _batch(here, request, batch, caller, on_error),
                repeatable=True,
            )
    body = await bodies.read(request, MAX_BYTES)
    return await key.once(
        caller,
        lambda: hashlib.sha256(body).digest(),
        lambda: _single(here, body, caller),
        repeatable=True,
    )


async def _batch(here: Here, request: Request, body: bytes, caller: Caller, on_error: OnError) -> Response:
    if batches.count_lines(body) > here.max_batch_lines:
        return await run_in_threadpool(batches.hand_in_whole, here, body, caller.party, on_error)
    lines = batches.lines_of(body)
    return await run_in_threadpool(batches.append, here, lines, caller.party, on_error, _request_id(request))


async def _single(here: Here, body: bytes, caller: Caller) -> Response:
    try:
        # Waiting for the group's transaction takes no thread; see api.intake.
        submission = read_submission(body, party=caller.party, origin=here.ledger.origin)
        accepted = await here.intake.submit(submission)
    except RefusedError as error:
        here.metrics.refused(error.rule)
        error.line = None  # its place in the group says nothing to this caller
        raise
    here.metrics.accepted(repeated=accepted.repeated)
    return Response(
        accepted.acceptance,
        status_code=200 if accepted.repeated else 201,
        headers={"Location": f"/v1/events/{accepted.id}"},
        media_type=acceptance.MEDIA_TYPE,
    )


@router.get(
    "/v1/events/{event_id}",
    operation_id="event_state",
    summary="Where an event is on its way",
    responses=openapi.responses(
        {200: openapi.answer(schemas.EventState, "The rung it has reached.")},
        "unauthenticated",
        "unauthorised",
        "not_found",
        "invalid_request",
        "unavailable",
    ),
)
def event_state(here: Here, caller: Reader, event_id: EventId, *, party: EventParty = None) -> Response:
    """The state of an event that the caller sees: included, published, anchored or final."""
    if not reads.is_own(caller, party):
        with reads.reading(here, caller) as reader:
            reader.event(event_id, party)
    return as_json(here.ledger.state_of(event_id, party=party or caller.party))


def _request_id(request: Request) -> str:
    identifier: str = request.state.request_id
    return identifier
