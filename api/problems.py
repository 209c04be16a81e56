"""Errors as `RFC 9457 <https://www.rfc-editor.org/rfc/rfc9457>`_ problems, everywhere and in one shape.

::

    {"type": "/problems/taken", "title": "Held by another record", "status": 409, "code": "taken",
     "detail": "data.claims[0]: the whole of it is pledged", "instance": "urn:poolproof:request:6f…",
     "field": "data.claims[0]", "rule": "taken_claim", "standing": {"index": 7, "digest": "…"}}

``code`` is the stable name of the kind (that of the error in :mod:`ledger.errors`, or one of the few that
only HTTP knows), ``type`` a page of this service that explains it, ``instance`` the request's id as in
``X-Request-Id``. A refused event adds ``field``, ``rule`` and, in a batch, ``line``. What is wrong inside the
service is logged under the request's id and not told to the caller.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import structlog
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Match

from ledger.errors import (
    IntegrityError,
    MalformedError,
    NotFoundError,
    PoolproofError,
    RefusedError,
    TakenError,
    TooManyError,
    UnauthorisedError,
    UnavailableError,
    UndeterminedError,
    VerificationError,
)

MEDIA_TYPE: Final = "application/problem+json"
_logger = structlog.get_logger(__name__)


class Kind(NamedTuple):
    """One kind of problem: the status it has, its title, and what its page says."""

    status: int
    title: str
    meaning: str


#: Every ``code`` that this service answers with; part of the public promise, listed in docs/api.md.
KINDS: Final[dict[str, Kind]] = {
    "malformed": Kind(
        400, "Not of the form it claims", "The bytes sent are not of the form that they claim."
    ),
    "unauthenticated": Kind(
        401,
        "No valid API key",
        "Send `Authorization: Bearer poolproof_<id>_<secret>` with a key that is in force.",
    ),
    "unauthorised": Kind(403, "Not allowed", "The key is valid, and its party may not do this."),
    "not_found": Kind(
        404,
        "Not found",
        "No such resource, or none that the caller may see."
        " A receipt exists once a checkpoint covers its event.",
    ),
    "method_not_allowed": Kind(405, "Method not allowed", "`Allow` lists the methods of this resource."),
    "timeout": Kind(408, "Too slow", "The body did not arrive within the time that one request has."),
    "taken": Kind(
        409,
        "Held by another record",
        "What the event asks for (an id, a claim's share, an asset key) is held by the record `standing`.",
    ),
    "undetermined": Kind(
        409, "Cannot be decided now", "The ledger lacks what it needs to answer; `detail` says what."
    ),
    "idempotency_conflict": Kind(
        409,
        "Under way",
        "A request with this `Idempotency-Key` has not been answered yet; `detail` says whether to wait.",
    ),
    "too_large": Kind(413, "Too large", "The body is larger than this resource reads; send smaller batches."),
    "unsupported_media_type": Kind(
        415, "Unsupported media type", "`Accept-Post` lists what this resource reads."
    ),
    "refused": Kind(
        422,
        "Refused",
        "An event that the ledger must not accept, or another thing that cannot be as it was asked for;"
        " `field` and `rule` say why. Nothing of it is stored.",
    ),
    "invalid_request": Kind(
        422, "Invalid request", "A parameter is not of its form; `errors` points at each."
    ),
    "idempotency_mismatch": Kind(
        422, "Key used before", "This `Idempotency-Key` was used for a request with another body."
    ),
    "too_many_requests": Kind(
        429,
        "Too many requests",
        "The key, the address or the party has asked for more than one may; come again after `Retry-After` seconds.",
    ),
    "internal": Kind(500, "Internal error", "A fault of this service; quote `instance` to its operator."),
    "unavailable": Kind(
        503,
        "Not available now",
        "Too much is waiting, or the database does not answer. Send the same request again"
        " after `Retry-After` seconds: an event stored meanwhile is answered with its first acceptance.",
    ),
}

#: Errors of the ledger by the code of the problem they become; what is not here is a fault of the service.
_CODES: Final[tuple[tuple[type[PoolproofError], str], ...]] = (
    (TakenError, "taken"),
    (RefusedError, "refused"),
    (MalformedError, "malformed"),
    (NotFoundError, "not_found"),
    (UnauthorisedError, "unauthorised"),
    (UndeterminedError, "undetermined"),
    (TooManyError, "too_many_requests"),
    (UnavailableError, "unavailable"),
)

#: Statuses that Starlette and the routes raise by number.
_STATUS_CODES: Final = {
    400: "malformed",
    401: "unauthenticated",
    403: "unauthorised",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid_request",
    429: "too_many_requests",
    503: "unavailable",
}

#: Those that routes may have; HEAD is answered wherever GET is (:mod:`api.conditional`).
_METHODS: Final = ("DELETE", "GET", "PATCH", "POST", "PUT")
#: Said instead of the reason, which may name hosts and files.
_UNAVAILABLE: Final = "the ledger cannot answer now; the same request may be sent again"
_INTERNAL: Final = "a fault of this service; it is logged under the id in `instance`"
_OWN_FAULTS: Final = (IntegrityError, VerificationError)


def body(code: str, detail: str, *, request_id: str | None = None, **members: Any) -> dict[str, Any]:
    """The members of one problem; those that are None are left out."""
    kind = KINDS[code]
    problem = {
        "type": f"/problems/{code}",
        "title": kind.title,
        "status": kind.status,
        "code": code,
        "detail": detail,
    }
    if request_id is not None:
        problem["instance"] = f"urn:poolproof:request:{request_id}"
    return problem | {name: value for name, value in members.items() if value is not None}


def refusal(error: RefusedError, *, request_id: str | None = None, published: int = 0) -> dict[str, Any]:
    """The problem of one refused event, alone or in the list of a batch's refusals.

    The record that holds what was asked for is linked to its proof once it is below the ``published`` size.
    """
    code = error.code  # refused, or what is more: taken, malformed
    details = dict(error.details)
    if code == "taken" and isinstance(index := details.get("index"), int) and index < published:
        details["proof"] = f"/v1/proofs/inclusion?index={index}&size={published}"
    return body(
        code,
        str(error),
        request_id=request_id,
        field=error.field or None,
        rule=error.rule,
        line=error.line,
        **{"standing" if code == "taken" else "details": details or None},
    )


def response(problem: dict[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """A problem as the answer to a request."""
    content = json.dumps(problem, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "backslashreplace"
    )
    return Response(content, problem["status"], {"Cache-Control": "no-store", **(headers or {})}, MEDIA_TYPE)


def internal(request_id: str | None) -> Response:
    """What the caller learns of a fault of ours."""
    return response(body("internal", _INTERNAL, request_id=request_id))


async def on_ledger_error(request: Request, error: Exception) -> Response:
    """Answer an error of the ledger. Like the other handlers a coroutine: plain ones would take a thread each."""
    assert isinstance(error, PoolproofError)
    request_id = _request_id(request)
    if isinstance(error, RefusedError):
        published = 0
        if isinstance(error, TakenError):
            published = await run_in_threadpool(lambda: request.app.state.services.ledger.row().published)
        return response(refusal(error, request_id=request_id, published=published))
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "internal")
    if isinstance(error, TooManyError):
        problem = body(code, str(error), request_id=request_id)
        return response(problem, {"Retry-After": str(error.retry_after)})
    if isinstance(error, UnavailableError):
        _logger.warning("request.unavailable", request_id=request_id, reason=str(error))
        problem = body(code, _UNAVAILABLE, request_id=request_id)
        return response(problem, {"Retry-After": str(error.retry_after)})
    if code == "internal":
        level = _logger.critical if isinstance(error, _OWN_FAULTS) else _logger.error
        level("request.failed", request_id=request_id, kind=error.code, reason=str(error))
        return internal(request_id)
    return response(body(code, str(error), request_id=request_id))


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what Starlette or a route raised by status."""
    assert isinstance(error, HTTPException)
    code = _STATUS_CODES.get(error.status_code, "internal")
    phrase = HTTPStatus(error.status_code).phrase
    detail = KINDS[code].meaning if error.detail == phrase else error.detail
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = _allowed(request)
    return response(body(code, detail, request_id=_request_id(request)), headers)


def _allowed(request: Request) -> str:
    """The methods of a resource. The route that was asked knows its own only, and one path may have several routes."""
    scope, routes = request.scope, request.app.routes
    found = [
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]
    return ", ".join(sorted([*found, *["HEAD"] * ("GET" in found)]))


async def on_invalid_request(request: Request, error: Exception) -> Response:
    """Answer parameters that are not of their form, each with a pointer to it."""
    assert isinstance(error, RequestValidationError)
    found = [
        {"pointer": "/".join(("", *map(str, one["loc"]))), "detail": str(one["msg"])}
        for one in error.errors()
    ]
    detail = "; ".join(f"{one['pointer']}: {one['detail']}" for one in found)
    return response(body("invalid_request", detail, request_id=_request_id(request), errors=found))


def invalid(name: str, reason: str, *, where: str = "query") -> RequestValidationError:
    """What a route raises for a parameter that is not of its form."""
    return RequestValidationError([{"loc": (where, name), "msg": reason, "type": "value_error"}])


def _request_id(request: Request) -> str | None:
    return getattr(request.state, "request_id", None)
