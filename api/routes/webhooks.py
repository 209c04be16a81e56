"""Webhooks of the caller's party: made, changed, tried out, looked into. An operator sees those of every party."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from api import bodies, idempotency, openapi, paging, schemas
from api.answers import as_json
from api.auth import Admin
from api.services import Here
from ledger.access import Caller
from ledger.errors import UnauthorisedError
from ledger.webhooks.endpoints import Made, delivery_document, endpoint_document

router = APIRouter(tags=["webhooks"])

_JSON = "application/json"
WebhookId = Annotated[
    str, Path(pattern="^hook_[0-9a-f]{16}$", description="The webhook.", examples=["hook_6f1d2c3b4a596877"])
]
DeliveryId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The delivery.", examples=[17])]
_BODY = ("timeout", "too_large", "unsupported_media_type", "malformed", "refused")
_ALWAYS = ("unauthenticated", "unauthorised", "invalid_request", "unavailable")


def _whose(caller: Caller) -> str | None:
    """The party that a webhook must be of; None: any."""
    return None if caller.operates else caller.party


@router.post(
    "/v1/webhooks",
    operation_id="add_webhook",
    summary="Be told what happens",
    status_code=201,
    responses=openapi.responses(
        {201: openapi.answer(schemas.WebhookSecret, "Made; `secret` is shown this once.")},
        *_BODY,
        *_ALWAYS,
        "not_found",
        "idempotency_conflict",
        "idempotency_mismatch",
    ),
    openapi_extra=openapi.body(
        {_JSON: (schemas.WebhookOrder, openapi.examples()["WebhookOrder"])}, "The webhook."
    ),
)
async def add_webhook(request: Request, here: Here, caller: Admin, key: idempotency.Key) -> Response:
    """Make a webhook: messages of these types about what the party may see are posted to the URL, signed."""
    order = await bodies.read_document(request, schemas.WebhookOrder)
    party = order.party or caller.party
    if party != caller.party and not caller.operates:
        raise UnauthorisedError(f"this key manages the webhooks of {caller.party}")

    async def add() -> Response:
        made = await run_in_threadpool(here.webhooks.add, party, order.url, order.types)
        return _with_secret(made, status=201)

    return await key.once(caller, lambda: idempotency.digest_of(order), add)


@router.get(
    "/v1/webhooks",
    operation_id="webhooks",
    summary="The party's webhooks",
    responses=openapi.responses(
        {200: openapi.answer(schemas.WebhookPage, "Webhooks by id; no secrets.")}, *_ALWAYS
    ),
)
def webhooks(here: Here, caller: Admin, asked: paging.Asked) -> Response:
    """The webhooks of the caller's party; for an operator those of all parties."""
    after = asked.after("webhooks", str)
    rows = sorted(here.webhooks.list(_whose(caller)), key=lambda row: row.id)
    found = [row for row in rows if after is None or row.id > after]
    return asked.page("webhooks", found, position=lambda row: row.id, shown=endpoint_document)


@router.get(
    "/v1/webhooks/{webhook_id}",
    operation_id="webhook",
    summary="One webhook",
    responses=openapi.responses(
        {200: openapi.answer(schemas.Webhook, "The webhook.")}, *_ALWAYS, "not_found"
    ),
)
def webhook(here: Here, caller: Admin, webhook_id: WebhookId) -> Response:
    """A webhook, with the reason where it is disabled."""
    return as_json(endpoint_document(here.webhooks.get(webhook_id, party=_whose(caller))))


@router.patch(
    "/v1/webhooks/{webhook_id}",
    operation_id="change_webhook",
    summary="Change or enable a webhook",
    responses=openapi.responses(
        {200: openapi.answer(schemas.Webhook, "The webhook as it is now.")}, *_BODY, *_ALWAYS, "not_found"
    ),
    openapi_extra=openapi.body(
        {_JSON: (schemas.WebhookChange, openapi.examples()["WebhookChange"])}, "What is to be changed."
    ),
)
async def change_webhook(request: Request, here: Here, caller: Admin, webhook_id: WebhookId) -> Response:
    """Change what is given. A webhook that is enabled again gets what waits for it; what happened while it was
    disabled is not told.
    """
    change = await bodies.read_document(request, schemas.WebhookChange)

    def store() -> Any:
        return here.webhooks.change(
            webhook_id, party=_whose(caller), url=change.url, types=change.types, enabled=change.enabled
        )

    return as_json(endpoint_document(await run_in_threadpool(store)))


@router.delete(
    "/v1/webhooks/{webhook_id}",
    operation_id="remove_webhook",
    summary="Be told no more",
    status_code=204,
    responses=openapi.responses({204: {"description": "It is gone."}}, *_ALWAYS, "not_found"),
)
def remove_webhook(here: Here, caller: Admin, webhook_id: WebhookId) -> Response:
    """Remove a webhook, with its deliveries and what waits for it."""
    here.webhooks.remove(webhook_id, party=_whose(caller))
    return Response(status_code=204)


@router.post(
    "/v1/webhooks/{webhook_id}/rotate",
    operation_id="rotate_webhook",
    summary="A new secret",
    responses=openapi.responses(
        {200: openapi.answer(schemas.WebhookSecret, "`secret` is shown this once.")}, *_ALWAYS, "not_found"
    ),
)
def rotate_webhook(here: Here, caller: Admin, webhook_id: WebhookId) -> Response:
    """Make a new secret. For 24 hours messages carry a signature by the one before as well."""
    return _with_secret(here.webhooks.rotate(webhook_id, party=_whose(caller)))


@router.post(
    "/v1/webhooks/{webhook_id}/test",
    operation_id="test_webhook",
    summary="Try the receiver out",
    status_code=202,
    responses=openapi.responses(
        {202: openapi.answer(schemas.Delivery, "A `ping` waits for the worker.")},
        *_ALWAYS,
        "not_found",
        "refused",
    ),
)
def test_webhook(here: Here, caller: Admin, webhook_id: WebhookId) -> Response:
    """Send a message of type `ping`. A disabled webhook has to be enabled first."""
    return _accepted(here.webhooks.ping(webhook_id, party=_whose(caller)))


@router.get(
    "/v1/webhooks/{webhook_id}/deliveries",
    operation_id="deliveries",
    summary="What was sent, and what waits",
    responses=openapi.responses(
        {200: openapi.answer(schemas.DeliveryPage, "Deliveries, the newest first.")}, *_ALWAYS, "not_found"
    ),
)
def deliveries(here: Here, caller: Admin, webhook_id: WebhookId, asked: paging.Asked) -> Response:
    """The deliveries of a webhook of the last 30 days, and how the last attempt of each ended."""
    name = f"deliveries:{webhook_id}"
    before = asked.after(name, int)
    found = here.webhooks.deliveries(webhook_id, party=_whose(caller), before=before, most=asked.limit + 1)
    return asked.page(name, found, position=lambda row: row.id, shown=delivery_document)


@router.post(
    "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    operation_id="replay_delivery",
    summary="Send a message once more",
    status_code=202,
    responses=openapi.responses(
        {202: openapi.answer(schemas.Delivery, "The new delivery; it waits for the worker.")},
        *_ALWAYS,
        "not_found",
        "refused",
    ),
)
def replay_delivery(here: Here, caller: Admin, webhook_id: WebhookId, delivery_id: DeliveryId) -> Response:
    """Send the message of a delivery once more, under the same `webhook-id`."""
    return _accepted(here.webhooks.replay(webhook_id, delivery_id, party=_whose(caller)))


def _with_secret(made: Made, *, status: int = 200) -> Response:
    answer = as_json(endpoint_document(made.endpoint) | {"secret": made.secret})
    answer.status_code = status
    answer.headers["Cache-Control"] = "no-store"
    if status == 201:
        answer.headers["Location"] = f"/v1/webhooks/{made.endpoint.id}"
    return answer


def _accepted(row: Any) -> Response:
    answer = as_json(delivery_document(row))
    answer.status_code = 202
    return answer
